"""What a verified message does: it opens a case or a request, answers one, or adds to it. Decided by the catalogue."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.case import parse_token
from gateway.domain.errors import MailRefused
from gateway.domain.evidence import OwnReception
from gateway.domain.kinds import (
    KINDS,
    REPAIRED_COPY,
    Kind,
    Subject,
    parse_date,
)
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.trust import VerifiedMail
from gateway.services.arrived import Arrived, Decision
from gateway.services.cabinet import Cabinet
from gateway.services.casework import Casework, Happening
from gateway.services.copied import case_of, original_of
from gateway.services.copies import owe_forgotten
from gateway.services.exchanges import Exchanges, Heard
from gateway.services.follow import Follower
from gateway.services.readers import Readers
from gateway.services.replies import AnswerTimes
from gateway.services.requests import Requests, iso
from gateway.storage import Act, Case, Direction, Message, Request, VaultKey, Verdict
from gateway.wire.incoming import Incoming

_HASH = re.compile("[0-9a-f]{64}")


class Accept:
    """Applies verified messages."""

    def __init__(
        self,
        *,
        party: Party,
        directory: Directory,
        requests: Requests,
        casework: Casework,
        follower: Follower,
        cabinet: Cabinet,
        readers: Readers,
    ) -> None:
        self._party = party
        self._directory = directory
        self._requests = requests
        self._exchanges = Exchanges(requests)
        self._casework = casework
        self._follower = follower
        self._cabinet = cabinet
        self._readers = readers

    async def take(self, act: Act, seen: Incoming, mail: VerifiedMail, own: OwnReception) -> Decision:
        """Apply a checked message in the caller's act."""
        inner = seen.inner
        if inner is None or inner.manifest is None:
            # A person with a mail program wrote it: signed, readable, but only a person can say what it is.
            return _for_a_person(mail, "no-manifest")
        kind = KINDS[inner.manifest.kind]
        arrived = Arrived(kind=kind, inner=inner, told=inner.manifest, seen=seen, mail=mail, own=own)
        if kind is REPAIRED_COPY:
            return await self._copy(act, arrived)
        match kind.subject:
            case Subject.CASE:
                return await self._on_case(act, arrived)
            case Subject.REQUEST:
                return await self._request(act, arrived)
            case Subject.ANSWER | Subject.EXCHANGE | Subject.NOTICE:
                return await self._on_request(act, arrived)

    # --- about a case

    async def _on_case(self, act: Act, arrived: Arrived) -> Decision:
        case, key, opened = await self._case(act, arrived)
        message = await self._message(act, arrived, case, key, None)
        await self._happen(act, arrived, case, key, message, opens=opened)
        return _accepted(arrived, message, key)

    async def _case(self, act: Act, arrived: Arrived) -> tuple[Case, VaultKey, bool]:
        """The case that a message names, locked; opened when the kind can open one.

        Raises:
            MailRefused: it names a case that nobody opened here, or no hospital that we know.
        """
        ref = parse_token(arrived.told.case)
        hospital = await self._hospital(act, arrived, ref)
        known = await act.one(Case, site=self._party.site, hospital=hospital, ref=ref)
        if known is not None:
            await act.lock(known.id)
            known = await act.one(Case, id=known.id) or known
            return known, await self._key(act, known), False
        event = arrived.kind.outcome.case
        if event is None or event not in stay.OPENINGS:
            raise MailRefused(step="catalogue", reason="unknown-case")
        case, key = self._casework.new(ref=ref, hospital=hospital, event=event, values=arrived.values)
        case = await self._casework.open(act, case, key, actor="gateway")
        await act.lock(case.id)
        return case, key, True

    async def _key(self, act: Act, case: Case) -> VaultKey:
        """The key of a case.

        Raises:
            MailRefused: the case was forgotten; a person sees what came too late.
        """
        key = await self._cabinet.case_key(act, case)
        if key.destroyed_at is not None:
            raise MailRefused(step="manifest", reason="forgotten-case")
        return key

    async def _hospital(self, act: Act, arrived: Arrived, ref: str) -> str:
        """Whose case it is: ours, the sender's, or that of the hospital among the addressees.

        What CNAS and CNSE write to each other (M33, M38) names no hospital: it is about the one case of its reference.
        """
        if self._party.role is Role.HOSPITAL:
            return self._party.id
        if arrived.mail.partner.role is Role.HOSPITAL:
            return arrived.mail.partner.id
        found = [self._directory.at_address(address) for address in arrived.inner.recipients]
        named = [partner.id for partner in found if partner is not None and partner.role is Role.HOSPITAL]
        named = named or [case.hospital for case in await act.all(Case, site=self._party.site, ref=ref)]
        if len(named) != 1:
            raise MailRefused(step="catalogue", reason="names-no-hospital")
        return named[0]

    # --- a request arrives at the CNAS or the CNSE

    async def _request(self, act: Act, arrived: Arrived) -> Decision:
        case, key, opened = await self._case(act, arrived)
        message = await self._message(act, arrived, case, key, arrived.mail.mic)
        decides = self._party.role is Role.CNAS
        followed = await self._requests.followed(act, arrived.own.latest.replace(microsecond=0)) if decides else {}
        replaced = _hash(arrived.values.get("supersedes", ""))
        request = await act.add(
            Request(
                site=self._party.site,
                case_id=case.id,
                hash=arrived.mail.mic,
                state=life.State.RUNNING if decides else life.State.SENT,
                submitted_at=message.at,
                complete=True,
                supersedes=replaced,
                **request_terms(arrived.kind, arrived.values),
                **followed,
            )
        )
        await act.record(
            "request.received",
            actor="gateway",
            case=case.ref,
            request=request.hash,
            message=str(message.id),
            partner=arrived.mail.partner.id,
            outcome=request.state.value,
            details={
                "received": iso(arrived.own.latest),
                "tacit_at": iso(request.nominal_at),
                "signer": arrived.mail.fingerprint,
                "supersedes": request.supersedes,
            },
        )
        await self._happen(act, arrived, case, key, message, opens=opened, request=request)
        await self._superseded(act, case, request)
        return _accepted(arrived, message, key)

    async def _superseded(self, act: Act, case: Case, request: Request) -> None:
        """What a new request replaces, or what replaced it: a correction may be faster than what it corrects."""
        rows = await act.all(Request, site=self._party.site, case_id=case.id)
        for old in rows:
            newer = next((row for row in rows if row.supersedes == old.hash), None)
            if newer is not None and request.hash in {old.hash, newer.hash}:
                await self._requests.supersede(act, old, newer, actor="gateway")

    # --- about a request

    async def _on_request(self, act: Act, arrived: Arrived) -> Decision:
        request = await self._named_request(act, arrived)
        if request is None:
            return _for_a_person(arrived.mail, "unknown-request")
        await act.lock(request.case_id)
        case = await act.one(Case, id=request.case_id)
        # Read again under the lock: another act may have moved it.
        request = await self._named_request(act, arrived) or request
        if case is None:
            raise LookupError("a request without its case")
        key = await self._key(act, case)
        newer = await self._newer(act, arrived, request)
        message = await self._message(act, arrived, case, key, request.hash)
        if arrived.kind.subject is Subject.NOTICE:
            await self._follower.told(act, arrived, request, case, message, newer=newer)
            return _accepted(arrived, message, key)
        await self._exchanges.apply(act, request, _heard(arrived, message))
        await self._happen(act, arrived, case, key, message, request=request)
        return _accepted(arrived, message, key)

    async def _newer(self, act: Act, arrived: Arrived, request: Request) -> bool:
        """Whether a later message of the same kind about the request was received already."""
        known = await act.all(
            Message, site=self._party.site, direction=Direction.IN, kind=arrived.kind.id, request_hash=request.hash
        )
        return any(message.at > (arrived.inner.date or arrived.mail.signed_at) for message in known)

    async def _named_request(self, act: Act, arrived: Arrived) -> Request | None:
        """The request that a message names, if its sender may speak of it.

        Raises:
            MailRefused: the message names another case than the request's.
        """
        request = await act.one(Request, site=self._party.site, hash=arrived.told.request_hash)
        case = await act.one(Case, id=request.case_id) if request is not None else None
        if request is None or case is None:
            return None
        if arrived.mail.partner.role is Role.HOSPITAL and case.hospital != arrived.mail.partner.id:
            return None
        if parse_token(arrived.told.case) != case.ref:
            raise MailRefused(step="catalogue", reason="other-case")
        return request

    # --- a copy of what its author did not send us

    async def _copy(self, act: Act, arrived: Arrived) -> Decision:
        """A copy is filed where it belongs and changes nothing; what reaches a hospital by it alone is for a person."""
        request = await self._named_request(act, arrived)
        original = await original_of(act, arrived, self._party.site)
        case = await case_of(act, arrived, request or original, self._directory, self._party.site)
        if case is None or (original is None and self._party.role is Role.HOSPITAL):
            return _for_a_person(arrived.mail, "repaired-copy")
        await act.lock(case.id)
        key = await self._key(act, case)
        message = await self._message(act, arrived, case, key, request.hash if request else None)
        if original is not None:
            message = await act.save(replace(message, about=original.id))
        return _accepted(arrived, message, key)

    # --- common

    async def _happen(
        self,
        act: Act,
        arrived: Arrived,
        case: Case,
        key: VaultKey,
        message: Message,
        *,
        opens: bool = False,
        request: Request | None = None,
    ) -> None:
        what = Happening(
            kind=arrived.kind,
            values=spanned(arrived.kind, arrived.values, request),
            actor="gateway",
            at=message.at,
            request_hash=request.hash if request else None,
            message=message.id,
            partner=arrived.mail.partner.id,
        )
        await self._casework.happen(act, case, key, what, opens=opens)

    async def _message(
        self, act: Act, arrived: Arrived, case: Case, key: VaultKey, request_hash: str | None
    ) -> Message:
        entity = await act.add(await self._cabinet.put(arrived.seen.entity or b"", key))
        message = await act.add(
            Message(
                site=self._party.site,
                direction=Direction.IN,
                kind=arrived.kind.id,
                partner=arrived.mail.partner.id,
                message_id=arrived.mail.message_id,
                mic=arrived.mail.mic,
                at=arrived.inner.date or arrived.mail.signed_at,
                case_id=case.id,
                request_hash=request_hash,
                entity=entity.name,
            )
        )
        await self._readers.owe(act, case, message, arrived.kind, arrived.mail.partner.role, medical=arrived.medical)
        found = (self._directory.at_address(address) for address in arrived.inner.recipients)
        reached = {partner.id for partner in found if partner is not None}
        await owe_forgotten(
            act,
            arrived.kind,
            arrived.mail.partner,
            reached=reached,
            case=case,
            message=message,
            us=self._party,
            directory=self._directory,
            at=arrived.own.latest,
        )
        return message


