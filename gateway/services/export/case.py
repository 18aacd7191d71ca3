"""Exports one case as a file that proves itself: pieces, then a record that vouches for them, then the log's proofs.

The order matters. The list of all pieces is hashed into the audit record of the export, the record is signed under a
checkpoint at once, and the proofs come last: nothing of the file can be changed later without contradicting the log.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from gateway.domain import exhibit, sums
from gateway.domain.checkpoint import VerifierKey
from gateway.domain.errors import MailMalformed, NotAllowed
from gateway.domain.kinds import RECEIPT_ACK
from gateway.domain.parties import Directory, Party, Suite
from gateway.domain.period import Period
from gateway.domain.plain import period_json
from gateway.domain.readers import Readership
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.domain.workdays import Calendar
from gateway.ports import Clock, Printer, PublicKey, SpoolFile
from gateway.services.almanac import Almanac
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.export.anchored import anchor_pieces
from gateway.services.export.certified import Issue
from gateway.services.export.certify import Certifier
from gateway.services.export.facts import (
    SIGNERS,
    Export,
    Piece,
    Pieces,
    Policy,
    dossier,
    encoded,
    key_name,
    policy_json,
    signers,
)
from gateway.services.export.gathering import RECEIPTS, SEALED, Gathered, gather, records_of
from gateway.services.export.proving import proved
from gateway.services.export.summary import NAME as SUMMARY
from gateway.services.export.summary import summary
from gateway.services.export.text import README
from gateway.services.rights import entitled, reads_medical
from gateway.services.witness import Witness
from gateway.storage import (
    EnteredProof,
    Mail,
    Message,
    Store,
    Transmission,
    VaultKey,
    View,
)
from gateway.wire import mime, sealed
from gateway.wire.container import pack

NEAR = timedelta(days=45)
"""How far from a period a row of the calendar can move it."""

EVENT = "dossier.exported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Who vouches for the log; both are None without [audit], the witness also where nothing may be signed."""

    key: VerifierKey | None = None
    witness: Witness | None = None


