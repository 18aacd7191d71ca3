"""Issues certificates of tacit acceptance: recorded with the hash of what they state, signed, then printed.

The facts are one JSON file, signed by the log's key; the printed page holds it, its signature and the key. In a dossier
the same files lie beside each other, in both languages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from gateway.domain.certificate import Certificate, certificate_json
from gateway.domain.errors import NotAllowed
from gateway.domain.exhibit import pem
from gateway.domain.rights import Right
from gateway.domain.sheet import Sheet
from gateway.domain.words import said
from gateway.ports import Clock, Enclosure, LogSigner, Printer
from gateway.services.cases import find_case
from gateway.services.challenged import acceptances_of
from gateway.services.export.certificate_sheet import JSON, KEY, SIGNATURE, certificate_sheet
from gateway.services.export.certified import Clerk, Issue
from gateway.services.export.facts import encoded
from gateway.services.rights import entitled
from gateway.services.witness import Witness
from gateway.storage import Case, Store, View

EVENT = "certificate.issued"
FOLDER = "certificats/"
LANGUAGES = ("fr", "en")
SHORT = 12
"""Characters of a request's hash that name its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate as a file, and what it states."""

    pdf: bytes
    certificate: Certificate


class Certifier:
    """``signer`` is the log's key, None without [audit]; ``witness`` None also where nothing is recorded any more."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        clerk: Clerk,
        printer: Printer,
        signer: LogSigner | None,
        witness: Witness | None,
        recorded: bool = True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._clerk = clerk
        self._printer = printer
        self._signer = signer
        self._witness = witness
        self._recorded = recorded

    async def issue(
        self, ref: str, *, actor: str, language: str, identity: bool = True, request_hash: str | None = None
    ) -> Issued:
        """The certificate of a case, as a PDF file; recorded before it leaves.

        Raises:
            Unknown.
            NotAllowed: there is none, or several; or it changed meanwhile.
            AuditBroken, StorageFailed, VaultClosed, DocumentFailed.
        """
        issue = Issue(actor=actor, at=self._clock.now(), identity=identity)
        async with self._store.view() as view:
            shown = (Right.IDENTITY,) if identity else (Right.IDENTITY, Right.AUDIT)
            await entitled(view, self._clerk.party, actor, *shown)
            case = await find_case(view, self._clerk.party.site, ref)
            request = await self._clerk.chosen(view, case, request_hash)
        if self._witness is not None:
            # What it certifies must be under a checkpoint, which it prints.
            await self._witness.round(at_once=True)
        async with self._store.view() as view:
            known = await acceptances_of(view, request.site, request.hash)
            certificate = await self._clerk.gather(view, case, request, issue)
        files = self._files(certificate)
        pdf = self._printed(certificate_sheet(certificate), certificate, files, language)
        if self._recorded:
            async with self._store.act() as act:
                await act.lock(case.id)
                if await acceptances_of(act, request.site, request.hash) != known:
                    raise NotAllowed(
                        act=said("certifier une acceptation du dossier {ref}", ref=case.ref),
                        reason=said("Elle vient de changer : recommencez."),
                    )
                await act.record(
                    EVENT,
                    actor=actor,
                    case=case.ref,
                    request=request.hash,
                    outcome="with-identity" if identity else "without-identity",
                    details={
                        "stated": sha256(files[JSON]).hexdigest(),
                        "page": sha256(pdf).hexdigest(),
                        "contested": certificate.contested,
                    },
                )
        return Issued(pdf=pdf, certificate=certificate)

    async def enclosed(self, view: View, case: Case, issue: Issue) -> dict[str, bytes]:
        """The files of every certificate of a case, as a dossier holds them."""
        found = dict[str, bytes]()
        for request in await self._clerk.standing(view, case):
            certificate = await self._clerk.gather(view, case, request, issue)
            stem, files = FOLDER + request.hash[:SHORT], self._files(certificate)
            found[f"{stem}.json"] = files[JSON]
            if SIGNATURE in files:
                found[f"{stem}.signature"] = files[SIGNATURE]
            sheet = certificate_sheet(certificate)
            for language in LANGUAGES:
                found[f"{stem}-{language}.pdf"] = self._printed(sheet, certificate, files, language)
        return found

    def _files(self, certificate: Certificate) -> dict[str, bytes]:
        files = {JSON: encoded(certificate_json(certificate))}
        if self._signer is not None:
            files |= {SIGNATURE: self._signer.attest(files[JSON]), KEY: pem(self._signer.verifier)}
        return files

    def _printed(self, sheet: Sheet, certificate: Certificate, files: Mapping[str, bytes], language: str) -> bytes:
        enclosed = [
            Enclosure(name=name, data=data, media_type=_TYPES[name], describes=_DESCRIBED[name])
            for name, data in files.items()
        ]
        return self._printer.pdf(sheet, language=language, at=certificate.issued_at, enclosed=enclosed)


_TYPES = {JSON: "application/json", SIGNATURE: "application/octet-stream", KEY: "application/x-pem-file"}
_DESCRIBED = {
    JSON: said("les faits du certificat"),
    SIGNATURE: said("leur signature (Ed25519)"),
    KEY: said("la clé qui la vérifie"),
}
