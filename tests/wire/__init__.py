"""Tests of the pure translation between bytes and values."""
