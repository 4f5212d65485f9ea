"""A cable that delays, loses, repeats and reorders frames by plan, the same ones each time.

A relay between two packet sockets, in place of the kernel's netem, which many kernels lack and which can only lose
“10 %”, not “the third data segment”. Accuracy: some tenths of a millisecond.
"""

from __future__ import annotations

import heapq
import random
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lab.frames import kinds
from lab.network import Deed, Kind

if TYPE_CHECKING:
    from lab.network import Wire

ETH_P_ALL: Final = 0x0003
SOL_PACKET: Final = 263
PACKET_IGNORE_OUTGOING: Final = 23
LARGEST: Final = 65_536
BUFFER: Final = 4 << 20


def packet_socket(device: str, *, ignore_outgoing: bool) -> socket.socket:
    """A socket that sees every frame on a device of the namespace the caller is in. Raises OSError."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        if ignore_outgoing:
            made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        made.bind((device, ETH_P_ALL))
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


@dataclass(slots=True)
class Direction:
    """One way through the wire: what becomes of the next frame. `towards` is the host at the end of it."""

    wire: Wire
    towards: str
    counts: dict[Kind, int] = field(default_factory=dict)
    free_at: float = 0.0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.wire.seed} {self.towards}")  # noqa: S311 - the same losses each time

    def fate(self, frame: bytes, now: float) -> list[float]:
        """When a frame that enters at `now` (seconds) arrives: no time, one, or several."""
        found = kinds(frame)
        for kind in found:
            self.counts[kind] = self.counts.get(kind, 0) + 1
        lost = Kind.IP in found and self.wire.loss > 0 and self.chance.random() < self.wire.loss
        arrivals = [] if lost else [self._through(frame, now)]
        for fault in self.wire.faults:
            if fault.towards != self.towards or fault.kind not in found:
                continue
            if fault.nth and self.counts[fault.kind] not in fault.nth:
                continue
            if fault.deed is Deed.DROP:
                return []
            if fault.deed is Deed.HOLD:
                arrivals = [arrival + fault.late_ms / 1000 for arrival in arrivals]
            else:
                arrivals += arrivals
        return arrivals

    def _through(self, frame: bytes, now: float) -> float:
        """A frame waits until those before it are through, then as long as its own bits take, then the delay."""
        start = max(now, self.free_at)
        if self.wire.rate_mbit:
            start += len(frame) * 8 / (self.wire.rate_mbit * 1e6)
        self.free_at = start
        return start + self.wire.delay_ms / 1000


class Relay:
    """Carries frames between two sockets on a thread of its own, as the wire says. `cut` ends all traffic for good."""

    def __init__(self, wire: Wire, ends: tuple[socket.socket, socket.socket], hosts: tuple[str, str]) -> None:
        self._ends = ends
        self._ways = (Direction(wire, hosts[1]), Direction(wire, hosts[0]))
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._number = 0
        self._cut = False
        threading.Thread(target=self._run, name="wire", daemon=True).start()

    @property
    def idle(self) -> bool:
        """Whether no frame is on its way."""
        return not self._waiting

    def cut(self) -> None:
        """Cut the cable: nothing passes any more, and neither end is told."""
        self._cut = True

    def _run(self) -> None:
        poll = select.poll()
        for end in self._ends:
            poll.register(end, select.POLLIN)
        while True:
            now = time.monotonic()
            self._deliver(now)
            # Milliseconds are too coarse for poll's timeout, so the last one is waited for by asking again.
            wait = None if not self._waiting else max(0, int((self._waiting[0][0] - now) * 1000))
            ready = {descriptor for descriptor, _ in poll.poll(wait)}
            for way, end in enumerate(self._ends):
                if end.fileno() in ready:
                    self._take(way, end)

    def _take(self, way: int, end: socket.socket) -> None:
        while True:
            try:
                frame = end.recv(LARGEST)
            except BlockingIOError:
                return
            if not self._cut:
                for arrival in self._ways[way].fate(frame, time.monotonic()):
                    self._number += 1
                    heapq.heappush(self._waiting, (arrival, self._number, way, frame))

    def _deliver(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, _, way, frame = heapq.heappop(self._waiting)
            if not self._cut:
                self._ends[1 - way].send(frame)