def request_terms(kind: Kind, values: Mapping[str, str]) -> dict[str, Any]:
    """The columns of a request that its fields say.

    Raises:
        MailRefused: a date is missing; the check of the fields has let none through.
    """
    return {
        "kind": kind.id,
        "nature": values.get("nature", "prolongation"),
        "authorised_until": _known(parse_date(values.get("authorised_until", ""))),
        "requested_from": _known(parse_date(values.get("requested_from", ""))),
        "requested_until": _known(parse_date(values.get("requested_until", ""))),
    }


def spanned(kind: Kind, values: Mapping[str, str], request: Request | None) -> Mapping[str, str]:
    """The fields, with the request's own days where an acceptance names none: it grants what was asked (003:L286)."""
    if request is None or kind.span != ("granted_from", "granted_until"):
        return values
    asked = {"granted_from": request.requested_from.isoformat(), "granted_until": request.requested_until.isoformat()}
    return asked | {name: value for name, value in values.items() if value}


def _heard(arrived: Arrived, message: Message) -> Heard:
    own = arrived.own
    times = AnswerTimes(earliest=own.earliest, latest=own.latest, stated=arrived.mail.signed_at, doubtful=own.disagrees)
    return Heard(
        kind=arrived.kind,
        values=arrived.values,
        has_form=arrived.has_form,
        times=times,
        actor="gateway",
        partner=arrived.mail.partner.id,
        message=str(message.id),
    )


def _accepted(arrived: Arrived, message: Message, key: VaultKey) -> Decision:
    return Decision(verdict=Verdict.ACCEPTED, partner=arrived.mail.partner.id, message=message, key=key)


def _for_a_person(mail: VerifiedMail, reason: str) -> Decision:
    return Decision(verdict=Verdict.TRIAGE, reason=reason, partner=mail.partner.id, held_back=True)


def _hash(named: str) -> str | None:
    """The hash that a sender names; anything else that it writes there names nothing."""
    return named if _HASH.fullmatch(named) else None


def _known(value: date | None) -> date:
    if value is None:
        raise MailRefused(step="catalogue", reason="fields")
    return value
