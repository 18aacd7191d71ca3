"""Commands on mails that a person must look at."""

from datetime import datetime
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.output import echo_json, instant, table, title
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, storable, with_archive, with_core
from gateway.services.terms import DATED_BY, HINTS, MAIL_REASONS
from gateway.storage import Verdict

app = typer.Typer(help="Les courriers qu'une personne doit trier.", no_args_is_help=True, cls=Contents)

MailArgument = Annotated[int, typer.Argument(help="Le numéro du courrier.", callback=storable)]

_WHAT = (
    "acceptance, partial, refusal, question, vital-dispute, regularisation, not-an-answer, ou un type : "
    "ENTITLEMENT_CERTIFICATE, CLAIM_DISPUTE…"
)
_ANSWERS = "acceptance, partial, refusal, question, vital-dispute ou regularisation."


@app.command("list")
def triage_list(
    config: ConfigOption = DEFAULT_CONFIG,
    everything: Annotated[
        bool, typer.Option("--all", help="Aussi les courriers déjà classés et les réponses automatiques.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Lister les courriers à trier. Ceux qui retiennent une acceptation sont marqués."""

    async def read(archive: Any) -> Any:
        return await archive.triage(settled=everything), await archive.proofs.unmatched()

    found, unmatched = with_archive(config, read)
    if as_json:
        from gateway.services.shapes.mails import mail_json

        echo_json([mail_json(view) for view in found])
        return
    rows = [
        (
            str(view.mail.id),
            view.mail.partner or "–",
            instant(view.mail.received_earliest),
            _reason(view.mail),
            _about(view),
            _standing(view.mail),
        )
        for view in found
    ]
    headings = (_("N°"), _("Partenaire"), _("Reçu"), _("Ce que c'est"), _("Semble répondre à"), "")
    table(headings, rows, empty=_("Rien à trier."))
    shown = {view.mail.id for view in found}
    hidden = [mail for mail, _case in unmatched if mail.id not in shown]
    if hidden:
        told = _("Et {count} accusés ou avis automatiques qui ne vont avec aucun de nos courriers :")
        typer.echo(told.format(count=len(hidden)))
        typer.echo("  gateway proof unmatched")


@app.command("show")
def triage_show(mail: MailArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Montrer ce que l'on sait d'un courrier, sans l'ouvrir."""
    view = with_archive(config, lambda archive: archive.mail(mail))
    if as_json:
        from gateway.services.shapes.mails import mail_json

        echo_json(mail_json(view))
        return
    found = view.mail
    typer.echo(_("Courrier {number} : {reason}").format(number=found.id, reason=_reason(found)))
    if found.verdict is not Verdict.ENTERED:
        place = _("Partenaire : {partner} ; dossier de messagerie {folder}, UID {uid}")
        typer.echo(place.format(partner=found.partner or _("inconnu"), folder=found.folder, uid=found.uid))
    between = _("Reçu entre {earliest} et {latest}")
    typer.echo(between.format(earliest=instant(found.received_earliest), latest=instant(found.received_latest)))
    for line in _dates(found):
        typer.echo(line)
    typer.echo(_("Taille : {size} octets ; SHA-256 {sha256}").format(size=found.size, sha256=found.sha256 or "–"))
    for line in (_suggestion(view), _signature(view)):
        if line:
            typer.echo(line)
    typer.echo(_next(view))
    typer.echo(_("Pour le lire : gateway message save mail-{number} --to DOSSIER").format(number=found.id))


FromOption = Annotated[str | None, typer.Option("--from", help="Début accordé (AAAA-MM-JJ).")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Fin accordée (AAAA-MM-JJ).")]
MotiveOption = Annotated[str | None, typer.Option(help="Motif médical du refus.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Un champ : attestation.fin=2027-04-30.")]
FicheOption = Annotated[Path | None, typer.Option(help="Les champs, dans une fiche (TOML).")]
FormOption = Annotated[bool, typer.Option("--with-form", help="Le formulaire officiel est dans le courrier.")]
RequestOption = Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")]


@app.command("classify")
def triage_classify(
    mail: MailArgument,
    what: Annotated[str, typer.Argument(help=_WHAT)],
    config: ConfigOption = DEFAULT_CONFIG,
    case: Annotated[
        str | None, typer.Option(help="Le dossier ; à défaut, celui que le courrier semble concerner.")
    ] = None,
    request: RequestOption = None,
    start: FromOption = None,
    until: UntilOption = None,
    motive: MotiveOption = None,
    fields: SetOption = None,
    fiche: FicheOption = None,
    with_form: FormOption = False,
) -> None:
    """Dire ce qu'est un courrier : une réponse de la CNAS, un autre échange, ou pas une réponse."""
    places = _places(what, fiche, start=start, until=until, motive=motive, fields=fields)
    settled = with_core(
        config,
        lambda core: core.triage.classify(
            mail,
            what,
            actor=person(core.base.settings),
            ref=case,
            request_hash=request,
            places=places,
            has_form=with_form,
        ),
    )
    _tell(config, settled)


@app.command("enter")
def triage_enter(
    scan: Annotated[Path, typer.Argument(help="Le fichier qui la montre : télécopie, lettre, courrier d'un médecin.")],
    what: Annotated[str, typer.Argument(help=_ANSWERS)],
    case: Annotated[str, typer.Option(help="Le dossier, par exemple 7F3K-Q2.")],
    received: Annotated[
        str, typer.Option(help="Le jour de sa réception à l'hôpital (AAAA-MM-JJ), ou l'instant avec son fuseau.")
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    request: RequestOption = None,
    start: FromOption = None,
    until: UntilOption = None,
    motive: MotiveOption = None,
    fields: SetOption = None,
    fiche: FicheOption = None,
    with_form: FormOption = False,
) -> None:
    """Saisir une réponse venue par une autre voie ; elle retient le silence, et une seconde personne la confirme."""
    from gateway.cli.fiche import read_file
    from gateway.cli.moments import day_or_instant
    from gateway.services.brought import Brought
    from gateway.services.reading import Word

    places = _places(what, fiche, start=start, until=until, motive=motive, fields=fields)
    word = Word(what=what, ref=case, request_hash=request, places=places, has_form=with_form)
    brought = Brought(scan=read_file(scan), received=day_or_instant(received), word=word)
    _tell(config, with_core(config, lambda core: core.triage.bring(brought, actor=person(core.base.settings))))


# --- what is typed


def _places(
    what: str,
    fiche: Path | None,
    *,
    start: str | None,
    until: str | None,
    motive: str | None,
    fields: list[str] | None,
) -> dict[str, str]:
    """The fields by their place in the fiche."""
    from gateway.cli.fiche import pairs, places_of

    plain = {"decision.du": start, "decision.au": until, "decision.motif": motive}
    return {
        **(places_of(fiche, what) if fiche else {}),
        **{place: value for place, value in plain.items() if value is not None},
        **pairs(fields or [], on=None),
    }


def _tell(config: Path, settled: Any) -> None:
    from gateway.domain.settlements import NOT_AN_ANSWER

    if settled.settled_at is None:
        proposed = _("Courrier {number} : proposé par {who} ; une seconde personne doit dire la même chose.")
        typer.echo(proposed.format(number=settled.id, who=settled.settled_by))
        typer.echo(f"  gateway message save mail-{settled.id} --to …")
        typer.echo(f"  gateway triage classify {settled.id} {settled.settled_as} …")
        return
    done = _("Courrier {number} classé « {what} » par {who}.")
    typer.echo(done.format(number=settled.id, what=_word(settled.settled_as), who=settled.settled_by))
    if settled.settled_as != NOT_AN_ANSWER:
        view = with_archive(config, lambda archive: archive.mail(settled.id))
        typer.echo(_("Dossier {ref} : gateway case show {ref}").format(ref=view.ref))


# --- what is printed


def _dates(mail: Any) -> list[str]:
    """Every date that was found, where they contradict each other."""
    if mail.received_earliest == mail.received_latest:
        return []
    parted = [told.partition(" ") for told in mail.dated_by]
    return [f"  {_(DATED_BY[source])} : {instant(datetime.fromisoformat(at))}" for source, _space, at in parted]


def _reason(mail: Any) -> str:
    return (
        _(MAIL_REASONS[mail.reason])
        if mail.reason in MAIL_REASONS
        else f"{mail.step or mail.verdict.value} : {mail.reason}"
    )


def _about(view: Any) -> str:
    if view.ref is None:
        return "–"
    return f"{view.ref} {view.request.told.told(_)}" if view.request else str(view.ref)


def _standing(mail: Any) -> str:
    if mail.settled_at:
        return _word(mail.settled_as)
    if mail.settled_as:
        return _("proposé par {who} : {what}").format(who=mail.settled_by, what=_word(mail.settled_as))
    return _("retient") if mail.held_back else ""


def _word(settled_as: str | None) -> str:
    from gateway.domain.settlements import NOT_AN_ANSWER, WORDS

    if settled_as == NOT_AN_ANSWER:
        return _("pas une réponse")
    kind = WORDS.get(settled_as or "")
    return title(kind.id if kind else settled_as or "")


def _suggestion(view: Any) -> str:
    mail = view.mail
    if view.ref is None or mail.likely_by is None:
        return ""
    why = _(HINTS[mail.likely_by])
    if view.request is None:
        return _("Semble concerner le dossier {ref} : {why}.").format(ref=view.ref, why=why)
    about = _("Semble répondre à la demande {request} du dossier {ref} : {why}.")
    return about.format(request=view.request.told.told(_), ref=view.ref, why=why)


def _signature(view: Any) -> str:
    letter = view.letter
    if letter is None:
        return ""
    at = instant(letter.signed_at)
    if not letter.copied:
        return _("Signature vérifiée : {author}, {at}.").format(author=letter.author, at=at)
    copied = _("Copie relayée par {carrier} d'un message de {author}, dont la signature est vérifiée : {title}, {at}.")
    what = title(letter.kind) if letter.kind else _("écrit par une personne")
    return copied.format(carrier=view.mail.partner or "–", author=letter.author, title=what, at=at)


def _next(view: Any) -> str:
    mail = view.mail
    if mail.settled_at:
        done = _("Classé « {what} » par {who}, {at}.")
        return done.format(what=_word(mail.settled_as), who=mail.settled_by, at=instant(mail.settled_at))
    if mail.settled_as:
        waits = _("Proposé par {who} : « {what} » ; une seconde personne doit dire la même chose.")
        return waits.format(who=mail.settled_by, what=_word(mail.settled_as))
    if mail.held_back:
        return _("Tant qu'il n'est pas classé, aucune acceptation tacite n'est enregistrée.")
    return _("Il ne retient rien.")
