"""Adapters: question sets of other benchmarks, read from the files that a user has."""
