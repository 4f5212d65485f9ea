"""The pcap format in all its dialects: a file header, then a record header and the bytes of each packet.

Format: the pcap-savefile(5) manual page and draft-ietf-opsawg-pcap; the patched forms of the late 1990s, told apart by
their longer record headers, as found in files written by them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from capture.batch import Interface
from capture.errors import NotACaptureError, UnsupportedCaptureError
from capture.lockstep import REACH, Hops, raw_words, words
from capture.records import make_batch, read_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture.batch import Batch
    from capture.tales import Tales
    from capture.window import Window

FILE_HEADER: Final = 24

LARGEST_PACKET: Final = 262_144
"""The most captured bytes of one packet (MAXIMUM_SNAPLEN of libpcap); a record that claims more is damage."""

LARGEST_OF: Final = {231: 128 << 20, 189: 128 << 20, 220: 128 << 20, 249: 128 << 20, 279: 8 << 20}
"""Link types whose packets may be larger: D-Bus, Linux USB (two forms), USBPcap, EBHSCR."""

_MICRO: Final = 0xA1B2C3D4
_NANO: Final = 0xA1B23C4D
_MODIFIED: Final = 0xA1B2CD34

_RECORD_HEADERS: Final = {  # magic: record header lengths, likeliest first
    _MICRO: {16: "pcap", 24: "modified pcap (Red Hat 6.1)", 20: "pcap (Nokia)"},
    _NANO: {16: "pcap (nanoseconds)"},
    _MODIFIED: {24: "modified pcap", 28: "modified pcap (SuSE 6.3)"},
}
_NEAR: Final = 1 << 22  # seconds (48 days) between packets of one window: only for guessing


def largest_packet(link_type: int) -> int:
    """The most bytes that a packet of this link type may be captured with."""
    return LARGEST_OF.get(link_type, LARGEST_PACKET)


def byte_order(magic: bytes) -> str | None:
    """What these four bytes, if they begin a pcap file, say of its byte order ("<" or ">"); else None."""
    return next((order for order in "<>" if struct.unpack(order + "I", magic)[0] in _RECORD_HEADERS), None)


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The pcap file header, as read."""

    order: str
    magic: int
    version: tuple[int, int]
    snap_length: int
    link_type: int

    @property
    def fraction(self) -> int:
        """Nanoseconds in one unit of the timestamps' second word."""
        return 1 if self.magic == _NANO else 1000


def file_header(beginning: bytes) -> FileHeader:
    """Read the file header. Raises `NotACaptureError` if it is cut, `UnsupportedCaptureError` for a foreign version."""
    order = byte_order(beginning[:4])
    if order is None or len(beginning) < FILE_HEADER:
        raise NotACaptureError(
            f"The capture ends inside its file header: {len(beginning)} of {FILE_HEADER} bytes are there."
        )
    magic, major, minor, _, _, snap_length, network = struct.unpack(order + "IHHiIII", beginning[:FILE_HEADER])
    if major < 2:
        raise UnsupportedCaptureError(f"The capture is of pcap version {major}.{minor}; netviz reads version 2.")
    # the upper bits tell the length of a frame check sequence, or a class nobody uses
    return FileHeader(order, magic, (major, minor), snap_length, network & 0xFFFF)


def hops_of(header: FileHeader, record_header: int) -> Hops:
    """How records follow one another. Before version 2.3 the lengths stood the other way round, in 2.3 either way."""
    swapped = header.version < (2, 3) or header.version[0] == 543
    return Hops(
        header=record_header,
        length_at=12 if swapped else 8,
        order=header.order,
        extra=record_header,
        smallest=0,
        largest=largest_packet(header.link_type),
        other_at=12 if header.version == (2, 3) else None,
    )


