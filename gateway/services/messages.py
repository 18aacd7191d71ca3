"""A message of the protocol as a person reads it: what it states, its text and its pieces, as far as they may read it.

Each look is recorded before anything leaves (gateway.services.dossier).
"""

from dataclasses import dataclass

from gateway.domain.errors import Unknown
from gateway.domain.kinds import Field
from gateway.domain.parties import Party
from gateway.domain.readers import Share
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.services.dossier import Archive
from gateway.services.excerpt import Opened, excerpt
from gateway.services.form_fields import as_typed
from gateway.services.rights import Actor, entitled
from gateway.storage import Store
from gateway.wire.payload import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message. ``files`` have names of ours; ``withheld`` says that something of it is for physicians alone.

    ``insists``: this person may read that by saying why; ``because`` is what they said.
    """

    opened: Opened
    stated: tuple[tuple[Field, str], ...]
    text: str
    files: tuple[Attachment, ...]
    insists: bool
    because: str

    @property
    def withheld(self) -> bool:
        """Whether this person does not see all of it."""
        return self.opened.content.medical and not self.opened.whole


class Messages:
    """Opens them."""

    def __init__(self, *, store: Store, archive: Archive, party: Party) -> None:
        self._store = store
        self._archive = archive
        self._party = party

    async def open(
        self, number: int, *, actor: Actor, purpose: str = "shown", because: str | None = None
    ) -> MessageView:
        """One message; the reading is recorded first. ``because`` is why a physician reads what others follow.

        Raises:
            Unknown: none, or it was forgotten. NotAllowed: not for this person. AccessInvalid: the reason says nothing.
        """
        async with self._store.view() as view:
            await entitled(view, self._party, actor.name, Right.IDENTITY)
        opened = await self._archive.read(number, actor=actor.name, purpose=purpose, because=because)
        share = Share.WHOLE if opened.whole else Share.WITHOUT_MEDICAL
        fields = opened.content.kind.fields
        return MessageView(
            opened=opened,
            stated=tuple(
                (field, as_typed(field, opened.values[field.id])) for field in fields if opened.values.get(field.id)
            ),
            text=opened.payload.text,
            files=excerpt(opened.content, share, opened.message, opened.case).files,
            insists=not opened.whole and await self._archive.may_insist(number, actor=actor.name),
            because=because or "",
        )

    async def to_insist(self, number: int, *, actor: Actor) -> None:
        """Let through who may read all of it by saying why; nothing is opened yet.

        Raises:
            Unknown: no such message, or this person cannot, or need not.
        """
        if not (actor.may(Right.IDENTITY) and await self._archive.may_insist(number, actor=actor.name)):
            raise Unknown(kind=said("message"), ref=str(number))

    async def piece(self, number: int, place: int, *, actor: Actor, because: str | None = None) -> Attachment:
        """One of its files; ``because`` as of :meth:`open`.

        Raises:
            Unknown: none, or not for this person to read. NotAllowed: not for this person. AccessInvalid.
        """
        found = (await self.open(number, actor=actor, purpose="saved", because=because)).files
        if not 0 <= place < len(found):
            raise Unknown(kind=said("pièce"), ref=str(place))
        return found[place]
