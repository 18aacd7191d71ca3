"""Examines an exported dossier with nothing but the file: every byte, every record, every signature that it can.

1. The file is in its canonical form, and its two lists of hashes are true.
2. The checkpoint is signed by the enclosed key, and by the one that was given from outside.
3. Each record is canonical and proved under the checkpoint; what follows from others (texts of proofs) follows.
   Earlier checkpoints are signed by the same key, and prove the records that they are there for.
4. The record of the export vouches for the list of pieces and for all records before it.
5. Mails have the hash that the log gave them when they came; signatures in clear are true under their author's keys.
   Evidence, confirmations, acceptances and pinned keys are what the log recorded at their time.
6. Stamps are of their checkpoint and of its time, where an authority is given.
7. What certificates state is signed by the key of the checkpoint.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.domain import audit, exhibit, sums
from gateway.domain.checkpoint import Checkpoint, Note, VerifierKey, read_note
from gateway.domain.errors import AuditBroken, CheckpointInvalid, DossierBroken, GatewayError, MailMalformed
from gateway.domain.evidence import CLOCK_TOLERANCE
from gateway.domain.parties import Suite
from gateway.domain.sheet import long_instant
from gateway.domain.words import Said, listed, said
from gateway.ports import PublicKey
from gateway.services.export.agreeing import contradictions, seen_as
from gateway.services.export.case import EVENT, split
from gateway.services.export.certify import FOLDER
from gateway.services.export.facts import FORMAT, OURSELVES, SIGNERS, is_key_of, signers
from gateway.wire import mime, sealed
from gateway.wire.container import MAX_NAME, unpack

VerifyNote = Callable[[str, VerifierKey], Note]
VerifyStamp = Callable[[bytes, bytes], datetime]
VerifyAttested = Callable[[bytes, bytes, VerifierKey], None]
VerifySignature = Callable[[tuple[PublicKey, ...], sealed.SignedParts], Said | None]
"""Raises MailRefused for a signature that is not by one of these keys; returns what is to be remarked of a true one."""


LATE = timedelta(days=1)
"""A stamp that comes so long after its checkpoint dates the stamp, not what the checkpoint says."""

_UNKNOWN = "unknown-key"
"""Why an opener refuses a signature by a key that it was not given; only our present key is enclosed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The mathematics, which are an adapter's; ``stamp`` is None where no authority is given."""

    note: VerifyNote
    attested: VerifyAttested
    signature: VerifySignature
    stamp: VerifyStamp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A dossier without a fault. ``vouched`` says that a signed checkpoint covers the record that attests all pieces.

    ``milestones`` are earlier checkpoints: when each was signed, and how many of the records it proves.
    ``remarks`` are what it does not prove, or no longer can.
    """

    case: str
    party: str
    exported_at: str
    exported_by: str
    with_content: bool
    pieces: int
    records: int
    unproved: tuple[int, ...]
    checkpoint: Checkpoint | None
    key: VerifierKey | None
    signatures: int
    certificates: int
    stamps: tuple[datetime, ...]
    milestones: tuple[tuple[datetime, int], ...]
    vouched: bool
    remarks: tuple[Said, ...]


def examine(data: bytes, tools: Tools, *, key: VerifierKey | None = None) -> Examined:
    """Look at everything; ``key`` is the log's as the examiner knows it from elsewhere.

    Raises:
        DossierBroken: with all that is wrong.
    """
    entries = unpack(data)  # (1)
    faults = list(_lists(entries))
    log = {name: entry for name, entry in entries.items() if name.startswith(exhibit.FOLDER)}
    try:
        shown = exhibit.read(log)
        checkpoint = _checkpoint(shown, tools, key)  # (2)
        faults += _follows(shown, log)
    except (AuditBroken, CheckpointInvalid) as error:
        raise DossierBroken(faults=listed([*faults, _why(error)])) from error
    found = _Examination(entries=entries, shown=shown, tools=tools, faults=faults)
    found.look_at_records(checkpoint)  # (3)
    found.look_at_milestones(key)
    vouched = found.is_vouched()  # (4)
    found.look_at_mails()  # (5)
    found.look_at_stamps()  # (6)
    found.look_at_certificates()  # (7)
    if key is not None and not vouched:
        found.faults.append(said("Aucun point de contrôle signé de cette clé n'atteste les pièces."))
    if found.faults:
        raise DossierBroken(faults=listed(found.faults))
    facts = found.facts
    return Examined(
        case=str(facts["case"]),
        party=str(facts["by"]["id"]),
        exported_at=str(facts.get("exported_at")),
        exported_by=str(facts.get("exported_by")),
        with_content=facts.get("with_content") is True,
        pieces=len(entries),
        records=len(found.records),
        unproved=shown.unproved,
        checkpoint=checkpoint,
        key=shown.key,
        signatures=found.signatures,
        certificates=found.certificates,
        stamps=tuple(found.stamps),
        milestones=tuple((read_note(each.note).checkpoint.at, len(each.proofs)) for each in shown.milestones),
        vouched=vouched,
        remarks=tuple(found.remarks),
    )


def _lists(entries: Mapping[str, bytes]) -> Iterator[Said]:
    """(1) The two lists of hashes."""
    for name, files in ((sums.MANIFEST, sums.listed(entries)), (sums.PIECES, sums.pieces(entries))):
        if name not in entries:
            yield said("La pièce {name} manque.", name=name)
        else:
            yield from sums.differences(entries[name], files)


def _checkpoint(shown: exhibit.Exhibit, tools: Tools, key: VerifierKey | None) -> Checkpoint | None:
    """(2) The signature of the log's head."""
    return None if shown.note is None else _signed_by(shown.note, tools, key, shown.key)


