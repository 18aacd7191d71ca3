"""Rehearsals: one case, and a partner who behaves in one particular way. Each ends with what had to be seen.

For training, and for a partner who asks what our gateway makes of his own behaviour. The hospital's gateway is the real
one; only the partner and the clock are played.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from gettext import gettext as _

from gateway.demo import papers
from gateway.demo.mailprogram import MailProgram, reports_delivery
from gateway.demo.screen import moment
from gateway.demo.servers import Post
from gateway.demo.stage import DemonstrationFailed, Stage
from gateway.domain.kinds import EXTENSION_REFUSAL
from gateway.domain.request import State
from gateway.domain.words import french
from gateway.services.desk import Submitted
from gateway.services.fiche import Fiche
from gateway.storage import Mail, Request

BEGINS = datetime(2026, 11, 8, 8, 30, tzinfo=UTC)
"""A Sunday, which is a working day in Algeria: the four days end on Wednesday."""

GRACE = timedelta(hours=12)
MINUTE = timedelta(minutes=1)
ALL = ("hospital", "cnas", "cnse")
_RECEIPT = b"multipart/report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``title`` and ``lesson`` are French, translated where they are shown; ``by_mail`` as of a play."""

    name: str
    title: str
    lesson: str
    act: Callable[[Stage], Awaitable[None]]
    by_mail: frozenset[str] = frozenset()


async def _silent(stage: Stage) -> None:
    done = await _running(stage)
    await _until_recordable(stage, done)
    await stage.reach(ALL, done, State.TACITLY_ACCEPTED)
    await _shown(stage, done)


async def _late(stage: Stage) -> None:
    done = await _running(stage)
    period = await stage.period(done)
    stage.screen.scene(_("La CNAS refuse une minute après la fin"))
    await stage.travel(period.tacit_at + MINUTE, period)
    await stage.reach(("hospital",), done, State.ELAPSED)
    await _gateway_refuses(stage, done)
    await _taken(stage)
    await _until_recordable(stage, done)
    await stage.reach(("hospital",), done, State.TACITLY_ACCEPTED)
    await _shown(stage, done)


async def _mdn_only(stage: Stage) -> None:
    done, program = await _read_at_the_cnas(stage)
    await program.displayed(_hospital(stage))
    await stage.reach(("hospital",), done, State.RUNNING)
    stage.screen.say(_("Cet accusé n'est pas signé : le délai court à titre provisoire."))
    await stage.command("hospital", "clock", "explain", done.case.ref)
    await _until_recordable(stage, done)
    await _nothing_recorded(stage, done, State.ELAPSED)
    stage.screen.scene(_("Une personne de l'hôpital dit ce que la passerelle ne peut pas affirmer"))
    said = await stage.actors["hospital"].core.confirmations.confirm(done.case.ref, actor="rehearse")
    stage.screen.say(_("Confirmé, en son nom : {codes}.").format(codes=", ".join(said)))
    stage.screen.real_life(
        _("« gateway confirm {ref} --list », puis « gateway confirm {ref} ».").format(ref=done.case.ref)
    )
    await stage.reach(("hospital", "cnse"), done, State.TACITLY_ACCEPTED)
    await _shown(stage, done)


async def _dsn_only(stage: Stage) -> None:
    done, program = await _read_at_the_cnas(stage)
    server = stage.server
    await reports_delivery(server, sender=_hospital(stage), recipient=program.address, clock=stage.clock)
    await _taken(stage)
    stage.screen.say(_("Le serveur de la CNAS a déposé le courrier ; personne n'y dit l'avoir reçu."))
    await stage.pass_time(stage.clock.now() + timedelta(days=6))
    await _nothing_recorded(stage, done, State.SENT)
    await _shown(stage, done)
    await stage.command("hospital", "todo")


async def _duplicates(stage: Stage) -> None:
    stage.server.route = lambda post: (post, post)
    done = await _running(stage)
    stage.screen.scene(_("La CNAS refuse ; sa réponse arrive deux fois aussi"))
    await _gateway_refuses(stage, done)
    await stage.reach(ALL, done, State.REFUSED)
    for role in ALL:
        base = stage.actors[role].core.base
        async with base.store.view() as view:
            requests = await view.all(Request, site=base.settings.gateway.site)
        if len(requests) != 1:
            raise DemonstrationFailed(_("Un courrier reçu deux fois a fait deux demandes."))
    await _shown(stage, done)


