"""The benchmarks of sight as they lie on the disk: one module for each layout."""