def _signed_by(note: str, tools: Tools, key: VerifierKey | None, enclosed: VerifierKey | None) -> Checkpoint:
    if enclosed is None:
        raise CheckpointInvalid(reason=said("La clé de vérification manque."))
    if key is not None:
        tools.note(note, key)
    return tools.note(note, enclosed).checkpoint


def _follows(shown: exhibit.Exhibit, log: Mapping[str, bytes]) -> Iterator[Said]:
    """(3) Each file of the log's part is what the others make it; nothing else lies there."""
    expected = exhibit.written(shown)
    for name in sorted(expected.keys() | log.keys()):
        if expected.get(name) != log.get(name):
            yield said("La pièce {name} ne va pas avec les autres.", name=name)


def _facts(entries: Mapping[str, bytes]) -> dict[str, Any]:
    """``dossier.json``, with the shape on which the rest relies.

    Raises:
        DossierBroken.
    """
    unreadable = DossierBroken(faults=said("Le fichier {name} est illisible.", name="dossier.json"))
    try:
        facts = json.loads(entries["dossier.json"])
        rows = [*facts["mails"], *facts["transmissions"], *facts["messages"], *facts["keys"]]
        whole = facts["format"] == FORMAT and isinstance(facts["by"]["id"], str) and isinstance(facts["case"], str)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise unreadable from error
    if not whole or not all(isinstance(row, dict) for row in rows):
        raise unreadable
    return dict(facts)


def _why(error: GatewayError) -> Said | str:
    """What is wrong, without the advice that an error gives on a gateway of one's own."""
    reason = error.fields.get("reason", error.code)
    if isinstance(error, AuditBroken):
        return said("Enregistrement {index} : {reason}", index=error.fields["index"], reason=reason)
    return reason if isinstance(reason, Said) else str(reason)


