"""What attests reception, for a person to read: of one case, and what fits no mail of ours."""

from dataclasses import dataclass

from gateway.domain.case import parse_token
from gateway.domain.errors import Unknown
from gateway.domain.evidence import upper_bound
from gateway.domain.parties import Party
from gateway.domain.words import said
from gateway.services.requests import as_evidence
from gateway.storage import Case, EnteredProof, Mail, Request, Store, StoredEvidence, Verdict, View

UNMATCHED = ("matches-nothing", "dsn-matches-nothing", "bounce-passing", "bounce-final", "bounce-address")
"""Why a receipt or report moves nothing although a person should know of it: it fits no mail of ours, or only words say
which."""

_REPORTING = (Verdict.RECEIPT, Verdict.REPORT, Verdict.AUTOMATIC, Verdict.TRIAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """An evidence of a request; ``starts`` says that its period starts from it."""

    evidence: StoredEvidence
    starts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofsView:
    """Of one case: the evidence, the proofs that persons brought, and reports that attest nothing."""

    case: Case
    evidence: tuple[EvidenceView, ...]
    entered: tuple[EnteredProof, ...]
    reports: tuple[Mail, ...]


class ProofReader:
    """Reads proofs."""

    def __init__(self, *, store: Store, party: Party) -> None:
        self._store = store
        self._party = party

    async def of_case(self, ref: str) -> ProofsView:
        """All that attests, or was said to, in one case, oldest first.

        Raises:
            Unknown: no such case.
        """
        async with self._store.view() as view:
            found = await view.all(Case, site=self._party.site, ref=parse_token(ref), limit=1)
            if not found:
                raise Unknown(kind=said("dossier"), ref=ref)
            case = found[0]
            evidence = [
                each
                for request in await view.all(Request, site=self._party.site, case_id=case.id)
                for each in await self._of_request(view, request)
            ]
            attesting = {each.evidence.mail for each in evidence}
            mails = await view.all(Mail, site=self._party.site, likely_case=case.id, verdict=_REPORTING)
            return ProofsView(
                case=case,
                evidence=tuple(evidence),
                entered=await view.all(EnteredProof, site=self._party.site, case_id=case.id),
                reports=tuple(mail for mail in mails if mail.id not in attesting and _is_report(mail)),
            )

    async def entered(self, *, settled: bool = False) -> tuple[EnteredProof, ...]:
        """The proofs that persons brought and that wait for a second one; with ``settled`` the others too."""
        async with self._store.view() as view:
            if settled:
                return await view.all(EnteredProof, site=self._party.site)
            return await view.all(EnteredProof, site=self._party.site, settled_at=None)

    async def one(self, number: int) -> EnteredProof:
        """One of them.

        Raises:
            Unknown.
        """
        async with self._store.view() as view:
            found = await view.one(EnteredProof, site=self._party.site, id=number)
        if found is None:
            raise Unknown(kind=said("preuve"), ref=str(number))
        return found

    async def unmatched(self, *, settled: bool = False) -> tuple[tuple[Mail, str | None], ...]:
        """Receipts and reports that fit no mail of ours, each with the case that it may be about.

        With ``settled`` also those that a person has classified.
        """
        async with self._store.view() as view:
            found = await view.all(Mail, site=self._party.site, reason=UNMATCHED)
            rows = [mail for mail in found if settled or mail.settled_at is None]
            cases = {mail.likely_case for mail in rows if mail.likely_case is not None}
            refs = {case.id: case.ref for case in await view.all(Case, id=tuple(cases))} if cases else {}
            return tuple((mail, refs.get(mail.likely_case or 0)) for mail in rows)

    async def _of_request(self, view: View, request: Request) -> list[EvidenceView]:
        rows = await view.all(StoredEvidence, site=self._party.site, request_hash=request.hash)
        return [EvidenceView(evidence=row, starts=upper_bound(as_evidence(row)) == request.started_at) for row in rows]


def _is_report(mail: Mail) -> bool:
    return mail.verdict in {Verdict.RECEIPT, Verdict.REPORT} or mail.reason in {
        *UNMATCHED,
        "auto-reply",
        "not-positive",
    }
