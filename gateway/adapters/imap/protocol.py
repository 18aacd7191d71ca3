"""aioimaplib's protocol made safe: one command at a time, nothing hangs after a lost connection, nothing is logged.

Framing is our own: linear in the bytes received, without recursion, under limits (RFC 3501 section 9). A line from the
server never reaches a log or an error.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO

from aioimaplib.aioimaplib import Command, IMAP4ClientProtocol

from gateway.domain.words import Said, said

# All lines of one answer together: UID SEARCH over 500,000 messages is about 4 MiB.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
# Literals of an answer that asked for none: a server may send a short text as a literal anywhere.
MAX_SMALL_LITERALS = 64 * 1024
# An answer that drips byte by byte is given up after this many silences' worth of time.
DRIP_FACTOR = 20

CRLF = b"\r\n"
OPENING = frozenset({"SELECT", "EXAMINE"})
_LITERAL = re.compile(rb"\{(\d{1,12})\}$")
_COUNT = re.compile(rb"(\d{1,10}) (EXISTS|EXPUNGE)", re.IGNORECASE)
_TAGGED = re.compile(rb"([A-Z0-9]+) (OK|NO|BAD)(?: (.*))?", re.DOTALL | re.IGNORECASE)

# One untagged response without its "* ": line, literal, line, literal, ..., line.
Response = tuple[bytes, ...]


class _Ended(Exception):
    """Whatever ends a session. The reason is ours, never the server's text."""

    def __init__(self, reason: Said) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Broken(_Ended):
    """The server does not follow the protocol, or goes over a limit."""


class Lost(_Ended):
    """The connection is over."""


