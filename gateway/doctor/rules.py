"""What the configuration decides: calendar, four eyes, partners and what their evidence is worth, size limits."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

from gateway import legal_time
from gateway.doctor.finding import Finding, blocking, fine, of_error, to_know, to_mend
from gateway.doctor.installation import Installation
from gateway.domain.errors import DatabaseDamaged, DatabaseMissing, NotAllowed, RehearsalOnly, StorageFailed
from gateway.domain.kinds import KINDS, recipients
from gateway.domain.parties import Grade, Partner, PartnerKind, Role
from gateway.domain.words import Said, dated, said
from gateway.domain.workdays import algiers_day
from gateway.services.calendar_watch import is_short
from gateway.services.compose import ENCRYPTION_OVERHEAD

MEGABYTE = 1_000_000

GRADES = {
    Grade.AUTO_REPLY: said("une réponse automatique"),
    Grade.DSN_DELIVERED: said("un avis de remise"),
    Grade.MDN: said("un accusé de lecture non signé"),
    Grade.SIGNED_REPLY: said("une réponse signée"),
    Grade.SIGNED_RECEIPT: said("un accusé de réception signé"),
}


def configuration(installation: Installation, unexamined: Sequence[str]) -> Iterator[Finding]:
    """The file as a whole, and what cannot be examined without what it lacks."""
    if installation.fault is not None:
        yield of_error("config.file", installation.fault)
    else:
        path = installation.config
        yield fine("config.file", said("Configuration lisible : {path}.", path=path), path=str(path))
    if unexamined:
        yield to_know(
            "config.partial",
            said("Non examinés, faute de configuration : {names}.", names=", ".join(unexamined)),
            mend=said("Complétez la configuration, puis relancez gateway doctor."),
            checks=list(unexamined),
        )


async def calendar(installation: Installation) -> AsyncIterator[Finding]:
    """How far the calendar of working days goes: the file, and what persons stated over it.

    Raises:
        CalendarInvalid, CalendarContradicted.
    """
    almanac = await asyncio.to_thread(legal_time.almanac, installation.settings)
    try:
        async with installation.reading() as view:
            table = await almanac.calendar(view)
    except (DatabaseMissing, RehearsalOnly, DatabaseDamaged, NotAllowed, StorageFailed):
        # What is wrong with the database is told by its own check; the file is there all the same.
        table = legal_time.calendar(installation.settings)
    today, until = algiers_day(installation.clock.now()), table.covers_until
    facts = {"covers_until": until, "days_left": (until - today).days}
    why = said("Un délai qui touche un jour non couvert n'a pas de fin certaine : rien n'est enregistré.")
    mend = said("Complétez-le : gateway calendar propose, puis gateway calendar import (docs/operate.md).")
    if until < today:
        yield blocking(
            "config.calendar",
            said("Le calendrier est épuisé depuis le {day}.", day=dated(until)),
            why,
            mend,
            **facts,
        )
    elif is_short(table, installation.clock.now()):
        yield to_mend("config.calendar", said("Le calendrier s'arrête le {day}.", day=dated(until)), why, mend, **facts)
    else:
        yield fine("config.calendar", said("Calendrier complet jusqu'au {day}.", day=dated(until)), **facts)


def people(installation: Installation) -> Iterator[Finding]:
    """Whether acts that make a recording possible need two persons."""
    settings = installation.settings
    if settings.four_eyes:
        count = len(set(settings.people.values()))
        yield fine(
            "config.people", said("Quatre yeux : {count} personnes nommées.", count=count), four_eyes=True, people=count
        )
        return
    yield to_know(
        "config.people",
        said("Quatre yeux désactivés : moins de deux personnes dans [people]."),
        said("Une seule personne peut confirmer un délai ou enregistrer une clé."),
        said("Nommez deux personnes ou plus dans [people]."),
        four_eyes=False,
    )


def staff(installation: Installation) -> Iterator[Finding]:
    """Whether somebody is told of alarms, and whether there is a way beside the mail."""
    settings = installation.settings
    names, command = list(settings.staff), settings.alarms.command is not None
    told = {"staff": names, "command": command}
    mend = said("Nommez-les dans [staff], et une commande dans [alarms] (docs/operate.md, chapitre des alarmes).")
    if names and command:
        what = said("Prévenus des alarmes : {names} ; sinon une commande.", names=", ".join(names))
        yield fine("config.staff", what, **told)
    elif names:
        yield to_know(
            "config.staff",
            said("Prévenus des alarmes : {names}, par courrier seulement.", names=", ".join(names)),
            said("Si le courrier ne part pas, personne n'est prévenu."),
            mend,
            **told,
        )
    else:
        yield to_know(
            "config.staff",
            said("Personne n'est prévenu des alarmes par courrier."),
            said("Il faut les lire soi-même : gateway alarms."),
            mend,
            **told,
        )


# --- Partners.


def roles(installation: Installation) -> Iterator[Finding]:
    """Somebody fills each role to which ours must write."""
    settings = installation.settings
    ours = settings.party.role
    wanted = {role for kind in KINDS.values() for role in recipients(kind, ours)} - {Role.CPAM}
    absent = sorted(role.value for role in wanted if not settings.directory.with_role(role))
    if absent:
        yield blocking(
            "partners.roles",
            said("Aucun partenaire ne tient le rôle : {roles}.", roles=", ".join(absent)),
            said("Les textes veulent qu'il reçoive nos courriers : aucun ne partira sans lui."),
            said("Ajoutez une section [partners.…] avec ce rôle."),
            absent=absent,
        )
        return
    names = [partner.id for partner in settings.directory.partners]
    yield fine("partners.roles", said("Partenaires : {names}.", names=", ".join(names)), partners=names)


def floors(installation: Installation) -> Iterator[Finding]:
    """From which evidence a period of ours starts, and from which it is recorded without a person."""
    settings = installation.settings
    if settings.party.role is Role.HOSPITAL:
        for partner in settings.directory.with_role(Role.CNAS):
            yield _floor(partner)
            yield from _other_ways(partner)


def _floor(partner: Partner) -> Finding:
    policy = partner.policy
    told: dict[str, object] = {
        "partner": partner.id,
        "starts_from": policy.starts_from,
        "records_alone_from": policy.records_alone_from,
        "convention": policy.convention,
    }
    if partner.kind is PartnerKind.MAIL and policy.starts_from > Grade.SIGNED_REPLY:
        return to_mend(
            "partners.floors",
            said("{partner} : le délai attend {starts}.", partner=partner.id, starts=GRADES[policy.starts_from]),
            said("Un partenaire sans passerelle n'en produit pas de lui-même : le délai risque de ne jamais partir."),
            said(
                'Écrivez starts_from = "mdn" dans [partners.{partner}], ou convenez de réponses signées.',
                partner=partner.id,
            ),
            **told,
        )
    what = said(
        "{partner} : le délai part dès {starts} ; le silence s'enregistre seul dès {alone}.",
        partner=partner.id,
        starts=GRADES[policy.starts_from],
        alone=GRADES[policy.records_alone_from],
    )
    if policy.starts_from >= policy.records_alone_from:
        return fine("partners.floors", what, **told)
    return to_know(
        "partners.floors",
        what,
        said("Entre les deux, le délai court mais une personne doit confirmer la réception (gateway confirm)."),
        _agreement(partner),
        **told,
    )


def _agreement(partner: Partner) -> Said | None:
    if partner.policy.convention:
        return None
    return said(
        "Pour l'éviter, il faut un accord écrit, nommé par « convention » dans [partners.{partner}].",
        partner=partner.id,
    )


def _other_ways(partner: Partner) -> Iterator[Finding]:
    if partner.kind is PartnerKind.MAIL and partner.policy.answers_come_here is None:
        yield to_know(
            "partners.answers",
            said("{partner} peut répondre par une autre voie que cette boîte.", partner=partner.id),
            said("Avant chaque enregistrement, une personne affirme qu'aucune réponse n'est venue autrement."),
            said(
                "Si un accord écrit dit que les réponses viennent ici : answers_come_here dans [partners.{partner}].",
                partner=partner.id,
            ),
            partner=partner.id,
        )


def sizes(installation: Installation) -> Iterator[Finding]:
    """The largest mail for each partner, by what the configuration says."""
    settings = installation.settings
    ours = settings.smtp.max_bytes
    for partner in settings.directory.partners:
        limit = min(ours, partner.max_bytes)
        told = {"partner": partner.id, "max_bytes": partner.max_bytes, "smtp_max_bytes": ours, "limit": limit}
        pieces = f"{limit / ENCRYPTION_OVERHEAD / MEGABYTE:.0f}"
        yield fine(
            "partners.size",
            said(
                "{partner} : {limit} Mo par courrier, soit environ {pieces} Mo de pièces.",
                partner=partner.id,
                limit=limit // MEGABYTE,
                pieces=pieces,
            ),
            **told,
        )
