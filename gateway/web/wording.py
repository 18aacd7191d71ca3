"""Dates, names and states as a person reads them on a page, in their language; no date is computed here.

Dates are absolute and in full (CONSOLE §3); the end of a period is its last minute in Algiers, never « midnight ».
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from markupsafe import Markup

from gateway.catalogues import Language
from gateway.domain.alarms.shape import PREFIX as STAFF
from gateway.domain.attestation import FORMS
from gateway.domain.checkpoint import MAILBOX
from gateway.domain.days import ALGIERS, MONTHS, PARIS, SHORT_WEEKDAYS, WEEKDAYS
from gateway.domain.kinds import KINDS, Field, FieldType, parse_instant
from gateway.domain.labels import CONDITIONS, GRADES, REASONS, ROLES, STATES
from gateway.domain.parties import Function, Partner, Role
from gateway.domain.readers import PREFIX as READER
from gateway.domain.rights import POST_WORDS, Post
from gateway.domain.steps import BY_NAME
from gateway.domain.words import Said, Translator, bound, french, said, told
from gateway.services.log_words import outcome_of, what
from gateway.services.message_sheet import ENDS
from gateway.services.partner_words import from_partner, partner_named, to_partners
from gateway.services.rights import GATEWAY
from gateway.services.sorting_words import title_of
from gateway.services.terms import (
    CASE_STATES,
    CHOICES,
    CLAIMS,
    COVER_REASONS,
    DATED_BY,
    FLAGS,
    FUNCTIONS,
    HINTS,
    MAIL_REASONS,
    PAYERS,
    RETURNS,
)
from gateway.storage import Direction, Hint, Mail, Message, Way
from gateway.wire.fields import escaped

_NO_BREAK = "\N{NO-BREAK SPACE}"
"""Inside an hour, which stays on its line."""

ISOLATE, END_OF_ISOLATE = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
"""Round a name in another script inside a sentence."""

_LABELS: Mapping[Any, str] = {
    **STATES,
    **GRADES,
    **CASE_STATES,
    **POST_WORDS,
    **PAYERS,
    **COVER_REASONS,
    **FLAGS,
    **RETURNS,
    **CLAIMS,
    Way.FILE: french("fichier"),
    Way.TIMESTAMP: french("horodatage"),
    Way.MAIL: french("courrier"),
}

_CODED = {
    "state": {state.value: words for state, words in STATES.items()},
    "grade": {grade.name.lower(): words for grade, words in GRADES.items()},
}
"""Fields that hold a code of ours."""


class Wording:
    """Words for one language."""

    def __init__(self, translate: Translator, language: Language) -> None:
        self._ = translate
        self._partial = language is Language.ARABIC

    def text(self, value: object) -> str:
        """A sentence kept as data, in the reader's language; what others wrote, with nothing that deceives the eye.

        What has no Arabic is French that says so.
        """
        text = bound(escaped(str(told(value, self._))))
        if self._partial and isinstance(value, Said) and bound(self._(value.template)) == bound(value.template):
            return Markup('<span lang="fr" dir="ltr">{}</span>').format(text)
        return text

    def long_day(self, value: date) -> str:
        """« lundi 8 mars 2027 »."""
        words = {"weekday": self._(WEEKDAYS[value.weekday()]), "day": self.ordinal(value.day)}
        return self._("{weekday} {day} {month} {year}").format(
            **words, month=self._(MONTHS[value.month - 1]), year=value.year
        )

    def day(self, value: date) -> str:
        """« lundi 8 mars », where the year goes without saying."""
        words = {"weekday": self._(WEEKDAYS[value.weekday()]), "day": self.ordinal(value.day)}
        return self._("{weekday} {day} {month}").format(**words, month=self._(MONTHS[value.month - 1]))

    def month(self, value: date) -> str:
        """« mars 2027 »."""
        return f"{self._(MONTHS[value.month - 1])} {value.year}"

    def weekdays(self) -> tuple[str, ...]:
        """The days of a week, from Monday."""
        return tuple(self._(name) for name in WEEKDAYS)

    def ordinal(self, number: int) -> str:
        """The day of a month as dates write it: « 1er » in French."""
        return self._("1er") if number == 1 else str(number)

    def cell_day(self, value: date) -> Markup:
        """A day in a narrow cell, on two lines."""
        return Markup("{}<br>{}").format(self._(SHORT_WEEKDAYS[value.weekday()]), value.day)  # the template is ours

    def instant(self, at: datetime | None) -> str:
        """An instant in Paris, where the readers of these pages are."""
        if at is None:
            return "–"
        local = at.astimezone(PARIS)
        return self._("{day} à {time}").format(day=self.long_day(local.date()), time=self.clock(local))

    def time(self, at: datetime) -> str:
        """The time of day in Paris."""
        return self.clock(at.astimezone(PARIS))

    def algiers_time(self, at: datetime) -> str:
        """The time of day in Algiers."""
        return self.clock(at.astimezone(ALGIERS))

    def clock(self, local: datetime) -> str:
        """The time of day of a local instant."""
        return local.strftime(self._("%H h %M")).replace(" ", _NO_BREAK)

    def algiers_day(self, at: datetime) -> date:
        """The calendar date of an instant in Algiers."""
        return at.astimezone(ALGIERS).date()

    def last_day(self, end: datetime) -> date:
        """The last day of a period that ends at this instant, in Algiers."""
        return (end - timedelta(minutes=1)).astimezone(ALGIERS).date()

    def last_minute(self, end: datetime) -> str:
        """The end of a period as nobody misreads it: the last minute of its last day, and what it is in Paris."""
        last = end - timedelta(minutes=1)
        here, there = last.astimezone(ALGIERS), last.astimezone(PARIS)
        if here.utcoffset() == there.utcoffset():
            return self._("Fin de journée, {time}, heure d'Alger (même heure à Paris).").format(time=self.clock(here))
        return self._("Fin de journée, {time}, heure d'Alger ; à Paris, le {day} à {paris}.").format(
            time=self.clock(here), day=self.day(there.date()), paris=self.clock(there)
        )

    def algiers_instant(self, at: datetime) -> str:
        """An instant in Algiers, where the days of a period are."""
        local = at.astimezone(ALGIERS)
        return self._("{day} à {time}").format(day=self.long_day(local.date()), time=self.clock(local))

    def between(self, earliest: datetime, latest: datetime | None) -> str:
        """The last day of a period, or the two between which it lies."""
        first = self.long_day(self.last_day(earliest))
        if latest is None:
            return self._("au plus tôt le {day}").format(day=first)
        last = self.long_day(self.last_day(latest))
        return first if first == last else self._("entre le {first} et le {last}").format(first=first, last=last)

    def until(self, earliest: datetime, latest: datetime | None) -> str:
        """The same as an answer to « until when »."""
        told = self.between(earliest, latest)
        return self._("jusqu'au {day}").format(day=told) if earliest == latest else told

    def received_between(self, first: datetime, last: datetime) -> str:
        """When something came, or the two instants between which it did."""
        if first == last:
            return self.exact_instant(first)
        told = self._("entre {first} et {last}")
        return told.format(first=self.exact_instant(first), last=self.exact_instant(last))

    def shift(self, days: int) -> str:
        """How far a feast is from where it is expected."""
        if days == 0:
            return self._("date prévue")
        return self._("un jour plus tard") if days > 0 else self._("un jour plus tôt")

    def exact_instant(self, at: datetime | None) -> str:
        """An instant in Paris to the second, among other instants."""
        if at is None:
            return "–"
        local = at.astimezone(PARIS)
        return self._("{day}, {time}").format(
            day=self.day(local.date()), time=local.strftime(self._("%H h %M min %S s")).replace(" ", _NO_BREAK)
        )

    def holiday(self, name: str) -> str:
        """A day off as this language calls it, when the calendar's own name is known; with its Muslim year."""
        stem, _, year = name.rpartition(" ")
        known, rest = (stem, f" {year}") if stem and year.isdigit() else (name, "")
        told = self._(known)
        if self._partial and bound(told) == bound(known):
            return f"{ISOLATE}{escaped(known)}{rest}{END_OF_ISOLATE}"
        return escaped(told) + rest

    def holidays(self, names: Iterable[str]) -> str:
        """Several of them."""
        return ", ".join(self.holiday(name) for name in names)

    def condition(self, name: str) -> str:
        """What a silence lacks, or what a person is asked."""
        return self._(CONDITIONS[name]) if name in CONDITIONS else name

    def form(self, kind: str) -> str:
        """A form of evidence."""
        return self._(FORMS[kind].title) if kind in FORMS else kind

    def sentence_case(self, text: str) -> str:
        """With a capital, where it begins a line."""
        told = self._(text)
        return told[:1].upper() + told[1:]

    def table(self, words: Mapping[Any, str], key: Any) -> str:
        """One of a table of the domain, by its key."""
        return self._(words[key])

    def written_day(self, text: str) -> str:
        """A date as a fiche holds it (ISO 8601), in full; anything else as it stands."""
        try:
            return self.long_day(date.fromisoformat(text))
        except ValueError:
            return self.text(text)

    def due(self, value: date | datetime | None) -> str:
        """Until when something is due."""
        if isinstance(value, datetime):
            return self._("{day}, fin de journée à Alger").format(day=self.long_day(self.last_day(value)))
        return "" if value is None else self.long_day(value)

    def stated(self, field: Field, value: str) -> str:
        """What a message states in one of its fields: a state, an instant or one of our choices in words."""
        if field.id in _CODED and value in _CODED[field.id]:
            return self._(_CODED[field.id][value])
        if field.type is FieldType.INSTANT and (at := parse_instant(value)) is not None:
            return self.due(at) if field.id in ENDS else self.instant(at)
        return self.choice(value) if value in field.choices else self.lines(value)

    def choice(self, value: str) -> str:
        """One of our choices, as people write it."""
        return self._(CHOICES[value]) if value in CHOICES else escaped(value)

    def lines(self, value: str) -> str:
        """A text of several lines, each with nothing that deceives the eye."""
        return "\n".join(escaped(line) for line in value.splitlines())

    def functions(self, partner: Partner, functions: tuple[Function, ...]) -> tuple[str, ...]:
        """As what a partner gets a mail."""
        return tuple(self._(FUNCTIONS[function]) for function in functions if partner.fills(function))

    def settled(self, settled_as: str | None) -> str:
        """What a mail was said to be."""
        return self._(title_of(settled_as or ""))

    def refused(self, mail: Mail) -> str:
        """Why a mail waits for a person, or was refused."""
        return self._(MAIL_REASONS[mail.reason]) if mail.reason in MAIL_REASONS else escaped(mail.reason or "–")

    def step(self, name: str | None) -> str:
        """The step of the trust list at which a mail was refused."""
        found = BY_NAME.get(name or "")
        if found is None:
            return escaped(name or "–")
        return self._("étape {number} : {title}").format(number=found.number, title=self._(found.title))

    def hint(self, hint: Hint | None) -> str:
        """Why a case is proposed."""
        return self._(HINTS[hint]) if hint else ""

    def dated_by(self, source: str) -> str:
        """Who says when a mail arrived."""
        return self._(DATED_BY.get(source, source))

    def recorded(self, event: str) -> str:
        """What a record of the log tells; nothing for one of another version."""
        told = what(event)
        text = "" if told is None else self.text(told)
        return text[:1].upper() + text[1:].removesuffix(".")

    def outcome(self, event: str, outcome: str | None) -> str:
        """With what outcome; nothing where there are no words for it."""
        told = outcome_of(event, outcome)
        return "" if told is None else self.text(told)

    def doer(self, actor: str) -> str:
        """Who did what is recorded."""
        return self._("la passerelle") if actor == GATEWAY else escaped(actor)

    def partner(self, name: str) -> str:
        """A partner, alone."""
        return self.text(partner_named(name))

    def addressee(self, name: str) -> str:
        """Partners, or one of our own people, or our own mailbox."""
        if name == MAILBOX:
            return self._("notre boîte aux lettres")
        return ", ".join(self.partner(each.removeprefix(STAFF).removeprefix(READER)) for each in name.split("+"))

    def origin(self, message: Message) -> str:
        """Where a message came from, or whom it was for."""
        if message.direction is Direction.IN:
            told = said(
                "reçu {origin}, daté du {at}.", origin=from_partner(message.partner), at=self.instant(message.at)
            )
        else:
            told = said("envoyé {target}, {at}.", target=to_partners(message.partner), at=self.instant(message.at))
        return self.text(told)

    def folder(self, name: str) -> str:
        """A watched folder, whose inbox every mail program calls otherwise."""
        owner, _, folder = name.rpartition("/")
        told = self._("Boîte de réception") if folder.upper() == "INBOX" else escaped(folder)
        return f"{escaped(owner)} · {told}" if owner else told

    def number(self, value: float) -> str:
        """A number with one digit after the comma, or the point."""
        return self._("{whole},{tenth}").format(whole=int(value), tenth=int(value * 10) % 10)

    def label(self, member: Enum) -> str:
        """A member of a table of the domain."""
        return self._(_LABELS[member])

    def role(self, role: Role) -> str:
        """A party, as its role is called."""
        return self._(ROLES[role])

    def posts(self, posts: tuple[Post, ...]) -> str:
        """What a person does in the house."""
        return ", ".join(self._(POST_WORDS[post]) for post in posts)

    def reason(self, value: Enum) -> str:
        """Why a day counts or not."""
        return self._(REASONS[value.value]).rstrip(": \N{NO-BREAK SPACE}")

    def kind(self, name: str) -> str:
        """A message kind as a person calls it."""
        return self._(KINDS[name].title) if name in KINDS else self._("Accusé de réception")
