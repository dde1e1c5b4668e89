"""Measures that compare what was found with what is true: numbers in, numbers out."""
