"""What a worker needs to open S/MIME: told by its parent on the pipe, read back by the worker."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from gateway.adapters.smime.certificates import Correspondent
from gateway.adapters.smime.identity import Identity, load
from gateway.domain.parties import Suite
from gateway.ports import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SmimeBench:
    """Our identity, and the pinned certificates: the only ones by which a signature is ever checked.

    ``former`` is our identity before this one: it opens what is still sealed for it.
    """

    own: Identity
    former: Identity | None = None
    known: tuple[Correspondent, ...]


def encode(own: Identity, keys: Sequence[PublicKey], *, former: Identity | None = None) -> bytes:
    """For the pipe to a worker. It holds our private keys in clear, and must go nowhere else."""
    known = [
        {"certificate": key.material, "authorities": key.authorities, "revoked": key.revoked}
        for key in keys
        if key.suite is Suite.SMIME
    ]
    ours = [identity.to_worker() for identity in (own, former) if identity is not None]
    return json.dumps({"ours": ours, "known": known}).encode()


def decode(told: bytes) -> SmimeBench:
    """What ``encode`` made.

    Raises:
        OwnKeyUnusable, ValueError, KeyError: it is not that.
    """
    read = json.loads(told)
    known = tuple(
        Correspondent(
            certificate=x509.load_pem_x509_certificate(each["certificate"].encode()),
            authorities=tuple(x509.load_pem_x509_certificates(each["authorities"].encode()))
            if each["authorities"]
            else (),
            revoked=each["revoked"],
        )
        for each in read["known"]
    )
    own, *former = (load(each["certificates"], each["key"], checked=True) for each in read["ours"])
    return SmimeBench(own=own, former=former[0] if former else None, known=known)
