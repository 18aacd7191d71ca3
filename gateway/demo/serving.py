"""After the stories, the consoles: one for each party, with a case that still runs and a mail that awaits sorting.

They go on until somebody ends them. Whoever has an address is that person: nothing here is secret or real.
"""

import asyncio
import contextlib
import secrets
from contextlib import AsyncExitStack
from gettext import gettext as _

from gateway import frontdesk
from gateway.demo import papers
from gateway.demo.cast import Person, of_role
from gateway.demo.party import Actor
from gateway.demo.servers import Post
from gateway.demo.stage import Stage
from gateway.domain.request import State
from gateway.domain.rights import POST_WORDS
from gateway.storage import Account
from gateway.web.pages.rehearsal import DOOR
from gateway.wire.compose import text_part
from gateway.wire.fields import date_text

CODE_BYTES = 8


async def doors(stage: Stage) -> None:
    """Open the consoles, tell their addresses, and wait for the end.

    Raises:
        CannotListen, GatewayError, DemonstrationFailed.
    """
    stage.screen.title(_("Les consoles"))
    await _something_to_do(stage)
    async with AsyncExitStack() as stack:
        for role, actor in stage.actors.items():
            codes = {secrets.token_hex(CODE_BYTES): person for person in of_role(role)}
            await _accounts(actor, tuple(codes.values()))
            playing = frontdesk.Playing(
                clock=stage.clock, persons={code: person.name for code, person in codes.items()}
            )
            address = await stack.enter_async_context(frontdesk.served(actor.core.base.settings, playing=playing))
            stage.screen.scene(actor.profile.name)
            for code, person in codes.items():
                posts = ", ".join(_(POST_WORDS[post]) for post in person.posts)
                stage.screen.say(f"{person.name} ({posts}) : {address}{DOOR}/{code}")
        stage.screen.say(_("Ouvrez une adresse dans un navigateur. Ctrl-C ferme tout."))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        task = asyncio.current_task()
        if task is not None:
            # Whoever ended the consoles ended nothing else.
            task.uncancel()


async def _accounts(actor: Actor, persons: tuple[Person, ...]) -> None:
    base = actor.core.base
    async with base.store.act() as act:
        for person in persons:
            row = Account(
                site=base.settings.gateway.site,
                login=person.login,
                name=person.name,
                posts=person.posts,
                created_at=base.clock.now(),
                created_by="demo",
            )
            await act.add(row)


async def _something_to_do(stage: Stage) -> None:
    """A period that runs, and a mail in clear from the CNAS that holds its silence back."""
    hospital = stage.actors["hospital"]
    today = stage.clock.now().date()
    done = await hospital.core.desk.submit(papers.request(papers.CHERIF, today), actor="demo")
    await stage.reach(("hospital", "cnas", "cnse"), done, State.RUNNING)
    sender, address = stage.actors["cnas"].profile.address, hospital.profile.address
    head = [
        ("From", sender),
        ("To", address),
        ("Date", date_text(stage.clock.now().replace(microsecond=0))),
        ("Message-ID", f"<{secrets.token_hex(16)}@cnas.demo.test>"),
        ("Subject", _("Dossier {ref}").format(ref=done.case.ref)),
    ]
    letter = text_part(_("Pouvez-vous préciser le nombre de séances ?"), headers=head)
    await stage.server.deliver(Post(sender=sender, recipient=address, content=letter))
    await stage.quiet()
