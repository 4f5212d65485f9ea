"""Capture filters: libpcap's expressions (pcap-filter(7)) compiled to the classic BPF instructions the kernel runs.

libpcap does it, which needs no rights for that, and is there wherever tcpdump or Wireshark is; where it is not, tcpdump
itself is asked. A filter on VLAN tags matches nothing: the kernel takes tags out of packets before filters see them.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from ctypes.util import find_library
from typing import Final

from capture.errors import CaptureError

Program = list[tuple[int, int, int, int]]
"""Code, jump if true, jump if false, and a value, for each instruction."""

RETURN: Final = 0x06
DLT_OF: Final = {1: 1, 101: 12}
"""The numbers by which libpcap calls link types (LINKTYPE_ETHERNET, LINKTYPE_RAW) itself."""
LIBRARIES: Final = ("libpcap.so.1", "libpcap.so.0.8", "libpcap.A.dylib")


class FilterError(CaptureError):
    """A capture filter that cannot be compiled; says what libpcap says of it."""


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


def everything(snap_length: int) -> Program:
    """The filter that takes every packet, cut to `snap_length` bytes."""
    return [(RETURN, 0, 0, snap_length)]


def compiled(expression: str, link_type: int, snap_length: int) -> Program:
    """The program for an expression on packets of this link type (1 Ethernet, 101 IP). Raises `FilterError`."""
    if not expression.strip():
        return everything(snap_length)
    library = _library()
    if library is None:
        return _by_tcpdump(expression, link_type, snap_length)
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_geterr.restype = ctypes.c_char_p
    handle = ctypes.c_void_p(library.pcap_open_dead(DLT_OF[link_type], snap_length))
    program = _Program()
    try:
        if library.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, 0xFFFFFFFF):
            raise FilterError(_sentence(expression, library.pcap_geterr(handle).decode(errors="replace")))
        found = [program.instructions[place] for place in range(program.length)]
        return [(each.code, each.jt, each.jf, each.k) for each in found]
    finally:
        library.pcap_freecode(ctypes.byref(program))
        library.pcap_close(handle)


def _library() -> ctypes.CDLL | None:
    names = LIBRARIES if sys.platform != "darwin" else (*LIBRARIES, find_library("pcap") or "")
    for name in filter(None, names):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _by_tcpdump(expression: str, link_type: int, snap_length: int) -> Program:
    tcpdump = shutil.which("tcpdump", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")
    if tcpdump is None:
        raise FilterError("A capture filter needs libpcap or tcpdump to compile it; install either, or leave -f out.")
    kind = {1: "EN10MB", 101: "RAW"}[link_type]
    command = [tcpdump, "-y", kind, "-s", str(snap_length), "-ddd", "--", expression]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        raise FilterError(_sentence(expression, done.stderr.strip().rpartition("tcpdump: ")[2]))
    numbers = [tuple(map(int, line.split())) for line in done.stdout.splitlines()[1:]]
    return [(code, jt, jf, k) for code, jt, jf, k in numbers]


def _sentence(expression: str, reason: str) -> str:
    return f"The capture filter “{expression}” is not one of libpcap's: {reason.strip().rstrip('.')}."
