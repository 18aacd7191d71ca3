"""Tells which layer of the gateway uses the processor, without a foreign tool.

The main thread is interrupted by a timer on its own processor time (``timer_create``, which Python does not offer), and
each sample goes to the layer in which it stands: small functions cost no more than large ones, as they do under
``cProfile``; and it is seen while it works, not when it lets the interpreter's lock go, as a thread that looks on would
see it. What threads do is short and known by the function that they are given: that is timed. What a library's C does
counts for who called it.
"""

import ctypes
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import FrameType
from typing import Any, Self, cast

BASE, LOOP, SERVICES, AUDIT = "base de données", "asyncio et fils d'exécution", "services et domaine", "audit"
VAULT, SMIME, POST, MIME = "coffre", "S/MIME", "TLS et SMTP, puits compris", "MIME"
PIPE, LOG, REST, WORKER = "tuyau du travailleur", "journal technique", "le reste de la passerelle", "travailleur"
MEASURE = "la mesure elle-même"

OURS = "gateway"
NANOSECONDS = 2_000_000
"""Between two samples; the kernel looks when its own clock ticks, which may be less often."""

SQLITE_THREAD = "_connection_worker_thread"
"""In the name of a thread of aiosqlite."""

LAYERS = {
    BASE: ("gateway.adapters.database", "gateway.storage", "aiosqlite", "sqlalchemy"),
    LOOP: ("asyncio", "concurrent.futures", "queue", "selectors", "threading"),
    SERVICES: ("gateway.domain", "gateway.ports", "gateway.services"),
    AUDIT: (
        *(f"gateway.domain.{name}" for name in ("audit", "checkpoint", "ledger", "log_check", "merkle")),
        *("gateway.adapters.log_key", "gateway.log_keeping", "gateway.records", "gateway.services.auditing"),
    ),
    VAULT: ("gateway.adapters.vault", "gateway.adapters.master_key", "gateway.reliance", "gateway.services.cabinet"),
    SMIME: ("gateway.adapters.smime", "gateway.adapters.openpgp", "asn1crypto"),
    POST: (
        "gateway.adapters.imap",
        "gateway.adapters.smtp",
        "aiosmtplib",
        "asyncio.sslproto",
        "ssl",
        "tests.bench.sink",
    ),
    MIME: ("gateway.wire",),
    PIPE: (
        *("gateway.adapters.sandbox", "gateway.framing", "pydantic"),
        *("asyncio.base_subprocess", "asyncio.unix_events"),
    ),
    LOG: ("gateway.adapters.log", "structlog"),
    MEASURE: ("tests.bench",),
    # Putting it together, and what a cycle hardly meets.
    REST: (
        *(f"gateway.{name}" for name in ("access", "accesses", "announcements", "app", "backups", "catalogues")),
        *(f"gateway.{name}" for name in ("config", "core", "databank", "exhibits", "frontdesk", "furnishing")),
        *(f"gateway.{name}" for name in ("hooks", "house_command", "inspection", "keyring", "legal_time", "lookout")),
        *(
            f"gateway.{name}"
            for name in ("loading", "mailservers", "metering", "monitoring", "postroom", "private_file")
        ),
        *(f"gateway.{name}" for name in ("process", "readership", "rooms", "servers", "setting", "staffing")),
        *(f"gateway.{name}" for name in ("vouching", "web")),
        *(f"gateway.adapters.{name}" for name in ("alarm_command", "asking", "authenticator", "calendar_file")),
        *(f"gateway.adapters.{name}" for name in ("clock", "daemon_lock", "disk", "document", "drop", "forecast")),
        *(f"gateway.adapters.{name}" for name in ("ntp", "oauth", "offline", "openid", "pages", "passwords")),
        *(f"gateway.adapters.{name}" for name in ("sealed_file", "tsa", "webhook")),
    ),
}
"""The nearest frame that is listed decides, by its longest prefix; what is not listed belongs to who called it."""

MODULES = {module: layer for layer, modules in LAYERS.items() for module in modules}
CALLED = frozenset({"asyncio.selector_events", "asyncio.streams", "asyncio.transports"})
"""Of asyncio, but for whoever uses a connection."""


