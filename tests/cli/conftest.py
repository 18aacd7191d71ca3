"""The whole program, in this process: what a person typed, in which language, and what came back."""

import gettext
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pytest

from gateway import cli
from gateway.cli import language


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Of one command."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Everything, with one space where lines break."""
        return " ".join((self.out + self.err).split())


class Gateway(Protocol):
    """Runs a command line."""

    def __call__(self, *arguments: str, locale: str = "fr_FR.UTF-8") -> Answered:
        """As it is typed after ``gateway``."""
        ...


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The language may change during the test; afterwards it is as before."""
    domain, folder = gettext.textdomain(), gettext.bindtextdomain(language.DOMAIN)
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "")
    yield
    gettext.textdomain(domain)
    gettext.bindtextdomain(language.DOMAIN, folder)


@pytest.fixture
def english(speaking: None) -> None:  # noqa: ARG001  it puts things back
    """The reader's language is English."""
    language.use(language.Language.ENGLISH)


@pytest.fixture
def gateway(
    speaking: None,  # noqa: ARG001  it puts things back
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Gateway:
    """Runs a command line, in French where neither it nor the locale says otherwise."""

    def run(*arguments: str, locale: str = "fr_FR.UTF-8") -> Answered:
        os.environ["LC_ALL"] = locale
        monkeypatch.setattr(sys, "argv", ["gateway", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        shown = capsys.readouterr()
        code = left.value.code
        return Answered(code=code if isinstance(code, int) else 0, out=shown.out, err=shown.err)

    return run
