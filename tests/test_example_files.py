"""The examples that are shipped: the configuration explains every key and loads, the fiche passes the catalogue."""

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gateway import access, config, databank, hooks, log_keeping, mailservers, metering, readership, setting, staffing
from gateway.adapters.openpgp.keyfiles import read_public_key
from gateway.adapters.smime.certificates import fingerprint, read_certificate
from gateway.domain import kinds
from gateway.domain.parties import Grade, PartnerKind

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "config" / "gateway.example.toml"
KEYS = ROOT / "keys.example"
FICHE = ROOT / "config" / "fiches" / "extension_request.toml"

SECTIONS: dict[str, type[BaseModel]] = {
    "gateway": config.GatewaySection,
    "imap": mailservers.ImapSection,
    "smtp": mailservers.SmtpSection,
    "oauth": mailservers.OAuthSection,
    "database": databank.DatabaseSection,
    "vault": config.VaultSection,
    "openpgp": config.OpenPgpSection,
    "smime": config.SmimeSection,
    "reception": config.ReceptionSection,
    "deadlines": config.DeadlinesSection,
    "time": config.TimeSection,
    "audit": log_keeping.AuditSection,
    "worker": config.WorkerSection,
    "metrics": metering.MetricsSection,
    "readers.medecin": readership.ReaderSection,
    "mailboxes.medecin": mailservers.MailboxSection,
    "retention": readership.RetentionSection,
    "alarms": staffing.AlarmsSection,
    "staff.accueil": staffing.StaffSection,
    "web": access.WebSection,
    "web.oidc": access.OidcSection,
    "webhooks": hooks.WebhookSection,
    "partners.cnas": config.PartnerSection,
}
OPTIONAL = {
    "database",
    "metrics",
    "oauth",
    "smime",
    "readers.medecin",
    "mailboxes.medecin",
    "staff.accueil",
    "web",
    "web.oidc",
    "webhooks",
}
"""Sections that are commented out as a whole."""
NESTED = {("web", "oidc")}
"""Keys that are sections of their own."""
WITHOUT_MODEL = {"people", "partners.cnse"}


def explained_keys() -> dict[str, dict[str, tuple[bool, bool]]]:
    """By section and key of the example: is it commented out, and is it explained just above."""
    found: dict[str, dict[str, tuple[bool, bool]]] = {}
    section = ""
    explained = False
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if head := re.fullmatch(r"#?\[{1,2}([a-z.]+)]{1,2}", line):
            section = head[1]
            found[section] = {}
        elif key := re.fullmatch(r"(#?)([a-z_]+) = .+", line):
            found[section][key[2]] = (bool(key[1]), explained)
        explained = line.startswith("# ")
    return found


def default(field: FieldInfo) -> Any:
    """The default as the model gives it."""
    return field.get_default(call_default_factory=True, validated_data={})


def test_the_example_configuration_loads() -> None:
    """Secrets are named, not read, so the example loads on any machine."""
    settings = config.load(EXAMPLE)

    assert settings.party.id == "chu-exemple"
    assert [partner.id for partner in settings.directory.partners] == ["cnas", "cnse"]
    assert settings.directory.partners[0].kind is PartnerKind.GATEWAY
    assert settings.directory.partners[1].policy.starts_from is Grade.MDN
    assert not settings.four_eyes


def test_the_example_has_every_section_of_the_settings() -> None:
    """A section that the settings gain must be explained too."""
    shown = {name.partition(".")[0] for name in explained_keys()}

    assert set(config.Settings.model_fields) == shown
    assert set(SECTIONS) | WITHOUT_MODEL == set(explained_keys())
    text = EXAMPLE.read_text(encoding="utf-8")
    assert {name for name in explained_keys() if re.search(rf"^#\[+{name}]", text, re.MULTILINE)} == OPTIONAL


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_is_shown_and_explained_and_no_other(name: str) -> None:
    """A key whose default is absence is commented out; each one has a comment just above."""
    shown = explained_keys()[name]
    fields = {key: field for key, field in SECTIONS[name].model_fields.items() if (name, key) not in NESTED}

    assert set(fields) == set(shown)
    assert [key for key, (_, explained) in shown.items() if not explained] == []
    commented = {key for key, (off, _) in shown.items() if off}
    if name in OPTIONAL:
        assert commented == set(fields)
    else:
        assert commented == {key for key in fields if default(fields[key]) is None} - {"user", "password"}


