"""The floor of the cycle: two bare processes that do only what no gateway of this kind may leave out.

Beside ours and the peer in the same run, it tells how far the libraries, the processor and the disk let anybody go.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gateway.adapters.clock import SystemClock
from gateway.adapters.smime import identity
from tests.bench import pair
from tests.bench.processes import Asked, answer, started

PASSPHRASE = "kf8sQ2LxVb71-mZp0aYt6RwC3"
OTHERS = {"hospital": "cnse", "cnse": "hospital"}


def installed(folder: Path) -> dict[str, Path]:
    """What each of the two is told, in this folder: keys such as the gateway makes, a sink, a place to keep things."""
    for role, domain in pair.ROLES.items():
        home = folder / role
        home.mkdir()
        identity.generate(home, role, f"a@{domain}", PASSPHRASE, at=SystemClock().now(), days=30)
        own = identity.load_files(home / "smime.pem", (home / "smime.key").read_text(), PASSPHRASE)
        (home / "key.pem").write_text(own.key_pem())
        (home / "data").mkdir()
    found = {}
    for role, place in pair.sinks(folder).items():
        port, key, certificate = place.sink
        told = {
            "key": str(folder / role / "key.pem"),
            "own": str(folder / role / "smime.pem"),
            "partner": str(folder / OTHERS[role] / "smime.pem"),
            "folder": str(folder / role / "data"),
            "port": int(port),
            "sink": certificate,
            "sink_key": key,
            "to": place.machine.ports.submission,
            "ca": str(place.machine.ca),
        }
        found[role] = folder / f"{role}.json"
        found[role].write_text(json.dumps(told), encoding="utf-8")
    return found


@contextmanager
def running(folder: Path) -> Iterator[Asked]:
    """Both at work; what the hospital is asked is as for ``tests.bench.party``."""
    told = installed(folder)
    with ExitStack() as stack:
        other, ours = (
            stack.enter_context(
                started([sys.executable, "-m", "tests.bench.floor_party", str(told[role])], folder / f"{role}.log")
            )
            for role in ("cnse", "hospital")
        )
        answer(other)
        answer(ours)
        yield Asked(ours, others=(other.pid,))
