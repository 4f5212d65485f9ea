"""Findings about data on its way: lost, sent again too early, stopped by a zero window, or never sent at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NEVER
from analysis.finding import Code, Finding
from analysis.findings_capture import copies
from analysis.marks import Mark
from capture.protocol import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.case import Case, Overview

LOST: Final = Mark.RETRANSMISSION | Mark.FAST_RETRANSMISSION
STALLED_NS: Final = 1_000_000_000
"""A sender that waits so long is told by its persist timer to probe (RFC 9293 section 3.8.6.1: as RFC 6298's)."""
LOSS_PERCENT: Final = 1
"""Above this, throughput falls to some MSS / RTT * 12 (Mathis et al. 1997): a long path becomes slow."""
SLOW_NS: Final = 1_000_000_000
"""A wait that a person notices as an interruption (Nielsen 1993), and RFC 6298's least timeout."""
FEW_KEEP_ALIVES: Final = 2


def candidates(o: Overview) -> dict[Code, NDArray[np.bool_]]:
    """Which connections each finding of this module may be about."""
    heard = o.connections.packets.min(axis=1) > 0
    return {
        Code.ZERO_WINDOW: o.marked(Mark.ZERO_WINDOW),
        Code.LOSS: heard & o.marked(LOST),
        Code.EARLY_RETRANSMISSION: o.marked(LOST | Mark.SPURIOUS_RETRANSMISSION),
        Code.KEEP_ALIVE_ONLY: o.marked(Mark.KEEP_ALIVE),
    }


def zero_window(case: Case) -> Finding | None:
    """One end had no room, and the other had to wait: how often, how long in all. The worse end is told."""
    stalls = [(sum(spans), end, len(spans), first) for end in (0, 1) for spans, first in [_stalls(case, end)] if spans]
    if not stalls:
        return None
    total, end, times, first = max(stalls)
    if not total:
        return None  # it was the last thing that was said
    evidence = {"end": end, "times": times, "for_ns": total}
    return Finding(Code.ZERO_WINDOW, first, evidence, total >= STALLED_NS)


def _stalls(case: Case, end: int) -> tuple[list[int], int]:
    """How long each of an end's zero windows lasted, ns, and the packet that announced the first."""
    own = np.flatnonzero(case.end == end)
    zero = case.marked(Mark.ZERO_WINDOW)[own]
    if not zero.any():
        return [], 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], zero)).astype(np.int8)))
    begins = [at for at in edges.tolist() if zero[at]]
    spans = []
    for begin in begins:
        opens = np.flatnonzero(~zero[begin:])
        last = int(case.time_ns[own[begin + opens[0]]] if len(opens) else case.time_ns[-1])
        spans.append(max(last - int(case.time_ns[own[begin]]), 0))
    return spans, int(case.packets[own[begins[0]]])


def loss(case: Case) -> Finding | None:
    """Segments sent again because they, or their acknowledgments, did not arrive; the end that lost more is told.

    The time lost is that in which nothing was captured of the connection before each of them.
    """
    again = case.marked(LOST) & ~copies(case) & ~_answers_of_simultaneous_open(case)
    again &= ~np.isin(case.packets, _within_a_round_trip(case))
    if not again.any():
        return None
    counts = [int((again & (case.end == end)).sum()) for end in (0, 1)]
    end = int(counts[1] > counts[0])
    own = case.end == end
    mine = np.flatnonzero(again & own)
    segments = int((own & _occupies(case)).sum())
    waits = np.diff(case.time_ns, prepend=case.time_ns[0])[mine]
    lost_ns = int(np.maximum(waits, 0).sum())
    evidence = {
        "end": end,
        "segments": len(mine),
        "of": max(segments, len(mine)),
        "bytes": int(case.length[mine].sum()),
        "waited_ns": lost_ns,
    }
    heavy = len(mine) > 1 and 100 * len(mine) >= LOSS_PERCENT * segments
    return Finding(Code.LOSS, int(case.packets[mine[0]]), evidence, heavy or lost_ns >= SLOW_NS)


