"""What each segment means to the endpoint that sent it and to the one that receives it.

A segment's meaning depends on its flags, on whether it has payload, and on what the receiver has sent before: a SYN, a
FIN, and whether the segment acknowledges them. All that is known without walking, so that a meaning is a number, and
`MOVES_SENDER` and `MOVES_RECEIVER` tell where it leads from each state, by `analysis.transitions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from analysis.connections import NO_PACKET
from analysis.fitting import ANSWERS, BEHIND, BEYOND, fit_of
from analysis.places import indices, run_starts
from analysis.segments import ACK, FIN, RST, SYN
from analysis.states import State
from analysis.transitions import NEXT, Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.segments import Segments
    from capture.columns import Columns

PASSIVE: Final = 1
ACTIVE: Final = 2
"""Values of the connection table's `syn_sent`: an end sent a SYN,ACK only, or a SYN of its own."""

# The bits of a meaning: FIN, SYN, RST, ACK, and what holds besides. "Seen" is what the receiver sent before.
LOUD: Final = np.uint16(7)
HAS_RST: Final = np.uint16(4)
HAS_ACK: Final = np.uint16(8)
HAS_DATA: Final = np.uint16(16)
FIN_SEEN: Final = np.uint16(32)
ACKS_FIN: Final = np.uint16(64)
SYN_SEEN: Final = np.uint16(128)
ACKS_SYN: Final = np.uint16(256)
ACTIVE_OPEN: Final = np.uint16(512)
FIT: Final = 10
"""From this bit on, two bits wide: `analysis.fitting`."""
MEANINGS: Final = 4096
STATES: Final = 32
"""Packed states, as in `analysis.states`."""
NEVER: Final = 1 << 30
BEFORE: Final = -1
"""In place of a row of the batch: none, or one of an earlier batch."""


class _Flags(NamedTuple):
    """Which of these flags each segment carries, bool (M,)."""

    fin: NDArray[np.bool_]
    syn: NDArray[np.bool_]
    rst: NDArray[np.bool_]
    ack: NDArray[np.bool_]


