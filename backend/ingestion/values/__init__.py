"""Conversion of one cell to its stored form, by type. Pure; knows nothing of files or records."""
