"""The first hour of a newcomer: the commands of README and of docs/operate.md, as they stand there, on real servers.

Each line is read from the document and run by a shell; only the case and what a person answers or fills in is ours.
What installs the program and its account is root's, and is not run here.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import terminal
from tests.mailserver import Machine
from tests.system.documents import fiche, papers, pdf
from tests.system.gateways import DOMAINS, Gateway, together, until
from tests.system.steps import now

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
README, OPERATE = ROOT / "README.md", ROOT / "docs" / "operate.md"
REF = "7F3K-Q2"
"""The case that the documents name."""
# What stands for sudo and for the installed program.
SHELL = f'sudo() {{ shift 2; "$@"; }}; gateway() {{ {sys.executable} -m gateway "$@"; }}; '


def blocks(document: Path, heading: str) -> list[list[str]]:
    """The fenced lines below a heading, block by block, without what is no command of the gateway."""
    section = document.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    fenced = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    found = [
        [line for line in block.splitlines() if re.match(r"(sudo -u passerelle )?gateway ", line)] for block in fenced
    ]
    return [block for block in found if block]


INSTALL, *EXCHANGE = blocks(README, "Installer à côté d'une messagerie")
ASK, DECIDE, HEAR = blocks(OPERATE, "La première heure")


def party(role: str, folder: Path, machine: Machine) -> Gateway:
    """One that is not installed yet."""
    place = folder / role
    place.mkdir(mode=0o700)
    return Gateway(role=role, folder=place, account=machine.fresh_account(DOMAINS[role]), machine=machine)


def typed(gateway: Gateway, line: str, *answers: str, ref: str = REF, code: int = 0) -> str:
    """What the terminal showed of this line, typed in the party's folder."""
    environment = {**gateway.environment(), "GATEWAY_CONFIG": str(gateway.config)}
    command = ["bash", "-c", SHELL + line.partition("#")[0].replace(REF, ref)]
    done, shown = terminal.answered(command, answers, folder=gateway.folder, environment=environment)
    assert done == code, f"{line}\n{shown}"
    return shown


def dialled(gateway: Gateway, export: str) -> str:
    """The fingerprint, as its owner reads it out once the key is written."""
    return typed(gateway, export).rpartition(":")[2].strip()


def told(gateway: Gateway, block: list[str], ref: str) -> dict[str, str]:
    """What each line of a block showed, by what stands after the program's name."""
    return {line.partition("gateway ")[2].partition(" ")[0]: typed(gateway, line, ref=ref) for line in block}


def at(gateway: Gateway, state: str) -> bool:
    """Its only request stands there."""
    return gateway.peek("SELECT state FROM requests") == [(state,)]


@pytest.fixture(scope="module")
def parties(place: Path, temporary: Path, mail_machine: Machine) -> Iterator[dict[str, Gateway]]:
    """A hospital, the CNAS and the CNSE, on three accounts of real servers; nothing is installed."""
    del temporary
    found = {role: party(role, place, mail_machine) for role in DOMAINS}
    try:
        yield found
    finally:
        for gateway in found.values():
            gateway.kill()


def questioned(hospital: Gateway, *partners: Gateway) -> None:
    """``gateway init`` of README, with a wrong answer; ports and authority are options, as it says."""
    machine, account = hospital.machine, hospital.account
    ports = f"--imap-port {machine.ports.imaps} --smtp-port {machine.ports.submission} --ca {machine.ca} --watch INBOX"
    shown = typed(
        hospital,
        f"{INSTALL[-1]} {ports}",
        *("hôpital", "hospital", "chu-essai", "CHU d'essai", account.address, machine.host, machine.host),
        f"{machine.mta_name}, {machine.lmtp_name}",
        *(answer for partner in partners for answer in (partner.account.address, "oui")),
        account.password,
    )
    assert "hospital, cnas, cnse attendu" in shown


