"""What the gateway refuses, and what it survives: one clear error each, nothing half-done, nothing in clear."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from gateway.adapters.openpgp.keyfiles import export_public, generate
from tests.mailserver import Machine, cannot_run
from tests.system.documents import fiche, papers, pdf
from tests.system.gateways import Gateway, Trio, until
from tests.system.steps import attached, mails, now, polled_again, settles, submit

pytestmark = pytest.mark.system

WHILE = 3.0
"""Seconds in which a failing task tries again several times, and must not say so again."""

SOON = 10.0
DISK = "8m"
GARBAGE = b"\xff\xfe\x00 no header at all \r\n\r\n\x00\x01" + bytes(range(256)) * 40


@pytest.fixture(scope="module")
def bare(trio: Trio, place: Path, mail_machine: Machine) -> Gateway:
    """A hospital that knows no key yet, and that nobody knows."""
    folder = place / "bare"
    folder.mkdir(mode=0o700)
    gateway = Gateway(
        role="hospital", folder=folder, account=mail_machine.fresh_account("hopital.test"), machine=mail_machine
    )
    gateway.install({"cnas": trio.cnas.account.address, "cnse": trio.cnse.account.address})
    return gateway


@pytest.fixture(scope="module")
def stranger(bare: Gateway, trio: Trio, place: Path) -> Gateway:
    """The same hospital once it has the keys of CNAS and CNSE, who do not have its own; never started itself."""
    gateway = clone(bare, place / "stranger")
    for partner in (trio.cnas, trio.cnse):
        gateway.import_key(partner.role, partner.public_key, partner.export_key())
    return gateway


def clone(gateway: Gateway, folder: Path) -> Gateway:
    """A copy of an installation that was not started."""
    shutil.copytree(gateway.folder, folder)
    return Gateway(role=gateway.role, folder=folder, account=gateway.account, machine=gateway.machine)


@contextmanager
def started(gateway: Gateway) -> Iterator[Gateway]:
    """Its daemon, for a while; it must end by itself, soon and well."""
    gateway.start()
    try:
        yield gateway
        began = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - began < SOON
    finally:
        gateway.kill()


def refused(gateway: Gateway, *arguments: str, code: int, told: str) -> str:
    """A command that must fail with this exit code and this word, in plain French, without a trace of Python."""
    done = gateway.call(*arguments, ok=False)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def assert_nothing_kept(gateway: Gateway) -> None:
    """No case, no request, no mail in the outbox, no file in the spool."""
    for table in ("cases", "requests", "messages", "transmissions", "files"):
        assert gateway.peek(f"SELECT 1 FROM {table}") == [], table  # noqa: S608  our own table names
    spool = gateway.folder / "data" / "spool"
    assert [path for path in spool.rglob("*") if path.is_file()] == []


def order(gateway: Gateway, folder: Path) -> list[str]:
    """The words of a good submission."""
    form = fiche(folder / "fiche.toml", now(gateway.machine).date())
    return ["submit", str(form), *attached(papers(folder))]


# --- Keys.


def test_nothing_leaves_before_every_recipient_has_a_usable_key(
    bare: Gateway, trio: Trio, tmp_path: Path, mail_machine: Machine
) -> None:
    """The CNAS's key missing, then the CNSE's, then the CNSE's expired: exit 4 with what, why and mend."""
    hospital = clone(bare, bare.folder.parent / "keys-missing")
    words = order(hospital, tmp_path)
    said = refused(hospital, *words, code=4, told="Aucune clé de cnas n'est enregistrée : rien n'est parti.")
    what, why, mend = said.splitlines()
    assert "jamais en clair" in why
    assert "gateway keys import" in mend
    assert what
    hospital.import_key("cnas", trio.cnas.public_key, trio.cnas.export_key())
    refused(hospital, *words, code=4, told="Aucune clé de cnse")
    fingerprint = generate(tmp_path, "CNSE", trio.cnse.account.address, "secret", expires="seconds=1")
    expired = tmp_path / "expired.asc"
    expired.write_text(export_public(tmp_path / "openpgp"))
    time.sleep(2)
    hospital.import_key("cnse", expired, fingerprint)
    refused(hospital, *words, code=4, told="de cnse est inutilisable : rien n'est parti.")
    assert_nothing_kept(hospital)
    assert mails(trio.cnas.account, mail_machine) == []
    assert mails(trio.cnse.account, mail_machine) == []


