"""Lists of SHA-256 in the form of ``sha256sum``: what a dossier holds, and what its audit record vouches for."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from gateway.domain.exhibit import FOLDER
from gateway.domain.merkle import leaf_hash
from gateway.domain.words import Said, said

MANIFEST = "MANIFEST.sha256"
"""Every file of a dossier but this one."""

PIECES = "PIECES.sha256"
"""Every file that was there before the log was asked: the record of the export holds the SHA-256 of this list."""

_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)")


def sums(entries: Mapping[str, bytes]) -> bytes:
    """The list of these files, by name."""
    return "".join(f"{hashlib.sha256(entries[name]).hexdigest()}  {name}\n" for name in sorted(entries)).encode()


def pieces(entries: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that ``PIECES`` lists."""
    return {
        name: data for name, data in entries.items() if name not in {MANIFEST, PIECES} and not name.startswith(FOLDER)
    }


def listed(entries: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that ``MANIFEST`` lists."""
    return {name: data for name, data in entries.items() if name != MANIFEST}


def differences(told: bytes, files: Mapping[str, bytes]) -> Iterator[Said]:
    """How a list differs from the files that it should list."""
    expected = sums(files)
    if told == expected:
        return
    lines = [_LINE.fullmatch(line) for line in told.decode("ascii", errors="replace").splitlines()]
    known = {found[2]: found[1] for found in lines if found}
    before = len(known)
    for name in sorted(files.keys() | known.keys()):
        if name not in known:
            yield said("La pièce {name} n'est pas dans la liste.", name=name)
        elif name not in files:
            yield said("La pièce {name} manque.", name=name)
        elif hashlib.sha256(files[name]).hexdigest() != known[name]:
            yield said("La pièce {name} n'a pas l'empreinte de la liste.", name=name)
        else:
            before -= 1
    if before == 0 and known.keys() == files.keys():
        yield said("La liste des empreintes est mal formée.")


def leaves(records: Iterable[bytes]) -> str:
    """One hash over records in their order: that none of them was left out or added."""
    return hashlib.sha256(b"".join(leaf_hash(data) for data in records)).hexdigest()
