"""Building indexes: from scenes to tiles to vectors to committed segments."""
