"""Tests, by room; system tests run real servers on loopback."""
