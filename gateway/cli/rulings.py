"""What a person decides that no machine may: an answer that came near the end, a recorded silence that is in doubt."""

from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import echo_json, end, instant
from gateway.cli.pages import Contents
from gateway.cli.session import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    person,
    storable,
    with_archive,
    with_base,
)
from gateway.domain.challenge import GROUNDS, Finding
from gateway.domain.labels import FINDINGS, STATES

app = typer.Typer(
    help="Les acceptations réputées acquises mises en cause : les maintenir ou les retirer.",
    no_args_is_help=True,
    cls=Contents,
)

CaseArgument = Annotated[str, typer.Argument(help="Le dossier, par exemple 7F3K-Q2.")]
BecauseOption = Annotated[str, typer.Option(help="Pourquoi ; gardé sous la clé du dossier.")]
RequestOption = Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")]


@app.command("list")
def challenge_list(
    ref: Annotated[str | None, typer.Argument(help="Un seul dossier, par exemple 7F3K-Q2.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    everything: Annotated[bool, typer.Option("--all", help="Aussi celles sur lesquelles on s'est prononcé.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lister ce qui met en cause une acceptation enregistrée, et ce qu'on en a dit."""
    found = with_archive(config, lambda archive: archive.contests.all(ref, settled=everything))
    if as_json:
        echo_json([_plain(contest) for contest in found])
        return
    if not found:
        typer.echo(_("Aucune acceptation n'est mise en cause."))
    for contest in found:
        _show(contest)


@app.command("raise")
def challenge_raise(
    ref: CaseArgument, because: BecauseOption, config: ConfigOption = DEFAULT_CONFIG, request: RequestOption = None
) -> None:
    """Mettre en cause une acceptation enregistrée : une réponse venue autrement, une preuve fausse."""
    case = _acting(config, lambda acts, who: acts.cast(ref, because=because, actor=who, request_hash=request))
    typer.echo(_("Dossier {ref} : acceptation mise en cause en votre nom. Rien n'est défait.").format(ref=case.ref))
    typer.echo(_("La maintenir ou la retirer : gateway challenge list {ref}").format(ref=case.ref))


@app.command("uphold")
def challenge_uphold(
    ref: CaseArgument, because: BecauseOption, config: ConfigOption = DEFAULT_CONFIG, request: RequestOption = None
) -> None:
    """Maintenir une acceptation mise en cause ; à quatre yeux, deux personnes le disent."""
    ruled = _rule(config, Finding.UPHELD, ref, because, request)
    if ruled.ruling.decides:
        typer.echo(_("Dossier {ref} : acceptation maintenue.").format(ref=ruled.case.ref))


@app.command("withdraw")
def challenge_withdraw(
    ref: CaseArgument, because: BecauseOption, config: ConfigOption = DEFAULT_CONFIG, request: RequestOption = None
) -> None:
    """Retirer une acceptation mise en cause ; à quatre yeux, deux personnes le disent."""
    ruled = _rule(config, Finding.WITHDRAWN, ref, because, request)
    if ruled.ruling.decides:
        state = _(STATES[ruled.request.state])
        done = _("Dossier {ref} : acceptation retirée, son enregistrement reste. La demande : {state}.")
        typer.echo(done.format(ref=ruled.case.ref, state=state))
        typer.echo(_("Ceux qui en avaient reçu l'avis reçoivent son retrait."))


def settle(
    ref: CaseArgument,
    because: BecauseOption,
    config: ConfigOption = DEFAULT_CONFIG,
    in_time: Annotated[bool, typer.Option("--in-time", help="Elle est venue à temps : elle vaut réponse.")] = False,
    late: Annotated[bool, typer.Option("--late", help="Elle est venue trop tard : le silence peut valoir.")] = False,
    number: Annotated[
        int | None, typer.Option("--answer", help="Le numéro de la réponse, si plusieurs.", callback=storable)
    ] = None,
    request: RequestOption = None,
) -> None:
    """Départager une réponse venue près de la fin du délai : à temps, ou tardive."""
    if in_time == late:
        raise typer.BadParameter(_("choisissez --in-time ou --late"))
    finding = Finding.IN_TIME if in_time else Finding.LATE

    async def work(base: Any) -> Any:
        from gateway import legal_time

        acts = legal_time.disputes(base.settings, base.store, base.cabinet, base.clock)
        who = person(base.settings)
        return await acts.settle(ref, finding, because=because, actor=who, request_hash=request, number=number)

    done = with_base(config, work, rehearsals_too=False)
    if not done.ruling.decides:
        _say_proposed(done)
        return
    told = _("Dossier {ref} : réponse comptée « {finding} ». La demande : {state}.")
    state = _(STATES[done.request.state])
    typer.echo(told.format(ref=done.case.ref, finding=_(FINDINGS[finding]), state=state))


def doubt_lines(item: Any) -> list[str]:
    """What a person must know of a request's recorded silences and disputed answers, wherever it is shown."""
    lines = []
    for each in item.acceptances:
        at = instant(each.acceptance.recorded_at)
        if each.acceptance.withdrawn_at is not None:
            withdrawn = instant(each.acceptance.withdrawn_at)
            lines.append(
                _("réputée acceptée, enregistrée : {at}, RETIRÉE : {withdrawn}").format(at=at, withdrawn=withdrawn)
            )
            continue
        lines.append(_("réputée acceptée, enregistrée : {at}").format(at=at))
        lines += [_("MISE EN CAUSE : {ground}").format(ground=_(GROUNDS[row.ground])) for row in each.open]
        if each.open:
            lines.append(_("Une personne la maintient ou la retire : gateway challenge list"))
    for heard in item.doubted:
        told = _("réponse n° {number} à départager : reçue entre {earliest} et {latest}, datée {stated}")
        first, last = instant(heard.earliest), instant(heard.latest)
        lines.append(told.format(number=heard.id, earliest=first, latest=last, stated=instant(heard.stated)))
    return lines


def acceptances_json(item: Any) -> list[dict[str, Any]]:
    """The same as data: every acceptance of a request, with what was found against it."""
    return [
        {
            "effective_at": each.acceptance.effective_at,
            "recorded_at": each.acceptance.recorded_at,
            "withdrawn_at": each.acceptance.withdrawn_at,
            "contested": bool(each.open),
            "challenges": [_challenge_json(row, each) for row in each.challenges],
            "rulings": [_ruling_json(row) for row in each.rulings],
        }
        for each in item.acceptances
    ]


# --- parts


def _rule(config: Any, finding: Finding, ref: str, because: str, request: str | None) -> Any:
    ruled = _acting(config, lambda acts, who: acts.rule(ref, finding, because=because, actor=who, request_hash=request))
    if not ruled.ruling.decides:
        _say_proposed(ruled)
    return ruled


def _acting(config: Any, act: Any) -> Any:
    async def work(base: Any) -> Any:
        from gateway import legal_time

        acts = legal_time.challenges(base.settings, base.store, base.cabinet, base.clock)
        return await act(acts, person(base.settings))

    return with_base(config, work, rehearsals_too=False)


def _say_proposed(done: Any) -> None:
    told = _("Dossier {ref} : « {finding} », dit en votre nom ; une seconde personne doit dire la même chose.")
    typer.echo(told.format(ref=done.case.ref, finding=_(FINDINGS[done.ruling.finding])))


def _show(contest: Any) -> None:
    accepted = contest.found.acceptance
    head = _("Dossier {ref}, demande {hash} : réputée acceptée à la fin du délai, {end}")
    typer.echo(head.format(ref=contest.ref, hash=contest.request.hash[:12], end=end(accepted.effective_at)))
    if accepted.withdrawn_at is not None:
        typer.echo(_("  retirée : {at}").format(at=instant(accepted.withdrawn_at)))
    for row in contest.found.challenges:
        told = _("  mise en cause le {at} par {who} : {ground} ({about})")
        ground = _(GROUNDS[row.ground])
        typer.echo(told.format(at=instant(row.raised_at), who=row.raised_by, ground=ground, about=row.about))
        _show_words(contest.words[row])
    for row in contest.found.rulings:
        told = _("  « {finding} » selon {who}, le {at}")
        typer.echo(told.format(finding=_(FINDINGS[row.finding]), who=row.person, at=instant(row.at)))
        _show_words(contest.words[row])
    if contest.found.open:
        for act in ("uphold", "withdraw"):
            typer.echo(f"    gateway challenge {act} {contest.ref} --because RAISON")


def _show_words(words: str | None) -> None:
    if words is not None:
        typer.echo(f"    « {words} »")


def _plain(contest: Any) -> dict[str, Any]:
    found, words = contest.found, contest.words
    return {
        "case": contest.ref,
        "request": contest.request.hash,
        "state": contest.request.state,
        "effective_at": found.acceptance.effective_at,
        "recorded_at": found.acceptance.recorded_at,
        "withdrawn_at": found.acceptance.withdrawn_at,
        "open": bool(found.open),
        "challenges": [_challenge_json(row, found) | {"words": words[row]} for row in found.challenges],
        "rulings": [_ruling_json(row) | {"words": words[row]} for row in found.rulings],
    }


def _challenge_json(row: Any, found: Any) -> dict[str, Any]:
    return {
        "ground": row.ground,
        "about": row.about,
        "raised_at": row.raised_at,
        "raised_by": row.raised_by,
        "open": row in found.open,
    }


def _ruling_json(row: Any) -> dict[str, Any]:
    return {"finding": row.finding, "person": row.person, "at": row.at, "decides": row.decides}
