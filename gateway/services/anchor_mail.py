"""Anchors by mail: a checkpoint leaves through the outbox, and is anchored once the mail server has taken it.

The same bytes go out again, an hour later and for as long as it takes, when a server refuses them or gives them back.
"""

from dataclasses import replace
from datetime import timedelta

import structlog

from gateway.domain import transmission as sending
from gateway.domain.checkpoint import LOG_ANCHOR, MAILBOX
from gateway.domain.parties import Party
from gateway.ports import Clock, Noise
from gateway.services.cabinet import Cabinet
from gateway.services.clear_mail import ClearPost
from gateway.storage import Act, Anchor, LogPoint, Store, Transmission, View, Way

_log = structlog.get_logger()

PURPOSE = "anchors"
"""Of the vault key under which these mails lie."""

RETRY = timedelta(hours=1)
"""How long after a refusal the mail leaves again: whoever mends the address or the mailbox needs no command."""

_LEFT = frozenset({sending.State.HANDED_OVER, sending.State.EVIDENCED})
_FAILED = frozenset({sending.State.REFUSED, sending.State.RETURNED})

_LETTER = """\
Point de contrôle du journal d'audit – {party}

Conservez ce courrier : il permettra de vérifier que le journal n'a pas été réécrit depuis. Il est automatique, ne
contient rien de médical et n'appelle aucune réponse. Pour vérifier, enregistrez-le dans un fichier, puis :
gateway audit verify --anchors FICHIER

{note}
Fin du point de contrôle.
"""


class AnchorPost:
    """Writes, queues and follows such mail; ``address`` is the mailbox of [audit]."""

    def __init__(
        self, *, store: Store, cabinet: Cabinet, clock: Clock, party: Party, noise: Noise, address: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._party = party
        self._address = address
        self._post = ClearPost(party=party, cabinet=cabinet, noise=noise, kind=LOG_ANCHOR, purpose=PURPOSE)

    async def queue(self, act: Act, point: LogPoint) -> Transmission:
        """Into the outbox, in the act that keeps the checkpoint.

        Raises:
            StorageFailed: nothing is queued.
        """
        _, queued = await self._post.queue(
            act,
            recipient=MAILBOX,
            address=self._address,
            subject=f"Passerelle des soins programmés : point de contrôle du journal, {point.size} enregistrements",
            text=_LETTER.format(party=self._party.name, note=point.note),
            now=self._clock.now(),
        )
        return queued

    async def round(self) -> None:
        """Note which mails have left, and send again those that did not arrive."""
        async with self._store.view() as view:
            found = await self._open(view)
        failed = [(anchor, mail) for anchor, mail in found if _failed(mail)]
        for anchor, mail in found:
            if mail.state in _LEFT or (_failed(mail) and (anchor.failing_since is None or anchor.done_at is not None)):
                async with self._store.act() as act:
                    await self._settle(act, anchor, mail)
        # One of them finds out whether the mailbox takes mail again; the others follow when it did.
        tried = max((mail.next_at for _, mail in failed), default=None)
        if tried is not None and self._clock.now() - tried >= RETRY:
            async with self._store.act() as act:
                await self._again(act, failed[0][1])

    async def _open(self, view: View) -> list[tuple[Anchor, Transmission]]:
        """Those that have not left, or came back, with their mails."""
        owed = await view.all(Anchor, way=Way.MAIL, done_at=None)
        rows = await view.all(Transmission, id=tuple(row.transmission for row in owed))
        back = await view.all(Transmission, site=self._party.site, partner=MAILBOX, state=sending.State.RETURNED)
        mails = {row.id: row for row in (*rows, *back)}
        anchors = {row.id: row for row in (*owed, *await view.all(Anchor, transmission=tuple(mails)))}
        return [(row, mails[row.transmission]) for row in anchors.values() if row.transmission in mails]

    async def _settle(self, act: Act, anchor: Anchor, seen: Transmission) -> None:
        if await act.one(Transmission, id=seen.id) != seen:
            # The sender was here meanwhile: the next round sees what it did.
            return
        now = self._clock.now()
        if seen.state in _LEFT:
            # What came back and left again is there since now: its row still tells of the first time.
            first = seen.handed_over_at if anchor.failing_since is None else None
            await act.save(replace(anchor, done_at=first or now, failing_since=None))
            return
        _log.warning("audit.anchor_failing", way=Way.MAIL.value, error=seen.state.value)
        await act.save(replace(anchor, done_at=None, failing_since=anchor.failing_since or now))

    async def _again(self, act: Act, seen: Transmission) -> None:
        if await act.one(Transmission, id=seen.id) != seen:
            return
        state = sending.step(seen.state, sending.Event.RESENT)
        await act.save(replace(seen, state=state, next_at=self._clock.now(), attempts=0, doubts=0))
        await act.record(
            f"transmission.{sending.Event.RESENT.value}",
            actor="gateway",
            message=str(seen.message),
            partner=seen.partner,
            outcome="same-bytes",
            details={"envid": seen.envid, "former": seen.state.value},
        )


def _failed(mail: Transmission) -> bool:
    """Whether the outbox leaves it to somebody else."""
    return mail.state in _FAILED or (mail.state is sending.State.UNKNOWN and mail.doubts >= sending.MAX_DOUBTS)
