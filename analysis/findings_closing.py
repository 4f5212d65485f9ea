"""Findings about how a connection ended: half-closed for long, reset in the middle, its ports used again too early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NO_PACKET
from analysis.finding import Code, Finding
from capture.protocol import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.case import Case, Overview

HALF_CLOSED_NS: Final = 1_000_000_000
"""An end that closes at once answers a FIN within a round trip, and within RFC 6298's first timeout even if its answer
is lost once; what takes longer waits for a program."""
ORPHANED_NS: Final = 60 * 10**9
"""Linux drops a closed socket that waits so long for the other's FIN (net.ipv4.tcp_fin_timeout)."""
TIME_WAIT_NS: Final = 60 * 10**9
"""How long Linux keeps TIME-WAIT (TCP_TIMEWAIT_LEN)."""


def candidates(o: Overview) -> dict[Code, NDArray[np.bool_]]:
    """Which connections each finding of this module may be about."""
    c = o.connections
    fin = (c.fin_packet[:, 0] >= 0) | (c.fin_packet[:, 1] >= 0)
    reset = (c.rst_packet[:, 0] >= 0) | (c.rst_packet[:, 1] >= 0)
    refused = (o.of_client(c.syn) > 0) & (o.of_server(c.syn_ack) == 0) & (o.of_server(c.rst) > 0)
    return {
        Code.HALF_CLOSED: o.tcp & fin & _heard_both(o) & _long_half_closed(o),
        Code.RESET: o.tcp & reset & ~o.closed & ~refused,
        Code.PORT_REUSED_EARLY: o.before_it >= 0,
    }


def _heard_both(o: Overview) -> NDArray[np.bool_]:
    packets = o.connections.packets
    return (packets[:, 0] > 0) & (packets[:, 1] > 0)


def _long_half_closed(o: Overview) -> NDArray[np.bool_]:
    """Whether the first FIN was alone for long: until the other FIN, a reset, or the end of the capture."""
    begin, end = _alone(o)
    return end - begin >= HALF_CLOSED_NS


def _alone(o: Overview) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When one end had closed and the other had not: from when to when, int64 (M,) twice; 0 to 0 without any FIN."""
    c, times = o.connections, o.snapshot.packets.time_ns
    if not len(times):
        return np.zeros(len(c), np.int64), np.zeros(len(c), np.int64)

    def at(column: NDArray[np.int32]) -> NDArray[np.int64]:
        return np.where(column == NO_PACKET, o.end_ns, times[column])

    fin = (at(c.fin_packet[:, 0]), at(c.fin_packet[:, 1]))
    reset = np.minimum(at(c.rst_packet[:, 0]), at(c.rst_packet[:, 1]))
    begin = np.minimum(*fin)
    return begin, np.maximum(np.minimum(np.maximum(*fin), reset), begin)


def half_closed(case: Case) -> Finding | None:
    """One end had closed long before the other did, or the other never did."""
    c, row = case.connections, case.row
    fins = c.fin_packet[row]
    closed = [end for end in (0, 1) if fins[end] != NO_PACKET]
    first = min(closed, key=lambda end: int(fins[end]))
    packet = int(fins[first])
    begin = int(case.snapshot.packets.time_ns[packet])
    after = case.packets > packet
    other = int(fins[1 - first])
    ends = case.packets[(after & case.has(Flag.RST)) | (case.packets == other)]
    still = not len(ends)
    end = case.overview.end_ns if still else int(case.snapshot.packets.time_ns[ends[0]])
    if end - begin < HALF_CLOSED_NS:
        return None
    sent = int(case.length[after & (case.end != first)].sum())
    evidence = {"end": first, "for_ns": end - begin, "still": int(still), "bytes": sent}
    return Finding(Code.HALF_CLOSED, packet, evidence, end - begin >= ORPHANED_NS)


def reset(case: Case) -> Finding | None:
    """The RST that ended it: by whom, and after how many bytes each way. One that was not believed is none."""
    resets = [int(at) for at in np.flatnonzero(case.has(Flag.RST))]
    at = next((each for each in resets if _believed(case, each)), None)
    if at is None:
        return None
    end = int(case.end[at])
    sent = case.bytes_before(at)
    closed = np.flatnonzero(case.has(Flag.FIN)[:at])
    evidence = {
        "end": end,
        "from_a": sent[0],
        "from_b": sent[1],
        "after_ns": int(case.time_ns[at] - case.time_ns[0]),
        "opened": int(case.connections.established_packet[case.row] != NO_PACKET or not _opening_seen(case)),
    }
    if len(closed):
        evidence |= {"closed": int(case.end[closed[0]])}
    return Finding(Code.RESET, int(case.packets[at]), evidence, not len(closed))


def _opening_seen(case: Case) -> bool:
    return bool(case.connections.roles_seen[case.row])


def _believed(case: Case, index: int) -> bool:
    """Whether a reset ended it: if both ends go on, it was outside the window, or not sent by who it says."""
    later = (case.packets > case.packets[index]) & ~case.has(Flag.RST)
    return not all((later & (case.end == end)).any() for end in (0, 1))


def port_reused(case: Case) -> Finding | None:
    """The same ports again while an end of the connection before may still wait in TIME-WAIT."""
    c, times = case.connections, case.snapshot.packets.time_ns
    earlier = int(case.overview.before_it[case.row])
    first = int(case.packets[0])
    gap = int(times[first] - times[c.last_packet[earlier]])
    evidence = {"gap_ns": gap, "connection": earlier, "linux": int(gap < TIME_WAIT_NS)}
    failed = bool(c.syn_ack[case.row].sum() == 0)
    return Finding(Code.PORT_REUSED_EARLY, first, evidence, failed)


FIND: Final = {
    Code.HALF_CLOSED: half_closed,
    Code.RESET: reset,
    Code.PORT_REUSED_EARLY: port_reused,
}
