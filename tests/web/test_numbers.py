"""A number in an address that no table can hold is no page, as one that nothing has."""

import pytest

from tests.services.world import World
from tests.web.browsing import Browser

HUGE = "9" * 25


@pytest.mark.parametrize(
    "path",
    [
        "/dossiers?avant={n}",
        "/journal?avant={n}",
        "/changements?vu={n}",
        "/courrier/{n}",
        "/messages/{n}",
        "/preuves/{n}",
        "/calendrier?mois={n}",
        "/dossiers/7F3K-Q2/corriger/{n}",
    ],
)
async def test_a_number_beyond_every_table_is_no_page(hospital: World, secretary: Browser, path: str) -> None:
    """Never a breakdown; and a number just beyond the columns of a server's database neither."""
    await hospital.poll()

    answers = [await secretary.get(path.format(n=number)) for number in (HUGE, str(2**63), "-1", "٣")]

    assert {answer.status_code for answer in answers} <= {200, 404, 422}


@pytest.mark.parametrize("path", ["/etat/alarmes/{n}", "/dossiers/7F3K-Q2/renvoyer/{n}", "/preuves/{n}"])
async def test_nor_is_it_in_a_form(secretary: Browser, path: str) -> None:
    """What a form asks for is not there."""
    await secretary.get("/")

    answer = await secretary.send(path.format(n=HUGE), seen=HUGE, version=HUGE)

    assert answer.status_code == 404
