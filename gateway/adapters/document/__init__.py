"""Prints documents for persons: PDF/A-3 by Typst, from one template, with fonts that come with the gateway."""
