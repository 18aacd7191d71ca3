"""A case that leaves as one file which proves itself, and the examination of such a file."""