async def _out_of_order(stage: Stage) -> None:
    held: list[Post] = []

    def receipts_wait(post: Post) -> tuple[Post, ...]:
        if post.recipient == _hospital(stage) and _RECEIPT in post.content:
            held.append(post)
            return ()
        return (post,)

    stage.server.route = receipts_wait
    done = await _submitted(stage)
    await stage.reach(("cnas",), done, State.RUNNING)
    await _nothing_recorded(stage, done, State.SENT)
    stage.screen.scene(_("La réponse de la CNAS dépasse son accusé de réception"))
    await _gateway_refuses(stage, done)
    await stage.reach(("hospital",), done, State.REFUSED)
    stage.screen.scene(_("L'accusé de réception arrive enfin"))
    stage.server.route = lambda post: (post,)
    for post in held:
        await stage.server.deliver(post)
    await _taken(stage)
    await _nothing_recorded(stage, done, State.REFUSED)
    await _shown(stage, done)


async def _forgets_cnse(stage: Stage) -> None:
    done, program = await _read_at_the_cnas(stage)
    await program.displayed(_hospital(stage))
    await stage.reach(("hospital",), done, State.RUNNING)
    stage.screen.scene(_("La CNAS répond par un courrier scellé, sans le CNSE en copie"))
    before = len(stage.server.delivered[stage.actors["cnse"].profile.address])
    await program.answers(_hospital(stage), _("Nous refusons la prolongation demandée."))
    await _taken(stage)
    await _classified(stage, "refusal", {"decision.motif": papers.MOTIVE})
    await stage.reach(("hospital",), done, State.REFUSED)

    async def repaired() -> bool:
        return len(stage.server.delivered[stage.actors["cnse"].profile.address]) > before + 1

    await stage.until(_("la copie réparée au CNSE"), repaired)
    stage.screen.say(_("Le CNSE a reçu de l'hôpital la copie que la CNAS avait oubliée."))
    await _shown(stage, done)


async def _clear_text(stage: Stage) -> None:
    done, program = await _read_at_the_cnas(stage)
    await program.displayed(_hospital(stage))
    await stage.reach(("hospital",), done, State.RUNNING)
    stage.screen.scene(_("La CNAS répond en clair, sans signature"))
    await program.answers_in_clear(_hospital(stage), _("Nous acceptons la prolongation."))
    await _taken(stage)
    await _until_recordable(stage, done)
    await _nothing_recorded(stage, done, State.ELAPSED)
    stage.screen.say(_("Personne n'a signé ce courrier : il ne vaut pas réponse, mais il empêche tout silence."))
    await _classified(stage, "acceptance")
    await stage.reach(("hospital",), done, State.ACCEPTED)
    await _shown(stage, done)


_MAIL = frozenset({"cnas"})
SCENARIOS = {
    one.name: one
    for one in (
        Scenario(
            name="silent",
            title=french("La CNAS accuse réception, puis se tait"),
            lesson=french("le silence vaut acceptation, enregistrée une seule fois, douze heures après la fin"),
            act=_silent,
        ),
        Scenario(
            name="late",
            title=french("La CNAS répond après la fin du délai"),
            lesson=french("une réponse tardive est gardée et signalée ; elle ne change pas l'acceptation acquise"),
            act=_late,
        ),
        Scenario(
            name="mdn-only",
            title=french("La CNAS n'a qu'un programme de messagerie, et son accusé de lecture"),
            lesson=french("le délai court à titre provisoire ; rien n'est enregistré sans le mot d'une personne"),
            act=_mdn_only,
            by_mail=_MAIL,
        ),
        Scenario(
            name="dsn-only",
            title=french("Seul le serveur de la CNAS dit avoir déposé le courrier"),
            lesson=french("un avis de remise ne fait partir aucun délai : il faut obtenir un accusé de réception"),
            act=_dsn_only,
            by_mail=_MAIL,
        ),
        Scenario(
            name="duplicates",
            title=french("Chaque courrier arrive deux fois"),
            lesson=french("le même courrier est la même demande : rien ne se fait deux fois"),
            act=_duplicates,
        ),
        Scenario(
            name="out-of-order",
            title=french("La réponse arrive avant l'accusé de réception"),
            lesson=french("l'ordre d'arrivée ne change rien à l'état final"),
            act=_out_of_order,
        ),
        Scenario(
            name="forgets-cnse",
            title=french("La CNAS oublie de mettre le CNSE en copie"),
            lesson=french("la copie oubliée est réparée une fois, et le dossier le dit"),
            act=_forgets_cnse,
            by_mail=_MAIL,
        ),
        Scenario(
            name="clear-text",
            title=french("La CNAS répond en clair"),
            lesson=french("un courrier sans signature ne vaut pas réponse, mais empêche tout silence jusqu'au tri"),
            act=_clear_text,
            by_mail=_MAIL,
        ),
    )
}


