"""Use cases: what happens to a mail, to the outbox, at a tick, and at the desk. The world only through ports."""
