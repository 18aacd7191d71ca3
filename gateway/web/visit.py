"""One request of a person: who they are, in which language, and how pages and acts are answered.

A form carries a token of its own, bound to the sign-in: it proves that the page was ours, and it is the key under which
the act is kept, so that a double click is one act without any script.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from gateway.catalogues import Language
from gateway.domain.errors import AlreadyAsked, GatewayError, ProofOwed
from gateway.domain.rights import Right
from gateway.services.agenda import Glance
from gateway.services.once import Asking, asked, digest
from gateway.services.rights import Actor
from gateway.services.seen import Seen, unchanged
from gateway.services.sign_ins import Presence
from gateway.web.frame import environment, in_arabic, language_for
from gateway.web.hall import Hall
from gateway.web.menu import Item, menu
from gateway.web.typed import typed_number

T = TypeVar("T")

COOKIE = "__Host-passerelle"
LANGUAGE_COOKIE = "langue"
NONCE_BYTES = 16


class SignInNeeded(Exception):
    """Nobody is signed in."""


class ProofNeeded(Exception):
    """The person must prove afresh who they are."""


class Absent(Exception):
    """There is no such page, or not for this person: both look the same."""


def language_of(request: Request) -> Language:
    """What the person chose, else what their browser prefers among ours."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in set(Language):
        return Language(chosen)
    wanted = request.headers.get("accept-language", "").split(",")[0].strip().lower()
    return Language.ENGLISH if wanted.startswith(Language.ENGLISH.value) else Language.FRENCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request of a person who is signed in."""

    request: Request
    hall: Hall
    presence: Presence
    language: Language
    lapsed: bool = False

    @property
    def actor(self) -> Actor:
        """The person."""
        return self.presence.actor

    @property
    def seconds_left(self) -> int:
        """How long this sign-in lasts without another page."""
        return max(0, int((self.presence.ends_at - self.hall.clock.now()).total_seconds()))

    def menu(self, glance: Glance) -> tuple[Item, ...]:
        """What this person's menu holds."""
        return menu(self.actor, glance)

    def form_token(self) -> str:
        """A new token for a form of this page."""
        nonce = self.hall.noise(NONCE_BYTES).hex()
        return f"{nonce}.{self._sealed(nonce)}"

    def _sealed(self, nonce: str) -> str:
        return hmac.new(self.presence.sign_in.secret.encode(), nonce.encode(), "sha256").hexdigest()

    def _ours(self, token: str) -> bool:
        nonce, _, seal = token.partition(".")
        return hmac.compare_digest(self._sealed(nonce).encode(), seal.encode())

    @property
    def document_language(self) -> str:
        """The language of the documents that this person takes away; those that have Arabic ask for it themselves."""
        return (Language.FRENCH if self.language is Language.ARABIC else self.language).value

    def file(self, data: bytes, name: str, media_type: str) -> Response:
        """A file to take away: never shown inside our pages, never guessed at."""
        # The name is ours: a reference and a fixed word, so that it needs no quoting.
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(data, media_type=media_type, headers=headers)

    @property
    def proved(self) -> bool:
        """Whether this person proved a short while ago who they are; in a demonstration nobody proves anything."""
        presence = self.presence
        kept = self.request.method == "POST" and presence.kept_fresh
        return self.hall.rehearsal or presence.fresh or kept

    async def page(self, name: str, *, status: int = 200, **shown: Any) -> Response:
        """A page of the console, in its frame."""
        glance = await self.hall.agenda.glance()
        text = (
            environment(language_for(name, self.language))
            .get_template(name)
            .render(
                visit=self,
                actor=self.actor,
                hall=self.hall,
                glance=glance,
                token=self.form_token,
                here=self.request.url.path,
                in_arabic=in_arabic(name),
                **shown,
            )
        )
        return HTMLResponse(text, status_code=status)

    def number(self, typed: str) -> int:
        """A number of ours.

        Raises:
            Absent: there is no page for a form or an address that was not ours.
        """
        found = typed_number(typed)
        if found is None:
            raise Absent
        return found

    def need(self, *rights: Right) -> None:
        """Let through who has one of these rights; services ask again, inside the act.

        Raises:
            Absent: to anybody else there is nothing here.
        """
        if not self.actor.may(*rights):
            raise Absent

    async def act(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        then: Callable[[T], str],
        again: Callable[[GatewayError], Awaitable[Response]],
        otherwise: str = "/",
        seen: Seen | None = None,
        engages: bool = False,
    ) -> Response:
        """Do what a form asks for, once, and lead to the page that shows it.

        ``then`` gives that page's path from what was done; ``again`` shows the form once more, with what was typed and
        why nothing was done. Who sends the same form twice is led where the first time led, or ``otherwise``. With
        ``seen``, nothing is done where the case has changed since the page was shown, and ``again`` is told by whom.
        What ``engages`` the house, as four eyes do, is done for who proved a short while ago who they are.

        Raises:
            Absent: the form was not one of ours.
        """
        asking = await self._asking(seen)
        if engages and not self.proved:
            return await again(ProofOwed())
        done = await self._once(asking, work, again=again, otherwise=otherwise)
        if isinstance(done, Response):
            return done
        place = then(done.value)
        await self.hall.once.answered(asking, place)
        return _led(place)

    async def act_and_show(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        shown: Callable[[T], Awaitable[Response]],
        again: Callable[[GatewayError], Awaitable[Response]],
        otherwise: str = "/",
    ) -> Response:
        """As ``act``, but what was done holds a secret: it is shown at once, this one time, and kept nowhere.

        Raises:
            Absent: the form was not one of ours.
        """
        done = await self._once(await self._asking(), work, again=again, otherwise=otherwise)
        return done if isinstance(done, Response) else await shown(done.value)

    async def form(self) -> FormData:
        """What was typed into a form of ours.

        Raises:
            Absent: the form was not one of ours.
        """
        form = await self.request.form()
        if not self._ours(str(form.get("token", ""))):
            raise Absent
        return form

    async def _asking(self, seen: Seen | None = None) -> Asking:
        token = str((await self.form())["token"])
        body = digest(self.request.url.path.encode())
        provided = None if seen is None else unchanged(seen)
        return Asking(key=digest(token.encode()), by=self.actor.name, body=body, provided=provided)

    async def _once(
        self,
        asking: Asking,
        work: Callable[[], Awaitable[T]],
        *,
        again: Callable[[GatewayError], Awaitable[Response]],
        otherwise: str,
    ) -> "_Done[T] | Response":
        earlier = await self.hall.once.earlier(asking)
        if earlier is not None:
            # What was done the first time may make the second impossible: it is not asked again.
            return _led(earlier.answer or otherwise)
        try:
            with asked(asking):
                return _Done(value=await work())
        except AlreadyAsked:
            earlier = await self.hall.once.earlier(asking)
            return _led(earlier.answer if earlier and earlier.answer else otherwise)
        except GatewayError as error:
            return await again(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done(Generic[T]):
    """What an act gave, told apart from a page."""

    value: T


def keep_signed_in(answer: Response, secret: str) -> None:
    """Let the browser keep the secret of a sign-in: for this host alone, and never for a script."""
    answer.set_cookie(COOKIE, secret, secure=True, httponly=True, samesite="lax", path="/")


def _led(place: str) -> Response:
    return RedirectResponse(place, status_code=HTTPStatus.SEE_OTHER)


async def signed_in(request: Request) -> Visit:
    """The person who asks.

    Raises:
        SignInNeeded.
    """
    return await _visit(request, touches=True)


async def lately_signed_in(request: Request) -> Visit:
    """The person who sends a form, also when their sign-in ran out while they typed: to keep it, and show nothing.

    Raises:
        SignInNeeded.
    """
    try:
        return await signed_in(request)
    except SignInNeeded:
        hall: Hall = request.app.state.hall
        presence = await hall.sign_ins.lapsed(request.cookies.get(COOKIE, ""))
        if presence is None:
            raise
        return Visit(request=request, hall=hall, presence=presence, language=language_of(request), lapsed=True)


async def glancing(request: Request) -> Visit:
    """The person whose page asks by itself: that does not keep them signed in.

    Raises:
        SignInNeeded.
    """
    return await _visit(request, touches=False)


async def _visit(request: Request, *, touches: bool) -> Visit:
    hall: Hall = request.app.state.hall
    presence = await hall.sign_ins.present(request.cookies.get(COOKIE, ""), touches=touches)
    if presence is None:
        raise SignInNeeded
    return Visit(request=request, hall=hall, presence=presence, language=language_of(request))


async def proven(visit: Annotated[Visit, Depends(signed_in)]) -> Visit:
    """The person who asks, and who proved a short while ago who they are: for what four eyes guard, and accounts.

    Raises:
        SignInNeeded. ProofNeeded: it was too long ago.
    """
    if not visit.proved:
        raise ProofNeeded
    return visit
