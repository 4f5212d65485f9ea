"""Which process of this machine has which socket, as far as this user may know: /proc/net and /proc/PID/fd (proc(5)).

A socket may be gone before it is looked for, and other users' processes are not told of: no name is no mistake.
"""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES: Final = {"tcp": 6, "tcp6": 6, "udp": 17, "udp6": 17}
Local = tuple[int, str, int]
"""IP protocol number, address, port."""


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


def owner_of(found: dict[Local, Owner], transport: int, address: str, port: int) -> Owner | None:
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
