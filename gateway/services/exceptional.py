"""« Accès exceptionnel »: a physician who does not follow a case reads its medical content, and says why.

The reason is in the audit log, in the commit that comes before the bytes leave, and it is an alarm at once: whoever
follows the case learns who read what.
"""

from gateway.domain.audit import fit
from gateway.domain.errors import AccessInvalid, NotAllowed
from gateway.domain.parties import Party
from gateway.domain.readers import PREFIX, Readership
from gateway.domain.words import said
from gateway.services.rights import held
from gateway.storage import Act, Case, Message, View

EVENT = "alarm.exceptional_read"
SHORTEST = 10
"""Characters of a reason that says something."""


async def may_insist(view: View, party: Party, readership: Readership, actor: str) -> bool:
    """Whether this person is a physician of ours, whatever cases they follow."""
    named = [reader for reader in readership.physicians if reader.people]
    known = not named or any(actor in reader.people for reader in named)
    return known and (await held(view, party, actor)).medical


async def exceptional(
    act: Act, *, party: Party, readership: Readership, case: Case, message: Message, actor: str, because: str
) -> None:
    """Let a physician through, on the record.

    Raises:
        NotAllowed: this person is no physician of ours. AccessInvalid: no reason is given.
    """
    if not await may_insist(act, party, readership, actor):
        raise NotAllowed(
            act=said("lire le contenu médical du dossier {ref}", ref=case.ref),
            reason=said("Seul un médecin de l'établissement le peut, et dit pourquoi."),
        )
    reason = " ".join(because.split())
    if len(reason) < SHORTEST:
        raise AccessInvalid.of({"because": said("motif : dites en une phrase pourquoi, sans nom ni contenu médical")})
    await act.record(
        EVENT,
        actor=actor,
        case=case.ref,
        message=str(message.id),
        partner=f"{PREFIX}{case.physician}" if case.physician else None,
        details={"because": fit(reason)},
    )