class _Examination:
    """What is found while looking: ``faults`` make the dossier false, ``remarks`` are told."""

    def __init__(
        self, *, entries: Mapping[str, bytes], shown: exhibit.Exhibit, tools: Tools, faults: Iterable[Said | str]
    ) -> None:
        self._entries = entries
        self._shown = shown
        self._tools = tools
        self.facts = _facts(entries)
        self.records: dict[int, audit.Record] = {}
        self.faults = list(faults)
        self.remarks: list[Said] = []
        self.signatures = 0
        self.certificates = 0
        self.stamps: list[datetime] = []

    # --- (3), (4) the log

    def look_at_records(self, checkpoint: Checkpoint | None) -> None:
        """Each record, alone and under the checkpoint."""
        for index in sorted(self._shown.records):
            try:
                self.records[index] = exhibit.verify_record(self._shown, index, checkpoint.head if checkpoint else None)
            except AuditBroken as error:
                self.faults.append(_why(error))
        if checkpoint is None:
            self.remarks.append(said("Aucun point de contrôle n'est signé : rien n'atteste les enregistrements."))
        elif self._shown.unproved:
            numbers = ", ".join(map(str, self._shown.unproved))
            self.remarks.append(said("Plus récents que le point de contrôle, donc sans preuve : {list}.", list=numbers))

    def look_at_milestones(self, key: VerifierKey | None) -> None:
        """The earlier checkpoints: what each of them proves stood in the log when it was signed."""
        for each in self._shown.milestones:
            try:
                _signed_by(each.note, self._tools, key, self._shown.key)
                exhibit.verify_milestone(self._shown, each)
            except (AuditBroken, CheckpointInvalid) as error:
                self.faults.append(said("{name} : {reason}", name=each.folder, reason=_why(error)))

    def is_vouched(self) -> bool:
        """Whether a proved record attests the pieces and the records before it."""
        digest = hashlib.sha256(self._entries.get(sums.PIECES, b"")).hexdigest()
        index = max((at for at, record in self.records.items() if record.event == EVENT), default=None)
        record = None if index is None else self.records[index]
        if record is None or record.details.get("pieces") != digest or record.case != self.facts["case"]:
            if self.facts.get("recorded") is False:
                self.remarks.append(said("L'export n'est pas inscrit au journal : rien n'atteste les pièces."))
            else:
                self.faults.append(said("Aucun enregistrement du journal n'atteste ces pièces."))
            return False
        before = [self._shown.records[at] for at in sorted(self._shown.records) if at < record.index]
        if record.details.get("leaves") != sums.leaves(before):
            self.faults.append(said("Des enregistrements du dossier manquent, ou sont de trop."))
            return False
        return record.index in self._shown.proofs

    # --- (5) mails

    def look_at_mails(self) -> None:
        """What was received and sent, what was signed inside, and what the log says of it."""
        records = tuple(self.records.values())
        self.faults += contradictions(self.facts, records)
        if SIGNERS in self._entries and self._entries[SIGNERS] != signers(self.facts):
            self.faults.append(said("La pièce {name} ne va pas avec les autres.", name=SIGNERS))
        for row in self.facts["mails"]:
            name = self._enclosed(row, "piece")
            if name and seen_as(row.get("id"), records) != {self._digest(name)}:
                self.faults.append(said("La pièce {name} n'est pas le courrier que le journal a vu.", name=name))
            self._signed(row, str(row.get("partner")))
        for row in self.facts["transmissions"]:
            self._enclosed(row, "piece")
            self._signed(row, OURSELVES)
        for row in self.facts["messages"]:
            name = self._enclosed(row, "content")
            if name and self._digest(name) != row.get("mic"):
                self.faults.append(said("La pièce {name} n'est pas ce qui fut signé.", name=name))

    def _digest(self, name: str) -> str:
        return hashlib.sha256(self._entries[name]).hexdigest()

    def _enclosed(self, row: Mapping[str, Any], what: str) -> str | None:
        piece = row.get(what)
        name = piece.get("name") if isinstance(piece, dict) else None
        if not isinstance(name, str):
            return None
        if name not in self._entries:
            self.faults.append(said("La pièce {name} manque.", name=name[:MAX_NAME]))
            return None
        return name

    def _signed(self, row: Mapping[str, Any], owner: str) -> None:
        """A signature in clear: taken apart as the mail says, and true under a key of its author."""
        piece = row.get("piece")
        stem = piece.get("signed") if isinstance(piece, dict) else None
        if not isinstance(stem, str):
            return
        name = f"{stem[:MAX_NAME]}.eml"
        try:
            parts = sealed.read_signed(mime.parse(self._entries.get(name, b"")))
            if any(self._entries.get(half) != data for half, data in split(stem, parts).items()):
                self.faults.append(said("La pièce {name} ne va pas avec les autres.", name=f"{stem}.signe"))
                return
            remark = self._tools.signature(self._keys(owner, parts.suite), parts)
        except MailMalformed:
            self.faults.append(said("La pièce {name} n'a pas la forme d'un courrier signé.", name=name))
        except GatewayError as error:
            self._untrue(name, owner, error)
        else:
            self.signatures += 1
            if remark is not None:
                self.remarks.append(said("{name} : {remark}", name=name, remark=remark))

    def _untrue(self, name: str, owner: str, error: GatewayError) -> None:
        if owner == OURSELVES and error.fields.get("reason") == _UNKNOWN:
            self.remarks.append(said("{name} : signé d'une clé de nous qui n'est plus la nôtre.", name=name))
            return
        self.faults.append(said("La signature de {name} ne se vérifie pas : {reason}", name=name, reason=_why(error)))

    def _keys(self, owner: str, suite: Suite) -> tuple[PublicKey, ...]:
        return tuple(
            PublicKey(
                suite=suite,
                fingerprint=str(row.get("fingerprint")),
                material=self._entries[name].decode(errors="replace"),
            )
            for row in self.facts["keys"]
            if is_key_of(row, owner, suite.value) and (name := str(row.get("file"))) in self._entries
        )

    # --- (6) stamps

    def look_at_stamps(self) -> None:
        """The instants that an authority gave to the checkpoints."""
        if self._shown.note is None:
            return
        if not self._shown.stamps:
            self.remarks.append(said("Aucun horodatage ne date ce point de contrôle."))
        stamped = [(exhibit.FOLDER, self._shown.note, self._shown.stamps)]
        stamped += [(each.folder, each.note, each.stamps) for each in self._shown.milestones]
        if self._tools.stamp is None:
            if any(stamps for _, _, stamps in stamped):
                self.remarks.append(said("Horodatages joints, non vérifiés : aucune autorité n'est donnée (--tsa-ca)."))
            return
        for folder, note, stamps in stamped:
            for number, stamp in enumerate(stamps, start=1):
                self._stamp(f"{folder}{exhibit.STAMP.format(number=number)}", stamp, note, self._tools.stamp)

    def _stamp(self, name: str, stamp: bytes, note: str, verify: VerifyStamp) -> None:
        try:
            at = verify(stamp, note.encode())
        except GatewayError as error:
            self.faults.append(said("{name} : {reason}", name=name, reason=_why(error)))
            return
        self.stamps.append(at)
        signed = read_note(note).checkpoint.at
        if at < signed - CLOCK_TOLERANCE:
            self.faults.append(said("{name} : l'autorité a daté ce point de contrôle d'avant sa signature.", name=name))
        elif at > signed + LATE:
            told = said(
                "{name} : l'autorité n'a daté ce point de contrôle que le {at}.", name=name, at=long_instant(at)
            )
            self.remarks.append(told)

    # --- (7) certificates

    def look_at_certificates(self) -> None:
        """The facts of each, and their signature."""
        for name, stated in self._entries.items():
            if not name.startswith(FOLDER) or not name.endswith(".json"):
                continue
            signature = self._entries.get(f"{name.removesuffix('.json')}.signature")
            if signature is None or self._shown.key is None:
                self.remarks.append(said("{name} : ce certificat n'est pas signé.", name=name))
                continue
            try:
                self._tools.attested(stated, signature, self._shown.key)
            except CheckpointInvalid as error:
                self.faults.append(said("{name} : {reason}", name=name, reason=_why(error)))
            else:
                self.certificates += 1
