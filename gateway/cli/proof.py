"""``gateway proof``: what attests that a request was received, what fits nothing, and what persons bring themselves."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.moments import day_or_instant
from gateway.cli.output import echo_json, instant, table
from gateway.cli.pages import Contents
from gateway.cli.session import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    person,
    settings,
    storable,
    with_archive,
    with_base,
)
from gateway.domain.labels import GRADES
from gateway.services.terms import MAIL_REASONS

app = typer.Typer(
    help="Les preuves de réception : d'un dossier, sans courrier qui y réponde, ou apportées par une personne.",
    no_args_is_help=True,
    cls=Contents,
)

NumberArgument = Annotated[int, typer.Argument(help="Le numéro de la preuve.", callback=storable)]


@app.command("list")
def proof_list(
    ref: Annotated[str, typer.Argument(help="Le dossier, par exemple 7F3K-Q2.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Lister ce qui prouve qu'une demande a été reçue, son degré et ses instants."""
    found = with_archive(config, lambda archive: archive.proofs.of_case(ref))
    if as_json:
        from gateway.services.shapes.proofs import proofs_json

        echo_json(proofs_json(found))
        return
    rows = [_evidence_row(each) for each in found.evidence]
    headings = (_("Preuve"), _("Degré"), _("De"), _("Réception attestée"), _("Arrivée ici"), "")
    table(headings, rows, empty=_("Rien ne prouve encore qu'une demande de ce dossier a été reçue."))
    for proof in found.entered:
        typer.echo(_entered_line(proof))
    if found.reports:
        typer.echo(_("Aussi reçu, qui ne prouve rien :"))
        for mail in found.reports:
            told = _("  courrier {number}, {at} : {reason}")
            typer.echo(told.format(number=mail.id, at=instant(mail.received_earliest), reason=reason(mail)))


@app.command("unmatched")
def proof_unmatched(
    config: ConfigOption = DEFAULT_CONFIG,
    everything: Annotated[bool, typer.Option("--all", help="Aussi ceux qu'une personne a classés.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lister les accusés et avis de remise qui ne vont avec aucun de nos courriers. Ils ne changent rien."""
    found = with_archive(config, lambda archive: archive.proofs.unmatched(settled=everything))
    if as_json:
        from gateway.services.shapes.proofs import unmatched_json

        echo_json([unmatched_json(mail, ref) for mail, ref in found])
        return
    rows = [
        (
            str(mail.id),
            mail.partner or "–",
            instant(mail.received_earliest),
            reason(mail),
            ref or "–",
            _("retient") if mail.held_back and mail.settled_at is None else "",
        )
        for mail, ref in found
    ]
    headings = (_("Courrier"), _("Partenaire"), _("Reçu"), _("Ce que c'est"), _("Semble concerner"), "")
    table(headings, rows, empty=_("Aucun accusé ni avis sans courrier."))
    if rows:
        typer.echo(_("Pour en lire un : gateway message save mail-NUMÉRO --to DOSSIER"))


@app.command("enter")
def proof_enter(
    ref: Annotated[str, typer.Argument(help="Le dossier, par exemple 7F3K-Q2.")],
    received: Annotated[
        str,
        typer.Option(help="Le jour de la réception à la CNAS (AAAA-MM-JJ), ou l'instant avec son fuseau."),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    scan: Annotated[Path | None, typer.Option(help="Le scan qui le montre : page tamponnée, rapport de fax.")] = None,
    mail: Annotated[
        int | None, typer.Option(help="Ou le numéro d'un courrier gardé qui le dit.", callback=storable)
    ] = None,
    partner: Annotated[str | None, typer.Option(help="De qui, si la demande est allée à plusieurs.")] = None,
    request: Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Apporter une preuve de réception venue par une autre voie ; une seconde personne la confirme."""
    from gateway.cli.fiche import read_file
    from gateway.services.entered import Shown

    shown = Shown(
        ref=ref,
        received=day_or_instant(received),
        scan=read_file(scan) if scan else None,
        mail=mail,
        partner=partner,
        request_hash=request,
    )
    proof = _act(config, lambda proofs, who: proofs.enter(shown, actor=who))
    if as_json:
        from gateway.services.shapes.proofs import entered_json

        echo_json(entered_json(proof))
        return
    typer.echo(_entered_line(proof))
    if not proof.settled_at:
        typer.echo(_("Une seconde personne la regarde puis la confirme :"))
        typer.echo(f"  gateway proof save {proof.id} --to …")
        typer.echo(f"  gateway proof confirm {proof.id}")


@app.command("confirm")
def proof_confirm(number: NumberArgument, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Confirmer la preuve qu'une autre personne a apportée : elle compte comme un accusé signé."""
    proof = _act(config, lambda proofs, who: proofs.confirm(number, actor=who))
    typer.echo(_entered_line(proof))


@app.command("decline")
def proof_decline(number: NumberArgument, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Écarter une preuve qui n'est pas encore confirmée ; elle reste au dossier."""
    proof = _act(config, lambda proofs, who: proofs.decline(number, actor=who))
    typer.echo(_entered_line(proof))


@app.command("save")
def proof_save(
    number: NumberArgument,
    to: Annotated[Path, typer.Option("--to", help="Dossier où écrire (créé, lisible par vous seul).")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Enregistrer le scan d'une preuve pour le regarder ; la lecture est inscrite au journal."""
    from gateway.cli.save import save_proof

    proof, data = _act(config, lambda proofs, who: proofs.read(number, actor=who))
    typer.echo(str(save_proof(proof, data, to)))


def _act(config: Path, work: Any) -> Any:
    """One act on proofs, by the person at the keyboard."""
    from gateway import legal_time

    who = person(settings(config))
    return with_base(
        config,
        lambda base: work(legal_time.entered_proofs(base.settings, base.store, base.cabinet, base.clock), who),
        rehearsals_too=False,
    )


# --- what is printed


def reason(mail: Any) -> str:
    """Why a mail is where it is, in plain words where there are some."""
    if mail.reason in MAIL_REASONS:
        return _(MAIL_REASONS[mail.reason])
    return f"{mail.step or mail.verdict.value} : {mail.reason}"


def _evidence_row(each: Any) -> tuple[str, ...]:
    from gateway.domain.attestation import FORMS

    row = each.evidence
    form = FORMS.get(row.kind)
    return (
        _(form.title) if form else row.kind,
        _(GRADES[row.grade]),
        row.partner,
        instant(row.stated_at or row.dated_at),
        instant(row.arrived_at),
        _("début du délai") if each.starts else "",
    )


def _entered_line(proof: Any) -> str:
    at, who = instant(proof.received_at), proof.entered_by
    if proof.settled_at is None:
        told = _("Preuve {number} apportée par {who} : réception {at}. Elle ne compte pas encore.")
        return told.format(number=proof.id, who=who, at=at)
    if not proof.counted:
        told = _("Preuve {number} apportée par {who} : réception {at}. Écartée par {other}.")
        return told.format(number=proof.id, who=who, at=at, other=proof.settled_by)
    told = _("Preuve {number} apportée par {who} : réception {at}. Elle compte ; confirmée par {other}.")
    return told.format(number=proof.id, who=who, at=at, other=proof.settled_by)
