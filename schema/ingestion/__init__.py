"""Bringing records in, and what became of it."""
