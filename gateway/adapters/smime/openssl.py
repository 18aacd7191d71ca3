"""One run of ``openssl cms``, for what ``cryptography`` does not do: AES-GCM, elliptic-curve recipients, OAEP.

No shell and no temporary file: keys and certificates go in by pipes of their own, named to openssl as /dev/fd/N, so
none ever stands on a command line or on a disk. Its human text is read by nobody.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

# A Linux pipe holds 64 KiB: what is written before openssl starts must fit without a reader.
MAX_SIDE_INPUT = 32 * 1024
# 25 MB take 24 ms; the limit only keeps a broken machine from hanging us.
SECONDS = 60.0

_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD")
_PASSED_ON_PREFIX = "FAKETIME"


class OpensslFailed(Exception):
    """It took too long, or did not do what was asked; what it wrote was thrown away."""


class OpensslMissing(OpensslFailed):
    """It does not start on this machine: nobody's key and nobody's mail is to blame."""


def run(arguments: Sequence[str], *, data: bytes, side: Mapping[str, bytes]) -> bytes:
    """The output of ``openssl cms`` on ``data``; ``{name}`` in an argument becomes the path of that side input.

    Raises:
        OpensslFailed, OpensslMissing: anything but success.
    """
    with ExitStack() as stack:
        pipes = {name: _filled_pipe(stack, content) for name, content in side.items()}
        paths = {name: f"/dev/fd/{number}" for name, number in pipes.items()}
        command = ["openssl", "cms", *(argument.format_map(paths) for argument in arguments)]
        try:
            done = subprocess.run(  # noqa: S603 - constant options; paths are descriptors of ours
                command,
                input=data,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=tuple(pipes.values()),
                env=_environment(),
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise OpensslFailed("too slow") from error
        except OSError as error:
            raise OpensslMissing from error
    if done.returncode != 0:
        raise OpensslFailed("refused")
    return done.stdout


def _filled_pipe(stack: ExitStack, content: bytes) -> int:
    if len(content) > MAX_SIDE_INPUT:
        raise OpensslFailed("side input too large")
    reader, writer = os.pipe()
    stack.callback(os.close, reader)
    try:
        os.write(writer, content)
    finally:
        os.close(writer)
    return reader


def _environment() -> dict[str, str]:
    """No secret of ours, and no configuration of the machine's that could load other providers."""
    passed = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
    passed |= {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON_PREFIX)}
    return passed | {"LC_ALL": "C", "OPENSSL_CONF": os.devnull}