@pytest.mark.parametrize("name", SECTIONS)
def test_the_value_shown_is_the_default(name: str) -> None:
    """What is not obligatory is written with the value that it has when it is absent."""
    document: dict[str, Any] = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    for part in name.split("."):
        document = document.get(part, {})
    fields = SECTIONS[name].model_fields

    for key, value in document.items():
        wanted = default(fields[key])
        if wanted is not PydanticUndefined and wanted is not None:
            assert (list(wanted) if isinstance(wanted, tuple) else wanted) == value, key


@pytest.mark.parametrize("name", SECTIONS)
def test_every_choice_of_a_key_is_named(name: str) -> None:
    """The comment of a key with choices names each of them."""
    text = EXAMPLE.read_text(encoding="utf-8")
    block = text[text.index(f"[{name}]") :].partition("\n[")[0]

    choices = {
        choice
        for field in SECTIONS[name].model_fields.values()
        for choice in literals(field.annotation)
        if isinstance(choice, str)
    }

    assert {choice for choice in choices if choice not in block} == set()


def literals(annotation: Any) -> set[object]:
    """The values of a Literal, wherever it stands in a union."""
    found: set[object] = set()
    for part in get_args(annotation):
        found |= literals(part) if get_args(part) else {part}
    return found


def test_each_source_of_a_secret_is_explained() -> None:
    """A file, a variable, a systemd credential."""
    text = EXAMPLE.read_text(encoding="utf-8")

    assert all(f"{{ {source} = " in text for source in setting.Secret.model_fields)


@pytest.mark.parametrize("way", ["command", "file", "token_url"])
def test_the_section_for_tokens_loads_once_uncommented(way: str, tmp_path: Path) -> None:
    """Each of the three ways, with the values shown."""
    text = EXAMPLE.read_text(encoding="utf-8")
    path = tmp_path / "gateway.toml"
    path.write_text(in_force(text, "oauth", {"command", "file", "token_url"} - {way}), encoding="utf-8")

    settings = config.load(path)

    assert settings.oauth is not None
    assert getattr(settings.oauth, way)


def in_force(text: str, section: str, without: set[str]) -> str:
    """The example with an optional section in force, except for these keys of it."""
    start = text.index(f"#[{section}]")
    end = text.index("\n\n", start)
    block = [
        line.removeprefix("#") if re.match(r"#[a-z[]", line) else line
        for line in text[start:end].splitlines()
        if line.removeprefix("#").partition(" ")[0] not in without
    ]
    return text[:start] + "\n".join(block) + text[end:]


@pytest.mark.parametrize("way", ["folder", "address", "notice"])
def test_the_section_for_readers_loads_once_uncommented(way: str, tmp_path: Path) -> None:
    """Each of the three ways, with the values shown, and the account that it names."""
    text = in_force(EXAMPLE.read_text(encoding="utf-8"), "readers.medecin", {"folder", "address", "notice"} - {way})
    path = tmp_path / "gateway.toml"
    path.write_text(text.replace("#martin =", "martin ="), encoding="utf-8")

    (reader,) = config.load(path).readership.readers

    assert (reader.id, reader.medical, reader.people) == ("medecin", True, frozenset({"Camille Martin"}))
    assert getattr(config.load(path).readers["medecin"], way)


