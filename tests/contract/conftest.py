"""These tests ask the whole application."""

from tests.schema.desk import desk

__all__ = ["desk"]