def silence_library() -> None:
    """Pin the library's loggers: at DEBUG they write whole messages."""
    for name in ("aioimaplib", "aioimaplib.aioimaplib"):
        logging.getLogger(name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A finished command: OK, NO or BAD, the text of that line, and the untagged responses that came meanwhile."""

    status: str
    text: bytes
    responses: tuple[Response, ...]


class OneCommand(Command):  # type: ignore[misc] # the library ships no types
    """A command that can be failed from outside and keeps its responses apart. It has no timer of its own."""

    def __init__(self, name: str, tag: str, *args: str, prefix: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name, tag, *args, prefix=prefix, loop=loop)
        self.responses: list[Response] = []
        self.status = ""
        self.text = b""

    def finish(self, status: str, text: bytes) -> None:
        """The tagged line has come."""
        self.status, self.text = status, text
        self._event.set()

    def fail(self, error: Exception) -> None:
        """Nothing more will come."""
        self._exception = error
        self._event.set()


class GuardedProtocol(IMAP4ClientProtocol):  # type: ignore[misc] # the library ships no types
    """The client side of one connection. ``silence`` is how many seconds the server may say nothing.

    ``error`` is set once, when the connection is over. ``ready`` is set by the greeting, by a "+" that asks for
    nothing more, and by the end of a command; ``pushed`` by any untagged response during IDLE; ``grown`` when the
    folder holds more messages than the client was told, whatever command that came with: a server says it once
    (RFC 3501 section 7.3.1). Opening a folder begins anew. All are set when the connection is over.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, silence: float) -> None:
        super().__init__(loop)
        self.silence = silence
        self.greeting: bytes | None = None
        self.error: Exception | None = None
        self.lost = asyncio.Event()
        self.ready = asyncio.Event()
        self.pushed = asyncio.Event()
        self.grown = asyncio.Event()
        self._messages = 0
        self._command: OneCommand | None = None
        self._outgoing: list[bytes] = []
        self._deadline: asyncio.Timeout | None = None
        self._latest = 0.0
        self._buffer = bytearray()
        self._scanned = 0
        self._pieces: list[bytes] = []
        self._literal = BytesIO()
        self._missing = 0
        self._line_budget = MAX_ANSWER_BYTES
        self._literal_budget = MAX_SMALL_LITERALS

    # --- what the session calls

    async def ask(
        self,
        name: str,
        *args: str,
        prefix: str = "",
        then: tuple[bytes, ...] = (),
        literals: int = MAX_SMALL_LITERALS,
    ) -> Answer:
        """Send one command and wait for its end; ``then`` are the lines to send at each "+" of the server.

        Raises:
            Broken, Lost, OSError: the connection is over.
            TimeoutError: the server was silent for too long.
        """
        return await self.end(self.begin(name, *args, prefix=prefix, then=then, literals=literals))

    def begin(
        self,
        name: str,
        *args: str,
        prefix: str = "",
        then: tuple[bytes, ...] = (),
        literals: int = MAX_SMALL_LITERALS,
    ) -> OneCommand:
        """Send a command without waiting.

        Raises:
            Broken, Lost, OSError: the connection is over.
            ValueError: an argument holds NUL, CR or LF.
            RuntimeError: another command is running (a defect of ours).
        """
        if self.error is not None:
            raise self.error
        if self._command is not None:
            raise RuntimeError("one command at a time")
        command = OneCommand(name, self.new_tag(), *args, prefix=prefix, loop=self.loop)
        self._command = command
        self.ready.clear()
        self.pushed.clear()
        if command.name in OPENING:
            self.grown.clear()
            self._messages = 0
        self._outgoing = list(then)
        self._line_budget, self._literal_budget = MAX_ANSWER_BYTES, literals
        self.send(str(command))
        return command

    async def end(self, command: OneCommand) -> Answer:
        """Wait for the tagged line. Raises what ``ask`` raises."""
        async with self.patience():
            await command.wait()
        return Answer(status=command.status, text=command.text, responses=tuple(command.responses))

    @asynccontextmanager
    async def patience(self) -> AsyncIterator[None]:
        """Wait at most ``silence`` seconds after each byte, and DRIP_FACTOR times that in all."""
        self._latest = self.loop.time() + self.silence * DRIP_FACTOR
        try:
            async with asyncio.timeout(self.silence) as self._deadline:
                yield
        finally:
            self._deadline = None

    async def wait_for(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for ``pushed`` or ``grown``, or for the time to be over; True when it came.

        Raises:
            Broken, Lost, OSError: the connection is over.
        """
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        if self.error is not None:
            raise self.error
        return True

    def send(self, line: str, scrub: str | None = None) -> None:  # noqa: ARG002 - the library's signature
        """Write one line; unlike the library, without formatting it for a log."""
        self.transport.write(line.encode("utf-8") + CRLF)

    def cut(self, error: Exception) -> None:
        """End the connection now and fail whatever waits. The first reason is kept."""
        if self.error is None:
            self.error = error
        if self._command is not None:
            self._command.fail(self.error)
            self._command = None
        self.ready.set()
        self.pushed.set()
        self.grown.set()
        if self.transport is None:
            self.lost.set()
        else:
            self.transport.abort()

    # --- what the transport calls

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail every waiter at once: the library would let them hang."""
        self.cut(exc if exc is not None else Lost(said("le serveur a fermé la connexion")))
        self.lost.set()

    def data_received(self, d: bytes) -> None:
        """Cut the bytes into responses."""
        if self.error is not None:
            return
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(min(self.loop.time() + self.silence, self._latest))
        self._buffer += d
        try:
            self._consume()
        except Broken as error:
            self.cut(error)

    def _consume(self) -> None:
        position = 0
        while self.error is None:
            if self._missing:
                position += self._take_literal(position)
                if self._missing:
                    break
            end = self._buffer.find(CRLF, max(position, self._scanned))
            if end < 0:
                break
            line = bytes(self._buffer[position:end])
            position = end + len(CRLF)
            self._take_line(line)
        del self._buffer[:position]
        self._scanned = max(0, len(self._buffer) - 1)
        if len(self._buffer) > self._line_budget:
            raise Broken(said("réponse plus longue que la limite"))

    def _take_literal(self, position: int) -> int:
        with memoryview(self._buffer) as view:
            taken = self._literal.write(view[position : position + self._missing])
        self._missing -= taken
        if not self._missing:
            self._pieces.append(self._literal.getvalue())
            self._literal = BytesIO()
        return taken

    def _take_line(self, line: bytes) -> None:
        self._line_budget -= len(line) + len(CRLF)
        if self._line_budget < 0:
            raise Broken(said("réponse plus longue que la limite"))
        self._pieces.append(line)
        announced = _LITERAL.search(line) if self._pieces[0].startswith(b"* ") else None
        if announced is None:
            pieces, self._pieces = self._pieces, []
            self._dispatch(pieces)
            return
        self._missing = int(announced[1])
        self._literal_budget -= self._missing
        if self._literal_budget < 0:
            raise Broken(said("contenu plus grand que la limite"))
        if not self._missing:
            self._pieces.append(b"")

    def _dispatch(self, pieces: list[bytes]) -> None:
        first = pieces[0]
        if self.greeting is None:
            self.greeting = first
            self.ready.set()
        elif first.startswith(b"* "):
            self._untagged((first[2:], *pieces[1:]))
        elif first.startswith(b"+"):
            self._continue()
        elif first:
            self._tagged(first)

    def _untagged(self, response: Response) -> None:
        command = self._command
        if response[0][:3].upper() == b"BYE" and (command is None or command.name != "LOGOUT"):
            self.cut(Lost(said("le serveur a mis fin à la session")))
            return
        self._count(response[0])
        if command is not None and command.name == "IDLE":
            self.pushed.set()
        elif command is not None:
            command.responses.append(response)

    def _count(self, line: bytes) -> None:
        match = _COUNT.fullmatch(line)
        if match is None:
            return
        if match[2].upper() == b"EXPUNGE":
            self._messages -= 1
            return
        known, self._messages = self._messages, int(match[1])
        if self._messages > known and not (self._command is not None and self._command.name in OPENING):
            self.grown.set()

    def _continue(self) -> None:
        if self._outgoing:
            self.transport.write(self._outgoing.pop(0))
            self.transport.write(CRLF)
        elif self._command is not None and self._command.name == "AUTHENTICATE":
            # XOAUTH2 explains a refusal in a challenge, and refuses only after an empty answer to it.
            self.transport.write(CRLF)
        else:
            self.ready.set()

    def _tagged(self, line: bytes) -> None:
        match, command = _TAGGED.fullmatch(line), self._command
        if match is None or command is None or match[1] != command.tag.encode("ascii"):
            raise Broken(said("ligne sans commande correspondante"))
        self._command = None
        self.ready.set()
        self.pushed.set()
        command.finish(match[2].upper().decode("ascii"), match[3] or b"")
