"""What an answer or another exchange of a partner does to the request that it is about, however it reached us."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.kinds import Answer, Kind
from gateway.domain.request import Event
from gateway.services.replies import AnswerTimes, Reply, answers
from gateway.services.requests import Requests
from gateway.storage import Act, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a partner said: by a message of the protocol, or by a mail of which a person said what it is."""

    kind: Kind
    values: Mapping[str, str]
    has_form: bool
    times: AnswerTimes
    actor: str
    partner: str
    message: str


class Exchanges:
    """Applies what partners say."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def apply(self, act: Act, request: Request, heard: Heard) -> Request:
        """One answer or exchange, in the caller's act.

        Raises:
            IllegalTransition: it cannot happen now; the act must end without a commit.
        """
        answered = answers(heard.kind, request, heard.times.earliest)
        event = heard.kind.outcome_of(heard.values).request
        if answered or event is Event.REGULARISED:
            told = Reply(
                answer=heard.kind.answer or Answer.ACCEPTED,
                kind=heard.kind,
                values=heard.values,
                has_form=heard.has_form,
            )
            hear = self._requests.answers.hear if answered else self._requests.answers.hear_form
            return await hear(
                act, request, told, heard.times, actor=heard.actor, partner=heard.partner, message=heard.message
            )
        if event is None:
            return request
        return await self._requests.advance(
            act, request, event, actor=heard.actor, partner=heard.partner, message=heard.message
        )
