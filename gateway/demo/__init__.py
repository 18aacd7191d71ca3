"""The demonstration: three gateways on the daemon's own code, embedded mail servers, and a clock that can be moved.

Nothing here is used by a gateway that works for real: a database in which this clock ruled is refused by ``run``.
"""
