"""``python -m tests.fuzz``: so many executions over all targets; what breaks is written to ``found/`` and told."""

import argparse
import random
import sys
import time
import traceback
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from gateway.domain.errors import GatewayError
from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).parent / "found"
SLOW = 2.0
"""Seconds of processor that no mail of this size may take: a busy machine is no fault of the mail."""


def attempt(name: str, data: bytes) -> None:
    """Give these bytes to a target.

    Raises:
        Exception: anything but a refusal; AssertionError when it took too long.
    """
    started = time.process_time()
    try:
        TARGETS[name].run(data)
    except GatewayError:
        # A refusal is what hostile bytes are for.
        return
    finally:
        took = time.process_time() - started
    if took > SLOW:
        raise AssertionError(f"{took:.1f} s")


def breaking(name: str, executions: int, seed: int) -> Iterator[tuple[bytes, Exception]]:
    """The inputs that break a target; the same seed gives the same."""
    chance = random.Random(f"{name}/{seed}")  # noqa: S311 - repeatable
    seeds = TARGETS[name].seeds
    for _ in range(executions):
        data = mutated(chance, seeds)
        try:
            attempt(name, data)
        except Exception as error:  # noqa: BLE001 - what it is, is what is looked for
            yield data, error


def main() -> int:
    """Fuzz; 1 when something broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--executions", type=int, default=1_000_000, help="over all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=sorted(TARGETS), action="append", help="only this one; may be repeated")
    told = parser.parse_args()
    names = told.target or list(TARGETS)
    each, broken = told.executions // len(names), 0
    for name in names:
        started = time.perf_counter()
        for data, error in breaking(name, each, told.seed):
            broken += 1
            FOUND.mkdir(exist_ok=True)
            path = FOUND / f"{name}-{sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            sys.stderr.write(f"{path}\n{''.join(traceback.format_exception(error)[-4:])}\n")
        took = time.perf_counter() - started
        sys.stdout.write(f"{name:14} {each:8} executions, {each / max(took, 1e-9):8.0f} a second\n")
        sys.stdout.flush()
    sys.stdout.write(f"{each * len(names)} executions, {broken} broke, seed {told.seed}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
