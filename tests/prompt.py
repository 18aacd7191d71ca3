"""A place where commands are typed: a process with all of the gateway loaded has a child for each of them.

To load it is most of a command's time, and the tests type hundreds. Importing it does nothing (tests/test_house.py), so
that a child is what a new process would be: its arguments, environment, folder, streams and exit code are its own.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import NoReturn

ROOT = Path(__file__).parents[1]
ELSEWHERE = ("gateway.adapters.database.migrations", "gateway.demo", "gateway.web", "gateway.__main__")
"""What no such command needs, or what must not be imported to be run."""


class Prompt:
    """Takes commands, from several threads at once."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def call(
        self, arguments: Sequence[str], *, env: Mapping[str, str], stdin: str | None, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """As :func:`subprocess.run` of ``gateway`` with these arguments.

        Raises:
            subprocess.TimeoutExpired: it took too long, and was ended.
        """
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking,
            TemporaryFile() as typed,
            TemporaryFile() as out,
            TemporaryFile() as err,
        ):
            typed.write((stdin or "").encode())
            typed.seek(0)
            asking.connect(str(self._place))
            asked = {"arguments": list(arguments), "env": dict(env), "folder": str(Path.cwd())}
            said = json.dumps(asked).encode()
            socket.send_fds(asking, [len(said).to_bytes(4, "big")], [typed.fileno(), out.fileno(), err.fileno()])
            asking.sendall(said)
            asking.settimeout(timeout)
            with asking.makefile("rb") as answers:
                child = int(answers.readline())
                try:
                    code = int(answers.readline())
                except TimeoutError:
                    os.kill(child, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(list(arguments), timeout) from None
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode())
        return subprocess.CompletedProcess(list(arguments), code, *texts)


@contextmanager
def prompt(env: Mapping[str, str]) -> Iterator[Prompt]:
    """One that is open until the end of the block; ``env`` is there when it starts, as what moves its clock must be."""
    with TemporaryDirectory(prefix="gwp-") as folder:
        place = Path(folder) / "prompt"
        with subprocess.Popen(
            [sys.executable, "-m", "tests.prompt", str(place)],
            env=dict(env),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                yield Prompt(place)
            finally:
                process.terminate()


# --- the process


def load() -> None:
    """Everything that commands import."""
    import gateway

    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if not module.name.startswith(ELSEWHERE):
            importlib.import_module(module.name)


def attend(asking: socket.socket) -> list[str] | None:
    """Have a child for what is asked; only there it returns, with the arguments of its command."""
    head, descriptors, _flags, _address = socket.recv_fds(asking, 4, 3)
    with asking.makefile("rb") as rest:
        asked = json.loads(rest.read(int.from_bytes(head, "big")))
    child = os.fork()
    if child == 0:
        for stream, descriptor in enumerate(descriptors):
            os.dup2(descriptor, stream)
            os.close(descriptor)
        asking.close()
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["env"])
        return [str(word) for word in asked["arguments"]]
    asking.sendall(f"{child}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    asking.sendall(f"{code}\n".encode())
    return None


def wait_for_command(place: str) -> list[str] | None:
    """Take commands until this process is ended; returns in the child that is to be one, and in those that are done."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        # Nobody waits for those that wait for a command.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        door.bind(place)
        door.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            asking, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                with asking:
                    return attend(asking)
            asking.close()


def be_the_command(words: list[str]) -> NoReturn:
    """Do it, and end as a process ends; only the parent's modules are not taken apart one by one."""
    sys.argv = ["gateway", *words]
    sys.path[0] = str(Path.cwd())
    code = 0
    try:
        runpy.run_module("gateway", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    load()
    # Children share what is loaded: nothing of it is looked through for what could go.
    gc.freeze()
    typed = wait_for_command(sys.argv[1])
    if typed is not None:
        be_the_command(typed)
