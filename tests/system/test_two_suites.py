"""On real servers: the same request to the CNAS in S/MIME and to the CNSE in OpenPGP, its receipts, and its answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mailserver import Machine
from tests.system.conftest import real_time_afterwards
from tests.system.gateways import Trio, install_trio
from tests.system.steps import counted, mails, reaches, request_of, settles, submit

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def trio(mail_machine: Machine, place: Path, temporary: Path) -> Iterator[Trio]:  # noqa: ARG001  sets the environment
    """Three gateways; hospital and CNAS agreed on S/MIME."""
    with real_time_afterwards(mail_machine):
        gateways = install_trio(mail_machine, place, in_smime=("hospital", "cnas"))
        try:
            yield gateways
        finally:
            for gateway in gateways:
                gateway.kill()


def test_a_request_in_both_suites_is_acknowledged_and_answered(trio: Trio, place: Path, mail_machine: Machine) -> None:
    """One Message-ID in two envelopes; the receipt and the answer of the CNAS come back in S/MIME; all logs verify."""
    trio.start()
    told = submit(trio.hospital, place)
    running = reaches(trio.hospital, told["request"], "running")
    assert running["grade"] == "signed_receipt"
    settles(trio.cnas, told["request"], "running")
    settles(trio.cnse, told["request"], "running")
    (to_cnas,), (to_cnse, *_) = mails(trio.cnas.account, mail_machine), mails(trio.cnse.account, mail_machine)
    assert to_cnas.get_content_type() == "application/pkcs7-mime"
    assert to_cnse.get_content_type() == "multipart/encrypted"
    assert to_cnas["Message-ID"] == to_cnse["Message-ID"]
    protocols = {str(mail.get_param("protocol")) for mail in mails(trio.hospital.account, mail_machine)}
    assert {"application/pkcs7-signature", "application/pgp-signature"} <= protocols
    asked = request_of(trio.cnas, told["request"])
    assert asked is not None
    dates = ("--from", asked["requested_from"], "--until", asked["requested_until"])
    trio.cnas.call("answer", told["case"], "--accept", *dates)
    for gateway in trio:
        settles(gateway, told["request"], "accepted")
        assert counted(gateway)["mail.quarantine"] == 0


def test_the_doctor_tries_the_servers_in_both_suites(trio: Trio) -> None:
    """Two mails in each, which the running daemon knows as its own and leaves alone."""
    found = trio.hospital.call("doctor", "--json", ok=False)
    told = [(item["check"], item["level"], item.get("suite")) for item in json.loads(found.stdout)]
    assert found.returncode == 0, [item for item in told if item[1] not in {"ok", "to_know"}]
    for suite in ("openpgp", "smime"):
        for check in ("probe.arrived", "probe.content", "probe.null_sender", "probe.receipt"):
            assert (check, "ok", suite) in told
    assert ("probe.service", "ok", None) in told
    assert counted(trio.hospital)["mail.probe"] == 4
