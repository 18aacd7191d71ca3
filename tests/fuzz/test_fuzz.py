"""A short run of the fuzzer in each test run, and whatever it ever found; the long one is ``make fuzz``."""

import random

import pytest

from gateway.domain.errors import GatewayError, MailMalformed
from tests.fuzz import __main__ as fuzz
from tests.fuzz.mutate import MOST, mutated
from tests.fuzz.targets import TARGETS, Target

SHORT = 400
"""Executions of each target in an ordinary run: some seconds for all."""


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_a_refusal_comes_out(name: str) -> None:
    """Whatever chance makes of honest and hostile mail."""
    assert [str(error) for _, error in fuzz.breaking(name, SHORT, seed=1)] == []


def test_what_was_found_once_stays_mended() -> None:
    """Each input that ever broke something."""
    for path in sorted(fuzz.FOUND.glob("*")):
        fuzz.attempt(path.name.rpartition("-")[0], path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_reach_what_lies_behind_the_first_check(name: str) -> None:
    """A target whose every seed is refused at once would prove little."""
    taken = 0
    for seed in TARGETS[name].seeds:
        try:
            TARGETS[name].run(seed)
        except GatewayError as error:
            taken += not isinstance(error, MailMalformed)
        else:
            taken += 1
    assert taken or name == "cms-envelope"


def test_the_same_seed_gives_the_same_mails() -> None:
    """What was found can be found again."""
    seeds = [b"From: a@b.test\r\n\r\nx", b"", b"y" * 10]
    runs = [[mutated(chance, seeds) for _ in range(200)] for chance in (random.Random(3), random.Random(3))]  # noqa: S311
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 150
    assert max(map(len, runs[0])) <= MOST


def test_a_defect_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that breaks on one byte among honest bytes is seen to break."""

    def breaks(data: bytes) -> None:
        if b"\0" in data:
            raise ZeroDivisionError

    monkeypatch.setitem(TARGETS, "defect", Target(run=breaks, seeds=[b"honest" * 20]))
    found = list(fuzz.breaking("defect", 500, seed=1))
    assert found
    assert {type(error) for _, error in found} == {ZeroDivisionError}