# --- The configuration.


def test_an_unknown_key_of_the_configuration_is_refused(bare: Gateway, place: Path) -> None:
    """A word that nothing reads is a mistake of whoever wrote it."""
    wrong = clone(bare, place / "unknown-key")
    wrong.config.write_text(wrong.config.read_text().replace("[smtp]\n", "[smtp]\nrecieve = true\n"))
    refused(wrong, "run", code=3, told="smtp.recieve : clé inconnue")


def test_an_absent_configuration_is_named(bare: Gateway, place: Path) -> None:
    """The path that was tried, and the mend."""
    absent = Gateway(role="hospital", folder=place / "nowhere", account=bare.account, machine=bare.machine)
    assert "gateway init" in refused(absent, "run", code=3, told=str(absent.config))


# --- The form.


def test_all_faults_of_a_form_are_told_at_once(stranger: Gateway, tmp_path: Path) -> None:
    """Missing fields, a wrong amount and missing attachments, in one answer."""
    today = now(stranger.machine).date()
    wrong = {"patient.nom": None, "demande.soins": None, "demande.devis_eur": "cher"}
    form = fiche(tmp_path / "fiche.toml", today, wrong)
    said = refused(stranger, "submit", str(form), *attached(papers(tmp_path)[:1]), code=2, told="corriger")
    places = (*wrong, "pieces.compte_rendu", "pieces.devis", "pieces.protocole")
    assert [place for place in places if place not in said] == []
    assert_nothing_kept(stranger)


def test_a_request_after_the_end_of_the_authorisation_is_refused(stranger: Gateway, tmp_path: Path) -> None:
    """Instruction 2019/224, § 5.1 a: it must come before the end of the authorised period."""
    over = now(stranger.machine).date() - timedelta(days=2)
    form = fiche(tmp_path / "fiche.toml", over, {"autorisation.fin": over})
    words = ["submit", str(form), *attached(papers(tmp_path))]
    refused(stranger, *words, code=2, told=f"s'est terminée le {over:%d/%m/%Y}")
    assert_nothing_kept(stranger)


def test_a_mail_that_the_server_would_not_take_is_refused_before_it_leaves(
    stranger: Gateway, place: Path, tmp_path: Path
) -> None:
    """The limit of our own server decides, before anything is sealed and kept."""
    small = clone(stranger, place / "small")
    small.config.write_text(small.config.read_text().replace("[smtp]\n", "[smtp]\nmax_bytes = 100000\n"))
    words = order(small, tmp_path)
    (tmp_path / "devis.pdf").write_bytes(pdf("devis", padding=200_000))
    refused(small, *words, code=2, told="trop lourd")
    assert_nothing_kept(small)


# --- Servers.


@pytest.mark.fault("F28")
@pytest.mark.parametrize("fault", ["TlsRefused", "LoginRefused"])
def test_a_server_that_cannot_be_trusted_or_entered_is_told_once_and_gets_nothing(
    fault: str, stranger: Gateway, trio: Trio, place: Path, mail_machine: Machine
) -> None:
    """A wrong authority or password: the daemon lives on, each task says it once, the mail stays in the outbox."""
    hospital = clone(stranger, place / fault)
    text = hospital.config.read_text()
    wrong = hospital.folder / "wrong"
    if fault == "TlsRefused":
        trustme.CA().cert_pem.write_to_path(wrong)
        text = text.replace(str(mail_machine.ca), str(wrong))
    else:
        wrong.write_text("not the password")
        wrong.chmod(0o600)
        text = text.replace(str(stranger.folder.parent / "bare" / "password"), str(wrong))
    hospital.config.write_text(text)
    digest = submit(hospital, hospital.folder)["request"]
    with started(hospital):
        until(lambda: hospital.log().count(f'"error": "{fault}"') >= 2, f"both tasks say {fault}")
        time.sleep(WHILE)
        assert hospital.log().count('"task.failing"') == 2
        assert hospital.log().count(f'"error": "{fault}"') == 2
        settles(hospital, digest, "submitted")
    assert hospital.peek("SELECT DISTINCT state FROM transmissions") == [("ready",)]
    assert _from(trio.cnas, hospital) == 0