class Exporter:
    """``recorded`` is false for a rehearsal that is over: nothing is added to its log any more."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        clock: Clock,
        party: Party,
        directory: Directory,
        almanac: Almanac,
        readership: Readership,
        policy: Policy,
        own_keys: Callable[[], Sequence[PublicKey]],
        vouched: Vouched,
        certifier: Certifier,
        printer: Printer,
        recorded: bool = True,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party
        self._directory = directory
        self._almanac = almanac
        self._readership = readership
        self._policy = policy
        self._own_keys = own_keys
        self._vouched = vouched
        self._certifier = certifier
        self._printer = printer
        self._recorded = recorded

    async def export(self, ref: str, *, actor: str, with_content: bool = False) -> bytes:
        """The file of a case. The export is recorded, and its record signed, before anything leaves.

        Raises:
            Unknown, VaultClosed, StorageFailed, OwnKeyUnusable, AuditBroken.
            NotAllowed: this person may not read what is medical.
            DossierBroken: the case is larger than a file may be.
        """
        await self._permit(ref, actor, with_content=with_content)
        export = Export(actor=actor, at=self._clock.now(), with_content=with_content, recorded=self._recorded)
        if self._vouched.witness is not None:
            # A silence that was recorded a moment ago is certified under a checkpoint.
            await self._vouched.witness.round()
        async with self._store.view() as view:
            found = await gather(view, self._party.site, ref, export.at)
            entries = await self._entries(view, found, export)
        entries[sums.PIECES] = sums.sums(sums.pieces(entries))
        pack(entries)  # What is too large is refused before it is recorded.
        if self._recorded:
            await self._record(found, entries[sums.PIECES], export)
        if self._vouched.witness is not None:
            await self._vouched.witness.round(at_once=True)
        async with self._store.view() as view:
            records = await records_of(view, found)
            entries |= exhibit.written(await proved(view, records, self._vouched.key))
        entries[sums.MANIFEST] = sums.sums(sums.listed(entries))
        return pack(entries)

    async def _permit(self, ref: str, actor: str, *, with_content: bool) -> None:
        async with self._store.view() as view:
            await entitled(view, self._party, actor, Right.IDENTITY, Right.AUDIT)
            case = await find_case(view, self._party.site, ref)
            medical = await reads_medical(view, self._party, self._readership, actor, case.physician)
        if with_content and not medical:
            raise NotAllowed(
                act=said("exporter le contenu médical du dossier {ref}", ref=case.ref),
                reason=said("Seul un médecin qui suit ce dossier le peut."),
            )

    async def _record(self, found: Gathered, pieces: bytes, export: Export) -> None:
        async with self._store.act() as act:
            await act.lock(found.case.id)
            before = await records_of(act, found)
            await act.record(
                EVENT,
                actor=export.actor,
                case=found.case.ref,
                outcome="with-content" if export.with_content else "without-content",
                details={
                    "pieces": sha256(pieces).hexdigest(),
                    "records": len(before),
                    "leaves": sums.leaves(entry.canonical for entry in before),
                },
            )

    # --- pieces

    async def _entries(self, view: View, found: Gathered, export: Export) -> dict[str, bytes]:
        own, periods, calendars = tuple(self._own_keys()), dict[str, Period](), list[Calendar]()
        for request in found.requests:
            if request.started_at is not None:
                calendar = await self._almanac.of_version(view, request.calendar_version)
                periods[request.hash] = await self._almanac.explained(
                    view, request.started_at, request.calendar_version
                )
                calendars.append(calendar)
        binder = _Binder(view, self._cabinet, with_content=export.with_content)
        pieces = Pieces(
            mails={mail.id: await binder.mail(mail) for mail in found.mails},
            transmissions={row.id: await binder.transmission(row) for row in found.transmissions},
            entered={row.id: await binder.entered(row) for row in found.entered},
            contents={row.id: await binder.content(row) for row in found.messages if _opened(row, export)},
        )
        entries = dict(binder.files)
        entries |= {key_name(key.suite.value, key.fingerprint): key.material.encode() for key in own}
        entries |= {key_name(pin.suite, pin.fingerprint): pin.material.encode() for pin in found.pins}
        stated = dossier(found, pieces, export, party=self._party, keys=own, policy=self._policy)
        entries["dossier.json"] = encoded(stated)
        entries[SIGNERS] = signers(json.loads(entries["dossier.json"]))
        entries["politique.json"] = encoded(policy_json(self._policy, self._directory.partners))
        entries["releves.json"] = encoded(list(found.polls))
        entries["calendrier/delais.json"] = encoded(
            [{"request": request} | period_json(period) for request, period in periods.items()]
        )
        entries["calendrier/lignes.json"] = encoded(_rows(periods, calendars))
        entries |= await anchor_pieces(view, self._cabinet)
        sheet = summary(found, periods, pieces, export, party=self._party, policy=self._policy)
        entries[SUMMARY] = self._printer.pdf(sheet, language="fr", at=export.at)
        entries["LISEZMOI.txt"] = README.encode()
        issue = Issue(actor=export.actor, at=export.at, identity=export.with_content)
        entries |= await self._certifier.enclosed(view, found.case, issue)
        return entries


def _rows(periods: dict[str, Period], calendars: Sequence[Calendar]) -> list[dict[str, object]]:
    """The rows of each calendar that a period was computed under, near it."""
    found = []
    for (request, period), calendar in zip(periods.items(), calendars, strict=True):
        first, last = period.days[0].date - NEAR, period.days[-1].date + NEAR
        rows = [row for row in calendar.rows if first <= row.date <= last]
        found.append(
            {
                "request": request,
                "calendar": calendar.version,
                "covers_until": calendar.covers_until,
                "from": first,
                "until": last,
                "rows": rows,
            }
        )
    return found


def _opened(message: Message, export: Export) -> bool:
    """Whether what was signed in it is enclosed by itself; a receipt is as it travelled."""
    return export.with_content and message.kind != RECEIPT_ACK.id


class _Binder:
    """Takes files out of the vault and names them."""

    def __init__(self, view: View, cabinet: Cabinet, *, with_content: bool) -> None:
        self._view = view
        self._cabinet = cabinet
        self._with_content = with_content
        self.files: dict[str, bytes] = {}

    async def mail(self, mail: Mail) -> Piece:
        """A mail as it was received: closed ones always, open ones with content only."""
        if mail.verdict not in SEALED | RECEIPTS and not self._with_content:
            return Piece(name=None, why="content", sha256=mail.sha256, size=mail.size)
        return await self._kept(f"courriers/recus/{mail.id:06}", ".eml", mail.file)

    async def transmission(self, row: Transmission) -> Piece:
        """A mail as it was sent."""
        return await self._kept(f"courriers/envoyes/{row.id:06}", ".eml", row.file)

    async def content(self, message: Message) -> Piece:
        """What was signed inside."""
        return await self._kept(f"contenu/message-{message.id:06}", ".entite", message.entity)

    async def entered(self, proof: EnteredProof) -> Piece:
        """A scan that a person brought: it is not sealed, so it goes with the content."""
        if not self._with_content:
            return Piece(name=None, why="content", sha256=proof.sha256)
        return await self._kept(f"contenu/preuve-{proof.id:06}", ".fichier", proof.file)

    async def _kept(self, stem: str, ending: str, name: str | None) -> Piece:
        file = await self._view.one(SpoolFile, name=name) if name is not None else None
        if file is None:
            return Piece(name=None, why="absent")
        known = Piece(name=None, why="forgotten", sha256=file.sha256, size=file.size)
        key = await self._view.one(VaultKey, id=file.vault_key)
        if not file.wrapped or (key is not None and key.destroyed_at is not None):
            return known
        data = await self._cabinet.get(self._view, file.name)
        self.files[stem + ending] = data
        suite = self._taken_apart(stem, data) if ending == ".eml" else None
        return Piece(
            name=stem + ending,
            sha256=file.sha256,
            size=file.size,
            signed=stem if suite else None,
            suite=suite.value if suite else None,
        )

    def _taken_apart(self, stem: str, mail: bytes) -> Suite | None:
        """A mail that is signed and not encrypted, in the two files that gpg and openssl want."""
        try:
            parts = sealed.read_signed(mime.parse(mail))
        except MailMalformed:
            return None
        self.files |= split(stem, parts)
        return parts.suite


def split(stem: str, parts: sealed.SignedParts) -> dict[str, bytes]:
    """What was signed and its signature, as two files."""
    ending = ".p7s" if parts.suite is Suite.SMIME else ".asc"
    return {f"{stem}.signe": parts.entity, stem + ending: parts.signature}