def _answers_of_simultaneous_open(case: Case) -> NDArray[np.bool_]:
    """SYN,ACKs of an end that had sent a SYN: each end's first repeats its number (RFC 9293 figure 7)."""
    syn, ack = case.has(Flag.SYN), case.has(Flag.ACK)
    found = np.zeros(len(case.packets), np.bool_)
    for end in (0, 1):
        answers = np.flatnonzero(syn & ack & (case.end == end))
        if len(answers) and (syn & ~ack & (case.end == end))[: answers[0]].any():
            found[answers[0]] = True
    return found


def _occupies(case: Case) -> NDArray[np.bool_]:
    """Which segments take up sequence numbers, and so are sent again when they are lost."""
    return (case.length > 0) | case.has(Flag.SYN | Flag.FIN)


def early_retransmission(case: Case) -> Finding | None:
    """Data sent again that had been acknowledged, or sooner than any answer could have come: one round trip."""
    copied = copies(case)
    spurious = np.flatnonzero(case.marked(Mark.SPURIOUS_RETRANSMISSION) & ~copied)
    sooner = _within_a_round_trip(case)
    early = np.union1d(case.packets[spurious], sooner)
    early = np.setdiff1d(early, case.packets[copied])
    if not len(early):
        return None
    first = int(early[0])
    at = int(np.searchsorted(case.packets, first))
    evidence = {
        "end": int(case.end[at]),
        "times": len(early),
        "spurious": len(spurious),
        "bytes": int(case.length[np.searchsorted(case.packets, early)].sum()),
    }
    return Finding(Code.EARLY_RETRANSMISSION, first, evidence)


def _within_a_round_trip(case: Case) -> NDArray[np.int64]:
    """Rows of segments that repeat one of the same number and length sent less than the initial RTT before."""
    e, rtt = case.examined, int(case.connections.initial_rtt_ns[case.row])
    none = np.zeros(0, np.int64)
    if rtt in (NEVER, 0) or not len(e):
        return none
    order = np.lexsort((e.packet, e.length, e.sequence, e.end))
    same = np.ones(max(len(order) - 1, 0), np.bool_)
    for column in (e.end, e.sequence, e.length):
        same &= column[order[1:]] == column[order[:-1]]
    same &= e.length[order[1:]] > 0
    gap = e.time_ns[order[1:]] - e.time_ns[order[:-1]]
    again = e.packet[order[1:][same & (gap < rtt)]]
    judged = case.packets[case.marked(LOST)]
    return np.intersect1d(again, judged)


def keep_alive_only(case: Case) -> Finding | None:
    """Nothing but keep-alives and their answers: the connection is held open, and nothing is said."""
    probes = case.marked(Mark.KEEP_ALIVE)
    answers = case.marked(Mark.KEEP_ALIVE_ACK)
    # What comes first cannot be known for a keep-alive: there is nothing before it to compare.
    said = (case.length > 0) & ~probes & (np.arange(len(case.packets)) > 0)
    first = (int(case.length[0]) > 1) if len(case.length) else False
    if said.any() or first or int(probes.sum()) < FEW_KEEP_ALIVES or not answers.any():
        return None
    times = case.time_ns[probes]
    evidence = {
        "probes": int(probes.sum()),
        "answers": int(answers.sum()),
        "every_ns": int(np.median(np.diff(times))),
    }
    return Finding(Code.KEEP_ALIVE_ONLY, int(case.packets[np.argmax(probes)]), evidence)


FIND: Final = {
    Code.ZERO_WINDOW: zero_window,
    Code.LOSS: loss,
    Code.EARLY_RETRANSMISSION: early_retransmission,
    Code.KEEP_ALIVE_ONLY: keep_alive_only,
}
