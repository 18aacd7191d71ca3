"""What an answer or another exchange of a partner does to the request that it is about, however it reached us."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.kinds import EXTENSION_REGULARISATION, Answer, Kind
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
        if answers(heard.kind, request, heard.times.earliest):
            return await self._answered(act, request, heard)
        event = heard.kind.outcome_of(heard.values).request
        if event is None:
            return request
        changes: dict[str, Any] = {"form_owed": False} if heard.kind is EXTENSION_REGULARISATION else {}
        return await self._requests.advance(
            act, request, event, actor=heard.actor, partner=heard.partner, message=heard.message, **changes
        )

    async def _answered(self, act: Act, request: Request, heard: Heard) -> Request:
        answer = heard.kind.answer or Answer.ACCEPTED
        told = Reply(answer=answer, kind=heard.kind, values=heard.values, has_form=heard.has_form)
        return await self._requests.answer(
            act, request, told, heard.times, actor=heard.actor, partner=heard.partner, message=heard.message
        )
