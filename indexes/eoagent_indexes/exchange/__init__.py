"""Exchange of tiles and their vectors with files that others write and read."""