# --- The process and its disk.


@pytest.mark.fault("F34")
def test_a_second_daemon_on_the_same_data_is_refused(stranger: Gateway, place: Path) -> None:
    """Exit 3; the first one does not notice, and ends well on SIGTERM."""
    first = clone(stranger, place / "first")
    with started(first):
        refused(first, "run", code=3, told="Une autre passerelle travaille déjà")
        polled_again(first)


@pytest.mark.fault("F14")
def test_a_damaged_database_is_refused_at_start(stranger: Gateway, place: Path) -> None:
    """Exit 6, for the daemon and for a command."""
    broken = clone(stranger, place / "broken")
    with (broken.folder / "data" / "gateway.sqlite3").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 8 * 4096)
    refused(broken, "run", code=6, told="La base de données est refusée.")
    refused(broken, "cases", code=6, told="Restaurez une sauvegarde")


@pytest.mark.fault("F7")
def test_a_full_disk_stops_no_daemon_and_loses_no_mail(
    stranger: Gateway, place: Path, tmp_path: Path, mail_machine: Machine
) -> None:
    """While it is full: one clear error, nothing half-done. When space returns, the mail that came is taken in."""
    hospital = clone(stranger, place / "full")
    data = hospital.folder / "data"
    with small_disk(data), started(hospital):
        polled_again(hospital)
        filler = data / "filler"
        with pytest.raises(OSError, match="No space left"):
            _fill(filler)
        mail_machine.deliver(GARBAGE, hospital.account.address)
        until(lambda: '"error": "StorageFailed"' in hospital.log(), "the daemon says that the disk is full")
        refused(hospital, *order(hospital, tmp_path), code=6, told="Libérez de la place")
        assert hospital.peek("SELECT 1 FROM mails") == []
        filler.unlink()
        until(lambda: hospital.peek("SELECT 1 FROM mails"), "the mail is taken in")
        assert_nothing_kept_but_one_mail(hospital)
        assert hospital.log().count('"error": "StorageFailed"') <= len(("inbound", "outbound", "deadlines"))
        until(lambda: '"task.recovered"' in hospital.log(), "the daemon says that it works again")


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"\0" * 4096)


def assert_nothing_kept_but_one_mail(gateway: Gateway) -> None:
    """The refused submission left nothing; each file of the spool has its row."""
    assert gateway.peek("SELECT 1 FROM requests") == gateway.peek("SELECT 1 FROM transmissions") == []
    named = {name for (name,) in gateway.peek("SELECT name FROM files")}
    spool = gateway.folder / "data" / "spool"
    assert {path.name for path in spool.rglob("*") if path.is_file()} == named


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Put the folder on a small disk of its own, with what it holds; without permission to mount, it cannot run."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        cannot_run(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


# --- Hostile mail.


def test_garbage_and_a_strangers_sealed_mail_are_quarantined_unanswered_and_block_nobody(
    stranger: Gateway, trio: Trio, place: Path, mail_machine: Machine
) -> None:
    """The CNAS keeps both, tells nobody, and goes on with the next good mail."""
    unknown = clone(stranger, place / "unknown")
    mail_machine.deliver(GARBAGE, trio.cnas.account.address)
    submit(unknown, unknown.folder)
    with started(unknown):
        until(lambda: _from(trio.cnas, unknown) == 1, "the stranger's mail is in the CNAS's mailbox")
    trio.start()
    quarantine = "SELECT reason FROM mails WHERE verdict = 'quarantine'"
    until(lambda: len(trio.cnas.peek(quarantine)) == 2, "both are in quarantine")
    digest = submit(trio.hospital, place)["request"]
    settles(trio.hospital, digest, "running")
    settles(trio.cnas, digest, "running")
    assert trio.cnas.peek("SELECT partner, receipt FROM transmissions") == [("hospital", 1)]
    answers = [mail for mail in mails(unknown.account, mail_machine) if mail.get_content_type() == "multipart/signed"]
    assert answers == []
    assert trio.cnas.peek("SELECT hospital FROM cases") == [("hospital",)]


def _from(gateway: Gateway, sender: Gateway) -> int:
    """How many mails of a sender lie in a mailbox."""
    return sum(mail["From"] == sender.account.address for mail in mails(gateway.account, gateway.machine))
