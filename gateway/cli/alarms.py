"""Commands about alarms: which stand, who takes one, what each kind means; and the re-sending that some ask for."""

from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import echo_json, instant
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, settings, storable, with_base
from gateway.domain.alarms import Desk, Severity
from gateway.domain.words import french

alarms_app = typer.Typer(
    help="Les alarmes : celles qui durent, qui les prend, ce que chacune veut dire.",
    invoke_without_command=True,
    cls=Contents,
)

SEVERITIES = {
    Severity.URGENT: french("URGENT"),
    Severity.WARNING: french("à traiter"),
    Severity.NOTICE: french("à savoir"),
}

DESKS = {
    Desk.SECRETARIAT: french("le secrétariat"),
    Desk.ADMINISTRATOR: french("l'administrateur"),
}


@alarms_app.callback()
def alarms(
    context: typer.Context,
    config: ConfigOption = DEFAULT_CONFIG,
    every: Annotated[
        bool, typer.Option("--all", help="Aussi celles qui sont terminées, les plus récentes d'abord.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Lister les alarmes qui durent, les plus graves d'abord."""
    if context.invoked_subcommand is not None:
        # What was said before the command is meant for it.
        context.default_map = {context.invoked_subcommand: {"config": str(config)}}
        return
    found = with_base(config, lambda base: _listed(base, every=every))
    if as_json:
        from gateway.services.shapes.alarms import alarm_json

        echo_json([alarm_json(alarm) for alarm in found])
        return
    if not found:
        typer.echo(_("Aucune alarme."))
    for alarm in found:
        _show(alarm)


async def _listed(base: Any, *, every: bool) -> Any:
    from gateway import records

    book = records.alarm_book(base)
    return await (book.every() if every else book.standing())


@alarms_app.command("take")
def take(
    number: Annotated[int, typer.Argument(help="Le numéro de l'alarme.", callback=storable)],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Prendre une alarme : personne d'autre n'est plus prévenu ; ce qui est arrivé une fois est alors terminé."""
    from gateway import records

    who = person(settings(config))
    done = with_base(config, lambda base: records.alarm_book(base).take(number, actor=who), rehearsals_too=False)
    if as_json:
        from gateway.services.shapes.alarms import alarm_json

        echo_json(alarm_json(done))
        return
    typer.echo(_("Alarme n° {number} prise par {who}.").format(number=done.id, who=done.taken_by))
    if done.ended_at is None:
        typer.echo(_("Elle dure tant que sa cause dure."))
    else:
        typer.echo(_("Elle est terminée."))


@alarms_app.command("kinds")
def kinds(as_json: JsonOption = False) -> None:
    """Montrer chaque sorte d'alarme : sa gravité, qui est prévenu d'abord, sa condition."""
    from gateway.domain.alarms import KINDS

    if as_json:
        told = [
            {"kind": kind.name, "severity": kind.severity, "desk": kind.desk, "until_taken": kind.until_taken}
            for kind in KINDS.values()
        ]
        echo_json(told)
        return
    for kind in KINDS.values():
        head = _("{name}  [{severity}]  d'abord {desk}")
        typer.echo(head.format(name=kind.name, severity=_(SEVERITIES[kind.severity]), desk=_(DESKS[kind.desk])))
        typer.echo(f"    {_(kind.condition)}")
        if kind.setting:
            typer.echo(_("    réglage : [alarms] {setting}").format(setting=kind.setting))


def resend(
    number: Annotated[int, typer.Argument(help="Le numéro du message, tel que l'alarme le donne.", callback=storable)],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Renvoyer un message à qui ne l'a pas confirmé : mêmes octets, même identifiant ; c'est inscrit au journal."""
    from gateway.services.resend import Resend

    who = person(settings(config))

    async def again(base: Any) -> Any:
        return await Resend(store=base.store, clock=base.clock, party=base.settings.party).again(number, actor=who)

    done = with_base(config, again, rehearsals_too=False)
    if as_json:
        echo_json({"message": done.message.id, "partners": done.partners})
        return
    told = _("Message {number} : il repart, identique, pour {partners}.")
    typer.echo(told.format(number=done.message.id, partners=", ".join(done.partners)))


# --- what is printed


def _show(alarm: Any) -> None:
    from gateway.services.alarms.words import severity, told

    sentence, mend = told(alarm)
    head = _("n° {number}  [{severity}]  depuis {at}")
    typer.echo(
        head.format(number=alarm.id, severity=_(SEVERITIES[severity(alarm)]), at=instant(alarm.started_at))
        + _standing(alarm)
    )
    typer.echo(f"    {sentence.told(_)}")
    if alarm.ended_at is None:
        typer.echo(f"    → {mend.told(_)}")


def _standing(alarm: Any) -> str:
    if alarm.ended_at is not None:
        return "  " + _("terminée {at}").format(at=instant(alarm.ended_at))
    if alarm.taken_by:
        return "  " + _("prise par {who}").format(who=alarm.taken_by)
    if not alarm.told:
        return "  " + _("personne n'est prévenu par courrier")
    return "  " + _("prévenus : {who}").format(who=", ".join(alarm.told))
