"""The explanation of a period as a document: what the clock's page says, to be printed; no patient is named in it."""

from collections.abc import Iterator
from datetime import datetime

from gateway.domain.attestation import FORMS
from gateway.domain.days import ALGIERS
from gateway.domain.labels import CONDITIONS, READINGS, REASONS, RULES, STATES
from gateway.domain.parties import Party
from gateway.domain.period import DayLine, Period
from gateway.domain.sheet import (
    Block,
    Exact,
    Facts,
    Heading,
    Items,
    Paragraph,
    Sheet,
    Table,
    Text,
    end_of_day,
    long_day,
    long_instant,
    short_instant,
)
from gateway.domain.words import Said, said
from gateway.services.clock_view import ClockView, UnderHypothesis
from gateway.services.moved_ends import Extremes

UNREVIEWED = Paragraph(
    text=said("Cette traduction attend la relecture d'un juriste arabophone ; le texte français fait foi.")
)


def clock_sheet(
    view: ClockView, *, party: Party, actor: str, at: datetime, rehearsal: bool = False, unreviewed: bool = False
) -> Sheet:
    """The document; a demonstration's is marked, and ``unreviewed`` words say that no jurist has read them."""
    return Sheet(
        title=said("Jusqu'à quand la CNAS peut-elle répondre ?"),
        subtitle=said("Délai de la demande n° {number}", number=view.number),
        author=party.name,
        reference=said("Dossier {ref}", ref=view.case.ref),
        mark=said("Démonstration") if rehearsal else None,
        foot=said("Imprimé le {at} par {who}", at=long_instant(at), who=actor),
        blocks=(*((UNREVIEWED,) if unreviewed else ()), *_blocks(view)),
    )


def _blocks(view: ClockView) -> Iterator[Block]:
    period = view.item.period
    state = Said(STATES[view.state])
    if period is None:
        yield Paragraph(text=said("Le délai n'a pas commencé : {state}.", state=state), strong=True)
        return
    extremes = Extremes(earliest=period.earliest_tacit_at, latest=period.latest_tacit_at)
    yield Paragraph(text=_ends(extremes), strong=True)
    yield Facts(rows=tuple(_facts(view, period, state)))
    yield Heading(text=said("Les jours, un par un"))
    yield Table(
        head=(said("Jour"), said("Compté"), said("Pourquoi")),
        widths=(8, 3, 10),
        rows=tuple(_day(line) for line in period.days),
    )
    if view.hypotheses:
        yield Heading(text=said("Si une fête change de jour"))
        yield Table(
            head=(said("Si l'annonce dit"), said("Fin du délai")),
            widths=(1, 1),
            rows=tuple(_hypothesis(row) for row in view.hypotheses),
        )
    yield from _evidence(view)
    if view.moved:
        yield Heading(text=said("La fin du délai a changé"))
        yield Table(
            head=(said("Quand"), said("Avant"), said("Depuis"), said("Pourquoi")),
            widths=(4, 6, 6, 6),
            rows=tuple(
                (short_instant(move.at), _ends(move.before), _ends(move.after), move.cause) for move in view.moved
            ),
        )
    lacking = [asked.condition for asked in view.conditions if not asked.condition.holds]
    if lacking:
        yield Heading(text=said("Ce qui manque pour une acceptation tacite"))
        yield Items(items=tuple(Said(CONDITIONS.get(condition.name, condition.name)) for condition in lacking))
    yield Heading(text=said("Les règles appliquées"))
    yield Items(items=tuple(Said(text) for text in RULES.values()))
    yield Paragraph(text=said("Lectures du texte sur lesquelles ce compte repose :"))
    yield Items(items=tuple(Said(READINGS[reading.id]) for reading in period.readings))


def _facts(view: ClockView, period: Period, state: Said) -> Iterator[tuple[Text, Text]]:
    yield said("Où en est la demande"), state
    yield said("Reçue par la CNAS"), long_instant(period.received, ALGIERS)
    if view.records_at is not None and view.awaited:
        yield said("Rien n'est enregistré avant"), long_instant(view.records_at)
    yield said("Version du calendrier"), Exact(period.calendar_version)


def _ends(ends: Extremes) -> Said:
    if ends.latest is None:
        return said("au plus tôt : {end}", end=end_of_day(ends.earliest))
    if ends.latest == ends.earliest:
        return end_of_day(ends.latest)
    return said("entre {first} et {last}", first=end_of_day(ends.earliest), last=end_of_day(ends.latest))


def _day(line: DayLine) -> tuple[Text, ...]:
    rank = said("jour {rank}", rank=line.rank) if line.rank else said("non")
    reason = Said(REASONS[line.reason.value])
    why = said("{reason} {name}", reason=reason, name=line.name) if line.name else reason
    return long_day(line.date), rank, said("{why} (incertain)", why=why) if line.uncertain else why


def _hypothesis(row: UnderHypothesis) -> tuple[Text, ...]:
    feasts = [said("{feast} : {day}", feast=move.name, day=long_day(first)) for move, first in row.moves]
    told = feasts[0] if len(feasts) == 1 else said("{first} ; {second}", first=feasts[0], second=feasts[-1])
    return told, end_of_day(row.tacit_at)


def _evidence(view: ClockView) -> Iterator[Block]:
    yield Heading(text=said("La preuve de réception"))
    yield Table(
        head=(
            *(said("Preuve"), said("Notre message"), said("Réception déclarée"), said("Date de la preuve")),
            *(said("Arrivée chez nous"), said("Enregistrée")),
        ),
        widths=(8, 7, 7, 7, 7, 7),
        rows=tuple(
            (
                Said(FORMS[row.kind].title),
                *(short_instant(at) for at in (row.sent_at, row.stated_at, row.dated_at)),
                *(short_instant(at) for at in (row.arrived_at, row.recorded_at)),
            )
            for row in view.item.evidence
        ),
    )
    yield Paragraph(text=said("Heures de Paris."))
