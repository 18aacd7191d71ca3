"""Attack mails: one for each row of the table, made at test time with throw-away keys, each refused for its reason."""
