"""What a person says that a mail is, made whole: its case, its request, its author and its fields, every fault at once.

What the mail itself suggests or proves is the default; what the person types outranks it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain import case as stay
from gateway.domain.case import token
from gateway.domain.errors import NotAllowed
from gateway.domain.evidence import CLOCK_TOLERANCE
from gateway.domain.kinds import Kind, Subject, as_kept, faults
from gateway.domain.parties import Directory, Partner, Party, Role
from gateway.domain.settlements import NOT_AN_ANSWER, WORDS, authors, fitting, meaning, name_of, receivable
from gateway.domain.words import Said, listed, said
from gateway.ports import Noise
from gateway.services.accept import spanned
from gateway.services.arrived import FORM, values_of
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case, open_request
from gateway.services.casework import IDENTITY_FIELDS, PRESENT, Casework
from gateway.services.exchanges import Heard
from gateway.services.patients import identity_of
from gateway.services.replies import AnswerTimes
from gateway.storage import Act, Case, Letter, Mail, Request, VaultKey
from gateway.wire import manifest
from gateway.wire.payload import read_payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person says of a mail. ``places`` are the fields by their place in the fiche."""

    what: str
    ref: str | None = None
    request_hash: str | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    has_form: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A mail as a person reads it. ``opens`` says that it makes the case, which is not stored yet."""

    kind: Kind
    case: Case
    key: VaultKey
    opens: bool
    request: Request | None
    values: Mapping[str, str]
    has_form: bool
    author: Partner
    letter: Letter | None
    times: AnswerTimes

    def heard(self, actor: str, message: str) -> Heard:
        """What the author said, as the request hears it."""
        return Heard(
            kind=self.kind,
            values=self.values,
            has_form=self.has_form,
            times=self.times,
            actor=actor,
            partner=self.author.id,
            message=message,
        )

    def plain(self) -> dict[str, object]:
        """All that a second person must say again."""
        return {
            "kind": self.kind.id,
            "case": None if self.opens else self.case.id,
            "request": self.request.hash if self.request else None,
            "values": dict(self.values),
            "form": self.has_form,
        }


class Reader:
    """Makes readings."""

    def __init__(
        self, *, party: Party, directory: Directory, cabinet: Cabinet, casework: Casework, noise: Noise
    ) -> None:
        self._party = party
        self._directory = directory
        self._cabinet = cabinet
        self._casework = casework
        self._noise = noise

    def check(self, word: str) -> None:
        """Refuse a word that means nothing here.

        Raises:
            NotAllowed: with the words that do.
        """
        if word != NOT_AN_ANSWER:
            self._kind(word)

    async def read(self, act: Act, mail: Mail, word: Word) -> Reading:
        """The reading, with the case locked.

        Raises:
            NotAllowed: every fault at once. Unknown: no such case.
        """
        kind = self._kind(word.what)
        if mail.received_earliest is None or mail.received_latest is None or mail.file is None:
            raise _refused(mail, word, said("Ce courrier n'a pas pu être lu."))
        letter = await act.one(Letter, site=mail.site, mail=mail.id)
        author = self._author(mail, letter, kind, word)
        opens = _opens(kind, mail, word)
        case = None if opens else await self._case(act, mail, word)
        request = None
        if case is not None and kind.subject is not Subject.CASE:
            request = await open_request(act, case, _named(mail, case, word), or_settled=True)
            kind = fitting(kind, request.kind)
        told, has_form = await self._told(act, letter, kind)
        has_form = has_form or word.has_form
        typed, found = _typed(kind, word.places)
        values = _in_the_mail(kind) | await self._identity(act, case, kind) | told | typed
        found += _faults(kind, values, has_form=has_form)
        if case is None and not opens:
            found.insert(0, said("--case : manque (le dossier auquel ce courrier se rapporte)"))
        if found:
            raise _refused(mail, word, listed(found))
        if case is None:
            case, key = self._new_case(mail, word, kind, author, values)
        else:
            key = await self._cabinet.case_key(act, case)
        return Reading(
            kind=kind,
            case=case,
            key=key,
            opens=opens,
            request=request,
            values=spanned(kind, values, request),
            has_form=has_form,
            author=author,
            letter=letter,
            times=AnswerTimes(
                earliest=mail.received_earliest,
                latest=mail.received_latest,
                stated=letter.signed_at if letter else mail.received_latest,
                doubtful=mail.received_latest - mail.received_earliest > CLOCK_TOLERANCE,
            ),
        )

    # --- what, whose, about what

    def _kind(self, word: str) -> Kind:
        kind = meaning(word, self._party.role)
        if kind is not None:
            return kind
        known = receivable(self._party.role)
        plain = [name for name, named in WORDS.items() if named in known]
        others = sorted(row.id for row in known if name_of(row) == row.id)
        choices = ", ".join([*plain, NOT_AN_ANSWER, *others])
        raise NotAllowed(
            act=said("classer en « {what} »", what=word[:20]), reason=said("Attendu : {choices}.", choices=choices)
        )

    def _author(self, mail: Mail, letter: Letter | None, kind: Kind, word: Word) -> Partner:
        """Who says it: the signer, the partner who wrote, or the only one who may when it came another way."""
        named = letter.author if letter else mail.partner
        partner = self._directory.find(named) if named else None
        allowed = authors(kind, self._party.role)
        if partner is not None and partner.role in allowed:
            return partner
        # An answer of the CNAS may be brought by anyone; any other mail is its own author's, or a stranger's.
        if letter is None and (partner is None or kind in WORDS.values()):
            found = [
                each
                for role in sorted(allowed, key=lambda role: role.value)
                for each in self._directory.with_role(role)
            ]
            if found:
                return found[0]
        reason = said(
            "{partner} n'envoie pas ce type de message : {title}.", partner=named or "–", title=said(kind.title)
        )
        raise _refused(mail, word, reason)

    async def _case(self, act: Act, mail: Mail, word: Word) -> Case | None:
        if word.ref is not None:
            case: Case | None = await find_case(act, self._party.site, word.ref)
        else:
            case = await act.one(Case, id=mail.likely_case) if mail.likely_case is not None else None
        if case is None:
            return None
        await act.lock(case.id)
        # Read again under the lock: another act may have moved it.
        return await act.one(Case, id=case.id) or case

    def _new_case(
        self, mail: Mail, word: Word, kind: Kind, author: Partner, values: Mapping[str, str]
    ) -> tuple[Case, VaultKey]:
        event = kind.outcome.case
        if event is None:
            raise LookupError("this kind opens no case")
        return self._casework.new(
            ref=token(self._noise(6)), hospital=self._hospital(mail, word, author), event=event, values=values
        )

    def _hospital(self, mail: Mail, word: Word, author: Partner) -> str:
        if self._party.role is Role.HOSPITAL:
            return self._party.id
        known = self._directory.with_role(Role.HOSPITAL)
        if author.role is Role.HOSPITAL:
            return author.id
        if len(known) != 1:
            raise _refused(mail, word, said("De quel hôpital ? Indiquez un dossier existant : --case REF."))
        return known[0].id

    # --- its fields

    async def _told(self, act: Act, letter: Letter | None, kind: Kind) -> tuple[dict[str, str], bool]:
        """What the message itself says in its manifest, when it has one, and whether the form is in it."""
        if letter is None or letter.kind != kind.id:
            return {}, False
        payload = read_payload(await self._cabinet.get(act, letter.entity))
        told = values_of(manifest.decode(payload.manifest or b""))
        return told, any(piece.role == FORM for piece in payload.attachments)

    async def _identity(self, act: Act, case: Case | None, kind: Kind) -> dict[str, str]:
        """The patient, who need not be typed again."""
        known = None if case is None else identity_of(self._cabinet, case, await self._cabinet.case_key(act, case))
        asked = {field.id for field in kind.fields}.intersection(IDENTITY_FIELDS)
        return {name: value for name, value in (known or {}).items() if name in asked and value}


def _opens(kind: Kind, mail: Mail, word: Word) -> bool:
    """Whether it makes a case: nobody names one, and it is a first demand or nothing suggests one."""
    event = kind.outcome.case
    if event not in stay.OPENINGS or word.ref is not None:
        return False
    return event is stay.Event.CARE_REQUESTED or mail.likely_case is None


def _named(mail: Mail, case: Case, word: Word) -> str | None:
    if word.request_hash is not None:
        return word.request_hash
    return mail.likely_request if mail.likely_case == case.id else None


def _in_the_mail(kind: Kind) -> dict[str, str]:
    """What the texts demand of a physician stands in the mail: whoever sorts it need neither read nor type it."""
    return {field.id: PRESENT for field in kind.fields if field.required and field.medical and not field.choices}


def _typed(kind: Kind, places: Mapping[str, str]) -> tuple[dict[str, str], list[Said]]:
    known = {field.fiche: field.id for field in kind.fields}
    found = [said("{place} : clé inconnue", place=place) for place in places if place not in known]
    return as_kept(kind, {known[place]: value for place, value in places.items() if place in known}), found


def _faults(kind: Kind, values: Mapping[str, str], *, has_form: bool) -> list[Said]:
    found = list(faults(kind, values))
    wanted = any(piece.role == FORM and piece.required for piece in kind.pieces)
    if wanted and not has_form:
        found.append(said("--with-form : le formulaire est obligatoire ; dites qu'il est dans le courrier"))
    return found


def _refused(mail: Mail, word: Word, reason: object) -> NotAllowed:
    act = said("classer le courrier {mail} en « {what} »", mail=mail.id, what=word.what[:40])
    return NotAllowed(act=act, reason=reason)
