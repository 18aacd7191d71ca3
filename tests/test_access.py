"""The console's libraries are an extra: where they lack, it is said, and nothing else of the gateway needs them."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway import access
from gateway.domain.errors import ExtraMissing

ROOT = Path(__file__).parents[1]


def test_what_the_console_needs_is_here_in_the_tests() -> None:
    """The names are those that are imported, one for each library of the extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extra = project["project"]["optional-dependencies"]["web"]
    wanted = {re.split(r"[^a-z0-9-]", line)[0].replace("-", "_") for line in extra}

    access.require_libraries()

    assert set(access.LIBRARIES) == wanted


def test_a_library_that_lacks_is_named_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence instead of a traceback."""
    monkeypatch.setattr(access, "LIBRARIES", ("no_such_library", "uvicorn"))

    with pytest.raises(ExtraMissing, match="no_such_library") as caught:
        access.require_libraries()

    assert "soins-gateway[web]" in caught.value.sentence()
    assert "uvicorn" not in str(caught.value.fields["packages"])


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("https://soins.hopital.fr:443", "https://soins.hopital.fr"),
        ("http://localhost:80", "http://localhost"),
        ("https://soins.hopital.fr:8443", "https://soins.hopital.fr:8443"),
        ("https://soins.hopital.fr:80", "https://soins.hopital.fr:80"),
    ],
)
def test_the_address_is_kept_as_browsers_say_it(typed: str, said: str) -> None:
    """A port that goes without saying would make every request one for an unknown address."""
    assert access.WebSection(address=typed).origin == said
