"""The graph that plans, runs and answers; it sees protocols, never a model or a raster."""
