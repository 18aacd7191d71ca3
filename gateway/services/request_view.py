"""A request with all that is known of it: its period, what attests it, what was answered and what was recorded."""

from dataclasses import dataclass

from gateway.domain import request as life
from gateway.domain.parties import Role
from gateway.domain.period import Period
from gateway.domain.request_name import RequestName
from gateway.services.almanac import Almanac
from gateway.services.answers import doubted
from gateway.services.challenged import Standing, acceptances_of, contested
from gateway.services.request_names import name_of
from gateway.storage import Acceptance, HeardAnswer, Request, Rows, StoredEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """``name`` tells it from the others of its case; ``doubted`` are the answers in dispute.

    ``acceptances`` are all that were recorded, the withdrawn ones too.
    """

    request: Request
    name: RequestName
    period: Period | None
    evidence: tuple[StoredEvidence, ...]
    answers: tuple[HeardAnswer, ...]
    doubted: tuple[HeardAnswer, ...]
    acceptances: tuple[Standing, ...]

    @property
    def acceptance(self) -> Acceptance | None:
        """The one that stands."""
        return next((each.acceptance for each in self.acceptances if each.acceptance.withdrawn_at is None), None)

    @property
    def contested(self) -> bool:
        """Whether a person must still uphold or withdraw it."""
        return contested(self.acceptances)


async def read_request(view: Rows, request: Request, almanac: Almanac, role: Role) -> RequestView:
    """Everything of one request, for a person of this role."""
    period = None
    if request.started_at is not None:
        # A settled request is explained by the calendar under which it was settled.
        version = None if request.state in life.OPEN else request.calendar_version
        period = await almanac.explained(view, request.started_at, version)
    return RequestView(
        request=request,
        name=await name_of(view, request),
        period=period,
        evidence=await view.all(StoredEvidence, site=request.site, request_hash=request.hash),
        answers=await view.all(HeardAnswer, site=request.site, request_hash=request.hash),
        doubted=await doubted(view, request, role),
        acceptances=await acceptances_of(view, request.site, request.hash),
    )
