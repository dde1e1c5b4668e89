"""What is said to models that read pictures and words, and how what they say back is read."""
