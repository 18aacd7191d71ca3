"""A request of care reaches the readers of a hospital over real mail: each its share, and the rest nobody."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.keyfiles import export_public, generate
from gateway.adapters.openpgp.open import OpenLimits, decrypt
from gateway.wire.mime import parse
from gateway.wire.payload import Payload, read_payload
from gateway.wire.sealed import read_encrypted, read_signed
from tests.mailserver import Account, Machine
from tests.system.documents import pdf
from tests.system.gateways import Gateway, Trio, until
from tests.system.search import occurrences
from tests.system.steps import counted, raw_mails

pytestmark = pytest.mark.system

PASSPHRASE = "kf8sQ2LxVb71-mZp0aYt6RwC3"
PATIENT = "Qanarïenne-Vexilla"
MEDICAL = {"field": "curiethérapie-zoltrique", "attachment": "Hémostase-Brumaflore", "file name": "xyloglyphe-irm"}

FICHE = """kind = "CARE_REQUEST"
[patient]
nom = "{patient}"
prenom = "Zoubida"
naissance = "1961-03-04"
numero_assure = "démuni"
nationalite = "algerienne"
[etat]
pathologie = "{field}"
traitements = "{field}"
examens = "{field}"
[pieces]
dossier_medical = "{file}"
"""

READERS = """
[readers.medecin]
functions = ["hospital.treating_physician"]
folder = "{drop}"

[readers.bureau]
functions = ["hospital.administration"]
address = "{bureau}"

[readers.accueil]
functions = ["hospital.administration"]
notice = "{accueil}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The administration's mailbox, with its key."""

    account: Account
    home: Home
    public: Path
    fingerprint: str

    def open(self, raw: bytes) -> Payload:
        """A mail as its program shows it."""
        limits = OpenLimits(max_plain=1024 * 1024)
        plain = decrypt(self.home.path, read_encrypted(parse(raw)), PASSPHRASE, self.home.own, limits).data
        return read_payload(read_signed(parse(plain)).entity)


@pytest.fixture
def office(mail_machine: Machine, tmp_path: Path) -> Iterator[Office]:
    """An account of the hospital's own domain."""
    account = mail_machine.fresh_account("hopital.test")
    fingerprint = generate(tmp_path, "Bureau", account.address, PASSPHRASE)
    public = tmp_path / "bureau.asc"
    public.write_text(export_public(tmp_path / "openpgp"))
    home = open_home(tmp_path / "openpgp", [])
    yield Office(account=account, home=home, public=public, fingerprint=fingerprint)
    home.close()


def handed(hospital: Gateway) -> bool:
    """Whether all three readers have what is theirs."""
    states = hospital.peek("SELECT state FROM handovers")
    return len(states) == 3 and {state for (state,) in states} == {"done"}


def test_a_request_of_care_reaches_each_reader(
    trio: Trio, tmp_path: Path, mail_machine: Machine, office: Office
) -> None:
    """The physician's folder holds all; the office's mail and the notice, and every other file, nothing medical."""
    hospital, cnas = trio.hospital, trio.cnas
    desk, drop = mail_machine.fresh_account("hopital.test"), tmp_path / "medecin"
    drop.mkdir(mode=0o700)
    with hospital.config.open("a") as config:
        config.write(READERS.format(drop=drop, bureau=office.account.address, accueil=desk.address))
    imported = ("keys", "import", str(office.public), "--reader", "bureau", "--fingerprint", office.fingerprint)
    assert "reader:bureau" in hospital.call(*imported).stdout
    scan = tmp_path / f"{MEDICAL['file name']}.pdf"
    scan.write_bytes(pdf(MEDICAL["attachment"]))
    fiche = tmp_path / "fiche.toml"
    fiche.write_text(FICHE.format(patient=PATIENT, field=MEDICAL["field"], file=scan))
    trio.start()
    case = cnas.json("submit", str(fiche))["case"]
    until(lambda: handed(hospital), "every reader has it")

    (folder,) = drop.iterdir()
    assert f"_{case}_M01_" in folder.name
    assert {path.name for path in folder.iterdir()} == {"lettre.txt", "dossier_medical.pdf"}
    letter = (folder / "lettre.txt").read_text()
    assert all(word in letter for word in (PATIENT, MEDICAL["field"], MEDICAL["file name"]))
    assert (folder / "dossier_medical.pdf").read_bytes() == scan.read_bytes()

    (sealed,) = raw_mails(office.account, mail_machine)
    inside = office.open(sealed)
    assert PATIENT in inside.text
    assert "éléments réservés au médecin" in inside.text
    (notice,) = raw_mails(desk, mail_machine)
    assert f"Un courrier du dossier {case} vous attend." in parse(notice).text()
    office_sees, notified = tmp_path / "office", tmp_path / "notified"
    for folder, raw, text in ((office_sees, sealed, repr(inside)), (notified, notice, parse(notice).text())):
        folder.mkdir()
        (folder / "mail").write_bytes(raw + text.encode())
    assert occurrences(MEDICAL, [office_sees, notified]) == []
    assert occurrences({"patient": PATIENT}, [notified]) == []

    told = hospital.call("case", "show", case).stdout
    assert "medecin" in told
    assert "sans le médical" in told
    assert counted(hospital)["handover.done"] == 3
    assert hospital.json("status")["failing_handovers"] == 0
    assert trio.stop() == [0, 0, 0]
    assert occurrences({**MEDICAL, "patient": PATIENT}, [gateway.folder for gateway in trio]) == []
