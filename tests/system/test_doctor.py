"""``gateway doctor`` as an administrator runs it: on real servers, beside the daemon, and through one that rewrites."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.openpgp.keyfiles import export_public, generate
from tests.doctor import fakes
from tests.mailserver import Machine
from tests.system.gateways import Gateway, until
from tests.system.relay import NAME, Relay, relaying
from tests.system.steps import folders, mails, polled_again, raw_mails
from tests.system.test_refusals import clone

pytestmark = pytest.mark.system

UNWELL = 8
SUBJECT = "Message d'essai de la passerelle"


def examined(gateway: Gateway, *options: str, code: int) -> dict[str, list[dict[str, Any]]]:
    """The findings of each check, with this exit code."""
    done = gateway.call("doctor", "--json", *options, ok=False)
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert done.returncode == code, [item for item in found if item["level"] not in {"ok", "to_know"}]
    told: dict[str, list[dict[str, Any]]] = {}
    for item in found:
        assert list(item)[:5] == ["check", "level", "what", "why", "mend"]
        told.setdefault(item["check"], []).append(item)
    return told


def levels(found: dict[str, list[dict[str, Any]]], *checks: str) -> dict[str, str]:
    """The level of checks that have one finding each."""
    return {check: str(only(found, check)["level"]) for check in checks}


def only(found: dict[str, list[dict[str, Any]]], check: str) -> dict[str, Any]:
    """The one finding of a check."""
    (item,) = found[check]
    return item


@pytest.fixture(scope="module")
def hospital(place: Path, temporary: Path, mail_machine: Machine) -> Iterator[Gateway]:
    """A hospital as ``gateway init`` leaves it, with a key for each partner; its daemon has never run."""
    folder = place / "hospital"
    folder.mkdir(mode=0o700)
    gateway = Gateway(role="hospital", folder=folder, account=mail_machine.fresh_account(), machine=mail_machine)
    gateway.install({"cnas": "conv@cnas.test", "cnse": "medical@cnse.test"})
    for partner in ("cnas", "cnse"):
        keys = temporary / partner
        fingerprint = generate(keys, partner, f"{partner}@example.test", "secret")
        (keys / "public.asc").write_text(export_public(keys / "openpgp"))
        gateway.import_key(partner, keys / "public.asc", fingerprint)
    try:
        yield gateway
    finally:
        gateway.kill()


# --- Real servers.


def test_a_sound_installation_is_found_sound_beside_its_daemon(hospital: Gateway, mail_machine: Machine) -> None:
    """Exit code 0; the daemon knows both trial mails; nothing is to sort; the mailbox is as it was before."""
    mail_machine.deliver(b"Subject: avant\r\n\r\nx\r\n", hospital.account.address)
    hospital.start()
    try:
        polled_again(hospital)
        found = examined(hospital, code=0)
    finally:
        hospital.stop()

    assert {item["level"] for items in found.values() for item in items} <= {"ok", "to_know"}
    of_trial = ("probe.arrived", "probe.content", "probe.receipt", "probe.null_sender", "probe.service")
    assert levels(found, *of_trial) == dict.fromkeys(of_trial, "ok")
    assert only(found, "probe.own_mta")["hosts"] == [mail_machine.lmtp_name, mail_machine.mta_name]
    assert only(found, "state.service")["running"] is True
    assert only(found, "smtp.reports")["dsn"] is True
    assert [item["partner"] for item in found["keys.partner"]] == ["cnas", "cnse"]
    # What there is to sort is only the mail that was there before.
    assert hospital.peek("SELECT verdict, held_back, file IS NULL FROM mails ORDER BY id") == [
        ("plain", 0, 0),
        ("probe", 0, 1),
        ("probe", 0, 1),
    ]
    assert hospital.peek("SELECT 1 FROM transmissions") == []
    assert [mail["Subject"] for mail in mails(hospital.account, mail_machine)] == ["avant"]
    assert folders(hospital.account, mail_machine) == {"INBOX", "Passerelle-Horloge"}


def test_a_stopped_daemon_reads_the_trial_mails_when_it_starts(hospital: Gateway, mail_machine: Machine) -> None:
    """They are left for it: removed before, they would look like answers that vanished unread."""
    found = examined(hospital, code=0)

    assert only(found, "state.service")["running"] is False
    assert only(found, "probe.removed")["left"] == 2
    left = [mail["Subject"] for mail in mails(hospital.account, mail_machine) if SUBJECT in mail["Subject"]]
    assert len(left) == 2
    hospital.start()
    try:
        probes = "SELECT count(*) FROM mails WHERE verdict = 'probe'"
        until(lambda: hospital.peek(probes) == [(4,)], "the daemon has read them")
        polled_again(hospital)
    finally:
        hospital.stop()
    assert hospital.peek("SELECT 1 FROM mails WHERE verdict = 'vanished'") == []


def test_without_a_probe_nothing_is_sent(hospital: Gateway, mail_machine: Machine) -> None:
    """The servers are still entered; the text has its titles, and a last line for whoever reads nothing else."""
    before = raw_mails(hospital.account, mail_machine)

    told = hospital.call("doctor", "--no-probe").stdout

    assert raw_mails(hospital.account, mail_machine) == before
    titles = ("Machine", "Fichiers", "Base et service", "Clés", "Partenaires", "Boîte (IMAP)", "Envoi (SMTP)")
    assert [title for title in titles if f"\n{title}\n" not in told] == []
    assert "Message d'essai" not in told
    assert "  bien         IMAP : connexion chiffrée" in told
    assert "  bien         Même heure ici et selon le serveur de messagerie." in told
    assert told.rstrip().endswith("Rien à corriger.")


def test_a_server_that_fails_hides_nothing(hospital: Gateway, place: Path) -> None:
    """A wrong password at one of them: exit code 8, what, why and mend, and the other is found sound."""
    wrong = clone(hospital, place / "wrong-password")
    (wrong.folder / "wrong").write_text("not the password")
    (wrong.folder / "wrong").chmod(0o600)
    head, smtp, tail = wrong.config.read_text().partition("[smtp]")
    password = next(line for line in head.splitlines() if line.startswith("password"))
    wrong.config.write_text(head.replace(password, 'password = { file = "wrong" }') + smtp + tail)

    found = examined(wrong, code=UNWELL)

    assert only(found, "imap.login")["error"] == "LoginRefused"
    assert all(only(found, "imap.login")[name] for name in ("what", "why", "mend"))
    assert only(found, "imap.clock")["because"] == only(found, "probe.sent")["because"] == "imap.login"
    assert levels(found, "smtp.login", "keys.own", "state.database") == dict.fromkeys(
        ("smtp.login", "keys.own", "state.database"), "ok"
    )


# --- A server that rewrites.


@pytest.fixture(scope="module")
def filtered(hospital: Gateway, place: Path, mail_machine: Machine) -> Iterator[tuple[Gateway, Relay]]:
    """The same hospital behind another submission server, with a mailbox of its own and its unwanted mail watched."""
    gateway = clone(hospital, place / "filtered")
    for leftover in (gateway.folder / "data").glob("gateway.sqlite3*"):
        leftover.unlink()
    account = mail_machine.fresh_account("hopital.test")
    with relaying(mail_machine, account, gateway.folder) as relay:
        text = gateway.config.read_text().replace(hospital.account.address, account.address)
        text = text.replace('watch = ["INBOX"]', 'watch = ["INBOX", "Junk"]')
        head, smtp, tail = text.partition("[smtp]")
        tail = tail.replace(str(mail_machine.ca), str(relay.ca), 1)
        tail = tail.replace(f"port = {mail_machine.ports.submission}", f"port = {relay.port}")
        gateway.config.write_text(head + smtp + tail)
        yield Gateway(role=gateway.role, folder=gateway.folder, account=account, machine=mail_machine), relay


def test_a_server_that_adds_a_banner_is_found(filtered: tuple[Gateway, Relay], mail_machine: Machine) -> None:
    """Neither mail verifies any more; both are removed all the same, for no daemon has read this mailbox."""
    gateway, relay = filtered
    relay.rewrite = fakes.with_banner

    found = examined(gateway, code=UNWELL)

    for check in ("probe.content", "probe.receipt"):
        assert (only(found, check)["level"], only(found, check)["damage"]) == ("blocking", "added")
    assert mails(gateway.account, mail_machine) == []


def test_a_server_that_renames_misplaces_and_refuses_is_found(
    filtered: tuple[Gateway, Relay], mail_machine: Machine
) -> None:
    """Another Message-ID, the folder for unwanted mail, no null sender, and a host that the configuration lacks."""
    gateway, relay = filtered
    relay.rewrite, relay.folder, relay.refuses_null = fakes.with_another_message_id, "Junk", True
    relay.seen.clear()

    found = examined(gateway, code=UNWELL)

    assert levels(found, "probe.message_id", "probe.arrived", "probe.null_sender", "probe.content") == {
        "probe.message_id": "to_mend",
        "probe.arrived": "to_mend",
        "probe.null_sender": "blocking",
        "probe.content": "ok",
    }
    assert only(found, "probe.arrived")["folder"] == "Junk"
    assert "null sender refused by policy" in only(found, "probe.null_sender")["what"]
    assert only(found, "probe.own_mta")["hosts"] == [NAME]
    assert f'own_mta = ["{NAME}"]' in only(found, "probe.own_mta")["mend"]
    assert only(found, "smtp.reports")["level"] == "to_know"
    assert relay.seen == [gateway.account.address]
    assert raw_mails(gateway.account, mail_machine, "Junk") == []
