"""The file of a dossier: a ZIP archive that has one form only, so that the same content gives the same bytes.

Entries are stored, not compressed, in the order of their names, all dated 1 January 1980; there are no comments, no
extra fields, no folders (APPNOTE 6.3.10, §4.3). Any program opens it. Reading writes it anew and compares: there is
no byte that could say two things, and nothing is larger inside than outside.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping

from gateway.domain.errors import DossierBroken
from gateway.domain.words import Said, said

MAX_BYTES = 1024**3
"""Of the whole file, which is held in memory: forty mails of the largest size that servers take."""

MAX_ENTRIES = 50_000
"""Below the 65 535 of the format: a case of 20 000 audit records, each with its proof."""

MAX_NAME = 200
_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*")

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LOCAL_HEAD = struct.Struct("<4s5H3I2H")
_CENTRAL_HEAD = struct.Struct("<4s6H3I5H2I")
_END_HEAD = struct.Struct("<4s4H2IH")
_VERSION, _UNIX = 10, 3 << 8
_DATE = 1 << 5 | 1  # 1 January 1980, the first day that the format knows.
_MODE = 0o100644 << 16


def pack(entries: Mapping[str, bytes]) -> bytes:
    """The file of these entries.

    Raises:
        DossierBroken: a name that is not plain, too many entries, or too many bytes.
    """
    if len(entries) > MAX_ENTRIES:
        raise _broken(said("Il y a plus de {limit} pièces.", limit=MAX_ENTRIES))
    parts: list[bytes] = []
    central: list[bytes] = []
    at = 0
    for name in sorted(entries):
        data, label = entries[name], _label(name)
        # method, time, date, checksum, both sizes, length of the name, no extra field
        facts = (0, 0, _DATE, zlib.crc32(data), len(data), len(data), len(label), 0)
        head = _LOCAL_HEAD.pack(_LOCAL, _VERSION, 0, *facts) + label
        central.append(_CENTRAL_HEAD.pack(_CENTRAL, _UNIX | _VERSION, _VERSION, 0, *facts, 0, 0, 0, _MODE, at) + label)
        parts += (head, data)
        at += len(head) + len(data)
        if at > MAX_BYTES:
            raise _broken(said("Il dépasse {limit} octets.", limit=MAX_BYTES))
    directory = b"".join(central)
    end = _END_HEAD.pack(_END, 0, 0, len(entries), len(entries), len(directory), at, 0)
    return b"".join((*parts, directory, end))


def unpack(data: bytes) -> dict[str, bytes]:
    """The entries of a file that ``pack`` made, by name.

    Raises:
        DossierBroken: any other file; it names the first entry that is not as it must be.
    """
    if len(data) > 2 * MAX_BYTES:
        raise _broken(said("Il dépasse {limit} octets.", limit=MAX_BYTES))
    entries: dict[str, bytes] = {}
    last = ""
    for name, content in _walk(data):
        if name <= last or len(entries) >= MAX_ENTRIES:
            raise _broken(said("La pièce {name} n'est pas à sa place.", name=name))
        entries[name], last = content, name
    if pack(entries) != data:
        raise _broken(said("Le fichier n'est pas sous sa forme canonique : des octets ont changé ou ont été ajoutés."))
    return entries


def _walk(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while data[at : at + len(_LOCAL)] == _LOCAL:
        start = at + _LOCAL_HEAD.size
        if start > len(data):
            raise _broken(said("Le fichier est coupé."))
        *_before, checksum, size, _plain, length, _extra = _LOCAL_HEAD.unpack_from(data, at)
        body = start + length
        at = body + size
        if length > MAX_NAME or at > len(data):
            raise _broken(said("Le fichier est coupé, ou une longueur est fausse."))
        name = data[start:body].decode("ascii", errors="replace")
        _label(name)
        content = data[body:at]
        if zlib.crc32(content) != checksum:
            raise _broken(said("La pièce {name} a changé.", name=name))
        yield name, content


def _label(name: str) -> bytes:
    """The name's bytes: nothing leads out of the folder into which a person extracts it."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise _broken(said("Une pièce porte un nom qui n'est pas admis."))
    return name.encode("ascii")


def _broken(reason: Said) -> DossierBroken:
    return DossierBroken(faults=reason)
