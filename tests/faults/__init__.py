"""Rows F1 to F40 of the fault matrix: what fails, and what must hold nevertheless."""
