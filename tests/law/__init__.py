"""The law, rule by rule and row by row, proven on the gateway's own services."""
