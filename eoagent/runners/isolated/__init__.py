"""Models in processes of their own, so that what a model does to its process harms no other."""
