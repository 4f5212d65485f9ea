"""Which process of this machine has which socket, as far as this user may know: /proc/net and /proc/PID/fd (proc(5)).

A socket may be gone before it is looked for, and other users' processes are not told of: no name is no mistake.
"""

from __future__ import annotations

import ipaddress
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TABLES: Final = {"tcp": 6, "tcp6": 6, "udp": 17, "udp6": 17}
LOOK_SECONDS: Final = 0.2
"""Between two looks at all sockets: each takes some milliseconds, and a connection of a test lives about so long."""
MOST: Final = 50_000
"""Sockets remembered."""
Local = tuple[int, str, int]
"""IP protocol number, address, port."""


Known = TypeVar("Known")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that has a socket."""

    name: str
    pid: int

    def __str__(self) -> str:
        return f"{self.name}[{self.pid}]"


def owners(system: Path = Path("/proc")) -> dict[Local, Owner]:
    """The owners of all sockets of this network namespace that have a local port, by their local end.

    A socket bound to any address stands under "0.0.0.0" or "::". Of several owners (a server and the workers it forked)
    the one with the lowest number is named. Looks at every process: some ten milliseconds on a busy machine.
    """
    sockets = {inode: local for local, inode in _sockets(system)}
    found: dict[Local, Owner] = {}
    for pid in sorted(int(entry.name) for entry in system.iterdir() if entry.name.isdecimal()):
        for inode in _inodes(system / str(pid) / "fd"):
            local = sockets.get(inode)
            if local is not None and local not in found:
                found[local] = Owner(_name(system / str(pid)), pid)
    return found


def owner_of(found: Mapping[Local, Known], transport: int, address: str, port: int) -> Known | None:
    """Who has the socket of one end, or listens for it on any address."""
    for where in (address, "0.0.0.0", "::"):  # noqa: S104 - what a table says, nothing is bound
        owner = found.get((transport, where, port))
        if owner is not None:
            return owner
    return None


def _sockets(system: Path) -> Iterator[tuple[Local, int]]:
    for table, transport in TABLES.items():
        file = system / "self" / "net" / table
        if not file.exists():
            continue  # a kernel without IPv6
        for line in file.read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            inode = int(fields[9])
            if inode:  # 0: the process has closed it, and TCP is still at work
                yield (transport, _address(address), int(port, 16)), inode


def _address(digits: str) -> str:
    """The kernel prints 32-bit words in the machine's byte order."""
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    return str(ipaddress.ip_address(b"".join(words)))


def _inodes(folder: Path) -> Iterator[int]:
    with suppress(OSError):  # another user's process, or one that has ended
        for entry in os.scandir(folder):
            with suppress(OSError):
                target = str(Path(entry.path).readlink())
                if target.startswith("socket:["):
                    yield int(target[8:-1])


def _name(folder: Path) -> str:
    with suppress(OSError):
        return (folder / "comm").read_text().strip()
    return "?"


class SocketWatch:
    """Remembers whose sockets there were, on a thread of its own, until `stop`: most are gone when one comes to ask."""

    def __init__(self) -> None:
        self.known: dict[Local, str] = {}
        """Owners in words, by local end. Only grows; any thread may read it."""
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="netviz sockets", daemon=True).start()

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            for local, owner in owners().items():
                if len(self.known) < MOST:
                    self.known[local] = str(owner)

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
