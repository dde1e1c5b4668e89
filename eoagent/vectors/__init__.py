"""Vectors of pictures and texts: what their geometry tells, without any model."""
