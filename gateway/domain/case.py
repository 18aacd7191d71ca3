"""The case (dossier): one patient's stay, known to every party by the same opaque token.

The token is all that an outsider sees of a case: it stands in subjects, logs and audit records.
"""

import re

from gateway.domain.errors import Unknown
from gateway.domain.words import said

# Crockford's base 32: no I, L, O, U, so that a token can be read aloud over a telephone.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TOKEN_LENGTH = 6
_TOKEN = re.compile(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{2}}")


def token(noise: bytes) -> str:
    """A token such as ``7F3K-Q2`` from six random bytes; 30 bits, unique by constraint in the database."""
    letters = "".join(ALPHABET[byte % len(ALPHABET)] for byte in noise[:TOKEN_LENGTH])
    return f"{letters[:4]}-{letters[4:]}"


def parse_token(text: str) -> str:
    """The token as stored, from what a person typed.

    Raises:
        Unknown: it cannot be a token.
    """
    wanted = text.strip().upper().replace("O", "0").replace("I", "1").replace("L", "1")
    if len(wanted) == TOKEN_LENGTH:
        wanted = f"{wanted[:4]}-{wanted[4:]}"
    if not _TOKEN.fullmatch(wanted):
        raise Unknown(kind=said("dossier"), ref=text[:20])
    return wanted
