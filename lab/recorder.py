"""Captures at several points at once and writes one pcapng, in the order of time, while it happens.

Frames of different points are read one point after the other, so each waits `BEHIND` before it is written: what was
captured earlier elsewhere has come by then.
"""

from __future__ import annotations

import heapq
import os
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from lab import pcapng
from lab.calls import Attacher, Seen
from lab.frames import ends, kinds
from lab.wire import SOL_PACKET, packet_socket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.calls import Call

BEHIND: Final = 40_000_000
"""Nanoseconds that a frame waits before it is written."""

SO_TIMESTAMPNS: Final = 35
PACKET_STATISTICS: Final = 6
PACKET_OUTGOING: Final = 4
TIMESPEC: Final = struct.Struct("@qq")
LARGEST: Final = 262_144


@dataclass(slots=True)
class Point:
    """Where frames are captured: its name (`client:eth0`), what it is in words, its MAC address, its socket."""

    name: str
    description: str
    mac: bytes
    tap: socket.socket
    received: int = 0
    dropped: int = 0


def point(name: str, description: str, mac: bytes, *, loopback: bool = False) -> Point:
    """Begin to capture on the device of that name in the namespace the caller is in. Raises OSError."""
    # On loopback every frame is seen leaving and arriving: once is enough.
    tap = packet_socket(name.rpartition(":")[2], ignore_outgoing=loopback)
    tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return Point(name, description, mac, tap)


class _Frame(NamedTuple):
    time_ns: int
    number: int  # in the order of reading, so that equal times keep it
    point: int
    length: int  # before it was cut to the snap length
    direction: int
    data: bytes


@dataclass(slots=True)
class Recorder:
    """Writes what is captured at `points` to the descriptor `out`, from `start` to `finish`."""

    points: Sequence[Point]
    out: int
    calls: list[Call] = field(default_factory=list)
    snap_length: int = 0
    latest: float = 0.0  # when the last frame came, on the monotonic clock
    _waiting: list[_Frame] = field(default_factory=list)
    _number: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _attacher: Attacher = field(init=False)

    def __post_init__(self) -> None:
        self._attacher = Attacher(self.calls)

    def start(self, program: str, comments: Sequence[str], names: Mapping[str, str]) -> None:
        """Write what stands before the packets, and begin."""
        head = pcapng.section(program, comments)
        for each in self.points:
            head += pcapng.interface(each.name, each.description, mac=each.mac, snap_length=self.snap_length)
        self._write(head + pcapng.names(names))
        self.latest = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def quiet(self, seconds: float, most: float = 2.0) -> None:
        """Wait until nothing was captured for a while from now on, but not longer than `most` seconds."""
        start = time.monotonic()
        while time.monotonic() < min(start + most, max(start, self.latest) + seconds):
            time.sleep(0.005)

    def finish(self, answers: Sequence[str] = ()) -> None:
        """Write what is still waiting and the statistics, with the programs' answers as comments on the first."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._drain()
        self._flush(time.time_ns() + BEHIND)
        now = time.time_ns()
        for number, each in enumerate(self.points):
            texts = answers if number == 0 else ()
            self._write(pcapng.statistics(number, now, each.received, each.dropped, texts))

    def _run(self) -> None:
        poll = select.poll()
        for each in self.points:
            poll.register(each.tap, select.POLLIN)
        while not self._stop.is_set():
            poll.poll(10)
            self._drain()
            self._flush(time.time_ns())

    def _drain(self) -> None:
        for number, each in enumerate(self.points):
            while self._take(number, each):
                self.latest = time.monotonic()
            seen, dropped = struct.unpack("@II", each.tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
            each.received += seen
            each.dropped += dropped

    def _take(self, number: int, each: Point) -> bool:
        """Read one frame, if there is one."""
        try:
            frame, ancillary, _, address = each.tap.recvmsg(LARGEST, 128)
        except BlockingIOError:
            return False
        stamps = [TIMESPEC.unpack(value) for level, kind, value in ancillary if kind == SO_TIMESTAMPNS]
        time_ns = stamps[0][0] * 10**9 + stamps[0][1] if stamps else time.time_ns()
        direction = pcapng.OUTBOUND if address[2] == PACKET_OUTGOING else pcapng.INBOUND
        self._number += 1
        kept = frame[: self.snap_length] if self.snap_length else frame
        heapq.heappush(self._waiting, _Frame(time_ns, self._number, number, len(frame), direction, kept))
        return True

    def _flush(self, now_ns: int) -> None:
        if not self._waiting or self._waiting[0].time_ns > now_ns - BEHIND:
            return
        waiting = sorted(self._waiting)
        count = sum(frame.time_ns <= now_ns - BEHIND for frame in waiting)
        self._waiting = waiting[count:]  # sorted, and so still a heap
        texts = self._attacher.attach(
            [Seen(each.time_ns, ends(each.data), kinds(each.data)) for each in waiting], count
        )
        blocks = [
            pcapng.packet(each.point, each.time_ns, each.data, each.length, each.direction, text)
            for each, text in zip(waiting, texts, strict=False)
        ]
        self._write(b"".join(blocks))

    def _write(self, data: bytes) -> None:
        """Write all of it; the process ends quietly when nobody reads any more."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.out, view) :]
        except BrokenPipeError:
            os._exit(0)
