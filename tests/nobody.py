"""A key of nobody's, for what is opened without GnuPG: it names no message as ours."""

from gateway.adapters.openpgp.keyfiles import KeyFacts, KeyState

NOBODY = KeyFacts(
    fingerprint="0" * 40,
    expires_at=None,
    usable_until=None,
    state=KeyState.USABLE,
    can_encrypt=True,
    can_sign=True,
    signing=None,
    encryption_ids=frozenset(),
    keygrips=frozenset(),
)
