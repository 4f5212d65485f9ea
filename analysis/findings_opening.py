"""Findings about how a connection was opened: refused, not answered, opened by one end only, options that one lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NO_PACKET, NOT_SCALED
from analysis.finding import Code, Finding, Value
from analysis.marks import Mark
from capture.protocol import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.case import Case, Overview

FIRST_TIMEOUT_NS: Final = 1_000_000_000
"""A SYN, or a SYN,ACK, that was not answered for so long would be sent again (RFC 6298 section 2.1)."""
UNANSWERED_SYN_ACKS: Final = 2
UNANSWERED_KEEP_ALIVES: Final = 2
"""One that is not answered may be lost."""
UNSCALED_WINDOW: Final = 65_535
"""All that may be on its way without window scaling (RFC 7323 section 2.2)."""
DEFAULT_MSS: Final = (536, 1220)
"""What an end that hears no maximum segment size sends over IPv4 and IPv6 (RFC 9293 section 3.7.1)."""
TOLD_GAPS: Final = 12


def candidates(o: Overview) -> dict[Code, NDArray[np.bool_]]:
    """Which connections each finding of this module may be about."""
    c = o.connections
    syn, answered = o.of_client(c.syn) > 0, o.of_server(c.syn_ack) > 0
    silent = o.tcp & syn & (o.of_client(c.packets) == o.of_client(c.syn))
    return {
        Code.REFUSED: o.tcp & syn & ~answered & (o.of_server(c.rst) > 0) & (o.of_server(c.data_packets) == 0),
        Code.NO_ANSWER: silent & (o.of_server(c.packets) == 0) & o.snapshot.finished,
        Code.HALF_OPEN: half_open(o) | o.marked(Mark.KEEP_ALIVE),
        Code.MSS_MISMATCH: syn & answered & ((c.mss[:, 0] < 0) != (c.mss[:, 1] < 0)),
        Code.WINDOW_SCALE_MISMATCH: syn
        & answered
        & ((c.window_scale[:, 0] < 0) != (c.window_scale[:, 1] < 0))
        & (c.scaling[:, 0] == NOT_SCALED)
        & (c.scaling[:, 1] == NOT_SCALED),
    }


def half_open(o: Overview) -> NDArray[np.bool_]:
    """Connections that only one end believes in, or may: the third step never came, or all is answered by RST."""
    c = o.connections
    opened = (o.of_client(c.syn) > 0) & (o.of_client(c.packets) == o.of_client(c.syn))
    answers = o.of_server(c.syn_ack)
    times = o.snapshot.packets.time_ns
    if not len(times):
        return np.zeros(len(c), np.bool_)
    # Seen twice within no time, an answer was captured twice rather than sent again.
    again = (answers >= UNANSWERED_SYN_ACKS) & (times[c.last_packet] - times[c.first_packet] >= FIRST_TIMEOUT_NS)
    waiting = opened & (again | (answers > 0) & (o.end_ns - times[c.last_packet] >= FIRST_TIMEOUT_NS))
    waiting &= o.of_server(c.packets) == o.of_server(c.syn_ack)
    denied = np.zeros(len(c), np.bool_)
    for end in (0, 1):
        only_resets = (c.rst[:, end] > 0) & (c.packets[:, end] == c.rst[:, end])
        # A SYN,ACK or RST is answered by RST when somebody else's address was used: nobody believes in anything.
        spoke = (c.data_packets[:, 1 - end] > 0) & (c.syn_ack[:, 1 - end] == 0)
        denied |= only_resets & spoke & (c.roles_seen == 0)
    half: NDArray[np.bool_] = o.tcp & (waiting | denied)
    return half


def refused(case: Case) -> Finding | None:
    """The first SYN was answered by RST."""
    c, server = case.connections, 1 - case.client
    reset = int(c.rst_packet[case.row, server])
    if reset == NO_PACKET:
        return None
    syns = np.flatnonzero(case.has(Flag.SYN) & (case.packets < reset))
    if not len(syns):
        return None
    after = int(case.snapshot.packets.time_ns[reset] - case.time_ns[syns[-1]])
    return Finding(Code.REFUSED, reset, {"end": server, "after_ns": after, "tries": int(c.syn[case.row, case.client])})


def no_answer(case: Case) -> Finding | None:
    """SYNs into silence, and how far apart; not where the capture ends before an answer was due."""
    gaps = np.diff(case.time_ns)
    waited = case.overview.end_ns - int(case.time_ns[-1])
    if not len(gaps) and waited < FIRST_TIMEOUT_NS:
        return None
    evidence: dict[str, Value] = {
        "end": case.client,
        "tries": len(case.packets),
        "gaps_ns": tuple(gaps[:TOLD_GAPS].tolist()),
        "waited_ns": waited,
    }
    return Finding(Code.NO_ANSWER, int(case.packets[-1]), evidence)


def one_believes(case: Case) -> Finding | None:
    """Half-open (RFC 9293 section 3.5.1): the third step never came, or what one end sends is answered by RST."""
    c, row = case.connections, case.row
    resets = np.flatnonzero(case.has(Flag.RST))
    at = int(resets[0]) if len(resets) else 0
    denying = int(case.end[at])
    if len(resets) and not c.roles_seen[row] and case.has(Flag.RST)[case.end == denying].all():
        sent = case.bytes_before(at)[1 - denying]
        return Finding(
            Code.HALF_OPEN, int(case.packets[at]), {"end": 1 - denying, "bytes": sent, "resets": len(resets)}
        )
    probes = np.flatnonzero(case.marked(Mark.KEEP_ALIVE))
    if len(probes):
        return _silent(case, probes)
    server = 1 - case.client
    tries = np.flatnonzero(case.end == server)
    evidence: dict[str, Value] = {
        "end": server,
        "tries": len(tries),
        "gaps_ns": tuple(np.diff(case.time_ns[tries])[:TOLD_GAPS].tolist()),
        "waited_ns": case.overview.end_ns - int(case.time_ns[-1]),
    }
    return Finding(Code.HALF_OPEN, int(case.packets[tries[-1]]), evidence)


def _silent(case: Case, probes: NDArray[np.int64]) -> Finding | None:
    """Keep-alives that nobody answers, up to the end or until their sender gives up with a reset."""
    end = int(case.end[probes[-1]])
    heard = np.flatnonzero(case.end != end)
    last = int(heard[-1]) if len(heard) else -1
    alone = probes[probes > last]
    if len(alone) < UNANSWERED_KEEP_ALIVES or (case.length[last + 1 :] > 1).any():
        return None
    evidence: dict[str, Value] = {
        "end": end,
        "probes": len(alone),
        "gaps_ns": tuple(np.diff(case.time_ns[alone])[:TOLD_GAPS].tolist()),
    }
    return Finding(Code.HALF_OPEN, int(case.packets[alone[-1]]), evidence)


def mss_mismatch(case: Case) -> Finding | None:
    """One end named its maximum segment size, the other did not: it gets small segments."""
    c, row = case.connections, case.row
    if not _both_whole(case):
        return None
    end = 0 if c.mss[row, 0] < 0 else 1
    packet = int(c.syn_packet[row] if end == case.client else c.syn_ack_packet[row])
    default = DEFAULT_MSS[int(c.family[row]) == 6]
    return Finding(Code.MSS_MISMATCH, packet, {"end": end, "default": default, "offered": int(c.mss[row, 1 - end])})


def scale_mismatch(case: Case) -> Finding | None:
    """One end offered window scaling, the other did not: no window is larger than 64 KiB."""
    c, row = case.connections, case.row
    if not _both_whole(case):
        return None
    end = 0 if c.window_scale[row, 0] < 0 else 1
    packet = int(c.syn_packet[row] if end == case.client else c.syn_ack_packet[row])
    rtt = int(c.initial_rtt_ns[row])
    evidence: dict[str, Value] = {"end": end, "offered": int(c.window_scale[row, 1 - end]), "window": UNSCALED_WINDOW}
    if rtt > 0:
        evidence |= {"rtt_ns": rtt, "bytes_per_second": UNSCALED_WINDOW * 10**9 // rtt}
    grave = bool((c.payload_bytes[row] > UNSCALED_WINDOW).any())
    return Finding(Code.WINDOW_SCALE_MISMATCH, packet, evidence, grave)


def _both_whole(case: Case) -> bool:
    """Whether both SYNs were captured with all of their options: a cut header tells nothing of what it lacks."""
    c, packets = case.connections, case.snapshot.packets
    syns = [int(c.syn_packet[case.row]), int(c.syn_ack_packet[case.row])]
    return NO_PACKET not in syns and all(packets.captured_length[row] >= packets.original_length[row] for row in syns)


FIND: Final = {
    Code.REFUSED: refused,
    Code.NO_ANSWER: no_answer,
    Code.HALF_OPEN: one_believes,
    Code.MSS_MISMATCH: mss_mismatch,
    Code.WINDOW_SCALE_MISMATCH: scale_mismatch,
}
