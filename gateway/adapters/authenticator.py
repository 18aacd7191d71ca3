"""The second factor: time-based codes (RFC 6238: SHA-1, six digits, thirty seconds), as authenticators make them."""

import hmac
from datetime import datetime

import pyotp

SECONDS = 30
DRIFT = 1
"""Steps before and after the present one that count too: a telephone's clock, and the time to type."""


class TimeCodes:
    """Implements ``gateway.ports.Factors``."""

    def address(self, secret: str, *, login: str, house: str) -> str:
        """See :meth:`gateway.ports.Factors.address`."""
        return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=house)

    def step(self, secret: str, code: str, at: datetime) -> int | None:
        """See :meth:`gateway.ports.Factors.step`."""
        present, known = int(at.timestamp()) // SECONDS, pyotp.TOTP(secret)
        found = None
        for step in range(present - DRIFT, present + DRIFT + 1):
            if hmac.compare_digest(known.generate_otp(step).encode(), code.encode("utf-8", "surrogatepass")):
                found = step
        return found
