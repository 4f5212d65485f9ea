"""Findings about the capture rather than the connection: where it was made, and what it shows that no wire carried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.checksums import Check
from analysis.finding import Code, Finding
from analysis.places import run_sizes, run_starts
from capture.protocol import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.case import Case, Overview
    from analysis.examined import Examined

MANY_COPIES: Final = 4
"""Where every fourth packet is a copy, the capture is made in two places, whose packets stand interleaved."""
FEW_PACKETS: Final = 3
"""Fewer packets of one direction show nothing: the other's may come after the capture's end or before its start."""


def candidates(o: Overview) -> dict[Code, NDArray[np.bool_]]:
    """Which connections each finding of this module may be about, as the tables tell."""
    c = o.connections
    silent = (c.packets[:, 0] == 0) | (c.packets[:, 1] == 0)
    talked = np.maximum(c.packets[:, 0], c.packets[:, 1]) >= FEW_PACKETS
    return {
        Code.ONE_SIDED: o.tcp & silent & talked,
        Code.OFFLOADED_SEGMENTS: _offloaded(o),
        Code.CLOCK_BACKWARDS: _backwards(o),
    }


def examined_candidates(e: Examined, count: int) -> dict[Code, NDArray[np.bool_]]:
    """The same for what packets' bytes tell, bool (count,)."""
    return {
        Code.BAD_CHECKSUM: _with(e, count, e.damaged),
        Code.DUPLICATED_PACKETS: _with(e, count, e.copy),
    }


