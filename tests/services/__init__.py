"""Tests of the use cases: a real database file and a real vault, and the rest of the world made by hand."""
