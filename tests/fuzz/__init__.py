"""A mutation fuzzer over all that reads what a stranger wrote, and over the judge with its cryptography stubbed."""
