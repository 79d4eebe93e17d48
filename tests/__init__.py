"""Tests mirror the source; a package at every level, so that tests/backend/ never hides backend/."""
