"""Acts on a case that no mail carries, a blank fiche for any kind, and who pays for a day."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, storable, with_archive, with_core

CaseArgument = Annotated[str, typer.Argument(help="Le dossier, par exemple 7F3K-Q2.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Un champ de la fiche : fait.date=2027-03-13.")]


def fiche(
    kind: Annotated[
        str | None, typer.Argument(help="Le type, par exemple EXTENSION_REQUEST ; la liste si absent.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Fichier à écrire.")] = None,
) -> None:
    """Écrire une fiche à remplir, pour tout type d'échange."""
    from gateway.cli.blank import blank_fiche
    from gateway.cli.fiche import known_kind
    from gateway.cli.files import write_new
    from gateway.cli.output import table
    from gateway.domain.kinds import KINDS, Subject, Travel

    if kind is None:
        rows = [
            (row.number or "–", row.id, _(row.title))
            for row in KINDS.values()
            if row.subject is not Subject.NOTICE and (row.routes or row.noted_by)
        ]
        table((_("N°"), _("Type"), _("Échange")), rows, empty="")
        return
    row = known_kind(kind)
    text = blank_fiche(row)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_new(output, text.encode())
        told = _("Fiche écrite : {path}. Remplissez-la, puis : gateway {verb} {path}")
        typer.echo(told.format(path=output, verb="submit" if row.travel is Travel.MAIL else "note"))


def note(
    what: Annotated[str, typer.Argument(help="Une fiche (TOML), ou un type : ADMISSION, DISCHARGE, INVOICE…")],
    config: ConfigOption = DEFAULT_CONFIG,
    case: Annotated[str | None, typer.Option(help="Le dossier.")] = None,
    on: Annotated[str | None, typer.Option(help="La date du fait (AAAA-MM-JJ).")] = None,
    fields: SetOption = None,
    request: Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")] = None,
    because: Annotated[str | None, typer.Option(help="Pourquoi passer outre un avertissement.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Noter un fait au dossier, ou ce qui est venu ou parti par une autre voie sécurisée."""
    from gateway.cli.fiche import noted
    from gateway.cli.output import echo_json
    from gateway.services.terms import CASE_STATES

    form = noted(what, case=case, on=on, fields=fields or [], request=request, because=because)
    done = with_core(config, lambda core: core.desk.note(form, actor=person(core.base.settings)))
    if as_json:
        echo_json({"case": done.ref, "state": done.state, "kind": form.kind.id})
        return
    state = _(CASE_STATES[done.state])
    typer.echo(
        _("Dossier {ref} : « {title} » noté. État : {state}.").format(
            ref=done.ref, title=_(form.kind.title), state=state
        )
    )


def correct(
    fact: Annotated[int, typer.Argument(help="Le numéro du fait, donné par « gateway case show ».", callback=storable)],
    config: ConfigOption = DEFAULT_CONFIG,
    on: Annotated[str | None, typer.Option(help="La bonne date (AAAA-MM-JJ).")] = None,
    fields: SetOption = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Retirer un fait qui n'a pas eu lieu.")] = False,
) -> None:
    """Corriger un fait noté : l'ancien reste au dossier, le nouveau le remplace."""
    from gateway.cli.fiche import pairs

    values = None if withdraw else pairs(fields or [], on=on)
    if values is not None and not values:
        raise typer.BadParameter(_("donnez --on, --set ou --withdraw"))
    done = with_core(config, lambda core: core.desk.correct(fact, values, actor=person(core.base.settings)))
    typer.echo(_("Fait {old} corrigé par le fait {new}.").format(old=fact, new=done.id))


def close(ref: CaseArgument, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Clore un dossier dont le séjour est fini."""
    done = with_core(config, lambda core: core.desk.close(ref, actor=person(core.base.settings)))
    typer.echo(_("Dossier {ref} clos.").format(ref=done.ref))


def coverage(
    ref: CaseArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    at: Annotated[str, typer.Option(help="Le jour, ou un instant avec son fuseau ; aujourd'hui si absent.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Dire qui paie un jour de séjour, et pourquoi."""
    from gateway.cli.blank import cited
    from gateway.cli.output import day, echo_json
    from gateway.services.terms import COVER_REASONS, PAYERS

    found = with_archive(config, lambda archive: archive.coverage(ref, at))
    if as_json:
        from gateway.services.shapes.coverage import coverage_json

        echo_json(coverage_json(found))
        return
    typer.echo(_("Le {day} : {payer}.").format(day=day(found.day), payer=_(PAYERS[found.decides.payer])))
    for cover in (found.decides, *found.others):
        until = _(", jusqu'au {day}").format(day=day(cover.until)) if cover.until else ""
        typer.echo(f"  {_(COVER_REASONS[cover.reason])}{until} ({cited(cover.source)})")
        if cover.contested:
            doubt = _("  MISE EN CAUSE : une personne doit la maintenir ou la retirer (gateway challenge list {ref}).")
            typer.echo(doubt.format(ref=ref))
