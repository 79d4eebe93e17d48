"""Documents that are known beforehand and named by the SHA-256 of their text."""
