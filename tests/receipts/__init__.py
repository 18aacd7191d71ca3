"""Receipts and reports of every shape, as mails: how they are read, and what they move."""
