"""What a model sees in the pictures of a benchmark, in the way of the tools or as published."""
