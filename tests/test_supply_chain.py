"""What the program is made of: packages pinned by their hashes, a bill of materials, and our own code examined."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
ENTRY = re.compile(r"^([a-z0-9-]+)==([^ ]+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)
NAME = re.compile(r"[A-Za-z0-9._-]+")
DANGERS = {
    "evaluates": ("eval(input())", "B307"),
    "asks_a_shell": ("import subprocess\nsubprocess.run('ls ' + input(), shell=True)", "B602"),
    "unpickles": ("import pickle\npickle.loads(b'')", "B301"),
    "trusts_any_certificate": ("import ssl\nssl._create_unverified_context()", "B323"),
}


def locked(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each package of a lock file."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        package: (version, frozenset(re.findall(r"sha256:([0-9a-f]{64})", hashes)))
        for package, version, hashes in ENTRY.findall(text)
    }


def project() -> dict[str, Any]:
    """pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def named(requirements: list[str]) -> set[str]:
    """The packages of a list of requirements, as an index writes them."""
    found = (NAME.match(requirement) for requirement in requirements)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_of_a_lock_file_is_pinned_by_its_hashes(name: str) -> None:
    """No line of it escapes: no URL, no other index, no package without a hash."""
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    pinned = locked(name)

    assert len(pinned) > 10
    assert len([line for line in lines if not line.startswith("    --hash=")]) == len(pinned)
    assert [package for package, (_, hashes) in pinned.items() if not hashes] == []


def test_what_is_delivered_is_what_is_tested() -> None:
    """The lock of the developers holds each delivered package in the same version with the same hashes."""
    tested = locked("requirements-dev.lock")

    assert {name: pin for name, pin in locked("requirements.lock").items() if tested.get(name) != pin} == {}


def test_every_direct_dependency_is_locked() -> None:
    """Those of the program and of its extras for production; one that was added without « make lock » is named."""
    asked, extras = project()["project"]["dependencies"], project()["project"]["optional-dependencies"]

    assert named([*asked, *extras["postgresql"], *extras["web"]]) - set(locked("requirements.lock")) == set()
    everything = [
        *asked,
        *(each for extra in extras.values() for each in extra),
        *project()["dependency-groups"]["dev"],
    ]
    assert named(everything) - set(locked("requirements-dev.lock")) == set()


@pytest.mark.parametrize("path", ["Makefile", "Dockerfile", "README.md"])
def test_packages_are_installed_by_their_hashes_only(path: str) -> None:
    """Wherever a lock file is installed from, pip is told to demand them."""
    lines = (ROOT / path).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    installs = [line for line in lines if re.search(r"install .*(-r|--requirement) \S*\.lock", line)]

    assert installs
    assert [line for line in installs if "--require-hashes" not in line] == []


def test_the_bill_of_materials_names_what_is_delivered_and_nothing_else(tmp_path: Path) -> None:
    """Each package with its version, its hashes and its address; no date or number makes it another file tomorrow."""
    path = tmp_path / "sbom.json"
    subprocess.run(
        ["make", "-o", "install", "sbom", f"SBOM={path}", f"BIN={Path(sys.executable).parent}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    bill = json.loads(path.read_bytes())
    pinned = locked("requirements.lock")

    assert "serialNumber" not in bill
    assert "timestamp" not in bill["metadata"]
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "soins-gateway"
    assert {each["name"]: each["version"] for each in bill["components"]} == {
        name: version for name, (version, _) in pinned.items()
    }
    for each in bill["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        hashes = {found["content"] for place in each["externalReferences"] for found in place.get("hashes", ())}
        assert hashes == pinned[each["name"]][1]


def test_a_danger_in_the_code_is_found_with_our_settings(tmp_path: Path) -> None:
    """What we skip hides none of the rest."""
    for name, (statement, _) in DANGERS.items():
        (tmp_path / f"{name}.py").write_text(f'"""Rude."""\n{statement}\n')
    command = ("bandit", "--quiet", "--recursive", "--configfile", str(ROOT / "pyproject.toml"), "--format", "json")
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:], str(tmp_path)],
        capture_output=True,
        check=False,
        timeout=120,
    )
    found = {(Path(each["filename"]).stem, each["test_id"]) for each in json.loads(done.stdout)["results"]}

    assert done.returncode == 1
    assert {(name, code) for name, (_, code) in DANGERS.items()} <= found
