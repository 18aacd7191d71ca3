"""The pages of the console, a module each: a handler parses, makes one service call, and shows."""
