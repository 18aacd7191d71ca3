"""Whole stories of the protocol, as its parties live them: three gateways, their clocks, what travels between them."""
