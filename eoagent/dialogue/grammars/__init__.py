"""The ways in which models write boxes, masks, calls and letters, each read and written here."""
