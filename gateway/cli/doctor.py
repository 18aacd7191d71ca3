"""``gateway doctor``: the check-up of an installation, told as it goes, or as one JSON list."""

import os
import sys
from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import echo_json
from gateway.cli.session import DEFAULT_CONFIG, EXIT_UNWELL, ConfigOption, JsonOption

LONGEST_WAIT = 3600


def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    no_probe: Annotated[bool, typer.Option("--no-probe", help="Ne rien envoyer : pas de message d'essai.")] = False,
    wait: Annotated[float, typer.Option(min=1, max=LONGEST_WAIT, help="Attente du message d'essai, en secondes.")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Examiner l'installation et les serveurs, avec un message d'essai. Code de sortie 8 s'il y a à corriger."""
    import asyncio

    from gateway.adapters.clock import SystemClock
    from gateway.doctor.examination import Examination, checks
    from gateway.doctor.installation import read

    os.umask(0o077)
    printer = _Printer(quiet=as_json)

    async def examine() -> Any:
        examination = Examination(read(config, SystemClock()), printer.tell)
        await examination.run(checks(wait=None if no_probe else wait))
        if as_json:
            echo_json([_json(finding) for finding in examination.findings])
        else:
            printer.summary(examination.findings)
        if examination.stuck:
            # A thread that waits for a program which does not answer would keep this process from ending.
            sys.stdout.flush()
            os._exit(EXIT_UNWELL)
        return examination.findings

    if any(finding.wants_mending for finding in asyncio.run(examine())):
        raise typer.Exit(EXIT_UNWELL)


def _json(finding: Any) -> dict[str, Any]:
    # Data is the same in every language.
    return {"check": finding.check, "level": finding.level, **finding.words(), **finding.facts}


class _Printer:
    """Prints each finding under the title of its family."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._family = ""

    def tell(self, finding: Any) -> None:
        """One finding."""
        if self._quiet:
            return
        family = finding.check.partition(".")[0]
        if family != self._family:
            typer.echo(("\n" if self._family else "") + _titles().get(family, family))
            self._family = family
        words = finding.words(_)
        typer.echo(f"  {_levels()[finding.level.value]:<12} {words['what']}")
        for label, text in ((_("Pourquoi"), words["why"]), (_("Remède"), words["mend"])):
            if text:
                typer.echo(f"  {'':<12}   " + _("{label} : {text}").format(label=label, text=text))

    def summary(self, findings: list[Any]) -> None:
        """The last line."""
        typer.echo("")
        wrong = [finding for finding in findings if finding.wants_mending]
        blocking = sum(finding.level.value == "blocking" for finding in wrong)
        if not wrong:
            typer.echo(_("Rien à corriger."))
        else:
            typer.echo(
                _("À corriger : {count}, dont bloquants : {blocking}.").format(count=len(wrong), blocking=blocking)
            )


def _levels() -> dict[str, str]:
    return {"ok": _("bien"), "to_know": _("à savoir"), "to_mend": _("À CORRIGER"), "blocking": _("BLOQUANT")}


def _titles() -> dict[str, str]:
    return {
        "config": _("Configuration"),
        "machine": _("Machine"),
        "files": _("Fichiers"),
        "state": _("Base et service"),
        "keys": _("Clés"),
        "partners": _("Partenaires"),
        "imap": _("Boîte (IMAP)"),
        "smtp": _("Envoi (SMTP)"),
        "probe": _("Message d'essai"),
    }
