"""``gateway audit purge``: erases the records of the log whose time is over."""

import asyncio
from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import day, echo_json
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, with_base
from gateway.domain.ledger import Ledger
from gateway.domain.words import french

LEDGERS = {Ledger.SECURITY: french("traces de sécurité"), Ledger.EVIDENCE: french("preuves")}


def purge(
    config: ConfigOption = DEFAULT_CONFIG,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Dire ce qui serait effacé, sans rien effacer.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Effacer ce qui a fait son temps : traces de sécurité, preuves des dossiers oubliés. Leur empreinte reste."""
    from gateway import vouching
    from gateway.domain.errors import NotAllowed
    from gateway.domain.words import said

    async def work(base: Any) -> Any:
        from gateway.adapters.database import scrub

        service = vouching.purge(base)
        if service is None:
            reason = said("La configuration n'a pas de section [audit] : aucun point de contrôle n'est signé.")
            raise NotAllowed(act=said("effacer des enregistrements du journal"), reason=reason)
        if dry_run:
            return await service.due()
        done = await service.run(actor=person(base.settings))
        await asyncio.to_thread(scrub, base.settings.database_url)
        return done

    found = with_base(config, work, rehearsals_too=False)
    if as_json:
        echo_json([_facts(each) for each in found])
        return
    told = _("À effacer, {ledger} : {count}.") if dry_run else _("Effacés, {ledger} : {count}.")
    for each in found:
        text = told.format(ledger=_(LEDGERS[each.ledger]), count=len(each.records))
        typer.echo(text + (_(" Dossier {ref}.").format(ref=each.case) if each.case else _before(each)))
    if not found:
        typer.echo(_("Rien n'a fait son temps."))


def _before(each: Any) -> str:
    return _(" D'avant le {day}.").format(day=day(each.before.date()))


def _facts(each: Any) -> dict[str, Any]:
    return {"ledger": each.ledger.value, "case": each.case, "before": each.before, "records": len(each.records)}
