"""``gateway keys`` over a key's life: replaced, retired, stolen, revoked by its owner."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gateway.adapters.openpgp.keyfiles import export_public, generate
from gateway.cli.commands import app
from gateway.domain.errors import OwnKeyUnusable, Unknown
from tests.cli.test_keys_smime import install, keys, listed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital with the first key of the CNSE, and the second beside it, not imported yet."""
    folder = tmp_path_factory.mktemp("hopital")
    config = install(folder)
    for name in ("first", "second"):
        fingerprint = generate(folder / name, "CNSE", "medical@cnse.test", "phrase-secrete-longue")
        (folder / f"{name}.asc").write_text(export_public(folder / name / "openpgp"))
        (folder / f"{name}.fpr").write_text(fingerprint)
    keys(config, *importing(folder, "first"))
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of its own for each test."""
    shutil.copytree(made, tmp_path / "h", ignore=shutil.ignore_patterns("S.*"))
    return tmp_path / "h"


def importing(folder: Path, name: str) -> tuple[str, ...]:
    """The words that import a key of the CNSE."""
    fingerprint = (folder / f"{name}.fpr").read_text()
    return ("import", str(folder / f"{name}.asc"), "--partner", "cnse", "--fingerprint", fingerprint)


def states(config: Path) -> dict[str, str]:
    """Of all keys of the CNSE, by fingerprint."""
    rows = json.loads(keys(config, "list", "--json"))
    return {row["fingerprint"]: row["state"] for row in rows if row["owner"] == "cnse"}


def test_a_replaced_key_is_shown_as_still_accepted_and_can_be_retired(place: Path) -> None:
    """Typed as it is read on the telephone, in groups and small letters."""
    config, first = place / "gateway.toml", (place / "first.fpr").read_text()
    keys(config, *importing(place, "second"))
    assert states(config) == {first: "superseded", (place / "second.fpr").read_text(): "usable"}
    assert "remplacée, encore admise" in keys(config, "list")
    spoken = " ".join(first[at : at + 4] for at in range(0, 40, 4)).lower()
    assert f"Clé de cnse retirée : {spoken.upper()}" in keys(config, "retire", "cnse", spoken)
    assert states(config)[first] == "retired"
    with pytest.raises(Unknown):
        keys(config, "retire", "cnse", first)


def test_a_stolen_key_is_retired_and_nothing_came_since(place: Path) -> None:
    """By day or instant; an empty list is said, not left blank."""
    config, first = place / "gateway.toml", (place / "first.fpr").read_text()
    assert "Aucun message reçu depuis." in keys(config, "compromised", "cnse", first, "--since", "2026-11-01")
    assert states(config)[first] == "retired"
    again = keys(config, "compromised", "cnse", first, "--since", "2026-11-01T10:00:00Z", "--json")
    assert json.loads(again) == []
    with pytest.raises(Unknown):
        keys(config, "compromised", "cnse", "0" * 40, "--since", "2026-11-01")
    told = CliRunner().invoke(app, ["keys", "compromised", "cnse", first, "--since", "hier", "-c", str(config)])
    assert isinstance(told.exception, typer.BadParameter) or told.exit_code == 2


def test_an_owner_hands_out_its_key_revoked_and_partners_seal_no_more(place: Path) -> None:
    """The same fingerprint: its import is a change of the same key. Our own folder stays usable meanwhile."""
    config = place / "gateway.toml"
    owner, alice = place / "owner", (place / "first.fpr").read_text()
    owner.mkdir()
    partner = install(owner)
    shutil.rmtree(owner / "keys" / "openpgp")
    shutil.copytree(place / "first" / "openpgp", owner / "keys" / "openpgp", ignore=shutil.ignore_patterns("S.*"))
    (place / "revoked.asc").write_text(keys(partner, "export", "--revoked"))
    assert listed(partner)["nous", "openpgp"]["state"] == "usable"
    (place / "revoked.fpr").write_text(alice)
    keys(config, *importing(place, "revoked"))
    assert states(config) == {alice: "revoked"}


def test_a_key_without_a_prepared_revocation_says_so(place: Path) -> None:
    """It was made elsewhere, or the folder was restored without it."""
    shutil.rmtree(place / "keys" / "openpgp" / "openpgp-revocs.d")
    with pytest.raises(OwnKeyUnusable, match="révocation préparée"):
        keys(place / "gateway.toml", "export", "--revoked")


def test_our_next_key_is_made_beside_the_one_that_serves(place: Path) -> None:
    """It says the rest; with the former folder named, both are listed, and what is exported is the new one."""
    config = place / "gateway.toml"
    before = listed(config)["nous", "openpgp"]["fingerprint"]
    said = keys(config, "generate", str(place / "next"))
    assert listed(config)["nous", "openpgp"]["fingerprint"] == before
    text = config.read_text()
    old = 'folder = "keys/openpgp"'
    assert old in text
    config.write_text(text.replace(old, f'folder = "{place}/next/openpgp"\nformer_folder = "keys/openpgp"'))
    rows = [row for row in json.loads(keys(config, "list", "--json")) if row["owner"] == "nous"]
    assert [row["state"] for row in rows] == ["usable", "former"]
    assert rows[1]["fingerprint"] == before
    assert "".join(said.partition("Empreinte : ")[2].split("\n")[0].split()) == rows[0]["fingerprint"]
    assert keys(config, "export") == (place / "next" / "notre-cle.asc").read_text()
    with pytest.raises(OwnKeyUnusable, match="existe déjà"):
        keys(config, "generate", str(place / "next"))
