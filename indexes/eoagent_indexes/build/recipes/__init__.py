"""Render recipes, one TOML file each."""
