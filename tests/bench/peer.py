"""Installs and runs the tuned peer (see ``as2_peer``): its own environment, its own PostgreSQL, gunicorn, a sender."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests import postgres
from tests.bench.processes import Asked, ended, started
from tests.services.suites import Keys

NEEDS = ("django-pyas2==1.2.3", "gunicorn==27.0.1", "psycopg2-binary==2.9.13")
SCRIPT = Path(__file__).parent / "as2_peer.py"
START_SECONDS = 60.0


def environment(folder: Path) -> Path:
    """A virtual environment with the peer in it; returns its Python. One that is there already is taken as it is."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *NEEDS], check=True)
    return python


@contextmanager
def running(folder: Path, python: Path, keys: Keys) -> Iterator[Asked]:
    """The peer at work, in this folder; what it is asked is as for ``tests.bench.party``."""
    data = folder / "data"
    data.mkdir()
    with postgres.running(durable=True) as server, ExitStack() as stack:
        server.sql("CREATE DATABASE peer")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        certificate.write_bytes(keys.own.certificate.public_bytes(Encoding.PEM))
        plain = keys.own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key.write_bytes(plain + certificate.read_bytes())
        told = {
            "database": {
                "NAME": "peer",
                "USER": postgres.ACCOUNT,
                "HOST": str(server.folder),
                "PORT": str(server.port),
            },
            "folder": str(data),
            "url": f"http://127.0.0.1:{port}/as2receive",
            "key": str(key),
            "certificate": str(certificate),
        }
        env = {**os.environ, "AS2_PEER": json.dumps(told)}
        subprocess.run([str(python), str(SCRIPT), "setup"], env=env, check=True)
        gunicorn = [
            str(python),
            "-m",
            "gunicorn",
            "--workers",
            "2",
            "--timeout",
            "600",
            "--bind",
            f"127.0.0.1:{port}",
            "--log-level",
        ]
        serving = stack.enter_context(
            ended(subprocess.Popen([*gunicorn, "warning", "as2_peer:application"], env=env, cwd=SCRIPT.parent))
        )
        _wait(port)
        asking = stack.enter_context(started([str(python), str(SCRIPT), "send"], folder / "peer.log", env))
        yield Asked(asking, others=(serving.pid, server.pid))


def _wait(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
