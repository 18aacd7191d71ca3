"""What a partner wrote, on our terminal: it is text, and it moves nothing."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import read
from gateway.cli.commands import app
from tests.attacks.scene import LETTER
from tests.services.mails import START


def test_a_letter_cannot_move_the_cursor_nor_turn_its_words_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escape sequences and bidirectional controls are written out, in the subject as in the text."""
    hostile = replace(LETTER, subject="Accord \u202e", text="\x1b[2JRefus\nموافقة")
    row = SimpleNamespace(id=3, kind="EXTENSION_ACCEPTANCE", at=START)

    def archive(_path: Path, _work: Any) -> Any:
        return SimpleNamespace(message=row, payload=hostile)

    monkeypatch.setattr(read, "with_archive", archive)
    monkeypatch.setattr(read, "settings", lambda _path: None)
    monkeypatch.setattr(read, "person", lambda _conf: "alice")
    printed = CliRunner().invoke(app, ["message", "show", "3"]).stdout
    assert "Objet : Accord \\u202e\n" in printed
    assert "\n\\u001b[2JRefus\nموافقة\n" in printed
