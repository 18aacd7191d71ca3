"""OpenSSL on the same S/MIME mails, signatures and revocation lists: we never believe what it does not.

``openssl.tsv`` names every verdict that differs, with its reason; docs/attacks.md shows it.
"""

import subprocess
from collections.abc import Iterator, Sequence
from csv import DictReader
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gateway.adapters.openpgp.open import OpenLimits
from gateway.adapters.smime.authority import Authority
from gateway.adapters.smime.bench import SmimeBench
from gateway.adapters.smime.certificates import Correspondent, pem
from gateway.domain.errors import AuthorityUnusable
from gateway.domain.parties import Role
from gateway.worker import Bench, read
from tests.adapters.smime import test_attacks
from tests.adapters.smime.forge import OPENED_AT, PINNED, attacks
from tests.adapters.smime.people import Person, person
from tests.adapters.smime.test_authority import AT, LEAF, MIDDLE, OTHER, ROOT, authority, judged, revocations
from tests.attacks.make import made, rows
from tests.attacks.scene import Scene, scene
from tests.attacks.test_second_opinion import CRYPTOGRAPHY
from tests.services.suites import PASSPHRASE

TABLE = Path(__file__).parent / "openssl.tsv"
SAID = {True: "bon", False: "refus"}


def differing(what: str) -> dict[str, tuple[str, str]]:
    """What the table says of mails, signatures or lists: OpenSSL's word and ours."""
    told = DictReader(TABLE.read_text(encoding="utf-8").splitlines(), delimiter="\t")
    return {row["name"]: (row["openssl"], row["gateway"]) for row in told if row["what"] == what}


