"""Spectral indices, cover rules, sensor presets and quality codes, as data and pure functions."""