def _with(e: Examined, count: int, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found = np.zeros(count, np.bool_)
    found[e.connection[where]] = True
    return found


def _limit(o: Overview) -> NDArray[np.int32]:
    """The largest payload each end may send, (M, 2): what the other announced; -1 where that was not captured."""
    return o.connections.mss[:, ::-1]


def _offloaded(o: Overview) -> NDArray[np.bool_]:
    packets = o.snapshot.packets
    # Hardly any connection has a segment larger than the smallest limit in the capture: look only at those.
    limits = o.connections.mss[o.tcp]
    known = limits[limits > 0]
    if not len(known):
        return np.zeros(len(o.connections), np.bool_)
    large = np.flatnonzero(packets.payload_length > known.min())
    large = large[o.tcp[packets.connection[large]] & (packets.flags[large] & np.uint16(Flag.REASSEMBLED) == 0)]
    end = ((packets.flags[large] & np.uint16(Flag.FROM_B)) != 0).astype(np.int64)
    limit = _limit(o)[packets.connection[large], end]
    return o.with_packet(large[(limit > 0) & (packets.payload_length[large] > limit)])


def _backwards(o: Overview) -> NDArray[np.bool_]:
    """Connections in whose time span the capture's times go back; whether their own do is looked at afterwards."""
    packets, c = o.snapshot.packets, o.connections
    back = np.flatnonzero(packets.time_ns[1:] < packets.time_ns[:-1]) + 1
    if not len(back):
        return np.zeros(len(c), np.bool_)
    before, after = (np.searchsorted(back, each, side="right") for each in (c.first_packet, c.last_packet))
    return after > before


def one_sided(case: Case) -> Finding | None:
    """Only one direction was captured, and it shows that the other end spoke."""
    end = int(case.end[0])
    acknowledging = int(case.has(Flag.ACK).sum())
    if acknowledging < FEW_PACKETS:
        return None
    return Finding(Code.ONE_SIDED, int(case.packets[0]), {"end": end, "packets": len(case.packets)})


def offloaded_segments(case: Case) -> Finding | None:
    """Segments larger than the receiver allows: captured before they were cut, or after they were joined."""
    limits = _limit(case.overview)[case.row]
    limit = limits[case.end]
    large = np.flatnonzero((limit > 0) & (case.length > limit) & ~case.has(Flag.REASSEMBLED))
    if not len(large):
        return None
    end = int(case.end[large[0]])
    own = large[case.end[large] == end]
    evidence = {
        "end": end,
        "segments": len(own),
        "largest": int(case.length[own].max()),
        "limit": int(limits[end]),
        "both": int(len(own) < len(large)),
    }
    return Finding(Code.OFFLOADED_SEGMENTS, int(case.packets[large[0]]), evidence)


def clock_backwards(case: Case) -> Finding | None:
    """A packet that was captured before the one that stands before it in the file."""
    snapshot = case.snapshot
    steps = np.diff(case.time_ns)
    units = [each.time_resolution * 1e9 for each in snapshot.interfaces] or [0.0]
    back = np.flatnonzero(steps < -max(units))
    if not len(back):
        return None
    worst = int(back[np.argmin(steps[back])])
    interfaces = snapshot.packets.interface[case.packets[worst : worst + 2]]
    evidence = {"times": len(back), "by_ns": -int(steps[worst])}
    return Finding(Code.CLOCK_BACKWARDS, int(case.packets[worst + 1]), evidence, bool(interfaces[0] == interfaces[1]))


def checksum_offloads(o: Overview, e: Examined) -> dict[int, Finding]:
    """Checksums that the sending host left to its network card: it is the host that captured. By connection.

    `e` is ordered by connection. All connections are looked at side by side, since a capture made on a host may have
    this of every one.
    """
    # Segments that were joined after they arrived have no checksum either: `OFFLOADED_SEGMENTS` tells of them.
    limit = _limit(o)[e.connection, e.end]
    left = np.flatnonzero(e.left & ~((limit > 0) & (e.length > limit)))
    owner = e.connection[left]
    begin = run_starts(owner)
    count = run_sizes(begin, len(left))
    own, end = owner[begin], e.end[left[begin]]
    both = np.bincount(np.repeat(np.arange(len(begin)), count), e.end[left] != np.repeat(end, count)) > 0
    low, high = (np.searchsorted(e.connection, own, side=side) for side in ("left", "right"))
    begun = np.isin(own, e.connection[e.transport == Check.UNFINISHED])
    packet = e.packet[left[begin]]
    columns = (own, packet, end, both, count, high - low, begun)
    return {
        row: Finding(
            Code.CHECKSUM_OFFLOAD,
            at,
            {"end": side, "both": int(two), "packets": many, "examined": examined, "begun": int(only_begun)},
        )
        for row, at, side, two, many, examined, only_begun in zip(*(column.tolist() for column in columns), strict=True)
    }


def bad_checksum(case: Case) -> Finding | None:
    """Single packets whose checksum is wrong: they were damaged, and their receiver drops them."""
    e = case.examined
    wrong = e.damaged
    if not wrong.any():
        return None
    first = int(np.argmax(wrong))
    checked = int(((e.transport != Check.UNKNOWN) | (e.header != Check.UNKNOWN)).sum())
    evidence = {
        "end": int(e.end[first]),
        "packets": int(wrong.sum()),
        "examined": checked,
        "header": int(e.header[first] == Check.WRONG),
    }
    return Finding(Code.BAD_CHECKSUM, int(e.packet[first]), evidence)


def captured_in_two_places(e: Examined) -> bool:
    """Whether so many packets are copies that two captures of one connection stand interleaved."""
    return bool(e.copy.any()) and MANY_COPIES * int(e.copy.sum()) >= len(e)


def copies(case: Case) -> NDArray[np.bool_]:
    """Which of a connection's packets are copies; where many of the examined are, nothing that repeats is judged."""
    e = case.examined
    if captured_in_two_places(e):
        return np.ones(len(case.packets), np.bool_)
    return np.isin(case.packets, e.packet[e.copy])


def duplicated_packets(case: Case) -> Finding | None:
    """The same datagram captured twice: on one interface, or on its way from one to another."""
    e = case.examined
    copied = e.copy
    if not copied.any():
        return None
    first = int(np.argmax(copied))
    original = int(np.flatnonzero(e.likeness[:first] == e.likeness[first])[-1])
    here = bool(e.interface[original] == e.interface[first])
    evidence = {
        "original": int(e.packet[original]),
        "packets": int(copied.sum()),
        "examined": len(e),
        "after_ns": int(e.time_ns[first] - e.time_ns[original]),
        "elsewhere": int(not here),
        "ttl": int(e.ttl[original]) - int(e.ttl[first]),
    }
    return Finding(Code.DUPLICATED_PACKETS, int(e.packet[first]), evidence, here)


FIND: Final = {
    Code.ONE_SIDED: one_sided,
    Code.OFFLOADED_SEGMENTS: offloaded_segments,
    Code.CLOCK_BACKWARDS: clock_backwards,
    Code.BAD_CHECKSUM: bad_checksum,
    Code.DUPLICATED_PACKETS: duplicated_packets,
}
