"""One run of gpg with its status lines on a descriptor of their own, bounded output and no temporary file.

python-gnupg asks gpg for status lines on stderr, mixed with human text, and keeps all output in memory without a bound;
that is safe for what we make ourselves, never for what a stranger sent (CVE-2018-12020). So whatever opens mail goes
through here. Nothing of a run is logged.
"""

import os
import selectors
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

# A Linux pipe holds 64 KiB: what is written before gpg starts must fit without a reader.
MAX_SIDE_INPUT = 32 * 1024

# gpg writes fewer than 20 lines for one honest mail; thousands of signature packets would write megabytes.
MAX_STATUS = 64 * 1024

CHUNK = 64 * 1024

# What a gpg process may know of our environment: passwords and tokens that live there are none of its business.
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD")
_PASSED_ON_PREFIX = "FAKETIME"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLine:
    """One line of the status protocol (GnuPG doc/DETAILS)."""

    keyword: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run left. ``overrun`` says that output or status passed its bound and gpg was ended."""

    returncode: int
    output: bytes
    status: tuple[StatusLine, ...]
    overrun: bool

    def count(self, keyword: str) -> int:
        """How many status lines have this keyword."""
        return sum(line.keyword == keyword for line in self.status)

    def all(self, keyword: str) -> tuple[tuple[str, ...], ...]:
        """The values of each status line with this keyword, in order."""
        return tuple(line.values for line in self.status if line.keyword == keyword)


def environment() -> dict[str, str]:
    """The few variables a gpg process is given; messages in plain C locale."""
    passed = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
    passed |= {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON_PREFIX)}
    return passed | {"LC_ALL": "C"}


def run(home: Path, arguments: Sequence[str], *, data: bytes, side: Mapping[str, bytes], max_output: int) -> Outcome:
    """Run gpg on ``data`` and return its output with its status lines.

    ``side`` holds small further inputs, each on a pipe of its own; ``{name}`` in an argument becomes the number of its
    descriptor. ``max_output`` is in bytes.

    Raises:
        ValueError: a side input is larger than a pipe holds (a defect of the caller, which must check first).
        OSError: gpg could not be started.
    """
    with ExitStack() as stack:
        numbers = {name: _filled_pipe(stack, content) for name, content in side.items()}
        status_read, status_write = os.pipe()
        stack.callback(os.close, status_read)
        with ExitStack() as childs_end:
            childs_end.callback(os.close, status_write)
            command = ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--no-autostart"]
            command += ["--exit-on-status-write-error", "--status-fd", str(status_write)]
            command += [argument.format_map(numbers) for argument in arguments]
            process = subprocess.Popen(  # noqa: S603 - constant options; descriptors are numbers of ours
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(*numbers.values(), status_write),
                env=environment(),
            )
        with process:
            streams = _Streams(process, data, status_read, max_output)
            try:
                streams.pump()
            except BaseException:
                process.kill()
                raise
    return Outcome(
        returncode=process.returncode,
        output=streams.output.getvalue(),
        status=_parse(streams.status.getvalue()),
        overrun=streams.overrun,
    )


def _filled_pipe(stack: ExitStack, content: bytes) -> int:
    if len(content) > MAX_SIDE_INPUT:
        raise ValueError("side input does not fit into a pipe")
    reader, writer = os.pipe()
    stack.callback(os.close, reader)
    try:
        os.write(writer, content)
    finally:
        os.close(writer)
    return reader


def _parse(raw: bytes) -> tuple[StatusLine, ...]:
    """Only whole lines with the prefix count; values are percent-escaped by gpg, so no line break can hide in one."""
    lines = []
    for line in raw.decode("latin-1").split("\n"):
        prefix, _, rest = line.partition(" ")
        if prefix == "[GNUPG:]" and rest:
            keyword, *values = rest.split(" ")
            lines.append(StatusLine(keyword=keyword, values=tuple(values)))
    return tuple(lines)


class _Streams:
    """Moves bytes to and from one gpg process without threads, so that a memory cap of the process stays meaningful."""

    def __init__(self, process: subprocess.Popen[bytes], data: bytes, status_fd: int, max_output: int) -> None:
        # Such a buffer gives its bytes away without a copy.
        self.output = BytesIO()
        self.status = BytesIO()
        self._listening = 2
        self.overrun = False
        self._process = process
        self._data = memoryview(data)
        self._status_fd = status_fd
        self._max_output = max_output
        self._selector = selectors.DefaultSelector()

    def pump(self) -> None:
        """Until both of gpg's outputs are closed, or one is too long."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ValueError("gpg must be started with pipes")
        with self._selector as selector:
            os.set_blocking(stdin.fileno(), False)
            selector.register(stdin, selectors.EVENT_WRITE)
            selector.register(stdout, selectors.EVENT_READ)
            selector.register(self._status_fd, selectors.EVENT_READ)
            while not self.overrun and self._listening:
                for key, _ in selector.select():
                    if key.fileobj is stdin:
                        self._write(stdin.fileno())
                    elif key.fileobj is stdout:
                        self._read(stdout.fileno(), self.output, self._max_output)
                    else:
                        self._read(self._status_fd, self.status, MAX_STATUS)
        if self.overrun:
            self._process.kill()

    def _write(self, fd: int) -> None:
        try:
            sent = os.write(fd, self._data[:CHUNK])
        except BrokenPipeError:
            # gpg has read all that it wants; its status lines say whether that was right.
            self._data = self._data[:0]
        else:
            self._data = self._data[sent:]
        if not self._data:
            self._selector.unregister(fd)
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _read(self, fd: int, into: BytesIO, limit: int) -> None:
        chunk = os.read(fd, CHUNK)
        if not chunk:
            self._selector.unregister(fd)
            self._listening -= 1
        into.write(chunk)
        if into.tell() > limit:
            self.overrun = True
