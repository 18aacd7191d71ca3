"""Stands between a process and the kernel: each durable write and each send of it may be its last, or fail.

A seccomp filter (seccomp_unotify(2)) of the process hands those system calls to its parent, which counts them over all
threads, in one order, and lets each through, fails it with an error, or kills the process in front of it. What other
programs the process has started do is let through and not counted. Linux alone; no privilege is needed.
"""

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_TABLE = """
write 1 64
pwrite64 18 68
writev 20 66
sendto 44 206
sendmsg 46 211
fsync 74 82
fdatasync 75 83
ftruncate 77 46
rename 82 -
mkdir 83 -
unlink 87 -
mkdirat 258 34
unlinkat 263 35
renameat 264 38
pwritev 296 70
renameat2 316 276
"""
"""What changes a disk or leaves by a network, with its number on x86_64 and on aarch64."""

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_NO_NEW_PRIVILEGES, _CHILD_SUBREAPER = 38, 36
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101
_LOAD_NUMBER, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_LET_THROUGH = 1
_ASKED = struct.Struct("=QIIiIQ6Q")
_ANSWERED = struct.Struct("=QqiI")

_COLUMN = {"x86_64": 1, "aarch64": 2}.get(platform.machine())
_ROWS = [line.split() for line in _TABLE.split("\n") if line]
NAMES = {row[0]: int(row[_COLUMN]) for row in _ROWS if row[_COLUMN] != "-"} if _COLUMN else {}
SYNCS = frozenset({"fsync", "fdatasync"})
SENDS = frozenset({"sendto", "sendmsg"})
BY_PATH = frozenset({"rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat"})
RELATIVE = frozenset({"renameat", "renameat2", "mkdirat", "unlinkat"})
PAGE = 4096
_NUMBERS = {number: name for name, number in NAMES.items()}

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the n-th call among those that are counted (from 1); to all later ones as well with ``ever``.

    Without an ``error`` the process gets the ``signal`` in front of it, and goes on where it can. ``only`` narrows
    which calls are counted.
    """

    at: int
    error: int | None = None
    signal: int = signal.SIGKILL
    ever: bool = False
    only: frozenset[str] = frozenset(NAMES)


@dataclass(slots=True, kw_only=True)
class Seen:
    """What became of a process: how it ended, and its calls that were counted, in order, each with what it was on."""

    code: int = 0
    calls: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    fired: bool = False
    told: bytes = b""


def missing() -> str | None:
    """Why this machine cannot do it, or None."""
    actions = Path("/proc/sys/kernel/seccomp/actions_avail")
    if not NAMES or not actions.exists() or "user_notif" not in actions.read_text(encoding="ascii"):
        return "the kernel hands no system call to another process (seccomp user_notif)"
    return None


def adopt_orphans() -> None:
    """What a killed child leaves running becomes our own child, so that we can end it."""
    _libc.prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(work: Callable[[], bytes], fault: Fault | None, within: Path, *, seconds: float) -> Seen:
    """Run ``work`` in a child of this process, which must have one thread, and end all that it leaves behind.

    Counted are calls on files below ``within``, of paths, and sends to the network. Returns what the work returned,
    unless it was killed; an exception of it is the code 1, and told. After ``seconds`` it is killed as well.
    """
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    before = frozenset(_children())
    child = os.fork()
    if child == 0:
        ours.close()
        os.close(reading)
        _live(work, theirs, writing, filtered=fault is not None)
    theirs.close()
    os.close(writing)
    seen = Seen()
    with ours, os.fdopen(reading, "rb", buffering=0) as told:
        if fault is not None:
            with _listener(ours) as listener:
                watch = _Watch(listener=listener, child=child, fault=fault, seen=seen, within=within)
                watch.attend(told, seconds)
        else:
            seen.told = _read_all(told, child, seconds)
        _end_all(child, before, seen)
    return seen


def _live(work: Callable[[], bytes], parent: socket.socket, telling: int, *, filtered: bool) -> None:
    code = 1
    try:
        if filtered:
            _hand_over(parent)
        told = work()
        code = 0
    except BaseException as error:  # noqa: BLE001  told to whoever asked for the work
        told = f"{type(error).__name__}: {error}".encode()
    finally:
        view = memoryview(told)
        while view:
            view = view[os.write(telling, view) :]
        os._exit(code)


def _hand_over(parent: socket.socket) -> None:
    """Filter this thread and all that it starts; a thread from before, not filtered itself, gives the listener away."""
    found: list[int] = []
    made = threading.Event()

    def give() -> None:
        made.wait()
        socket.send_fds(parent, [b"."], found)

    giver = threading.Thread(target=give)
    giver.start()
    rules = [(_LOAD_NUMBER, 0, 0, 0)]
    rules += [(_JUMP_IF_EQUAL, len(NAMES) - place, 0, number) for place, number in enumerate(NAMES.values())]
    rules += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOTIFY)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code)))
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    listener = _libc.syscall(_SECCOMP[platform.machine()], _SET_MODE_FILTER, _NEW_LISTENER, program)
    if listener < 0:
        os._exit(99)
    found.append(listener)
    made.set()
    giver.join()
    os.close(listener)


@contextmanager
def _listener(child: socket.socket) -> Iterator[int]:
    _, found, _, _ = socket.recv_fds(child, 1, 1)
    if not found:
        raise OSError(errno.ENOSYS, "the child could not be filtered")
    try:
        yield found[0]
    finally:
        os.close(found[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """Over one child: what it asks the kernel, what it tells, when it ends."""

    listener: int
    child: int
    fault: Fault
    seen: Seen
    within: Path

    def attend(self, told: BinaryIO, seconds: float) -> None:
        """Answer until the child has ended."""
        pidfd, poll = os.pidfd_open(self.child), select.poll()
        for handle in (pidfd, self.listener, told.fileno()):
            poll.register(handle, select.POLLIN)
        end = time.monotonic() + seconds
        try:
            while True:
                ready = dict(poll.poll(max(end - time.monotonic(), 0) * 1000))
                if time.monotonic() >= end:
                    os.kill(self.child, signal.SIGKILL)
                    end += seconds
                if ready.get(self.listener, 0) & select.POLLIN:
                    self._answer()
                elif told.fileno() in ready:
                    part = told.read(65536)
                    self.seen.told += part
                    if not part:
                        poll.unregister(told)
                elif pidfd in ready:
                    return
        finally:
            os.close(pidfd)

    def _answer(self) -> None:
        buffer = bytearray(_ASKED.size)
        with _unless_gone():
            fcntl.ioctl(self.listener, _RECEIVE, buffer, True)
            identity, thread, _, number, _, _, *arguments = _ASKED.unpack(buffer)
            refused = self._decide(_NUMBERS[number], thread, arguments)
            answer = _ANSWERED.pack(identity, 0, -refused, 0 if refused else _LET_THROUGH)
            # Or the thread was killed meanwhile, or a signal took it out of its call: it comes again.
            fcntl.ioctl(self.listener, _ANSWER, bytearray(answer), True)

    def _decide(self, name: str, thread: int, arguments: Sequence[int]) -> int:
        """Count the call, and bring the fault about; 0, or the error with which the call fails."""
        fault, calls = self.fault, self.seen.calls
        target = self._counted(name, thread, arguments) if name in fault.only else None
        if target is None:
            return 0
        calls.append(name)
        self.seen.targets.append(target)
        if len(calls) < fault.at or (len(calls) > fault.at and not fault.ever):
            return 0
        self.seen.fired = True
        if fault.error is None:
            os.kill(self.child, fault.signal)
        return fault.error or 0

    def _counted(self, name: str, thread: int, arguments: Sequence[int]) -> str | None:
        """What a call is on, if it is the child's own and changes something below the folder or leaves by a network."""
        if not Path(f"/proc/{self.child}/task/{thread}").exists():
            return None
        try:
            target = self._target(name, thread, arguments)
        except OSError:
            return None
        if name in SENDS and target.startswith("socket:"):
            # One byte is how the threads of asyncio wake each other.
            return target if arguments[2] > 1 else None
        return target if target.startswith(f"{self.within}/") else None

    def _target(self, name: str, thread: int, arguments: Sequence[int]) -> str:
        if name not in BY_PATH:
            return str(Path(f"/proc/{thread}/fd/{arguments[0]}").readlink())
        if name not in RELATIVE:
            return os.fsdecode(_text(self.child, arguments[0]))
        path = os.fsdecode(_text(self.child, arguments[1]))
        folder = Path(f"/proc/{thread}/fd/{arguments[0] & 0xFFFFFFFF}")
        return path if path.startswith("/") else str(folder.readlink() / path)


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except OSError as gone:
        if gone.errno != errno.ENOENT:
            raise


def _text(process: int, address: int) -> bytes:
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        # Up to the end of the page at most: what lies behind may not be mapped.
        return memory.read(PAGE - address % PAGE).partition(b"\0")[0]


def _read_all(told: BinaryIO, child: int, seconds: float) -> bytes:
    found, end = b"", time.monotonic() + seconds
    while select.select([told], [], [], max(end - time.monotonic(), 0))[0]:
        part = told.read(65536)
        if not part:
            return found
        found += part
    os.kill(child, signal.SIGKILL)
    return found


def _end_all(child: int, before: frozenset[int], seen: Seen) -> None:
    """Wait for the child; what a killed one leaves behind ends with it, as in a power cut."""
    seen.code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    while left := [pid for pid in _children() if pid not in before]:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _children() -> list[int]:
    us, found = os.getpid(), []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="latin-1").rpartition(") ")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == us:
            found.append(int(path.parent.name))
    return found
