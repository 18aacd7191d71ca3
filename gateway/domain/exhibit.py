"""The audit log's part of a dossier: the records of one case, each proved to be in the log, and nothing of another.

Everything is a small file that common tools read. A proof is a text: one line a step from the record up, ``gauche`` or
``droite`` and the hash that stands on that side, then ``racine`` and the root; who climbs it needs no knowledge of
trees. Of other records only hashes appear, and those of salted leaves (RFC 6962 §2.1.1).

The checkpoint is of the day of the export. What stood in the log long before is proved by a milestone: an earlier
checkpoint that left this machine at its time, with proofs of the records that it was the first to cover.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.domain import audit
from gateway.domain.checkpoint import VerifierKey, read_note
from gateway.domain.errors import AuditBroken, CheckpointInvalid
from gateway.domain.ledger import PURGED
from gateway.domain.merkle import Head, InclusionProof, leaf_hash, node_hash, verify_inclusion
from gateway.domain.words import said

FOLDER = "journal/"
NOTE = FOLDER + "point-de-controle.txt"
SIGNED_TEXT = FOLDER + "point-de-controle.signe"
SIGNATURE = FOLDER + "point-de-controle.signature"
KEY = FOLDER + "cle-de-verification.txt"
KEY_PEM = FOLDER + "cle-de-verification.pem"
STATE = FOLDER + "ETAT.txt"
STAMP = "horodatage-{number}.tsr"
STAMPS = FOLDER + STAMP
MILESTONES = FOLDER + "jalons/"

_RECORD = re.compile(re.escape(FOLDER) + r"([0-9]{12})\.json")
_STAMP = re.compile(r"horodatage-[1-9][0-9]{0,3}\.tsr")
_MILESTONE = re.compile(re.escape(MILESTONES) + r"([0-9]{12})/(.+)")
_PROOF = re.compile(r"([0-9]{12})\.preuve")
_STEP = re.compile(r"(gauche|droite) ([0-9a-f]{64})")
# RFC 8410 §4: the fixed beginning of an Ed25519 public key in DER.
_SPKI = bytes.fromhex("302a300506032b6570032100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """An earlier checkpoint, its stamps, and what it proves of the same records."""

    note: str
    proofs: Mapping[int, InclusionProof]
    stamps: Sequence[bytes] = ()

    @property
    def head(self) -> Head:
        """What it signs."""
        return read_note(self.note).checkpoint.head

    @property
    def folder(self) -> str:
        """Where its files lie."""
        return f"{MILESTONES}{self.head.size:012}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """Canonical records by index, the proofs of those under the checkpoint, and who vouches for it.

    Without a signed checkpoint ``note`` and ``key`` are None, and nothing is proved. ``stamps`` are answers of a
    time-stamping authority to the note (RFC 3161, DER).
    """

    records: Mapping[int, bytes]
    proofs: Mapping[int, InclusionProof]
    note: str | None = None
    key: VerifierKey | None = None
    stamps: Sequence[bytes] = ()
    milestones: Sequence[Milestone] = ()

    @property
    def unproved(self) -> tuple[int, ...]:
        """The records that no checkpoint covers, by index."""
        return tuple(sorted(set(self.records) - set(self.proofs)))


def record_name(index: int) -> str:
    """The file of a record."""
    return f"{FOLDER}{index:012}.json"


def proof_name(index: int) -> str:
    """The file of its proof."""
    return FOLDER + proof_file(index)


def proof_file(index: int) -> str:
    """The same beside any checkpoint that proves it."""
    return f"{index:012}.preuve"


def written(exhibit: Exhibit) -> dict[str, bytes]:
    """The files, by name.

    Raises:
        CheckpointInvalid: the note is not one.
    """
    files = {record_name(index): data for index, data in exhibit.records.items()}
    files |= {proof_name(index): _proof_text(exhibit.records[index], proof) for index, proof in exhibit.proofs.items()}
    files |= {STAMPS.format(number=number): data for number, data in enumerate(exhibit.stamps, start=1)}
    files[STATE] = _state(exhibit).encode()
    if exhibit.note is not None and exhibit.key is not None:
        files |= _noted(FOLDER, exhibit.note)
        files[KEY] = f"{exhibit.key}\n".encode()
        files[KEY_PEM] = pem(exhibit.key)
    for each in exhibit.milestones:
        files |= _noted(each.folder, each.note)
        for number, stamp in enumerate(each.stamps, start=1):
            files[each.folder + STAMP.format(number=number)] = stamp
        for index, proof in each.proofs.items():
            files[each.folder + proof_file(index)] = _proof_text(exhibit.records[index], proof)
    return files


def _noted(folder: str, signed: str) -> dict[str, bytes]:
    note = read_note(signed)
    parts = {NOTE: signed.encode(), SIGNED_TEXT: note.text.encode(), SIGNATURE: note.signature}
    return {folder + name.removeprefix(FOLDER): data for name, data in parts.items()}


def read(files: Mapping[str, bytes]) -> Exhibit:
    """What these files say, not verified yet; those that follow from others are not looked at.

    Raises:
        AuditBroken, CheckpointInvalid: a file is not what its name says.
    """
    records = {int(found[1]): data for name, data in files.items() if (found := _RECORD.fullmatch(name))}
    note = _text(files[NOTE]) if NOTE in files else None
    key = VerifierKey.parse(_text(files[KEY])) if KEY in files else None
    proofs = {}
    if note is not None:
        size = read_note(note).checkpoint.head.size
        proofs = {index: _proof(index, size, files[name]) for index, name in _proved(records, files)}
    here = {name.removeprefix(FOLDER): data for name, data in files.items()}
    return Exhibit(
        records=records, proofs=proofs, note=note, key=key, stamps=_stamps(here), milestones=_milestones(files, records)
    )


def _stamps(files: Mapping[str, bytes]) -> tuple[bytes, ...]:
    return tuple(files[name] for name in sorted(filter(_STAMP.fullmatch, files), key=lambda name: (len(name), name)))


def _milestones(files: Mapping[str, bytes], records: Mapping[int, bytes]) -> tuple[Milestone, ...]:
    """In the order of their sizes; a folder without a checkpoint, or that proves what is not here, is left over."""
    parts: dict[str, dict[str, bytes]] = {}
    for name, data in files.items():
        if found := _MILESTONE.fullmatch(name):
            parts.setdefault(found[1], {})[found[2]] = data
    made = []
    for folder in sorted(parts):
        inside = parts[folder]
        note = _text(inside.get(NOTE.removeprefix(FOLDER), b""))
        size = read_note(note).checkpoint.head.size
        indexes = {int(found[1]): name for name in inside if (found := _PROOF.fullmatch(name))}
        proofs = {at: _proof(at, size, inside[name]) for at, name in indexes.items() if at in records}
        made.append(Milestone(note=note, proofs=proofs, stamps=_stamps(inside)))
    return tuple(made)


def verify_record(exhibit: Exhibit, index: int, head: Head | None) -> audit.Record:
    """One record: canonical, of its own index, and under ``head`` where it has a proof.

    Raises:
        AuditBroken.
    """
    data = exhibit.records[index]
    record = audit.parse(data, position=index)
    if record.index != index:
        raise AuditBroken(index=index, reason=said("L'enregistrement n'est pas celui que son nom annonce."))
    if index in exhibit.proofs:
        if head is None:
            raise AuditBroken(index=index, reason=said("Aucun point de contrôle ne va avec sa preuve."))
        verify_inclusion(leaf_hash(data), exhibit.proofs[index], head)
    elif head is not None and index < head.size:
        raise AuditBroken(index=index, reason=said("Sa preuve manque."))
    return record


def verify_milestone(exhibit: Exhibit, milestone: Milestone) -> None:
    """What an earlier checkpoint proves; that it is signed is for the caller to see.

    Raises:
        AuditBroken: a proof that does not lead to it.
    """
    for index, proof in milestone.proofs.items():
        verify_inclusion(leaf_hash(exhibit.records[index]), proof, milestone.head)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise CheckpointInvalid(reason=said("Le point de contrôle est mal formé.")) from None


def pem(key: VerifierKey) -> bytes:
    """The key in the form that ``openssl`` reads."""
    body = base64.b64encode(_SPKI + key.public).decode("ascii")
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n".encode()


def _proved(records: Mapping[int, bytes], files: Mapping[str, bytes]) -> Iterator[tuple[int, str]]:
    for index in records:
        if proof_name(index) in files:
            yield index, proof_name(index)


# --- proofs as text


def _sides(index: int, size: int, steps: int) -> Iterator[bool]:
    """For each step whether the sibling stands on the left, as ``verify_inclusion`` climbs."""
    position, last = index, size - 1
    for _ in range(steps):
        left = bool(position & 1) or position == last
        yield left
        if left:
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1


def _proof_text(record: bytes, proof: InclusionProof) -> bytes:
    lines, found = [], leaf_hash(record)
    for left, sibling in zip(_sides(proof.index, proof.size, len(proof.path)), proof.path, strict=True):
        lines.append(f"{'gauche' if left else 'droite'} {sibling.hex()}\n")
        found = node_hash(sibling, found) if left else node_hash(found, sibling)
    return ("".join(lines) + f"racine {found.hex()}\n").encode()


def _proof(index: int, size: int, data: bytes) -> InclusionProof:
    *steps, _root = data.decode("ascii", errors="replace").splitlines() or [""]
    path = []
    for step in steps:
        found = _STEP.fullmatch(step)
        if found is None:
            raise AuditBroken(index=index, reason=said("Sa preuve est illisible."))
        path.append(bytes.fromhex(found[2]))
    return InclusionProof(index=index, size=size, path=tuple(path))


def _purged(data: bytes) -> str | None:
    """What a record says of others that were erased, for a person; None of any other record."""
    if b'"event":"log.purged"' not in data:
        return None
    try:
        record = audit.parse(data)
    except AuditBroken:
        # Whoever verifies the record says so.
        return None
    if record.event != PURGED:
        return None
    told = record.details
    return (
        f"Effacés du journal le {record.at:%d/%m/%Y} après leur temps de conservation : {told.get('count')} "
        f"enregistrements de ce dossier, de {told.get('first')} à {told.get('last')} ; leurs empreintes restent "
        f"(enregistrement {record.index})."
    )


def _state(exhibit: Exhibit) -> str:
    """What is proved and what is not, for a person."""
    total, open_ = len(exhibit.records), exhibit.unproved
    if exhibit.note is None:
        return f"{total} enregistrements, sans point de contrôle signé : aucun n'est prouvé par ce dossier.\n"
    head = read_note(exhibit.note).checkpoint
    lines = [
        f"Point de contrôle du {head.at:%d/%m/%Y à %H:%M:%S} (UTC) : {head.head.size} enregistrements en tout.",
        f"Enregistrements de ce dossier prouvés sous lui : {total - len(open_)} sur {total}.",
        f"Horodatages de ce point de contrôle : {len(exhibit.stamps)}.",
    ]
    lines += [line for index in sorted(exhibit.records) if (line := _purged(exhibit.records[index]))]
    for each in exhibit.milestones:
        at, head_then = read_note(each.note).checkpoint.at, each.head
        lines.append(
            f"Jalon du {at:%d/%m/%Y à %H:%M:%S} (UTC), {head_then.size} enregistrements en tout : il en prouve "
            f"{len(each.proofs)} de ce dossier, qui étaient donc déjà là ; horodatages : {len(each.stamps)}."
        )
    if open_:
        lines.append(f"Plus récents que lui, donc sans preuve : {', '.join(map(str, open_))}.")
    return "\n".join(lines) + "\n"
