"""Names the requests of a case for people: of all its rows, since each counts those that came before it."""

from collections.abc import Iterable, Mapping

from gateway.domain.request_name import RequestName
from gateway.services.casework import hospital_day
from gateway.storage import Request, Rows


def named(rows: Iterable[Request]) -> Mapping[str, RequestName]:
    """All requests of one case, by their hashes."""
    ordered = sorted(rows, key=lambda row: row.id)
    return {
        row.hash: RequestName(number=number, made_on=hospital_day(row.submitted_at))
        for number, row in enumerate(ordered, start=1)
    }


async def name_of(view: Rows, request: Request) -> RequestName:
    """One of them."""
    return named(await view.all(Request, site=request.site, case_id=request.case_id))[request.hash]