class PcapReader:
    """Reads the packets of one pcap file; the window stands at its beginning."""

    def __init__(self, window: Window, tales: Tales) -> None:
        self._window = window
        self._tales = tales
        self._header = file_header(window.buffer[: min(window.filled, FILE_HEADER)].tobytes())
        self.packets = 0
        self._longest = 0  # captured bytes of a packet so far
        dialects = _RECORD_HEADERS[self._header.magic]
        usual, *others = dialects
        record_header = usual
        if not self._believable(usual, certain=False):
            record_header = next((size for size in others if self._believable(size, certain=True)), usual)
        tales.format = dialects[record_header]
        self.hops = hops_of(self._header, record_header)
        resolution = self._header.fraction * 1e-9
        tales.interface(Interface(self._header.link_type, self._header.snap_length, resolution))

    def _believable(self, record_header: int, *, certain: bool) -> bool:
        """Whether the first records make sense with record headers of this length.

        `certain`: there must be several, whole and near one another in time, as in a file that is not damaged.
        """
        hops = hops_of(self._header, record_header)
        window, at = self._window, np.array([FILE_HEADER])
        seconds = words(window.buffer, at, hops.order)
        seen = 0
        while seen < 4 and int(at[0]) + record_header <= window.filled:
            near = abs(int(words(window.buffer, at, hops.order)[0] - seconds[0])) < _NEAR
            if not _sensible(window.buffer, at, hops, self._header.fraction)[0] or (certain and not near):
                return False
            at = hops.following(at, hops.lengths(window.buffer, at))
            seen += 1
        return not certain or (seen > 1 and int(at[0]) <= window.filled)

    def batches(self) -> Iterator[Batch]:
        """All packets, to the end or to the first damage, which is told to the tales."""
        return read_records(self, self._window, FILE_HEADER, self._tales)

    def batch(self, window: Window, at: NDArray[np.int64]) -> Batch:
        """The packets whose records begin at `at` (N,)."""
        buffer, order = window.buffer, self._header.order
        seconds, fraction, captured, original = raw_words(buffer, at, 4, order).T
        if self.hops.length_at == 12:
            captured, original = original, captured
        if self.hops.other_at is not None:
            captured, original = np.minimum(captured, original), np.maximum(captured, original)
        self._longest = max(self._longest, int(captured.max(initial=0)))
        time_ns = seconds * np.int64(1_000_000_000)
        time_ns += fraction * np.int64(self._header.fraction)
        count = len(at)
        interface = np.zeros(count, np.uint16), np.full(count, self._header.link_type, np.uint16)
        return make_batch(window, at + self.hops.header, (captured, original), time_ns, interface)

    def broken(self, window: Window, at: int) -> str:
        """What is wrong with the record at `at`."""
        length = int(self.hops.lengths(window.buffer, np.array([at]))[0])
        return f"claims {length:,} bytes, more than the {self.hops.largest:,} a packet can have"

    def guess(self, buffer: NDArray[np.uint8], start: int, lanes: NDArray[np.int64], end: int) -> NDArray[np.int64]:
        """For each of L equally spaced positions, the first likely record start at or behind it, or -1: (L,)."""
        step = int(lanes[1] - lanes[0])
        seconds = int(words(buffer, np.array([start]), self.hops.order)[0])
        first = 3 if self.hops.order == "<" else 0  # where a word's highest byte stands
        reach = min(REACH, (self._longest + self.hops.header) * 5 // 4) if self._longest else REACH
        times, lengths = (
            np.ndarray((len(lanes), reach), np.uint8, buffer, int(lanes[0]) + first + word, (step, 1))
            for word in (0, 8)
        )
        likely = times == seconds >> 24
        likely &= lengths == 0  # below 16 MiB
        lane, column = np.divmod(np.flatnonzero(likely), reach)
        at = lanes[lane] + column
        small = buffer[at + first + 12] == 0
        lane, at = lane[small], at[small]
        good = self._follows(buffer, at, end, seconds)
        found = np.full(len(lanes), -1, np.int64)
        found[lane[good][::-1]] = at[good][::-1]  # the last write stays: the first of each lane
        return found

    def _follows(self, buffer: NDArray[np.uint8], at: NDArray[np.int64], end: int, seconds: int) -> NDArray[np.bool_]:
        """Which of the positions (N,) begin two likely records in a row."""
        hops = self.hops
        alive = np.arange(len(at))
        here = at
        for _ in range(2):
            inside = here < end - hops.header  # a chain that leaves the stretch proves nothing against itself
            behind, alive, here = alive[~inside], alive[inside], here[inside]
            near = np.abs(words(buffer, here, hops.order) - seconds) < _NEAR
            alive, here = alive[near], here[near]
            sensible = _sensible(buffer, here, hops, self._header.fraction)
            here = hops.following(here[sensible], hops.lengths(buffer, here[sensible]))
            alive, here = np.append(alive[sensible], behind), np.append(here, np.full(len(behind), end))
        good = np.zeros(len(at), bool)
        good[alive] = True
        return good


def _sensible(buffer: NDArray[np.uint8], at: NDArray[np.int64], hops: Hops, fraction: int) -> NDArray[np.bool_]:
    """Which positions (N,) hold record headers as writers write them: for guessing, not for judging."""
    captured = hops.lengths(buffer, at)
    original = words(buffer, at + 20 - hops.length_at, hops.order)
    if hops.other_at is not None:
        original = np.maximum(original, words(buffer, at + hops.length_at, hops.order))
    parts = words(buffer, at + 4, hops.order)
    good: NDArray[np.bool_] = (parts * fraction < 1_000_000_000) & (captured <= original) & (captured <= hops.largest)
    return good