def test_the_section_for_a_physicians_mailbox_loads_once_uncommented(tmp_path: Path) -> None:
    """With the reader whose mailbox it is."""
    text = in_force(EXAMPLE.read_text(encoding="utf-8"), "readers.medecin", {"folder", "address", "people"})
    path = tmp_path / "gateway.toml"
    path.write_text(in_force(text, "mailboxes.medecin", set()), encoding="utf-8")

    watched = [place.name for place in config.load(path).watched]

    assert watched == ["INBOX", "Junk", "medecin/INBOX", "medecin/Junk"]


def test_commented_keys_load_once_uncommented(tmp_path: Path) -> None:
    """Every other commented key at once, the partner in S/MIME; two persons named turn four eyes on."""
    path = tmp_path / "gateway.toml"
    blocks = EXAMPLE.read_text(encoding="utf-8").replace('suite = "openpgp"', 'suite = "smime"').split("\n\n")
    ways = ("#[oauth]", "#[readers.medecin]", "#[mailboxes.medecin]", "#[staff.accueil]")
    commented = r"(?m)^#(?=[a-z_]+ = |\[{1,2}[a-z.]+]{1,2}$)"
    path.write_text(
        "\n\n".join(block if any(head in block for head in ways) else re.sub(commented, "", block) for block in blocks),
        encoding="utf-8",
    )

    settings = config.load(path)

    assert settings.four_eyes
    assert settings.gateway.calendar == tmp_path / "algeria.toml"
    assert settings.partners["cnas"].convention
    assert settings.smime is not None
    assert settings.web is not None
    assert settings.web.oidc is not None
    assert settings.partners["cnas"].crl == tmp_path / "autorite-cnas.crl"
    assert [target.name for target in settings.webhooks] == ["dpi"]


def uncommented(path: Path) -> str:
    """The file with its optional lines in force."""
    return re.sub(r"(?m)^#(?=[a-z_]+ = )", "", path.read_text(encoding="utf-8"))


def test_the_example_fiche_has_every_field_and_no_other() -> None:
    """Sections and keys are those of the catalogue."""
    document = tomllib.loads(uncommented(FICHE))
    pieces = document.pop("pieces")
    for key in ("kind", "dossier"):
        document.pop(key)
    places = {f"{section}.{key}" for section, values in document.items() for key in values}

    assert {field.fiche for field in kinds.EXTENSION_REQUEST.fields} == places
    assert {piece.fiche for piece in kinds.EXTENSION_REQUEST.pieces} == set(pieces)


def test_the_example_fiche_has_no_fault() -> None:
    """Its values pass the check that the desk makes."""
    document = tomllib.loads(FICHE.read_text(encoding="utf-8"))
    values = {
        field.id: document[field.fiche.partition(".")[0]].get(field.fiche.partition(".")[2], "")
        for field in kinds.EXTENSION_REQUEST.fields
    }

    assert kinds.faults(kinds.EXTENSION_REQUEST, values) == ()


def test_the_commented_lines_of_the_fiche_name_a_known_kind() -> None:
    """``kind`` and ``dossier`` stand before the first section, as TOML demands."""
    head = FICHE.read_text(encoding="utf-8").partition("[patient]")[0]
    document = tomllib.loads(re.sub(r"(?m)^#(?=[a-z]+ = )", "", head))

    assert kinds.KINDS[document["kind"]] is kinds.EXTENSION_REQUEST
    assert document["dossier"] == "7F3K-Q2"


def test_the_example_keys_are_public_and_are_those_that_the_page_describes() -> None:
    """What a partner hands over, in each suite, with the fingerprint that would be read on the telephone."""
    page = "".join((KEYS / "README.md").read_text(encoding="utf-8").split())
    key = read_public_key((KEYS / "exemple-cnas.asc").read_bytes())
    certificate = read_certificate((KEYS / "exemple-cnas.pem").read_bytes())
    assert (key.can_sign, key.can_encrypt) == (True, True)
    assert key.fingerprint in page
    assert fingerprint(certificate) in page
