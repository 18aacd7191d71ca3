"""What a verified message does: it opens a request, answers one, or tells of one. Decided by catalogue and role."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from gateway.domain import request as life
from gateway.domain.case import parse_token
from gateway.domain.errors import MailRefused, Unknown
from gateway.domain.evidence import OwnReception
from gateway.domain.kinds import (
    KINDS,
    TACIT_ACCEPTANCE_NOTICE,
    Kind,
    Subject,
    faults,
    parse_date,
    parse_instant,
    recipients,
)
from gateway.domain.parties import Grade, Party, Role
from gateway.domain.trust import VerifiedMail
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet, wrapped
from gateway.services.requests import AnswerTimes, Requests, iso
from gateway.storage import Act, Case, Direction, Message, Request, VaultKey, Verdict
from gateway.wire.incoming import Incoming, Inner
from gateway.wire.manifest import Manifest

IDENTITY_FIELDS = ("patient_name", "patient_first_name", "patient_born", "insurance_number")
"""Fields of a request that name the patient; kept sealed, looked up by keyed hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided on a mail. ``key`` is the case key under which the raw mail goes from now on."""

    verdict: Verdict
    step: str | None = None
    reason: str | None = None
    partner: str | None = None
    held_back: bool = False
    message: Message | None = None
    key: VaultKey | None = None


class Accept:
    """Applies verified messages."""

    def __init__(self, *, party: Party, requests: Requests, cabinet: Cabinet, clock: Clock) -> None:
        self._party = party
        self._requests = requests
        self._cabinet = cabinet
        self._clock = clock

    def check(self, seen: Incoming, mail: VerifiedMail) -> None:
        """Refuse a manifest that contradicts the catalogue, its sender's role or its attachments.

        Raises:
            MailRefused: before anything is written.
        """
        inner = seen.inner
        if inner is None or inner.manifest is None:
            return
        kind = KINDS.get(inner.manifest.kind)
        if kind is None:
            raise MailRefused(step="manifest", reason="unknown-kind")
        if mail.partner.role not in kind.senders:
            raise MailRefused(step="manifest", reason="sender-role")
        if self._party.role not in recipients(kind):
            raise MailRefused(step="manifest", reason="addressee-role")
        _check_content(kind, inner, inner.manifest)

    async def take(self, act: Act, seen: Incoming, mail: VerifiedMail, own: OwnReception) -> Decision:
        """Apply a checked message in the caller's act."""
        inner = seen.inner
        if inner is None or inner.manifest is None:
            # A person with a mail program wrote it: signed, readable, but only a person can say what it is.
            return Decision(verdict=Verdict.TRIAGE, reason="no-manifest", partner=mail.partner.id, held_back=True)
        kind = KINDS[inner.manifest.kind]
        arrived = _Arrived(kind=kind, inner=inner, seen=seen, mail=mail, own=own, values=_values(inner))
        match kind.subject:
            case Subject.REQUEST:
                return await self._request(act, arrived)
            case Subject.ANSWER:
                return await self._answer(act, arrived)
            case Subject.NOTICE:
                return await self._notice(act, arrived)

    # --- A request arrives at the CNAS or the CNSE.

    async def _request(self, act: Act, arrived: "_Arrived") -> Decision:
        case, key = await self._case(act, arrived)
        await act.lock(case.id)
        message = await self._message(act, arrived, case, key, arrived.mail.mic)
        followed = await self._requests.followed(act, arrived.own.latest.replace(microsecond=0))
        decides = self._party.role is Role.CNAS
        dates = {name: parse_date(arrived.values[name]) for name in _DATES}
        request = await act.add(
            Request(
                site=self._party.site,
                case_id=case.id,
                hash=arrived.mail.mic,
                state=life.State.RUNNING if decides else life.State.SENT,
                authorised_until=_known(dates["authorised_until"]),
                requested_from=_known(dates["requested_from"]),
                requested_until=_known(dates["requested_until"]),
                submitted_at=message.at,
                complete=True,
                **(followed if decides else {}),
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
            },
        )
        return self._accepted(arrived, message, key)

    async def _case(self, act: Act, arrived: "_Arrived") -> tuple[Case, VaultKey]:
        told = arrived.inner.manifest
        ref = parse_token(told.case if told else "")
        hospital = arrived.mail.partner.id
        known = await act.one(Case, site=self._party.site, hospital=hospital, ref=ref)
        if known is not None:
            return known, await self._cabinet.case_key(act, known)
        key = await act.add(self._cabinet.new_case_key())
        identity, lookup = seal_identity(self._cabinet, key, arrived.values)
        case = Case(
            site=self._party.site,
            ref=ref,
            hospital=hospital,
            vault_key=key.id,
            opened_at=self._clock.now(),
            authorised_until=parse_date(arrived.values.get("authorised_until", "")),
            identity=identity,
            identity_lookup=lookup,
        )
        return await act.add(case), key

    # --- An answer arrives at the hospital or the CNSE.

    async def _answer(self, act: Act, arrived: "_Arrived") -> Decision:
        request = await self._named_request(act, arrived)
        if request is None:
            return self._for_a_person(arrived, "unknown-request")
        case = await self._locked_case(act, request)
        # Read again under the lock: another act may have moved it.
        request = await self._named_request(act, arrived) or request
        key = await self._cabinet.case_key(act, case)
        message = await self._message(act, arrived, case, key, request.hash)
        answer = arrived.kind.answer
        if answer is None:
            raise MailRefused(step="manifest", reason="not-an-answer")
        own = arrived.own
        times = AnswerTimes(
            earliest=own.earliest, latest=own.latest, stated=arrived.mail.signed_at, doubtful=own.disagrees
        )
        await self._requests.answer(
            act,
            request,
            answer,
            times,
            actor="gateway",
            partner=arrived.mail.partner.id,
            message=str(message.id),
        )
        return self._accepted(arrived, message, key)

    # --- A notice of the hospital arrives at the CNAS or the CNSE.

    async def _notice(self, act: Act, arrived: "_Arrived") -> Decision:
        request = await self._named_request(act, arrived)
        if request is None:
            return self._for_a_person(arrived, "unknown-request")
        case = await self._locked_case(act, request)
        request = await self._named_request(act, arrived) or request
        key = await self._cabinet.case_key(act, case)
        newer = await self._newer_notice(act, arrived, request)
        message = await self._message(act, arrived, case, key, request.hash)
        if arrived.kind is TACIT_ACCEPTANCE_NOTICE:
            await self._silence_notified(act, arrived, request, message)
        elif not newer:
            await self._follow(act, arrived, request, case, message)
        return self._accepted(arrived, message, key)

    async def _silence_notified(self, act: Act, arrived: "_Arrived", request: Request, message: Message) -> None:
        partner = arrived.mail.partner.id
        effective = parse_instant(arrived.values["effective_at"])
        too_early = self._party.role is Role.CNAS and (
            request.latest_at is None or effective is None or effective < request.latest_at
        )
        legal = (request.state, life.Event.SILENCE_NOTIFIED) in life.TRANSITIONS
        if too_early or not legal:
            # We have answered, or count otherwise: the notice is kept and shown, our own state stays.
            await act.record(
                "alarm.notice_contradicts_us",
                actor="gateway",
                request=request.hash,
                message=str(message.id),
                partner=partner,
                outcome=request.state.value,
                details={"effective_at": iso(effective), "latest_tacit_at": iso(request.latest_at)},
            )
            return
        await self._requests.advance(
            act,
            request,
            life.Event.SILENCE_NOTIFIED,
            actor="gateway",
            partner=partner,
            message=str(message.id),
            details={"effective_at": iso(effective)},
            due_at=None,
            settled_at=self._clock.now(),
        )

    async def _follow(self, act: Act, arrived: "_Arrived", request: Request, case: Case, message: Message) -> None:
        """A follower mirrors what the hospital states; it decides nothing of its own."""
        state = life.State(arrived.values["state"])
        grade = Grade[arrived.values.get("grade", "none").upper()]
        if request.state in _SETTLED and state not in _SETTLED:
            # The CNAS's own signed answer, or the notice of silence, outranks an older word that comes late.
            state = request.state
        await act.save(
            replace(
                request,
                state=state,
                grade=grade,
                started_at=parse_instant(arrived.values.get("started_at", "")),
                nominal_at=parse_instant(arrived.values.get("ends_at", "")),
            )
        )
        await act.record(
            "request.followed",
            actor="gateway",
            case=case.ref,
            request=request.hash,
            message=str(message.id),
            partner=arrived.mail.partner.id,
            outcome=state.value,
            details={"ends_at": iso(parse_instant(arrived.values.get("ends_at", ""))), "grade": grade.name.lower()},
        )

    async def _newer_notice(self, act: Act, arrived: "_Arrived", request: Request) -> bool:
        known = await act.all(
            Message,
            site=self._party.site,
            direction=Direction.IN,
            kind=arrived.kind.id,
            request_hash=request.hash,
        )
        return any(message.at > (arrived.inner.date or arrived.mail.signed_at) for message in known)

    # --- common

    async def _named_request(self, act: Act, arrived: "_Arrived") -> Request | None:
        """The request that a message names, if its sender may speak of it.

        Raises:
            MailRefused: the message names another case than the request's.
        """
        told = arrived.inner.manifest
        if told is None:
            return None
        request = await act.one(Request, site=self._party.site, hash=told.request_hash)
        case = await act.one(Case, id=request.case_id) if request is not None else None
        if request is None or case is None:
            return None
        if arrived.mail.partner.role is Role.HOSPITAL and case.hospital != arrived.mail.partner.id:
            return None
        if parse_token(told.case) != case.ref:
            raise MailRefused(step="manifest", reason="other-case")
        return request

    async def _locked_case(self, act: Act, request: Request) -> Case:
        await act.lock(request.case_id)
        case = await act.one(Case, id=request.case_id)
        if case is None:
            raise LookupError("a request without its case")
        return case

    async def _message(self, act: Act, arrived: "_Arrived", case: Case, key: VaultKey, request_hash: str) -> Message:
        entity = await act.add(await self._cabinet.put(arrived.seen.entity or b"", key))
        return await act.add(
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

    def _accepted(self, arrived: "_Arrived", message: Message, key: VaultKey) -> Decision:
        return Decision(verdict=Verdict.ACCEPTED, partner=arrived.mail.partner.id, message=message, key=key)

    def _for_a_person(self, arrived: "_Arrived", reason: str) -> Decision:
        return Decision(verdict=Verdict.TRIAGE, reason=reason, partner=arrived.mail.partner.id, held_back=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrived:
    kind: Kind
    inner: Inner
    seen: Incoming
    mail: VerifiedMail
    own: OwnReception
    values: Mapping[str, str]


_SETTLED = frozenset({life.State.ACCEPTED, life.State.REFUSED, life.State.TACITLY_ACCEPTED})
_DATES = ("authorised_until", "requested_from", "requested_until")


def seal_identity(cabinet: Cabinet, key: VaultKey, values: Mapping[str, str]) -> tuple[bytes, str]:
    """The patient's identity, sealed, and the keyed hash by which it is found again."""
    identity = {name: values.get(name, "") for name in IDENTITY_FIELDS}
    sealed = cabinet.vault.seal_text(json.dumps(identity, ensure_ascii=False), wrapped(key))
    return sealed, cabinet.vault.lookup(" ".join(identity[name] for name in IDENTITY_FIELDS[:3]))


def _check_content(kind: Kind, inner: Inner, told: Manifest) -> None:
    if faults(kind, _values(inner)):
        raise MailRefused(step="manifest", reason="fields")
    if {piece.role for piece in kind.pieces if piece.required} - {piece.role for piece in inner.pieces}:
        raise MailRefused(step="manifest", reason="missing-attachment")
    end = told.authorisation_end
    if kind.subject is Subject.REQUEST and end is not None and end.isoformat() != _values(inner)["authorised_until"]:
        raise MailRefused(step="manifest", reason="authorisation-end")
    if kind.subject is not Subject.REQUEST and told.request_hash is None:
        raise MailRefused(step="manifest", reason="names-no-request")
    try:
        parse_token(told.case)
    except Unknown:
        raise MailRefused(step="manifest", reason="case-token") from None


def _values(inner: Inner) -> dict[str, str]:
    told = inner.manifest
    return {name: value for name, value in told.fields.items() if isinstance(value, str)} if told else {}


def _known(value: date | None) -> date:
    if value is None:
        raise MailRefused(step="manifest", reason="fields")
    return value
