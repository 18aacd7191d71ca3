"""``gateway users``: the accounts of the console, managed by whoever may run our commands; the first is made here."""

from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import echo_json, instant, table
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, keeper, with_base
from gateway.domain.rights import POST_WORDS, Post

app = typer.Typer(help="Les comptes de la console.", no_args_is_help=True, cls=Contents)

LoginArgument = Annotated[str, typer.Argument(help="L'identifiant, tel que la personne le tape.")]
PostOption = Annotated[list[Post], typer.Option(help="Sa fonction ; à répéter s'il y en a plusieurs.")]


@app.command("list")
def every(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Lister les comptes."""
    found = with_base(config, lambda base: _accounts(base).every(actor=keeper(base.settings)))
    if as_json:
        echo_json([_plain(account) for account in found])
        return
    rows = [(one.login, one.name, _posts(one.posts), _standing(one)) for one in found]
    table(
        (_("Identifiant"), _("Personne"), _("Fonctions"), _("État")),
        rows,
        empty=_("Aucun compte : qui peut lancer ces commandes peut tout faire."),
    )


@app.command("add")
def add(
    login: LoginArgument,
    name: Annotated[str, typer.Option(help="Prénom et nom, tels que le journal et [people] les écrivent.")],
    post: PostOption,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Ajouter une personne : l'adresse de son invitation est montrée cette seule fois."""
    _invited(config, lambda who, actor: who.add(login, name=name, posts=post, actor=actor), as_json=as_json)


@app.command("invite")
def invite(login: LoginArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Inviter de nouveau : mot de passe et téléphone d'avant ne valent plus ; un compte désactivé se rouvre."""
    _invited(config, lambda who, actor: who.invite(login, actor=actor), as_json=as_json)


@app.command("posts")
def posts(
    login: LoginArgument, post: PostOption, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False
) -> None:
    """Donner d'autres fonctions à une personne, à la place de celles qu'elle a."""
    changed = with_base(
        config,
        lambda base: _accounts(base).change(login, posts=post, actor=keeper(base.settings)),
        rehearsals_too=False,
    )
    if as_json:
        echo_json(_plain(changed))
        return
    typer.echo(_("{name} : {posts}.").format(name=changed.name, posts=_posts(changed.posts)))


@app.command("disable")
def disable(login: LoginArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Fermer un compte : la personne est dehors aussitôt ; son nom reste dans le journal."""
    gone = with_base(
        config, lambda base: _accounts(base).disable(login, actor=keeper(base.settings)), rehearsals_too=False
    )
    if as_json:
        echo_json(_plain(gone))
        return
    typer.echo(_("{name} : compte désactivé.").format(name=gone.name))


@app.command("link")
def link(
    login: LoginArgument,
    subject: Annotated[str, typer.Argument(help="Son identité durable chez le fournisseur (sub).")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Relier un compte à une personne du fournisseur d'identité, dont l'identifiant y est autre."""

    async def run(base: Any) -> Any:
        web = base.settings.web
        if web is None or web.oidc is None:
            raise typer.BadParameter(_("la configuration n'a pas de section [web.oidc]"))
        who = keeper(base.settings)
        return await _accounts(base).link(login, subject, issuer=web.oidc.issuer, actor=who)

    linked = with_base(config, run, rehearsals_too=False)
    if as_json:
        echo_json(_plain(linked))
        return
    typer.echo(_("{name} : compte relié au fournisseur d'identité.").format(name=linked.name))


def _invited(config: Any, work: Any, *, as_json: bool) -> None:
    async def run(base: Any) -> Any:
        return await work(_accounts(base), keeper(base.settings)), base.settings.web

    done, web = with_base(config, run, rehearsals_too=False)
    address = f"{web.origin}/invitation/{done.code}" if web else None
    if as_json:
        echo_json({**_plain(done.account), "invitation": address, "code": done.code})
        return
    told = _("{name} ({login}) : {posts}.")
    typer.echo(told.format(name=done.account.name, login=done.account.login, posts=_posts(done.account.posts)))
    if address is None:
        typer.echo(_("La configuration n'a pas de section [web] : personne ne peut entrer avant qu'elle y soit."))
        address = f"/invitation/{done.code}"
    typer.echo(_("Invitation, montrée cette seule fois, valable jusqu'au {until} :").format(until=instant(done.until)))
    typer.echo(f"  {address}")


def _accounts(base: Any) -> Any:
    from gateway import accesses

    return accesses.accounts(base)


def _posts(posts: tuple[Post, ...]) -> str:
    return ", ".join(_(POST_WORDS[post]) for post in posts)


def _standing(account: Any) -> str:
    if account.disabled_at is not None:
        return _("désactivé {at}").format(at=instant(account.disabled_at))
    if account.password is not None or account.subject is not None:
        return _("ouvert")
    return _("invité jusqu'au {until}").format(until=instant(account.invited_until))


def _plain(account: Any) -> dict[str, Any]:
    names = ("login", "name", "posts", "created_at", "created_by", "invited_until", "disabled_at")
    opened = account.password is not None or account.subject is not None
    return {name: getattr(account, name) for name in names} | {"open": opened, "subject": account.subject}