def layer_of(names: Iterator[str]) -> str:
    """The layer of a thread that stands in these modules, innermost first.

    Raises:
        LookupError: a module of ours that belongs to none.
    """
    for name in names:
        if name in CALLED:
            continue
        words = name.split(".")
        for length in range(len(words), 0, -1):
            if found := MODULES.get(".".join(words[:length])):
                return found
        if words[0] == OURS:
            raise LookupError(name)
    return LOOP


def _names(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_globals.get("__name__", "")
        frame = frame.f_back


def layer_of_work(work: object) -> str:
    """The layer of a function that a thread is given."""
    while isinstance(work, partial):
        # By ``asyncio.to_thread``: the context runs the function.
        work = work.args[0] if getattr(work.func, "__name__", "") == "run" and work.args else work.func
    return layer_of(iter([str(getattr(work, "__module__", None) or type(work).__module__)]))


class _Event(ctypes.Structure):
    """``struct sigevent`` of Linux."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("thread", ctypes.c_int),
        ("rest", ctypes.c_int * 11),
    )


SIGEV_THREAD_ID = 4


class _Timer:
    """Signals this thread each time that it used so much of the processor."""

    def __init__(self) -> None:
        self._libc, self._timer = ctypes.CDLL(None, use_errno=True), ctypes.c_void_p()
        event = _Event(signal=signal.SIGPROF, notify=SIGEV_THREAD_ID, thread=threading.get_native_id())
        clock = ctypes.c_int(time.CLOCK_THREAD_CPUTIME_ID)
        self._need(self._libc.timer_create(clock, ctypes.byref(event), ctypes.byref(self._timer)))
        every = (ctypes.c_long * 4)(0, NANOSECONDS, 0, NANOSECONDS)
        self._need(self._libc.timer_settime(self._timer, 0, ctypes.byref(every), None))

    def _need(self, result: int) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def close(self) -> None:
        """No signal any more."""
        self._need(self._libc.timer_delete(self._timer))


class Sampler:
    """Looks at the main thread, in which it is opened, and at what threads are given."""

    def __init__(self) -> None:
        self._samples: Counter[str] = Counter()
        self._works: list[tuple[str, float]] = []
        self._strange: set[str] = set()
        self._marks = (0.0, 0.0, 0.0)

    def __enter__(self) -> Self:
        """Begin."""
        self._marks = _clocks()
        self._before = signal.signal(signal.SIGPROF, self._look)
        self._submit = ThreadPoolExecutor.submit
        pool: Any = ThreadPoolExecutor
        pool.submit = self._timed(self._submit)
        self._timer = _Timer()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._timer.close()
        pool: Any = ThreadPoolExecutor
        pool.submit = self._submit
        signal.signal(signal.SIGPROF, self._before)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        self._samples[self._known(layer_of, _names(frame))] += 1

    def _known(self, find: Callable[[Any], str], what: object) -> str:
        try:
            return find(what)
        except LookupError as error:
            self._strange.add(str(error))
            return LOOP

    def _timed(self, submit: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
        def run(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return work(*given, **named)
            finally:
                self._works.append((self._known(layer_of_work, work), time.thread_time() - began))

        def submitted(pool: ThreadPoolExecutor, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
            return submit(pool, run, work, *given, **named)

        return submitted

    def told(self) -> dict[str, Any]:
        """Seconds of each layer (``layers``) since it was last asked, and those of the process (``own_seconds``).

        Raises:
            LookupError: modules of ours that belong to no layer.
        """
        if self._strange:
            raise LookupError(", ".join(sorted(self._strange)))
        before, self._marks = self._marks, _clocks()
        own, main, sqlite = (now - then for now, then in zip(self._marks, before, strict=True))
        samples, self._samples = self._samples, Counter()
        works, self._works = self._works, []
        found = {layer: main * count / samples.total() for layer, count in samples.items()}
        for layer, seconds in [*works, (BASE, sqlite)]:
            found[layer] = found.get(layer, 0.0) + seconds
        # The rest is what threads take to be given something.
        found[LOOP] = found.get(LOOP, 0.0) + max(own - sum(found.values()), 0.0)
        return {"layers": found, "own_seconds": own}


def _clocks() -> tuple[float, float, float]:
    """Seconds of the process, of this thread, and of those in which SQLite waits for the disk."""
    sqlite = [each.ident for each in threading.enumerate() if SQLITE_THREAD in each.name]
    there = (time.clock_gettime(time.pthread_getcpuclockid(cast("int", ident))) for ident in sqlite)
    return time.process_time(), time.thread_time(), sum(there)
