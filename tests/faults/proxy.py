"""A TCP proxy on loopback that cuts a connection after so many bytes, swallows the answers, or falls silent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 1024


@dataclass(slots=True, kw_only=True)
class Proxy:
    """``cut_at`` and ``silent_at`` count the client's bytes of a connection, its TLS included.

    ``deaf`` is set from outside: what the server says from then on does not arrive, and the connection ends.
    """

    target: int
    cut_at: int | None = None
    silent_at: int | None = None
    deaf: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    sent: list[int] = field(default_factory=list)
    _sockets: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._sockets += [client, server]
                self.sent.append(0)
                self._start(self._up, client, server, len(self.sent) - 1)
                self._start(self._down, server, client)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _up(self, client: socket.socket, server: socket.socket, number: int) -> None:
        with suppress(OSError):
            while data := client.recv(CHUNK):
                if self.cut_at is not None:
                    data = data[: max(self.cut_at - self.sent[number], 0)]
                if self.silent_at is not None and self.sent[number] >= self.silent_at:
                    continue
                self.sent[number] += len(data)
                server.sendall(data)
                if self.cut_at is not None and self.sent[number] >= self.cut_at:
                    break
        _end(client, server)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if self.deaf.is_set():
                    break
                if self.silent_at is None or max(self.sent) < self.silent_at:
                    client.sendall(data)
        _end(client, server)

    def close(self) -> None:
        """End every connection."""
        _end(*self._sockets)
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def before(target: int) -> Iterator[Proxy]:
    """A proxy in front of this port."""
    proxy = Proxy(target=target)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.port = listener.getsockname()[1]
        taking = threading.Thread(target=proxy.serve, args=(listener,))
        taking.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            taking.join()
            proxy.close()
