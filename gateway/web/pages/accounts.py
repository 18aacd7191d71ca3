"""« Qui peut entrer ? »: the accounts of persons, for who manages them."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from gateway.domain.errors import AccessInvalid, GatewayError
from gateway.domain.rights import POSTS, Post
from gateway.services.accounts import Invited
from gateway.web.visit import Visit, proven

router = APIRouter()
HERE = "/comptes"
Proven = Annotated[Visit, Depends(proven)]


@router.get("/comptes")
async def every(visit: Proven) -> Response:
    """All accounts, and the form for a new one."""
    return await _page(visit, None)


@router.post("/comptes")
async def add(visit: Proven) -> Response:
    """A new account; its invitation is shown this once."""
    form = await visit.form()
    login, name = str(form.get("login", "")), str(form.get("name", ""))

    async def again(error: GatewayError) -> Response:
        return await _page(visit, error, login=login, name=name, posts=_posts(form.getlist("posts")))

    return await visit.act_and_show(
        lambda: visit.hall.accounts.add(login, name=name, posts=_posts(form.getlist("posts")), actor=visit.actor.name),
        shown=lambda done: _shown(visit, done),
        again=again,
        otherwise=HERE,
    )


@router.post("/comptes/{login}/invitation")
async def invite(login: str, visit: Proven) -> Response:
    """A new invitation; what the person had counts no more."""
    return await visit.act_and_show(
        lambda: visit.hall.accounts.invite(login, actor=visit.actor.name),
        shown=lambda done: _shown(visit, done),
        again=lambda error: _page(visit, error),
        otherwise=HERE,
    )


@router.post("/comptes/{login}/fonctions")
async def change(login: str, visit: Proven) -> Response:
    """Other functions."""
    form = await visit.form()
    return await visit.act(
        lambda: visit.hall.accounts.change(login, posts=_posts(form.getlist("posts")), actor=visit.actor.name),
        then=lambda _done: HERE,
        again=lambda error: _page(visit, error),
        otherwise=HERE,
    )


@router.post("/comptes/{login}/fin")
async def disable(login: str, visit: Proven) -> Response:
    """Nobody comes in with it any more."""
    return await visit.act(
        lambda: visit.hall.accounts.disable(login, actor=visit.actor.name),
        then=lambda _done: HERE,
        again=lambda error: _page(visit, error),
        otherwise=HERE,
    )


async def _page(
    visit: Visit, error: GatewayError | None, *, login: str = "", name: str = "", posts: tuple[Post, ...] = ()
) -> Response:
    return await visit.page(
        "accounts.html",
        status=422 if error else 200,
        accounts=await visit.hall.accounts.every(actor=visit.actor.name),
        known=POSTS[visit.actor.role],
        typed={"login": login, "name": name, "posts": posts},
        error=error,
        faults=error.by_field if isinstance(error, AccessInvalid) else {},
    )


async def _shown(visit: Visit, done: Invited) -> Response:
    address = f"{visit.hall.settings.origin}/invitation/{done.code}"
    return await visit.page("invited.html", done=done, address=address)


def _posts(names: Sequence[object]) -> tuple[Post, ...]:
    """The functions of these names; a name that no form of ours has counts for none."""
    return tuple(post for post in Post if post.value in names)