def _sent(is_: _Flags, data: NDArray[np.bool_], unaware: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What a segment means to its sender, who may be `unaware` of a FIN that is under way to it."""
    plain = np.where(is_.ack, np.where(data, Signal.SENT_DATA, Signal.SENT_ACK), Signal.NOTHING)
    opening = np.where(is_.ack, Signal.SENT_SYN_ACK, Signal.SENT_SYN)
    closing = np.where(unaware, Signal.SENT_FIN_UNAWARE, Signal.SENT_FIN)
    other = np.where(is_.fin, closing, plain)
    return np.where(is_.rst, Signal.SENT_RST, np.where(is_.syn, opening, other))


def _news(is_: _Flags, acks_fin: NDArray[np.bool_], acks_syn: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What a segment's acknowledgement means to its receiver."""
    news = np.where(acks_syn, Signal.RECEIVED_ACK_OF_SYN, Signal.NOTHING)
    return np.where(is_.rst, Signal.NOTHING, np.where(acks_fin, Signal.RECEIVED_ACK_OF_FIN, news))


def _received(
    is_: _Flags, syn_sent: NDArray[np.bool_], active: NDArray[np.bool_], answers_us: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """What a segment's own flags mean to its receiver, after what it acknowledged.

    The receiver may be in SYN-SENT, may have sent a SYN of its own, and may be answered by the segment.
    """
    # In SYN-SENT a reset counts only if it acknowledges the SYN (RFC 9293 section 3.10.7.3).
    reset = np.where(active, Signal.RECEIVED_RST_AFTER_ACTIVE_OPEN, Signal.RECEIVED_RST)
    reset = np.where(syn_sent & ~(is_.ack & answers_us), Signal.NOTHING, reset)
    opening = np.where(is_.ack, np.where(answers_us, Signal.RECEIVED_SYN_ACK, Signal.NOTHING), Signal.RECEIVED_SYN)
    other = np.where(is_.fin, Signal.RECEIVED_FIN, Signal.NOTHING)
    return np.where(is_.rst, reset, np.where(is_.syn, opening, other))


def _compiled() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The sender's and the receiver's state after a segment, by meaning and state before, (MEANINGS * STATES,)."""
    meaning, before = np.arange(MEANINGS)[:, None], np.arange(STATES)[None, :]
    fin, syn, rst, ack = (meaning >> bit & 1 != 0 for bit in range(4))
    is_ = _Flags(fin, syn, rst, ack)
    data, fin_seen, acks_fin, syn_seen, acks_syn, active = (meaning >> bit & 1 != 0 for bit in range(4, 10))
    fit = meaning >> FIT & 3
    # In SYN-SENT a reset refuses a stray SYN,ACK or ACK without giving up (RFC 9293 figures 9 and 10).
    refuses = rst & (syn_seen | (fit == ANSWERS)) & (before & 0x0F == State.SYN_SENT)
    sent = np.where(rst & (fit == BEYOND), Signal.SENT_RST_BEYOND, _sent(is_, data, fin_seen & ~acks_fin))
    sender = NEXT[before, np.where(refuses, Signal.NOTHING, sent)]
    told = NEXT[before, _news(is_, acks_fin, acks_syn)]
    received = _received(is_, told & 0x0F == State.SYN_SENT, active, acks_syn | ~syn_seen)
    received = np.where(rst & (fit == BEYOND), Signal.RECEIVED_RST_BEYOND, received)
    received = np.where(rst & (fit == BEHIND), Signal.NOTHING, received)
    return sender.ravel(), NEXT[told, received].ravel()


MOVES_SENDER, MOVES_RECEIVER = _compiled()


def learn_meanings(s: Segments, table: ConnectionTable) -> NDArray[np.uint16]:
    """The meaning of each segment, uint16 (n,). Notes each end's first SYN, FIN and RST in the connection table."""
    columns = table.columns
    syn_row, active_row, syn_sequence = _learn_syns(s, table)
    fin_row, fin_sequence = _learn_fins(s, columns)
    resets = s.having(RST)
    if len(resets):
        _note_first(s, resets[run_starts(s.side[resets])], columns["rst_packet"])
    meaning = s.flags & LOUD | (s.flags & ACK) >> np.uint16(1) | (s.length > 0) * HAS_DATA
    acks = s.flags & ACK != 0
    for row, sequence, seen, acked in (
        (syn_row, syn_sequence, SYN_SEEN, ACKS_SYN),
        (fin_row, fin_sequence, FIN_SEEN, ACKS_FIN),
    ):
        if row.min() == NEVER:
            continue
        is_seen = _of_receiver(s, row) < s.row
        # Beyond it, modulo 2^32 (RFC 9293 section 3.4).
        is_acked = is_seen & acks & ((s.acknowledgment - _of_receiver(s, sequence)).view(np.int32) > 0)
        meaning |= is_seen * seen
        meaning |= is_acked * acked
    if active_row.min() != NEVER:
        meaning |= (_of_receiver(s, active_row) < s.row) * ACTIVE_OPEN
    if len(resets):
        meaning[resets] |= fit_of(s, resets, table) << np.uint16(FIT)
    if len(s.opening) or columns["fast_open"][s.connection].any():
        taken_row = _learn_taken(s, syn_row, syn_sequence, columns)
        if taken_row.min() != NEVER:
            meaning &= ~((s.repeated(taken_row) < s.row) * HAS_DATA)
    return meaning


def _learn_taken(
    s: Segments, syn_row: NDArray[np.int64], syn_sequence: NDArray[np.uint32], columns: Columns
) -> NDArray[np.int64]:
    """The row at which each end first acknowledged the payload of the other one's SYN, (2G,).

    From then on it may send data before its own SYN is acknowledged (RFC 7413 section 4.2.2), so that data proves no
    more than an acknowledgment does.
    """
    bits = columns["fast_open"]
    known = bits[s.connection][:, None] >> np.array([1, 2], np.uint8) & 1
    row = np.where(known.ravel() != 0, BEFORE, NEVER)
    at = s.opening[indices(s.flags[s.opening] & ACK)]
    other = s.side[at] ^ 1
    beyond = (s.acknowledgment[at] - syn_sequence[other]).view(np.int32) > 1
    at = at[indices(beyond & (syn_row[other] < s.row[at]) & (row[s.side[at]] == NEVER))][::-1]
    row[s.side[at]] = s.row[at]  # backwards: the first one stays
    np.bitwise_or.at(bits, s.connection[s.side[at] >> 1], (2 << (s.side[at] & 1)).astype(np.uint8))
    return row


def _of_receiver(s: Segments, of_end: NDArray[Any]) -> NDArray[Any]:
    """For each segment what its receiver's end has."""
    return s.repeated(of_end.reshape(-1, 2)[:, ::-1].ravel())


def _learn_syns(s: Segments, table: ConnectionTable) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]:
    """The row of each end's first SYN and of its first one without ACK, and the first one's number, all (2G,)."""
    column = table.columns["syn_sent"].reshape(-1)
    sent = column[s.ends]
    first = np.where(sent != 0, BEFORE, NEVER)
    active = np.where(sent == ACTIVE, BEFORE, NEVER)
    if not len(s.opening):
        return first, active, table.syn_sequences(s.ends)
    opening = s.opening[::-1]  # backwards: the first one stays
    opening = opening[sent[s.side[opening]] == 0]
    first[s.side[opening]] = s.row[opening]
    number = np.zeros(len(s.ends), np.uint32)
    number[s.side[opening]] = s.sequence[opening]
    new = indices((sent == 0) & (first != NEVER))
    table.note_syns(s.ends[new], number[new])
    sent[s.side[opening]] = PASSIVE
    pure = s.opening[::-1]
    pure = pure[s.flags[pure] & ACK == 0]
    pure = pure[active[s.side[pure]] != BEFORE]
    active[s.side[pure]] = s.row[pure]
    sent[s.side[pure]] = ACTIVE
    column[s.ends] = sent
    return first, active, table.syn_sequences(s.ends)


def _learn_fins(s: Segments, columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """The row of each end's first FIN, and the number that is behind it, both (2G,)."""
    first = s.having(FIN)
    if len(first):
        first = _note_first(s, first[run_starts(s.side[first])], columns["fin_packet"])
    table = columns["fin_sequence"].reshape(-1)
    table[s.ends[s.side[first]]] = s.sequence[first] + s.length[first] + (s.flags[first] & SYN != 0)
    row = np.where(columns["fin_packet"].reshape(-1)[s.ends] != NO_PACKET, BEFORE, NEVER)
    row[s.side[first]] = s.row[first]
    return row, table[s.ends]


def _note_first(s: Segments, at: NDArray[np.int64], column: NDArray[np.int32]) -> NDArray[np.int64]:
    """Note the packets at these places for ends that have none yet; which of them those are."""
    flat = column.reshape(-1)
    at = at[flat[s.ends[s.side[at]]] == NO_PACKET]
    flat[s.ends[s.side[at]]] = s.packet(at)
    return at
