"""Takes the network from this process by a filter on its system calls, where the kernel allows it (seccomp(2)).

What a hostile mail might run in a worker then reaches nobody outside. It works without privileges, also where
namespaces are forbidden. Sockets that are files stay: GnuPG reaches its agent by one.
"""

import ctypes
import errno
import os
import struct
from types import MappingProxyType

# linux/audit.h, and the numbers of socket and io_uring_setup, which opens sockets without the former.
_MACHINES = MappingProxyType({"x86_64": (0xC000003E, 41, 425), "aarch64": (0xC00000B7, 198, 425)})
_OTHER_NUMBERS = 0x40000000  # the x32 interface of x86_64 numbers its calls from here
_UNIX = 1

_NO_NEW_PRIVILEGES, _SET_FILTER, _FILTER = 38, 22, 2  # linux/prctl.h, linux/seccomp.h
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16  # places in struct seccomp_data


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def leave_network() -> bool:
    """Whether this process, and all that it starts, can open no socket from now on but those that are files."""
    known = _MACHINES.get(os.uname().machine)
    if known is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    code = _filter(*known)
    program = _Program(len(code) // 8, code)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SET_FILTER, _FILTER, ctypes.byref(program), 0, 0) == 0)


def _filter(machine: int, socket: int, ring: int) -> bytes:
    """Instructions as (code, jump if true, jump if false, value); jumps count from the next instruction."""
    return b"".join(
        struct.pack("=HBBI", *each)
        for each in (
            (_LOAD, 0, 0, _MACHINE),
            (_EQUAL, 0, 7, machine),  # another machine's numbers mean other calls
            (_LOAD, 0, 0, _NUMBER),
            (_AT_LEAST, 5, 0, _OTHER_NUMBERS),
            (_EQUAL, 4, 0, ring),
            (_EQUAL, 0, 2, socket),
            (_LOAD, 0, 0, _FIRST_ARGUMENT),
            (_EQUAL, 0, 1, _UNIX),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _REFUSE),
        )
    )
