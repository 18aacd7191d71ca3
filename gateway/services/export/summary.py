"""``RESUME.pdf`` of a dossier: what happened, for a reader who opens nothing else."""

from collections.abc import Iterator

from gateway.domain.days import ALGIERS
from gateway.domain.kinds import KINDS
from gateway.domain.labels import GRADES, ROLES, STATES
from gateway.domain.parties import Party
from gateway.domain.period import Period
from gateway.domain.sheet import (
    NOTHING,
    Block,
    Exact,
    Facts,
    Heading,
    Paragraph,
    Sheet,
    Table,
    Text,
    end_of_day,
    long_day,
    long_instant,
    short_instant,
)
from gateway.domain.words import Listed, Said, dated, french, listed, said
from gateway.services.export.facts import Export, Piece, Pieces, Policy
from gateway.services.export.gathering import Gathered
from gateway.storage import Direction, Request

NAME = "RESUME.pdf"

_NOT_ENCLOSED = {
    "content": french("ouvert, avec du contenu : seulement dans un dossier fait avec --with-content"),
    "forgotten": french("oublié selon la durée de conservation ; son empreinte reste au journal"),
    "absent": french("jamais gardé"),
}


def summary(
    found: Gathered, periods: dict[str, Period], pieces: Pieces, export: Export, *, party: Party, policy: Policy
) -> Sheet:
    """The document."""
    requests = (block for row in found.requests for block in _request(found, row, periods.get(row.hash)))
    return Sheet(
        title=said("Résumé du dossier {ref}", ref=found.case.ref),
        subtitle=said("Tenu par {name} ({role})", name=party.name, role=Said(ROLES[party.role])),
        author=party.name,
        reference=said("Dossier {ref}", ref=found.case.ref),
        foot=said("Exporté le {at} par {who}", at=long_instant(export.at), who=export.actor),
        mark=None if export.recorded else said("Démonstration"),
        blocks=(
            Facts(
                rows=(
                    (said("Ouvert"), long_instant(found.case.opened_at)),
                    (said("Autorisation connue"), _until(found)),
                    (
                        said("Contenu médical"),
                        said("joint, dans contenu/") if export.with_content else said("non joint"),
                    ),
                    (said("Logiciel"), policy.software),
                )
            ),
            *requests,
            *_messages(found),
            *_missing(pieces),
            *_closing(policy),
        ),
    )


def _until(found: Gathered) -> Text:
    day = found.case.authorised_until
    return NOTHING if day is None else said("jusqu'au {day}", day=long_day(day))


def _request(found: Gathered, request: Request, period: Period | None) -> Iterator[Block]:
    first, last = long_day(request.requested_from), long_day(request.requested_until)
    yield Heading(text=said("Demande du {first} au {last}", first=first, last=last))
    yield Facts(
        rows=(
            (said("État"), Said(STATES[request.state])),
            (said("Empreinte (SHA-256)"), Exact(request.hash)),
            (said("Préparée"), long_instant(request.submitted_at)),
            (said("Remise au serveur"), long_instant(request.handed_over_at)),
            *_received(found, request),
            *(_period(period) if period is not None else ()),
            *_recorded(found, request),
        )
    )


def _received(found: Gathered, request: Request) -> Iterator[tuple[Text, Text]]:
    for row in found.evidence:
        if row.request_hash == request.hash:
            yield (
                said("Preuve de réception"),
                said(
                    "{grade} de {partner} : reçue le {stated}, preuve arrivée ici le {arrived}",
                    grade=Said(GRADES[row.grade]),
                    partner=row.partner,
                    stated=long_instant(row.stated_at),
                    arrived=long_instant(row.arrived_at),
                ),
            )


def _period(period: Period) -> Iterator[tuple[Text, Text]]:
    yield said("Départ du délai"), long_instant(period.received, ALGIERS)
    days: Listed = listed(dated(day) for day in period.counted_days)
    yield said("Jours comptés à Alger"), days
    yield said("Fin du délai"), end_of_day(period.tacit_at)


def _recorded(found: Gathered, request: Request) -> Iterator[tuple[Text, Text]]:
    for silence in found.acceptances:
        if silence.request_hash != request.hash:
            continue
        yield said("Silence constaté"), long_instant(silence.recorded_at)
        yield said("Effet de l'acceptation"), end_of_day(silence.effective_at)
        if silence.withdrawn_at is not None:
            yield (
                said("Constat retiré"),
                said("{at} (dossier.json : challenges, rulings)", at=long_instant(silence.withdrawn_at)),
            )


def _messages(found: Gathered) -> Iterator[Block]:
    if not found.messages:
        return
    rows = []
    for row in found.messages:
        way = said("reçu de") if row.direction is Direction.IN else said("envoyé à")
        kind = KINDS.get(row.kind)
        title = Said(kind.title) if kind is not None else said("Accusé de réception")
        rows.append((short_instant(row.at), way, row.partner.replace("+", ", "), title))
    yield Heading(text=said("Messages"))
    head = (said("Date (Paris)"), said("Sens"), said("Partenaire"), said("Échange"))
    yield Table(head=head, widths=(6, 4, 5, 12), rows=tuple(rows))


def _missing(pieces: Pieces) -> Iterator[Block]:
    several = (
        (said("courrier reçu"), pieces.mails),
        (said("courrier envoyé"), pieces.transmissions),
        (said("preuve apportée"), pieces.entered),
    )
    rows = tuple(
        (label, str(number), Exact(piece.sha256 or NOTHING), _why(piece))
        for label, kept in several
        for number, piece in kept.items()
        if piece.name is None
    )
    if rows:
        yield Heading(text=said("Pièces qui ne sont pas jointes"))
        yield Table(head=(said("Pièce"), said("N°"), said("SHA-256"), said("Pourquoi")), widths=(5, 2, 8, 9), rows=rows)


def _why(piece: Piece) -> Said:
    return Said(_NOT_ENCLOSED[piece.why or "absent"])


def _closing(policy: Policy) -> Iterator[Block]:
    hours = f"{policy.grace.total_seconds() / 3600:g}"
    yield Heading(text=said("Pour le lire et le vérifier"))
    yield Facts(
        rows=(
            (said("Marge après le délai"), said("{hours} h (politique.json)", hours=hours)),
            (said("Personnes nécessaires"), said("{count} pour les actes qui engagent", count=policy.persons_needed)),
        )
    )
    yield Paragraph(
        text=said(
            "Ce que prouve le journal, et ce qu'il ne prouve pas encore : journal/ETAT.txt. Vérifier soi-même, avec "
            "sha256sum, openssl et gpg seuls : LISEZMOI.txt."
        )
    )
