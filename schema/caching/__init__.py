"""Whole answers, kept for as long as the tenant's data and definitions stand where they stood."""
