"""Files that a command writes for a person: nothing is replaced, and nobody else reads them.

In a folder whose set-group-ID bit is on, what is made belongs to the folder's group: its owner has said that these
persons share it, and they may then read, complete and delete what the gateway's account writes there.
"""

import os
import stat
from pathlib import Path

from gateway.domain.errors import FileUnwritten
from gateway.domain.reasons import system_reason

_OURS, _SHARED = 0o600, 0o660
_OUR_FOLDER, _SHARED_FOLDER = 0o700, 0o2770


def write_new(path: Path, data: bytes) -> Path:
    """A new file, in a folder that is there.

    Raises:
        FileUnwritten: it exists, or the folder does not take it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OURS)
        with os.fdopen(descriptor, "wb") as file:
            if _is_shared(path.parent):
                os.fchmod(descriptor, _SHARED)
            file.write(data)
    except OSError as error:
        raise FileUnwritten(path=path, reason=system_reason(error)) from error
    return path


def make_folder(folder: Path) -> None:
    """The folder and those above it, unless they are there.

    Raises:
        FileUnwritten.
    """
    try:
        if folder.is_dir():
            return
        folder.mkdir(mode=_OUR_FOLDER, parents=True)
        if _is_shared(folder.parent):
            folder.chmod(_SHARED_FOLDER)
    except OSError as error:
        raise FileUnwritten(path=folder, reason=system_reason(error)) from error


def _is_shared(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_ISGID)
