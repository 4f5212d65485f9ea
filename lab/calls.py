"""Sockets that note what a program calls on them, so that each call can stand beside the packet it belongs to.

A call that causes packets (`connect`, `send`, `close` …) is noted when it begins, and belongs to the next packet of its
kind from its end of the connection; one that waits for packets (`accept`, `recv`) when it returns, and belongs to the
last one that came to its end; `listen` belongs to the first SYN that comes. Packets are taken as they were captured,
so where a capture point is far from the program, a call can stand beside a packet that was already on its way.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from lab.network import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.frames import Address, Ends

SHOWN: Final = 24
"""Bytes of a payload that are quoted."""

TEXT: Final = frozenset([*b"\t\r\n", *range(0x20, 0x7F)])
MOST_OPEN: Final = 1000
"""Calls that wait for their packet; the oldest are given up."""

ANY: Final = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
NOWHERE: Final = (ANY[0], 0)

OPENING: Final = frozenset({Kind.SYN})
OPENED: Final = frozenset({Kind.ACK})
PAYLOAD: Final = frozenset({Kind.DATA, Kind.UDP})
ENDING: Final = frozenset({Kind.END})


class Bond(Enum):
    """Which packet a call belongs to."""

    CAUSES = "the next one from here"
    AWAITS = "the next one to here"
    RETURNS = "the last one to here"


class Seen(NamedTuple):
    """As much of a captured packet as tells which calls are its own."""

    time_ns: int
    ends: Ends | None
    kinds: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: when (ns since the epoch), in which words, at which end, and which packet it belongs to."""

    time_ns: int
    text: str
    local: Address
    bond: Bond
    kinds: frozenset[Kind]

    def concerns(self, packet: Seen) -> bool:
        """Whether a packet may be the one."""
        if packet.ends is None or not packet.kinds & self.kinds:
            return False
        here = packet.ends.source if self.bond is Bond.CAUSES else packet.ends.destination
        if here[1] != self.local[1] or self.local[0] not in (here[0], *ANY):
            return False
        return packet.time_ns <= self.time_ns if self.bond is Bond.RETURNS else packet.time_ns >= self.time_ns


def quoted(data: bytes) -> str:
    """The beginning of a payload, as Python writes it; of one that is no text, only how much it is."""
    if not all(byte in TEXT for byte in data[:SHOWN]):
        return f"{len(data)} byte{'s' * (len(data) != 1)}"
    return repr(data) if len(data) <= SHOWN else f"{data[:SHOWN]!r}…, {len(data)} bytes"


def shown(address: Sequence[object]) -> str:
    """`10.0.0.1:80`, `[fd00::1]:80`."""
    host, port = str(address[0]), address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class NotedSocket(socket.socket):
    """A socket of one host that writes each call into a list. Made by `noted`."""

    host = ""
    calls: list[Call]
    listening = False

    def note(self, text: str, bond: Bond, kinds: frozenset[Kind]) -> None:
        """Write down a call that happens now."""
        self.calls.append(Call(time.time_ns(), f"{self.host}: {text}", self._local(), bond, kinds))

    def _local(self) -> Address:
        try:
            name = self.getsockname()
        except OSError:
            return NOWHERE
        return (str(name[0]), int(name[1])) if isinstance(name, tuple) and len(name) >= 2 else NOWHERE

    def connect(self, address: tuple[str, int]) -> None:  # type: ignore[override]
        """As `socket.connect`."""
        self.note(f"connect({shown(address)})", Bond.CAUSES, OPENING)
        super().connect(address)

    def listen(self, backlog: int = 16) -> None:
        """As `socket.listen`."""
        super().listen(backlog)
        self.listening = True
        self.note(f"listen({backlog}) on port {self._local()[1]}", Bond.AWAITS, OPENING)

    def accept(self) -> tuple[NotedSocket, Address]:
        """As `socket.accept`; the new socket notes its calls, too."""
        plain, peer = super().accept()
        made = noted(self.host, self.calls, socket.socket(fileno=plain.detach()))
        made.note(f"accept() -> {shown(peer)}", Bond.RETURNS, OPENED)
        return made, (str(peer[0]), int(peer[1]))

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]
        """As `socket.send`."""
        self.note(f"send({quoted(data)}{', MSG_OOB' if flags & socket.MSG_OOB else ''})", Bond.CAUSES, PAYLOAD)
        return super().send(data, flags)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """As `socket.sendall`."""
        self.note(f"send({quoted(data)})", Bond.CAUSES, PAYLOAD)
        super().sendall(data, flags)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As `socket.recv`."""
        data = super().recv(size, flags)
        self.note(f"recv() -> {quoted(data)}", Bond.RETURNS, PAYLOAD if data else ENDING)
        return data

    def sendto(self, data: bytes, address: tuple[str, int]) -> int:  # type: ignore[override]
        """As `socket.sendto`."""
        self.note(f"sendto({quoted(data)}, {shown(address)})", Bond.CAUSES, PAYLOAD)
        return super().sendto(data, address)

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Address]:
        """As `socket.recvfrom`."""
        data, peer = super().recvfrom(size, flags)
        self.note(f"recvfrom() -> {quoted(data)}, {shown(peer)}", Bond.RETURNS, PAYLOAD)
        return data, (str(peer[0]), int(peer[1]))

    def recv_all(self, size: int) -> bytes:
        """Read until `size` bytes are there or the other end has closed; noted as one call."""
        parts: list[bytes] = []
        while size > 0 and (part := super().recv(min(size, 65_536))):
            parts.append(part)
            size -= len(part)
        data = b"".join(parts)
        self.note(f"recv() -> {quoted(data)}", Bond.RETURNS, PAYLOAD if data else ENDING)
        return data

    def shutdown(self, how: int) -> None:
        """As `socket.shutdown`."""
        names = {socket.SHUT_RD: "SHUT_RD", socket.SHUT_WR: "SHUT_WR", socket.SHUT_RDWR: "SHUT_RDWR"}
        self.note(f"shutdown({names[how]})", Bond.CAUSES, ENDING)
        super().shutdown(how)

    def close(self) -> None:
        """As `socket.close`."""
        if self.fileno() >= 0 and not self.listening:
            self.note("close()", Bond.CAUSES, ENDING)
        super().close()

    def __enter__(self) -> Self:
        return self


def noted(host: str, calls: list[Call], plain: socket.socket) -> NotedSocket:
    """Turn a plain socket of a host into one that notes its calls; the plain one is used up."""
    timeout = plain.gettimeout()
    made = NotedSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
    made.settimeout(timeout)
    made.host, made.calls = host, calls
    return made


class Attacher:
    """Gives each call to its packet, as packets go by in the order of time. `calls` may grow meanwhile."""

    def __init__(self, calls: list[Call]) -> None:
        self._calls = calls
        self._taken = 0
        self._open: list[Call] = []

    def attach(self, packets: Sequence[Seen], count: int) -> list[list[str]]:
        """The calls of the first `count` of these packets, which are about to be written; the others come later."""
        new, self._taken = self._calls[self._taken :], len(self._calls)
        texts: list[list[str]] = [[] for _ in range(count)]
        left = []
        for call in sorted([*self._open, *new], key=lambda call: call.time_ns):
            rows = [row for row, packet in enumerate(packets) if call.concerns(packet)]
            row = -1 if not rows else rows[-1 if call.bond is Bond.RETURNS else 0]
            if 0 <= row < count:
                texts[row].append(call.text)
            else:
                left.append(call)
        self._open = left[-MOST_OPEN:]
        return texts
