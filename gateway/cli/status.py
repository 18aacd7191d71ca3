"""``gateway status``: whether all is well, for a person and for a monitoring program."""

from gettext import gettext as _
from typing import Any

import typer

from gateway.cli.alarms import show_alarms
from gateway.cli.listing import show_waiting
from gateway.cli.output import day, echo_json, instant
from gateway.cli.session import DEFAULT_CONFIG, EXIT_UNWELL, ConfigOption, JsonOption, with_base

GIGA = 10**9


def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Dire si tout va bien. Code de sortie 8 si la passerelle ne fonctionne pas comme elle doit."""

    async def read(base: Any) -> Any:
        from gateway import records

        return await records.health(base).read()

    now = with_base(config, read)
    if as_json:
        from gateway.services.shapes.status import status_json

        echo_json(status_json(now))
    else:
        _show_status(now)
    if not now.healthy:
        raise typer.Exit(EXIT_UNWELL)


def _show_calendar(now: Any) -> None:
    until = day(now.calendar_covers_until)
    if now.calendar_short:
        year = now.calendar_covers_until.year + 1
        typer.echo(_("LE CALENDRIER S'ÉPUISE : après le {until}, aucun silence ne s'enregistre.").format(until=until))
        typer.echo(_("Complétez-le : gateway calendar propose {year} --record").format(year=year))
    else:
        typer.echo(_("Calendrier algérien complet jusqu'au {until}").format(until=until))
    if now.calendar_proposals:
        many = now.calendar_proposals
        typer.echo(_("Propositions de calendrier en attente d'une seconde personne : {many}").format(many=many))


def _since(at: Any) -> str:
    return "" if at is None else " " + _("(le plus ancien : {at})").format(at=instant(at))


def _show_machine(now: Any) -> None:
    made = instant(now.backed_up_at) if now.backed_up_at else _("jamais")
    typer.echo(_("Dernière sauvegarde : {at}").format(at=made))
    if now.disk is not None:
        free, share = now.disk.free / GIGA, round(100 * now.disk.free / max(1, now.disk.total))
        typer.echo(_("Place libre sur le disque : {free:.1f} Go ({share} %)").format(free=free, share=share))


def _show_status(now: Any) -> None:
    for folder, at in now.polled_at.items():
        polled = instant(at) if at else _("jamais")
        typer.echo(_("Courrier relevé ({folder}) : {at}").format(folder=folder, at=polled))
    if now.clock_suspended_at:
        since = instant(now.clock_suspended_at)
        typer.echo(_("HORLOGE DOUTEUSE depuis {at} : aucun silence n'est enregistré.").format(at=since))
    sending = _("Courriers à envoyer : {waiting} ; à l'issue incertaine ou refusés : {doubtful}")
    typer.echo(sending.format(waiting=now.waiting_mails, doubtful=now.doubtful_mails) + _since(now.waiting_since))
    triage = _("Courriers à trier : {count}").format(count=now.to_triage)
    typer.echo(triage + _since(now.to_triage_since))
    if now.failing_handovers or now.waiting_handovers:
        told = _("Remises aux lecteurs : {failing} en échec, {waiting} sans lecteur désigné")
        typer.echo(told.format(failing=now.failing_handovers, waiting=now.waiting_handovers))
    show_waiting(now)
    show_alarms(now)
    _show_calendar(now)
    _show_machine(now)
    if not now.watching:
        stale = ", ".join(folder for folder, at in now.polled_at.items() if not now.fresh(at))
        typer.echo(_("LE COURRIER N'EST PAS RELEVÉ ({folders}).").format(folders=stale))
        typer.echo(_("Vérifiez que « gateway run » tourne, que le serveur répond et que ces dossiers y existent."))
    elif now.healthy:
        typer.echo(_("Tout va bien."))
