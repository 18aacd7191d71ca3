"""Tells our own people of alarms by mail, in French, through the outbox: one mail for all the news of a round.

It says references and dates, never a name or a word of what is exchanged, so it travels in clear like any other mail of
the house.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from gateway.domain.alarms import Severity
from gateway.domain.alarms.staff import ALARM, Member
from gateway.domain.days import ALGIERS, PARIS
from gateway.domain.parties import Party, Role
from gateway.ports import Noise
from gateway.services.alarms.words import severity, told
from gateway.services.cabinet import Cabinet
from gateway.services.clear_mail import ClearPost
from gateway.storage import Act, Alarm, Message

PURPOSE = "alarms"
"""Of the vault key under which these mails lie until they leave."""

LOUDNESS = {
    Severity.URGENT: "URGENT",
    Severity.WARNING: "À TRAITER",
    Severity.NOTICE: "À SAVOIR",
}
_CLOSING = (
    "Ce courrier est automatique et ne contient rien de médical. N'y répondez pas : une alarme se prend par la "
    "commande indiquée. Toutes les alarmes : gateway alarms"
)


class Why(Enum):
    """Why somebody is told of an alarm."""

    STARTED = "started"
    UNTAKEN = "untaken"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One alarm, as it is told to one person."""

    alarm: Alarm
    why: Why


class AlarmPost:
    """Writes and queues such mail."""

    def __init__(self, *, party: Party, cabinet: Cabinet, noise: Noise) -> None:
        self._party = party
        self._post = ClearPost(party=party, cabinet=cabinet, noise=noise, kind=ALARM, purpose=PURPOSE)

    async def queue(self, act: Act, member: Member, news: Sequence[News], now: datetime) -> Message:
        """Into the outbox, in the act that records what it tells.

        Raises:
            StorageFailed: nothing is queued.
        """
        message, _ = await self._post.queue(
            act,
            recipient=member.name,
            address=member.address,
            subject=subject(news),
            text=letter(news, self._party),
            now=now,
        )
        return message


def subject(news: Sequence[News]) -> str:
    """How many of each sort; nothing of what they are about."""
    standing = [severity(item.alarm) for item in news if item.why is not Why.ENDED]
    counts = (
        (standing.count(Severity.URGENT), "urgente", "urgentes"),
        (standing.count(Severity.WARNING), "à traiter", "à traiter"),
        (standing.count(Severity.NOTICE), "à savoir", "à savoir"),
        (len(news) - len(standing), "terminée", "terminées"),
    )
    told_ = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return f"Alarmes de la passerelle des soins programmés : {', '.join(told_)}"


def letter(news: Sequence[News], party: Party) -> str:
    """The whole text, the loudest first."""
    order = sorted(news, key=lambda item: (item.why is Why.ENDED, severity(item.alarm), item.alarm.id))
    parts = [f"Alarmes de la passerelle – {party.name}"]
    parts += ["\n".join(_lines(item, party)) for item in order]
    return "\n\n".join([*parts, _CLOSING, ""])


def _lines(item: News, party: Party) -> list[str]:
    alarm = item.alarm
    sentence, mend = told(alarm)
    began = _moment(alarm.started_at, party)
    if item.why is Why.ENDED:
        over = f"TERMINÉE – alarme n° {alarm.id}, du {began}"
        return [over, str(sentence), "Ce n'est plus le cas ; il n'y a plus rien à faire."]
    head = f"{LOUDNESS[severity(alarm)]} – alarme n° {alarm.id}, depuis le {began}"
    untaken = ["Vous êtes prévenu parce que personne ne l'a prise."] if item.why is Why.UNTAKEN else []
    return [head, str(sentence), f"Que faire : {mend}", f"La prendre : gateway alarms take {alarm.id}", *untaken]


def _moment(at: datetime, party: Party) -> str:
    local = at.astimezone(ALGIERS if party.role is Role.CNAS else PARIS)
    return f"{local:%d/%m/%Y} à {local:%H h %M}"
