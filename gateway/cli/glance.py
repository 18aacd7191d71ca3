"""The gateway at a glance: asked of the service that runs, and told in lines.

A service keeps the answer ready. What opens the database instead, and what parses any other command, take ten times as
long to load, which a monitoring program would wait for each minute: nothing of that is imported here.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from gettext import gettext as _
from pathlib import Path
from typing import Any

from gateway.adapters.asking import ask
from gateway.cli.dates import day, end, instant
from gateway.cli.defaults import CONFIG_VARIABLE, DEFAULT_CONFIG, EXIT_UNWELL

GIGA = 10**9

Told = Mapping[str, Any]
"""The gateway at a glance, as JSON has it."""


def asked(config: Path) -> Told | None:
    """What the service of this configuration says; None when none runs, or its data folder cannot be made out."""
    try:
        data = Path(tomllib.loads(config.read_text(encoding="utf-8"))["gateway"]["data"])
        return ask(config.resolve().parent / data)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def shortcut(arguments: Sequence[str]) -> tuple[str, int] | None:
    """What ``gateway status`` prints with these arguments, and its exit code.

    None for whatever needs the whole program: no service, no plain arguments, or a question about them.
    """
    config, as_json, rest = os.environ.get(CONFIG_VARIABLE) or str(DEFAULT_CONFIG), False, list(arguments)
    while rest:
        match rest:
            case ["--json", *rest]:
                as_json = True
            case ["-c" | "--config", config, *rest] if not config.startswith("-"):
                pass
            case _:
                return None
    now = asked(Path(config))
    return None if now is None else (printed(now, as_json=as_json), 0 if now["healthy"] else EXIT_UNWELL)


def printed(now: Told, *, as_json: bool) -> str:
    """As JSON, or for a person."""
    if as_json:
        import json

        return json.dumps(now, ensure_ascii=False, indent=2) + "\n"
    return "".join(f"{line}\n" for line in lines(now))


def _at(told: str | None) -> str:
    return instant(None if told is None else datetime.fromisoformat(told))


def _since(told: str | None) -> str:
    return "" if told is None else " " + _("(le plus ancien : {at})").format(at=_at(told))


def lines(now: Told) -> Iterator[str]:
    """All of it, for a person."""
    for folder, at in now["polled_at"].items():
        polled = _at(at) if at else _("jamais")
        yield _("Courrier relevé ({folder}) : {at}").format(folder=folder, at=polled)
    if now["clock_suspended_at"]:
        since = _at(now["clock_suspended_at"])
        yield _("HORLOGE DOUTEUSE depuis {at} : aucun silence n'est enregistré.").format(at=since)
    sending = _("Courriers à envoyer : {waiting} ; à l'issue incertaine ou refusés : {doubtful}")
    counts = sending.format(waiting=now["waiting_mails"], doubtful=now["doubtful_mails"])
    yield counts + _since(now["waiting_since"])
    triage = _("Courriers à trier : {count}").format(count=now["to_triage"])
    yield triage + _since(now["to_triage_since"])
    if now["failing_handovers"] or now["waiting_handovers"]:
        told = _("Remises aux lecteurs : {failing} en échec, {waiting} sans lecteur désigné")
        yield told.format(failing=now["failing_handovers"], waiting=now["waiting_handovers"])
    yield from waiting(now)
    yield from _alarms(now)
    yield from _calendar(now)
    yield from _machine(now)
    if "mail_not_polled" in now["faults"]:
        yield _("LE COURRIER N'EST PAS RELEVÉ ({folders}).").format(folders=", ".join(now["unread"]))
        yield _("Vérifiez que « gateway run » tourne, que le serveur répond et que ces dossiers y existent.")
    if "storage_fails" in now["faults"]:
        yield _("LE DISQUE OU LA BASE REFUSE D'ÉCRIRE : rien ne s'enregistre, rien n'est accusé ni perdu.")
        yield _("Faites de la place, ou rétablissez le serveur de la base : le service reprend de lui-même.")
        yield _("Le journal technique en dit la raison (task.failing).")
    if "task_fails" in now["faults"]:
        yield _("UNE PARTIE DU SERVICE ÉCHOUE DEPUIS PLUS DE DIX MINUTES.")
        yield _("Son journal technique dit laquelle et pourquoi (task.failing, task.defect).")
    if now["healthy"]:
        yield _("Tout va bien.")


def waiting(now: Told) -> Iterator[str]:
    """The lines that tell what is awaited."""
    if now["role"] == "hospital":
        asked = _("Demandes ouvertes : {open}, dont sans accusé de réception : {lacking}")
        yield asked.format(open=now["open_requests"], lacking=now["unacknowledged"])
        yield _("Délais écoulés en attente d'enregistrement : {count}").format(count=now["elapsed"])
        if now["contested"]:
            contested = _("ACCEPTATIONS MISES EN CAUSE : {count} (gateway challenge list)")
            yield contested.format(count=now["contested"])
    elif now["role"] == "cnas":
        yield _("Demandes qui attendent votre réponse : {count}").format(count=now["open_requests"])
    else:
        yield _("Demandes suivies, sans réponse connue : {count}").format(count=now["open_requests"])
    next_end = now["next_end"]
    told = end(None if next_end is None else datetime.fromisoformat(next_end))
    yield _("Prochaine fin de délai : {end}").format(end=told)
    if now["owed_copies"]:
        yield _("Copies oubliées par leur auteur, à envoyer : {count}").format(count=now["owed_copies"])
    yield _("Ce qui reste à faire : gateway todo")


def _alarms(now: Told) -> Iterator[str]:
    counts = now["alarms"]
    if counts["standing"]:
        told = _("ALARMES : {count}, dont urgentes : {urgent} ; que personne n'a prises : {untaken} (gateway alarms)")
        yield told.format(count=counts["standing"], urgent=counts["urgent"], untaken=counts["untaken"])
    for habit in now["habits"]:
        if _never(habit):
            never = _("{partner} ne confirme jamais : {count} demandes, aucune confirmée.")
            yield never.format(partner=habit["partner"], count=habit["sent"])
        elif habit["sent"]:
            lately = _("{partner} a confirmé {confirmed} de nos {count} dernières demandes.")
            told = lately.format(partner=habit["partner"], confirmed=habit["confirmed"], count=habit["sent"])
            yield told


def _never(habit: Told) -> bool:
    if habit["confirmed"] or not habit["sent"]:
        return False
    from gateway.domain.alarms.facts import CHANCES

    return bool(habit["sent"] >= CHANCES)


def _calendar(now: Told) -> Iterator[str]:
    covered = date.fromisoformat(now["calendar_covers_until"])
    until = day(covered)
    if now["calendar_short"]:
        yield _("LE CALENDRIER S'ÉPUISE : après le {until}, aucun silence ne s'enregistre.").format(until=until)
        yield _("Complétez-le : gateway calendar propose {year} --record").format(year=covered.year + 1)
    else:
        yield _("Calendrier algérien complet jusqu'au {until}").format(until=until)
    if now["calendar_proposals"]:
        many = now["calendar_proposals"]
        yield _("Propositions de calendrier en attente d'une seconde personne : {many}").format(many=many)


def _machine(now: Told) -> Iterator[str]:
    made = _at(now["backed_up_at"]) if now["backed_up_at"] else _("jamais")
    yield _("Dernière sauvegarde : {at}").format(at=made)
    disk = now["disk"]
    if disk is not None:
        free, share = disk["free"] / GIGA, round(100 * disk["free"] / max(1, disk["total"]))
        yield _("Place libre sur le disque : {free:.1f} Go ({share} %)").format(free=free, share=share)
