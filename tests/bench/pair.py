"""Two gateways that correspond in S/MIME, installed as administrators do it, each run by ``tests.bench.party``."""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import trustme

from tests.bench import sink
from tests.bench.processes import Asked, answer, started
from tests.mailserver import Account, Machine
from tests.system.gateways import Gateway, exchange_keys
from tests.system.steps import submit

ROLES = {"hospital": "hopital.test", "cnse": "cnse.test"}
THIRD = "dz@cnas.test"
MANY = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one of the two has its mailbox and hands over; ``sink``: what its process takes mail with."""

    machine: Machine
    account: Account
    sink: tuple[str, ...] = ()


def sinks(folder: Path) -> dict[str, Place]:
    """Each hands over to a sink in the other's process."""
    authority = trustme.CA()
    ca, key, certificate = (folder / name for name in ("ca.pem", "sink.key", "sink.pem"))
    authority.cert_pem.write_to_path(ca)
    leaf = authority.issue_cert(sink.HOST, sink.NAME)
    leaf.private_key_pem.write_to_path(key)
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    with ExitStack() as held:
        free = [held.enter_context(socket.create_server((sink.HOST, 0))).getsockname()[1] for _ in ROLES]
    places = {}
    for (role, domain), port, other in zip(ROLES.items(), free, reversed(free), strict=True):
        there = SimpleNamespace(
            host=sink.HOST,
            ca=ca,
            mta_name=sink.NAME,
            lmtp_name=sink.NAME,
            env=dict,
            offset=timedelta(),
            prompt=None,
            ports=SimpleNamespace(imaps=port, submission=other),
        )
        account = Account(address=f"passerelle@{domain}", password="x")
        places[role] = Place(
            machine=cast("Machine", there), account=account, sink=(str(port), str(key), str(certificate))
        )
    return places


def servers(machine: Machine) -> dict[str, Place]:
    """Both at the same real Postfix and Dovecot."""
    return {role: Place(machine=machine, account=machine.fresh_account(domain)) for role, domain in ROLES.items()}


def installed(folder: Path, places: dict[str, Place]) -> tuple[dict[str, Gateway], str]:
    """Both, installed in this folder, and the case in which they correspond; its request waits to be handed over."""
    addresses = {**{role: place.account.address for role, place in places.items()}, "cnas": THIRD}
    gateways = {
        role: Gateway(
            role=role,
            folder=folder / role,
            account=place.account,
            machine=place.machine,
            smime=frozenset(ROLES) - {role},
        )
        for role, place in places.items()
    }
    # The case begins with a request to a third party, which is never run.
    there = places["hospital"]
    gateways["cnas"] = Gateway(
        role="cnas", folder=folder / "cnas", account=replace(there.account, address=THIRD), machine=there.machine
    )
    for role, gateway in gateways.items():
        gateway.folder.mkdir(mode=0o700)
        gateway.install({other: address for other, address in addresses.items() if other != role})
    exchange_keys(list(gateways.values()))
    for gateway in gateways.values():
        text = gateway.config.read_text().replace("[reception]\n", f"[reception]\nreceipts_per_hour = {MANY}\n")
        # As an administrator has it.
        text = text.replace("poll_seconds = 2\n", "").replace("tick_seconds = 1\n", "")
        gateway.config.write_text(text)
    return gateways, submit(gateways["hospital"], folder)["case"]


@contextmanager
def running(folder: Path, places: dict[str, Place], carriers: Sequence[int] = ()) -> Iterator[Asked]:
    """Install both in this folder, and run them; ``carriers`` are the processes of the mail servers between them."""
    gateways, case = installed(folder, places)
    with ExitStack() as stack:
        other, ours = (
            stack.enter_context(started(command(gateways[role], places[role], case), folder / f"{role}.log"))
            for role in ("cnse", "hospital")
        )
        answer(other)
        answer(ours)
        yield Asked(ours, others=(other.pid,), servers=carriers)


def command(gateway: Gateway, place: Place, case: str) -> list[str]:
    """How one of the two is run."""
    told = [sys.executable, "-m", "tests.bench.party", str(gateway.config), "--case", case]
    return [*told, *(("--sink", *place.sink) if place.sink else ())]
