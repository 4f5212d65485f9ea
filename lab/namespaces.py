"""Namespaces of the Linux kernel, by way of libc: `os.unshare` and `os.setns` exist only from Python 3.12 on.

Sources: unshare(2), setns(2), prctl(2), user_namespaces(7).
"""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWUTS: Final = 0x0400_0000
CLONE_NEWUSER: Final = 0x1000_0000
CLONE_NEWPID: Final = 0x2000_0000
CLONE_NEWNET: Final = 0x4000_0000

PR_SET_PDEATHSIG: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38

MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x4_0000

OWN_NETWORK: Final = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)


def _called(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what)


def unshare(flags: int) -> None:
    """Give the calling thread new namespaces of these kinds. Raises OSError."""
    _called(_libc.unshare(flags), "unshare")


def enter_network(descriptor: int) -> None:
    """Move the calling thread, and no other, into a network namespace. Raises OSError."""
    _called(_libc.setns(descriptor, CLONE_NEWNET), "setns")


def control(option: int, value: int) -> None:
    """Call prctl(2) with one number. Raises OSError."""
    _called(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Attach a file system to a folder (mount(2)). Raises OSError."""
    _called(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode() or None), "mount")


def map_user(inside: int, inside_group: int, user: int, group: int) -> None:
    """Say who the caller is in its new user namespace: `user` outside is `inside` there. Raises OSError."""
    Path("/proc/self/setgroups").write_text("deny", "ascii")
    Path("/proc/self/uid_map").write_text(f"{inside} {user} 1", "ascii")
    Path("/proc/self/gid_map").write_text(f"{inside_group} {group} 1", "ascii")


def new_network() -> int:
    """Make a network namespace and return a descriptor that keeps it alive. Raises OSError."""
    made: list[int] = []
    failed: list[OSError] = []

    def make() -> None:
        try:
            unshare(CLONE_NEWNET)
            made.append(os.open(OWN_NETWORK, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            failed.append(error)

    # A thread of its own is what the namespace is made for: the caller stays where it is.
    maker = threading.Thread(target=make)
    maker.start()
    maker.join()
    if failed:
        raise failed[0]
    return made[0]


@contextmanager
def inside(descriptor: int) -> Iterator[None]:
    """Be in a network namespace for a while: sockets made, processes and threads started meanwhile belong to it."""
    home = os.open(OWN_NETWORK, os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_network(descriptor)
        try:
            yield
        finally:
            enter_network(home)
    finally:
        os.close(home)
