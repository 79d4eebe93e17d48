"""Interactions and the things they name."""
