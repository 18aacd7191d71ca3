"""Pure translation between bytes and values: MIME, sealed mail, manifest, receipts, delivery reports."""
