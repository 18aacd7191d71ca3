"""A worker reaches nobody: where the kernel allows it, not even our own machine."""

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, socket, subprocess, sys
from gateway.adapters.offline import leave_network

def opens(kind):
    try:
        socket.socket(kind).close()
    except PermissionError:
        return False
    return True

def reaches():
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5).close()
    except PermissionError:
        return False
    return True

left = leave_network()
child = "import socket; socket.socket()"
started = subprocess.run([sys.executable, "-c", child], stderr=subprocess.DEVNULL).returncode == 0
with socket.socket(socket.AF_UNIX) as agent:
    agent.connect(sys.argv[2])
print(left, reaches(), opens(socket.AF_INET6), opens(socket.AF_NETLINK), started, os.path.exists("/"))
"""


def test_a_process_that_left_the_network_reaches_nobody(tmp_path: Path) -> None:
    """Neither it nor what it starts, not even a server here; a socket that is a file it does. Else it says so."""
    path = os.path.relpath(tmp_path / "agent")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as agent:
        agent.bind(path)
        agent.listen()
        run = [sys.executable, "-c", SCRIPT, str(server.getsockname()[1]), path]
        told = subprocess.run(run, capture_output=True, check=True, text=True).stdout.split()
    left, *networks, lives = (word == "True" for word in told)
    assert networks == [not left] * 4
    assert lives
    assert left or (platform.machine(), sys.platform) != ("x86_64", "linux")
