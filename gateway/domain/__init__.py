"""Pure decisions: values, tables and rules, standard library only. No clock, no I/O, no randomness."""
