"""The programs below us: what is old, absent or known to be bad is named; our own writer cannot be made to inject."""

import email.message
import email.policy
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.openpgp import keyfiles
from gateway.doctor import advisories, machine
from gateway.doctor.advisories import ADVISORIES, Advisory, concerning
from gateway.doctor.finding import Finding, Level
from gateway.domain.errors import OwnKeyUnusable
from tests.doctor.place import complete, levels, only

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.mark.parametrize(("uid", "told"), [(0, {"machine.account": Level.TO_KNOW}), (999, {})])
def test_root_is_told_to_take_another_account(uid: int, told: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer installs as root and forgets; an ordinary account is nothing to speak of."""
    monkeypatch.setattr("os.geteuid", lambda: uid)

    assert levels(machine.account()) == told


def test_this_machine_can_run_the_gateway() -> None:
    """Nothing is to mend where its tests pass; the writer is immune whatever this Python does."""
    found = [*machine.python(), *machine.writer(), *machine.libraries(), *machine.gnupg(), *machine.sqlite()]

    assert not any(finding.wants_mending for finding in found)
    assert only(found, "machine.writer").level is Level.OK
    assert only(found, "machine.libraries").level is Level.OK


# --- Header injection.


def test_the_self_test_sees_what_this_python_does() -> None:
    """The finding says what the library really writes."""
    parsed = email.message_from_bytes(machine._ENCODED, policy=email.policy.default)
    copied = email.message.EmailMessage()
    try:
        copied["Subject"] = parsed["Subject"]
        injected = b"\nBcc:" in copied.as_bytes()
    except ValueError:
        injected = False

    assert machine.library_injects() is injected


@pytest.mark.parametrize(("injects", "level"), [(True, Level.TO_KNOW), (False, Level.OK)])
def test_a_library_that_injects_is_told(monkeypatch: pytest.MonkeyPatch, *, injects: bool, level: Level) -> None:
    """It is no fault of the installation: our writer does not use it."""
    monkeypatch.setattr(machine, "library_injects", lambda: injects)

    finding = only(machine.python(), "machine.headers")

    assert finding.level is level
    assert complete(finding) is injects


def careless(name: str, value: str) -> bytes:
    """A writer that writes what it is given."""
    return f"{name}: {value}\r\n".encode()


def folding(name: str, value: str) -> bytes:
    """A writer that only looks at CRLF."""
    return f"{name}: {value.replace(chr(13) + chr(10), ' ')}\r\n".encode()


@pytest.mark.parametrize("write", [careless, folding])
def test_a_writer_that_injects_would_be_blocking(write: Any) -> None:
    """The self-test itself can fail."""
    finding = only(machine.writer(write), "machine.writer")

    assert finding.level is Level.BLOCKING
    assert complete(finding)


# --- Libraries.


def test_each_demanded_library_is_looked_at() -> None:
    """Those of pyproject.toml, and no extra."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]

    told = only(machine.libraries(), "machine.libraries").facts["versions"]

    assert isinstance(told, dict)
    demanded = {text.partition(">=")[0].partition("[")[0] for text in project["dependencies"]}
    assert set(told) == demanded


@pytest.mark.parametrize(
    ("demand", "told"),
    [("aiosmtplib>=99.1", "99.1"), ("not-a-library-at-all>=1", "not-a-library-at-all")],
    ids=["old", "absent"],
)
def test_a_library_that_is_too_old_or_absent_is_blocking(
    monkeypatch: pytest.MonkeyPatch, demand: str, told: str
) -> None:
    """It is named with what is demanded."""
    monkeypatch.setattr(metadata, "requires", lambda _: [demand, 'x>=1; extra == "demo"'])

    finding = only(machine.libraries(), "machine.libraries")

    assert finding.level is Level.BLOCKING
    assert told in str(finding.what)
    assert complete(finding)


def test_a_gateway_that_pip_did_not_install_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its demands are not known: that is said."""

    def unknown(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", unknown)

    assert only(machine.libraries(), "machine.libraries").level is Level.TO_KNOW


@pytest.mark.parametrize(
    ("text", "version"), [("2.2.40", (2, 2, 40)), ("50.0.2", (50, 0, 2)), ("1.0rc1", (1, 0)), ("", ()), ("v", ())]
)
def test_a_version_is_read_as_numbers(text: str, version: tuple[int, ...]) -> None:
    """So that 10 comes after 9."""
    assert machine.numbers(text) == version


# --- GnuPG, SQLite.


@pytest.mark.parametrize(
    ("version", "bad"),
    [
        ((2, 2, 35), True),
        ((2, 2, 36), False),
        ((2, 2, 99), False),
        ((2, 3, 6), True),
        ((2, 3, 7), False),
        ((2, 1, 0), True),
        ((2, 4, 0), False),
    ],
)
def test_an_advisory_knows_its_branches(version: tuple[int, ...], *, bad: bool) -> None:
    """A branch without a mend of its own is good from the newest mend on."""
    advisory = next(item for item in ADVISORIES if item.id == "CVE-2022-34903")

    assert advisory.concerns(version) is bad


def test_every_advisory_tells_something() -> None:
    """Each has mended versions in order, and an effect."""
    assert all(item.mended == tuple(sorted(item.mended)) and str(item.effect) for item in ADVISORIES)
    assert concerning("gnupg", (99, 0, 0)) == concerning("sqlite", (99, 0, 0)) == ()


def test_a_known_defect_is_something_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution may have mended it without changing the number."""
    known = Advisory(product="gnupg", id="CVE-0", mended=((99, 0, 1),), effect="tout pouvait arriver")
    monkeypatch.setattr(advisories, "ADVISORIES", (known,))

    finding = only(machine.gnupg(), "machine.gnupg")

    assert finding.level is Level.TO_KNOW
    assert complete(finding)
    assert "99.0.1" in str(finding.mend)


def test_a_good_version_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Named all the same."""
    monkeypatch.setattr(machine, "gnupg_version", lambda: (99, 0, 0))

    finding = only(machine.gnupg(), "machine.gnupg")

    assert (finding.level, finding.facts["version"]) == (Level.OK, "99.0.0")


def test_absent_programs_are_blocking(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them at once."""
    monkeypatch.setattr(shutil, "which", lambda name: None if name.startswith("gpg-") else "/usr/bin/gpg")

    finding = only(machine.gnupg(), "machine.gnupg")

    assert finding.level is Level.BLOCKING
    assert finding.facts["absent"] == ["gpg-agent", "gpg-connect-agent"]


def test_a_gnupg_that_is_too_old_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same that a key would meet."""
    monkeypatch.setattr(keyfiles, "OLDEST_GNUPG", (99, 0))

    with pytest.raises(OwnKeyUnusable):
        list(machine.gnupg())


# --- Postfix.


@pytest.mark.parametrize(
    ("answer", "code", "told"), [(b"no\n", 0, True), (b"\n", 0, True), (b"normalize\n", 0, False), (b"", 1, False)]
)
def test_a_postfix_that_takes_bare_line_ends_is_told(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, code: int, *, told: bool
) -> None:
    """Only when it says so itself: one that is not configured is nobody's server."""

    def asked(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        assert command[1:] == ["-h", "smtpd_forbid_bare_newline"]
        return subprocess.CompletedProcess(command, code, answer, b"")

    monkeypatch.setattr(shutil, "which", lambda name, path=None: "/usr/sbin/postconf")  # noqa: ARG005  same names
    monkeypatch.setattr(subprocess, "run", asked)

    found: Iterator[Finding] = machine.postfix()

    assert levels(found) == ({"machine.postfix": Level.TO_KNOW} if told else {})


def test_without_postfix_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail server is elsewhere."""
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)  # noqa: ARG005  same names

    assert list(machine.postfix()) == []
