"""``gateway tokens``: the programs that may use the API, what each may do, until when."""

from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import echo_json, instant, table
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, keeper, with_base
from gateway.domain.scopes import SCOPE_WORDS, Scope

app = typer.Typer(help="Les programmes qui peuvent utiliser l'API.", no_args_is_help=True, cls=Contents)

NameArgument = Annotated[str, typer.Argument(help="Le nom du programme, tel que le journal l'écrira.")]


@app.command("create")
def create(
    name: NameArgument,
    scope: Annotated[list[Scope], typer.Option(help="Ce qu'il peut faire ; à répéter pour chaque portée.")],
    config: ConfigOption = DEFAULT_CONFIG,
    days: Annotated[int, typer.Option(help="Pour combien de jours, 365 au plus.")] = 365,
    as_json: JsonOption = False,
) -> None:
    """Donner accès à un programme : le secret est montré cette seule fois."""
    issued = with_base(
        config,
        lambda base: _tokens(base).create(name, scopes=scope, days=days, actor=keeper(base.settings)),
        rehearsals_too=False,
    )
    if as_json:
        echo_json({**_plain(issued.token), "secret": issued.secret})
        return
    told = _("Programme {name} : accès jusqu'au {until}.")
    typer.echo(told.format(name=issued.token.name, until=instant(issued.token.expires_at)))
    typer.echo(_("Son secret, montré cette seule fois (en-tête « Authorization: Bearer … ») :"))
    typer.echo(f"  {issued.secret}")


@app.command("list")
def every(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Lister les programmes, les plus récents d'abord."""
    found = with_base(config, lambda base: _tokens(base).every(actor=keeper(base.settings)))
    if as_json:
        echo_json([_plain(token) for token in found])
        return
    rows = [(token.name, ", ".join(token.scopes), instant(token.expires_at), _standing(token)) for token in found]
    table((_("Programme"), _("Portées"), _("Jusqu'au"), _("État")), rows, empty=_("Aucun programme."))
    for scope in sorted({scope for token in found for scope in token.scopes if scope in set(Scope)}):
        typer.echo(f"  {scope} : {_(SCOPE_WORDS[Scope(scope)])}")


@app.command("revoke")
def revoke(name: NameArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Retirer l'accès d'un programme, dès maintenant et pour toujours."""
    gone = with_base(config, lambda base: _tokens(base).revoke(name, actor=keeper(base.settings)), rehearsals_too=False)
    if as_json:
        echo_json(_plain(gone))
        return
    typer.echo(_("Programme {name} : il n'a plus accès.").format(name=gone.name))


def _tokens(base: Any) -> Any:
    from gateway import accesses

    return accesses.tokens(base)


def _standing(token: Any) -> str:
    return _("révoqué {at}").format(at=instant(token.revoked_at)) if token.revoked_at else ""


def _plain(token: Any) -> dict[str, Any]:
    names = ("name", "scopes", "created_at", "created_by", "expires_at", "revoked_at")
    return {name: getattr(token, name) for name in names}
