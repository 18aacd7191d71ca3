"""Arabic, right to left: whole where it is offered, and never half of a page."""

import re
from datetime import date
from pathlib import Path

from gateway.adapters.document.pdf import TypstPrinter
from gateway.catalogues import Language, translator
from gateway.domain.parties import Role
from gateway.domain.rights import Post
from gateway.domain.words import said
from gateway.services.clock_sheet import clock_sheet
from gateway.services.rights import Actor
from gateway.web.wording import Wording
from tests.services.certifying import text_of
from tests.services.mails import ADDRESSES, plain_mail, request_mail
from tests.services.test_answers import UNCERTAIN
from tests.services.world import World, open_world
from tests.web.browsing import Browser, console, signed_in

MONTHS = "جانفي فيفري مارس أفريل ماي جوان جويلية أوت سبتمبر أكتوبر نوفمبر ديسمبر"


def words() -> Wording:
    """Arabic words."""
    return Wording(translator(Language.ARABIC), Language.ARABIC)


def test_months_are_those_of_algeria() -> None:
    """As ar_DZ writes them, with Western digits, and the first of a month without a French ordinal."""
    told = [words().day(date(2027, month, 1)).split() for month in range(1, 13)]

    assert " ".join(day[-1] for day in told) == MONTHS
    assert {day[-2] for day in told} == {"1"}
    assert words().long_day(date(2027, 3, 9)) == "الثلاثاء 9 مارس 2027"


def test_what_has_no_arabic_is_french_that_says_so() -> None:
    """A sentence of another page, with what was written by others still harmless."""
    shown = words().text(said("Courrier « {name} »", name="<b>\u202egnp.exe"))

    assert shown == '<span lang="fr" dir="ltr">Courrier «\xa0&lt;b&gt;\\u202egnp.exe\xa0»</span>'
    assert words().text("BENALI") == "BENALI"
    assert words().holiday("Aïd el-Fitr 1448") == "عيد الفطر 1448"
    assert words().holiday("Deuil <i>") == "\u2068Deuil <i>\u2069"


async def test_the_clock_is_read_in_arabic_from_right_to_left(hospital: World, secretary: Browser) -> None:
    """The whole page, with a line that its wording awaits a jurist; names and references keep their direction."""
    submitted = await hospital.to_running()
    place = f"/dossiers/{submitted.case.ref}/delai/{submitted.request.hash}"
    offered = (await secretary.get(place)).text
    await secretary.client.get(f"/langue/ar?retour={place}")
    secretary.client.cookies.set("langue", "ar")

    page = (await secretary.get(place)).text

    assert f'href="/langue/ar?retour={place}" lang="ar"' in offered
    assert '<html lang="ar" dir="rtl">' in page
    assert "إلى غاية الأربعاء 28 جانفي 2026" in page
    assert "23:59 بتوقيت الجزائر" in page
    assert "في انتظار مراجعة رجل قانون" in page
    assert f"<bdi>{submitted.case.ref}</bdi>" in page
    assert "قبول ضمني" in page


async def test_a_page_without_arabic_is_french_and_does_not_offer_it(secretary: Browser) -> None:
    """Nobody meets a page that is half one language and half another."""
    secretary.client.cookies.set("langue", "ar")

    page = (await secretary.get("/preuves")).text
    absent = (await secretary.get("/dossiers/AAAA-AA")).text

    assert '<html lang="fr">' in page
    assert "العربية" not in page
    assert '<html lang="ar" dir="rtl">' in absent


CNAS = (
    *("/", "/dossiers", "/dossiers/{ref}", "/dossiers/{ref}/delai/{request}", "/dossiers/{ref}/noter"),
    *("/dossiers/{ref}/envoyer/EXTENSION_PARTIAL_ACCEPTANCE", "/dossiers/{ref}/noter/DISCHARGE"),
    *(
        "/dossiers/{ref}/clore",
        "/demandes/nouvelle",
        "/courrier",
        "/courrier/{mail}",
        "/courrier/{mail}?choix=not-an-answer",
    ),
    *("/calendrier?mois=2026-03", "/calendrier/effet?what=official&first=28/01/2026&name=x&source=JO", "/journal"),
    *("/etat", "/comptes", "/aide", "/accessibilite", "/donnees", "/connexion", "/connexion/confirmer", "/absente"),
)
FRENCH = re.compile(r"[a-zà-ÿ]*[à-ÿ][a-zà-ÿ]*|\b(?:le|la|les|de|du|des|une?|est|pour|sur|dans)\b", re.IGNORECASE)


async def test_the_console_of_the_cnas_is_arabic_on_every_page(tmp_path: Path) -> None:
    """From right to left, with the line about the jurist, and no French word but names and what others wrote."""
    async with open_world(tmp_path, Role.CNAS, once=True, persons=2) as world:
        await world.take(request_mail(Role.CNAS))
        mail = await world.take(plain_mail(ADDRESSES[Role.HOSPITAL]))
        (case,) = await world.archive.cases()
        posts = (Post.AGENT, Post.ADMINISTRATOR, Post.AUDITOR)
        person = await signed_in(console(world), world, "Amel", *posts)
        person.client.cookies.set("langue", "ar")
        found = {}
        for path in CNAS:
            answer = await person.get(
                path.format(mail=mail.id, ref=case.case.ref, request=case.requests[0].request.hash)
            )
            page = re.sub(r"(?s)<bdi>.*?</bdi>|<(script|code)\b.*?</\1>|<a [^>]*lang=.(fr|en).*?</a>", "", answer.text)
            assert '<html lang="ar" dir="rtl">' in page, path
            assert "في انتظار مراجعة رجل قانون" in page, path
            told = re.sub(r"(?s)<head>.*?</head>|<[^>]*>", " ", page)
            found[path] = (answer.status_code, sorted({word.group() for word in FRENCH.finditer(told)}))
        await person.client.aclose()

    assert {path: told for path, told in found.items() if told != (404 if path == "/absente" else 200, [])} == {}


async def test_a_refusal_is_french_that_says_so(hospital: World, secretary: Browser) -> None:
    """Reasons come from everywhere; in an Arabic page they have their own language and direction."""
    submitted = await hospital.to_running()
    place = f"/dossiers/{submitted.case.ref}/delai/{submitted.request.hash}"
    secretary.client.cookies.set("langue", "ar")
    page = (await secretary.get(place)).text
    seen = page.partition('name="seen" value="')[2].partition('"')[0] or "0"

    answer = await secretary.send(f"{place}/confirmer", seen=seen, code="none")

    assert answer.status_code == 409
    assert 'role="alert" id="erreur" tabindex="-1" lang="fr" dir="ltr"' in answer.text


async def test_the_explanation_is_printed_in_arabic(tmp_path: Path) -> None:
    """Every sentence of it, in letters that the fonts have."""
    async with open_world(tmp_path, once=True, persons=2, calendar=UNCERTAIN) as world:
        submitted = await world.to_running()
        hall = console(world).state.hall
        clerk = Actor(name="alice", role=world.role, posts=(Post.SECRETARIAT,))
        view = await hall.clocks.of(submitted.case.ref, submitted.request.hash, clerk)
        at = world.clock.now()
    sheet = clock_sheet(view, party=world.party, actor="alice", at=at, unreviewed=True)
    pdf = TypstPrinter().pdf(sheet, language="ar", at=at)
    told = text_of(pdf)

    assert "U+" not in told
    assert any("\u0600" <= letter <= "\u06ff" or "\ufb50" <= letter <= "\ufeff" for letter in told)
