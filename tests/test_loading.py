"""The garbage collector while modules are loaded: asleep, and always awake afterwards."""

import gc
import sys
from collections.abc import Iterator

import pytest

from gateway.loading import loading


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that the next import loads."""
    monkeypatch.delitem(sys.modules, "tabnanny", raising=False)


@pytest.mark.usefixtures("unloaded")
def test_what_was_loaded_is_set_aside() -> None:
    """No collection goes through it again, and the collector works on."""
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        import tabnanny  # noqa: F401

    assert gc.isenabled()
    assert gc.get_freeze_count() > before


def test_nothing_loaded_sets_nothing_aside() -> None:
    """A process that comes here a thousand times does not keep its garbage."""
    before = gc.get_freeze_count()
    with loading():
        import sys  # noqa: F401

    assert gc.get_freeze_count() == before


def test_a_module_that_does_not_load_leaves_the_collector_awake() -> None:
    """Its error goes on."""
    with pytest.raises(ModuleNotFoundError), loading():
        import gateway.there_is_no_such_module  # type: ignore[import-not-found]  # noqa: F401

    assert gc.isenabled()


def test_one_block_inside_another_leaves_the_collector_to_the_outer_one() -> None:
    """And to whoever had put it to sleep before."""
    with loading():
        with loading():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
