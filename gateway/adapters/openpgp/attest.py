"""A detached OpenPGP signature against given public keys, in a home that is made for it and gone afterwards."""

from collections.abc import Sequence

from gateway.adapters.openpgp.home import admit_to
from gateway.adapters.openpgp.keyfiles import client, short_home
from gateway.adapters.openpgp.open import verify_detached
from gateway.ports import PublicKey, SignatureFacts


def attest(keys: Sequence[PublicKey], entity: bytes, signature: bytes) -> SignatureFacts:
    """The facts of a signature that is one of these keys'. Blocks.

    Raises:
        MailRefused: it is not. KeyFileInvalid: a key is not what it must be. OwnKeyUnusable: GnuPG is missing.
    """
    with short_home() as home:
        gpg = client(home)
        for key in keys:
            admit_to(gpg, key)
        return verify_detached(home, entity, signature)
