"""TCP segments in a line each, for tests that tell a connection as a story."""

from __future__ import annotations

import itertools
import socket
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.analyser import Analyser
from capture.batch import PADDING, Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
RAW_IP = 101
MILLISECOND = 1_000_000
WRAP = 1 << 32


@dataclass(frozen=True)
class Segment:
    source: tuple[str, int]
    destination: tuple[str, int]
    flags: int
    seq: int
    ack: int = 0
    data: int = 0
    window: int = 65535
    options: bytes = b""
    at_ms: float | None = None
    snapped: int = 0  # bytes at the end that the snap length cut off
    offset: int | None = None  # the data offset, in words, if it is to be wrong

    def to_bytes(self) -> bytes:
        options = self.options + b"\x00" * (-len(self.options) % 4)
        length = 20 + len(options) + self.data
        (source, sport), (destination, dport) = self.source, self.destination
        ip = struct.pack(
            "!BBHHHBBH4s4s",
            0x45,
            0,
            20 + length,
            0,
            0,
            64,
            6,
            0,
            socket.inet_aton(source),
            socket.inet_aton(destination),
        )
        words = (
            sport,
            dport,
            self.seq % WRAP,
            self.ack % WRAP,
            (5 + len(options) // 4 if self.offset is None else self.offset) << 4,
            self.flags,
            self.window,
            0,
            0,
        )
        return ip + struct.pack("!HHIIBBHHH", *words) + options + b"x" * self.data


CLIENT, SERVER = ("10.0.0.5", 51000), ("93.184.216.34", 80)


def client(flags: int, seq: int, ack: int = 0, **more: Any) -> Segment:
    return replace(Segment(CLIENT, SERVER, flags, seq, ack), **more)


def server(flags: int, seq: int, ack: int = 0, **more: Any) -> Segment:
    return replace(Segment(SERVER, CLIENT, flags, seq, ack), **more)


def batch_of(segments: Sequence[Segment], first: int = 0) -> Batch:
    """The segments as raw IP packets, a millisecond apart; `first` is the number of segments before them."""
    whole = [segment.to_bytes() for segment in segments]
    packets = [packet[: len(packet) - segment.snapped] for packet, segment in zip(whole, segments, strict=True)]
    length = np.array([len(packet) for packet in packets], np.uint32)
    start = np.concatenate(([0], np.cumsum(length)[:-1])).astype(np.int64)
    when = [
        int((first + i if segment.at_ms is None else segment.at_ms) * MILLISECOND) for i, segment in enumerate(segments)
    ]
    return Batch(
        buffer=np.frombuffer(b"".join(packets) + bytes(PADDING), np.uint8),
        start=start,
        offset=start,
        captured_length=length,
        original_length=np.array([len(packet) for packet in whole], np.uint32),
        time_ns=np.array(when, np.int64),
        interface=np.zeros(len(packets), np.uint16),
        link_type=np.full(len(packets), RAW_IP, np.uint16),
    )


def analysed(segments: Sequence[Segment], cuts: Iterable[int] = ()) -> Analyser:
    """An analyser that has seen the segments, in batches that end at `cuts`."""
    analyser = Analyser()
    edges = [0, *sorted(cuts), len(segments)]
    for begin, end in itertools.pairwise(edges):
        if end > begin:
            analyser.feed(batch_of(segments[begin:end], begin))
    return analyser
