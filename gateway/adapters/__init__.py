"""One file, or folder, for each outside thing. Adapters translate a vendor's errors and never import each other."""