def openssl(folder: Path, *arguments: str, data: bytes = b"") -> bytes | None:
    """What it writes, None when it refuses."""
    done = subprocess.run(["openssl", *arguments], cwd=folder, input=data, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def write(folder: Path, us: Person, known: Sequence[x509.Certificate]) -> None:
    """Our key, and the certificates that are pinned."""
    (folder / "us.pem").write_text(pem(us.certificate))
    (folder / "us.key").write_text(us.identity().key_pem())
    (folder / "known.pem").write_text("".join(map(pem, known)))


def believes(folder: Path, mail: bytes, at: datetime | None = None) -> bool:
    """Whether it opens the mail where it is sealed, and finds one of the pinned certificates' signatures on it.

    It takes the mail apart itself, and is asked for no more than a pin: no certificate of the mail counts.
    """
    plain = openssl(folder, "cms", "-decrypt", "-recip", "us.pem", "-inkey", "us.key", data=mail)
    pinned = ("-CAfile", "known.pem", "-certfile", "known.pem", "-nointern", "-partial_chain")
    then = () if at is None else ("-attime", str(int(at.timestamp())))
    return openssl(folder, "cms", "-verify", *pinned, *then, data=mail if plain is None else plain) is not None


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """All keys."""
    with scene(tmp_path_factory.mktemp("scene")) as made_keys:
        yield made_keys


async def test_over_the_attack_table_openssl_believes_no_less_than_we_do(keys: Scene, tmp_path: Path) -> None:
    """Every mail of it that is in S/MIME."""
    ours, partner = keys.of(Role.HOSPITAL), keys.of(Role.CNAS).own
    write(tmp_path, Person(certificate=ours.own.certificate, key=ours.own.key), [partner.certificate])
    bench = Bench(
        home=ours.home.path,
        passphrase=PASSPHRASE,
        own=ours.home.own,
        limits=OpenLimits(max_plain=1024 * 1024),
        smime=SmimeBench(own=ours.own, known=(Correspondent(certificate=partner.certificate),)),
    )
    found: dict[str, tuple[bool, bool]] = {}
    for row in rows():
        mail = (await made(row.name, keys))[-1]
        if b"pkcs7" in mail.lower():
            seen = read(mail, bench)
            here = seen.fingerprint == partner.fingerprint and seen.failed_step not in CRYPTOGRAPHY
            found[row.name] = (believes(tmp_path, mail), here)
    compare("mail", found)
    assert len(found) > 25
    assert {name for name, both in found.items() if all(both)} == {
        "honest-smime",
        "honest-smime-gcm",
        "a16-forwarded-smime",  # a true signature: for whom it was made is not cryptography
    }


def test_over_every_forged_signature_openssl_believes_no_less_than_we_do(tmp_path: Path) -> None:
    """One defect each, at the instant at which we read them."""
    write(tmp_path, PINNED[0], [each.certificate for each in PINNED])
    bench = test_attacks.bench()
    found = {
        name: (believes(tmp_path, attack.mail, OPENED_AT), read(attack.mail, bench).failed_reason is None)
        for name, attack in attacks().items()
    }
    compare("signature", found)
    assert {name for name, both in found.items() if all(both)} == {name for name in found if name.startswith("good")}


LISTS = {
    "clean": ((ROOT, MIDDLE), (revocations(ROOT), revocations(MIDDLE))),
    "revoked": ((ROOT, MIDDLE), (revocations(ROOT), revocations(MIDDLE, LEAF))),
    "authority-revoked": ((ROOT, MIDDLE), (revocations(ROOT, MIDDLE), revocations(MIDDLE))),
    "somebody-else-revoked": ((ROOT, MIDDLE), (revocations(ROOT), revocations(MIDDLE, person("autre", issuer=MIDDLE)))),
    "out-of-date": (
        (ROOT, MIDDLE),
        (revocations(ROOT), revocations(MIDDLE, next_update=AT - timedelta(days=1))),
    ),
    "out-of-date-revoked": (
        (ROOT, MIDDLE),
        (revocations(ROOT), revocations(MIDDLE, LEAF, next_update=AT - timedelta(days=1))),
    ),
    "not-yet": ((ROOT, MIDDLE), (revocations(ROOT), revocations(MIDDLE, last_update=AT + timedelta(days=1)))),
    "another-issuer": ((ROOT, MIDDLE), (revocations(ROOT), revocations(OTHER))),
    "namesake": (
        (ROOT, MIDDLE),
        (revocations(ROOT), revocations(person("autorite", key=OTHER.key, authority=True))),
    ),
    "another-chain": ((OTHER,), (revocations(OTHER),)),
}
"""Authorities in the file, and lists in the file."""


def test_over_revocation_lists_openssl_differs_only_where_it_is_meant(tmp_path: Path) -> None:
    """A list takes back and never stops the mail: out of date it is the one thing that we take and OpenSSL does not."""
    found: dict[str, tuple[bool, bool]] = {}
    for name, (chain, lists) in LISTS.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "leaf.pem").write_text(pem(LEAF.certificate))
        ours = authority(folder, chain, *lists)
        files = ("-CAfile", "ca.pem", "-CRLfile", "crl.pem", "-attime", str(int(AT.timestamp())))
        there = openssl(folder, "verify", "-crl_check_all", *files, "leaf.pem") is not None
        found[name] = (there, _taken(ours))
    assert {name for name, both in found.items() if all(both)} == {"clean", "somebody-else-revoked"}
    assert {name: _words(both) for name, both in found.items() if len(set(both)) == 2} == differing("list")


def _taken(ours: Authority) -> bool:
    try:
        return judged(ours) is None
    except AuthorityUnusable:
        return False


def compare(what: str, found: dict[str, tuple[bool, bool]]) -> None:
    """Where we are stricter, the table says so; we are nowhere more lenient, whatever a table says."""
    assert [name for name, (there, here) in found.items() if here and not there] == []
    assert {name: _words(both) for name, both in found.items() if len(set(both)) == 2} == differing(what)


def _words(both: tuple[bool, bool]) -> tuple[str, str]:
    there, here = both
    return SAID[there], SAID[here]