def installed(parties: dict[str, Gateway]) -> None:
    """The hospital as README says, the others as scripts do."""
    hospital, *others = parties.values()
    addresses = {role: gateway.account.address for role, gateway in parties.items()}
    questioned(hospital, *others)
    together([partial(gateway.install, others_of(addresses, gateway.role)) for gateway in others])
    export, *imports, doctor, run = EXCHANGE[0]
    read_out = {role: dialled(gateway, export) for role, gateway in parties.items()}
    for gateway in others:
        (hospital.folder / f"{gateway.role}.asc").write_bytes((gateway.folder / "notre-cle.asc").read_bytes())
        for role in set(parties) - {gateway.role}:
            gateway.import_key(role, parties[role].folder / "notre-cle.asc", read_out[role])
    for line, gateway in zip(imports, others, strict=True):
        assert f"Clé de {gateway.role} enregistrée" in typed(hospital, line, read_out[gateway.role])
    assert typed(hospital, doctor).endswith("Rien à corriger.\n")
    assert run.endswith("gateway run")
    together([gateway.start for gateway in parties.values()])


def others_of(addresses: dict[str, str], role: str) -> dict[str, str]:
    """The correspondents of a party."""
    return {other: address for other, address in addresses.items() if other != role}


def filled(gateway: Gateway) -> None:
    """The blank fiche in the party's folder, filled and with its files, as a secretary does it."""
    blank = gateway.folder / "fiche.toml"
    text = blank.read_text(encoding="utf-8")
    values = tomllib.loads(
        fiche(gateway.folder / "valeurs.toml", now(gateway.machine).date()).read_text(encoding="utf-8")
    )
    values["pieces"] = {path.stem.replace("-", "_"): path.name for path in papers(gateway.folder)}
    for section, keys in values.items():
        head, name, tail = text.partition(f"[{section}]")
        for key, value in keys.items():
            tail = tail.replace(f'\n{key} = ""', f'\n{key} = "{value}"', 1)
        text = head + name + tail
    assert not re.search(r'(?m)^\w+ = ""$', text)
    blank.write_text(text, encoding="utf-8")


def test_the_commands_of_the_documents_lead_from_nothing_to_an_answer(parties: dict[str, Gateway]) -> None:
    """Two gateways that did not know each other: request, receipt, clock explained, answer, a log that verifies."""
    installed(parties)
    hospital, cnas = parties["hospital"], parties["cnas"]
    blank, submit, *look = ASK
    assert "Remplissez-la, puis : gateway submit fiche.toml" in typed(hospital, blank)
    assert "patient.nom : manque" in typed(hospital, submit, code=2)
    filled(hospital)
    ref = re.findall(r"Dossier ([0-9A-Z-]+) : demande scellée et prête à partir", typed(hospital, submit))[0]
    until(lambda: at(hospital, "running"), "the receipt that starts the clock")

    told_hospital = told(hospital, look, ref)
    assert "accusé de réception signé" in told_hospital["case"]
    assert "jour 4" in told_hospital["clock"]
    assert "Réponse attendue jusqu'au " in told_hospital["clock"]

    (cnas.folder / "302-partie7.pdf").write_bytes(pdf("accordé"))
    assert f"{ref} – Répondre à la demande" in typed(cnas, DECIDE[0])
    listed, shown, saved, decided = (typed(cnas, line, ref=ref) for line in DECIDE[1:])
    assert "Demande de poursuite" in listed
    assert "Nom du patient : Benkhelifa" in shown
    assert "recu/message-1-1-formulaire.pdf" in saved
    assert (cnas.folder / "recu" / "message-1-1-formulaire.pdf").read_bytes().startswith(b"%PDF")
    assert "acceptation expresse, scellée et prête à partir" in decided
    until(lambda: at(hospital, "accepted"), "the answer")

    heard = told(hospital, HEAR, ref)
    assert "acceptée" in heard["cases"]
    assert "gateway fiche EXTENSION_TO_CPAM" in heard["todo"]
    assert "Acceptation expresse" in heard["message"]
    assert heard["status"].endswith("Tout va bien.\n")
    assert "Journal intact : " in heard["audit"]


@pytest.mark.usefixtures("parties")
def test_the_documents_are_read() -> None:
    """A heading that was renamed would leave nothing to run."""
    assert INSTALL == ["sudo -u passerelle gateway init"]
    assert [len(block) for block in (EXCHANGE[0], ASK, DECIDE, HEAR)] == [5, 4, 5, 5]


def test_what_a_shell_refuses_fails_the_test(parties: dict[str, Gateway]) -> None:
    """The line runs for real: a command that does not exist has a code of its own."""
    assert "n'existe pas" in typed(parties["cnse"], "sudo -u passerelle gateway explode", code=2)
    done = subprocess.run(["bash", "-c", SHELL + "false"], check=False)
    assert done.returncode == 1
