"""The capped worker processes that open mail: launching one, and the pool that makes them work."""