# --- what they are made of


async def _submitted(stage: Stage) -> Submitted:
    hospital = stage.actors["hospital"]
    fiche = papers.request(papers.BENKHELIFA, stage.clock.now().date())
    stage.screen.scene(_("L'hôpital demande à prolonger les soins"))
    done = await hospital.core.desk.submit(fiche, actor="rehearse")
    stage.screen.say(
        _("Il est {now}. Dossier {ref}, demande {hash}.").format(
            now=moment(stage.clock.now()), ref=done.case.ref, hash=done.request.hash[:16]
        )
    )
    return done


async def _running(stage: Stage) -> Submitted:
    """With a gateway at the CNAS: its signed receipt starts the period."""
    done = await _submitted(stage)
    await stage.reach(ALL, done, State.RUNNING)
    await stage.command("hospital", "clock", "explain", done.case.ref)
    return done


async def _read_at_the_cnas(stage: Stage) -> tuple[Submitted, MailProgram]:
    """With a mail program at the CNAS: the request lies in its box, and nothing comes back by itself."""
    done = await _submitted(stage)
    program = stage.programs["cnas"]

    async def there() -> bool:
        return bool(program.received)

    await stage.until(_("la demande chez la CNAS"), there)
    await stage.reach(("hospital",), done, State.SENT)
    return done, program


async def _gateway_refuses(stage: Stage, done: Submitted) -> None:
    refusal = Fiche(path="", kind=EXTENSION_REFUSAL, ref=done.case.ref, values={"motive": papers.MOTIVE})
    await stage.actors["cnas"].core.desk.submit(refusal, actor="rehearse")


async def _until_recordable(stage: Stage, done: Submitted) -> None:
    period = await stage.period(done)
    await stage.travel(period.tacit_at + GRACE + MINUTE, period)
    await stage.looked_again()


async def _taken(stage: Stage) -> None:
    """Everything that was delivered is recorded."""
    await stage.quiet()
    await stage.looked_again()


async def _nothing_recorded(stage: Stage, done: Submitted, state: State) -> None:
    held = await stage.request(stage.actors["hospital"], done)
    if held is None or held.state is not state or await stage.acceptance(done) is not None:
        raise DemonstrationFailed(_("Un état attendu n'est pas là, ou un silence a été enregistré."))


async def _classified(stage: Stage, what: str, values: dict[str, str] | None = None) -> None:
    """A person settles the mail that waits."""
    stage.screen.scene(_("Une personne trie le courrier"))
    await stage.command("hospital", "triage", "list")
    base = stage.actors["hospital"].core.base
    async with base.store.view() as view:
        waiting = await view.all(Mail, site=base.settings.gateway.site, held_back=True, settled_at=None)
    if len(waiting) != 1:
        raise DemonstrationFailed(_("Un seul courrier devait attendre une personne."))
    number = waiting[0].id
    await stage.actors["hospital"].core.triage.classify(number, what, actor="rehearse", places=values)
    stage.screen.real_life(f"« gateway triage classify {number} {what} »")


async def _shown(stage: Stage, done: Submitted) -> None:
    stage.screen.scene(_("Ce que l'hôpital voit à la fin"))
    await stage.command("hospital", "case", "show", done.case.ref)
    for role in stage.actors:
        await stage.command(role, "audit", "verify")


def _hospital(stage: Stage) -> str:
    return stage.actors["hospital"].profile.address
