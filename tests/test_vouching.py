"""The log beside a daemon that works: a checkpoint made between two looks is no alteration; an alteration stays one."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import vouching
from gateway.domain.errors import CheckpointInvalid
from gateway.services.anchors import Outside

ALTERED = CheckpointInvalid(reason="n'est pas dans le fichier")


def differs(monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """The file and the database differ so many times; what was looked at, in order."""
    looked: list[str] = []

    def written(*_: object) -> tuple[Outside, int]:
        looked.append("file")
        return Outside(book=(f"look {len(looked)}",)), 0

    async def verify(outside: Outside) -> str:
        looked.append("log")
        if looked.count("log") <= times:
            raise ALTERED
        return f"verified against {outside.notes}"

    monkeypatch.setattr(vouching, "written", written)
    monkeypatch.setattr(vouching, "auditor", lambda *_: SimpleNamespace(verify=verify))
    return looked


@pytest.fixture
def nothing() -> Iterator[Any]:
    """Settings and store are not looked at here."""
    return iter(())


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_what_differs_is_read_again(monkeypatch: pytest.MonkeyPatch, nothing: Any, times: int) -> None:
    """Both of them, and the last look counts."""
    looked = differs(monkeypatch, times)
    found, outside, torn = await vouching.verified(nothing, nothing)
    assert looked == ["file", "log"] * (times + 1)
    assert (str(found), torn) == (f"verified against {outside.notes}", 0)


async def test_what_goes_on_differing_is_told(monkeypatch: pytest.MonkeyPatch, nothing: Any) -> None:
    """After as many looks as it takes to be sure."""
    looked = differs(monkeypatch, 100)
    with pytest.raises(CheckpointInvalid):
        await vouching.verified(nothing, nothing)
    assert looked.count("log") == vouching.LOOKS


async def test_a_file_that_somebody_kept_is_looked_at_once(
    monkeypatch: pytest.MonkeyPatch, nothing: Any, tmp_path: Any
) -> None:
    """Nobody writes to it."""
    looked = differs(monkeypatch, 1)
    with pytest.raises(CheckpointInvalid):
        await vouching.verified(nothing, nothing, None, tmp_path)
    assert looked.count("log") == 1
