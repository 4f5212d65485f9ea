"""Both ends' states after each segment, by walking all connections of a batch in step.

Each round takes the next segment that can matter of every connection that has one, and applies
`analysis.transitions.NEXT` to its sender and its receiver. Segments that cannot move a state, nearly all of them, are
never visited: their states are those of the segment before.

Simplifications, each of which a capture can contradict: a segment is taken to arrive; a FIN is taken to be processed
when it arrives, even if data before it is missing; a RST is taken to be accepted in every synchronised state, without
RFC 9293's check of its sequence number against the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analysis.connections import NO_PACKET
from analysis.segments import ACK, FIN, RST, SYN
from analysis.states import State
from analysis.transitions import NEXT, Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.columns import Columns

PASSIVE: Final = 1
ACTIVE: Final = 2
"""Values of the connection table's `syn_sent`: an end sent a SYN,ACK only, or a SYN of its own."""

CARRIED: Final = (
    "state",
    "syn_sent",
    "syn_sequence",
    "fin_sequence",
    "fin_packet",
    "fin_acked_packet",
    "rst_packet",
    "established_packet",
)
"""Columns of the connection table that the walk carries from batch to batch."""

_STATES: Final = 32


def _flag(*states: State) -> NDArray[np.bool_]:
    table = np.zeros(_STATES, np.bool_)
    for state in states:
        table[[state, state | 0x10]] = True
    return table


# What may move an endpoint in these states without SYN, FIN or RST:
WATCHES_OWN: Final = _flag(State.UNKNOWN, State.SYN_SENT, State.SYN_RECEIVED)
WATCHES_PEER: Final = _flag(State.SYN_RECEIVED, State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK)
OPEN: Final = _flag(*(state for state in State if state >= State.ESTABLISHED))


class Tracker:
    """The walk over one batch. `columns` is the connection table, which is read and updated."""

    def __init__(self, segments: Segments, columns: Columns) -> None:
        self._s = segments
        self._columns = columns
        c = segments.connection
        carried = {name: columns[name][c] for name in CARRIED}
        self._carried = carried
        self._state = carried["state"]
        self._syn_sent = carried["syn_sent"]
        self._syn_sequence = carried["syn_sequence"]
        self._fin_sequence = carried["fin_sequence"]
        self._fin_packet = carried["fin_packet"]
        self._fin_acked = carried["fin_acked_packet"]
        self._rst_packet = carried["rst_packet"]
        self._established = carried["established_packet"]

    def run(self) -> NDArray[np.uint16]:
        """The packed states after each segment, uint16 (K,), in the order of the segments."""
        s = self._s
        before = self._packed(np.arange(len(s.connection)))
        after = np.zeros(len(s), np.uint16)
        visited = np.zeros(len(s), np.bool_)
        stops = _Stops(s)
        group = np.arange(len(s.connection))
        position = s.begin.copy()
        while len(group):
            position = stops.next(position, self._state[group])
            more = position < s.end[group]
            group, position = group[more], position[more]
            self._apply(group, position)
            after[position] = self._packed(group)
            visited[position] = True
            position = position + 1
        self._store()
        return _carry_forward(s, visited, after, before)

    def _packed(self, group: NDArray[np.int64]) -> NDArray[np.uint16]:
        state = self._state[group].astype(np.uint16)
        return state[:, 0] | state[:, 1] << np.uint16(8)

    def _apply(self, group: NDArray[np.int64], at: NDArray[np.int64]) -> None:
        """Apply one segment of each of these connections to its sender, then to its receiver."""
        s = self._s
        sender = s.direction[at]
        receiver = 1 - sender
        flags = s.flags[at]
        is_ = _Flags(*((flags & flag) != 0 for flag in (SYN, FIN, RST, ACK)))
        self._note_syn(group, at, is_)
        acknowledged = s.acknowledgment[at]
        syn_seen = self._syn_sent[group, receiver] != 0
        acks_syn = is_.ack & syn_seen & _is_past(acknowledged, self._syn_sequence[group, receiver])
        fin_seen = self._fin_packet[group, receiver] != NO_PACKET
        acks_fin = is_.ack & fin_seen & _is_past(acknowledged, self._fin_sequence[group, receiver])
        self._note_close(group, at, is_, acks_fin & ~is_.rst)

        was_open = OPEN[self._state[group]].all(axis=1)
        sent = _sent(is_, s.length[at] > 0, unaware=fin_seen & ~acks_fin)
        # In SYN-SENT a reset refuses a stray SYN,ACK without giving up (RFC 9293 figure 9).
        refuses = is_.rst & syn_seen & (self._state[group, sender] & 0x0F == State.SYN_SENT)
        self._move(group, sender, np.where(refuses, Signal.NOTHING, sent))
        news = np.where(acks_fin, Signal.RECEIVED_ACK_OF_FIN, np.where(acks_syn, Signal.RECEIVED_ACK_OF_SYN, 0))
        self._move(group, receiver, np.where(is_.rst, Signal.NOTHING, news))
        self._move(group, receiver, self._received(group, receiver, is_, acks_syn | ~syn_seen))
        opened = ~was_open & OPEN[self._state[group]].all(axis=1) & acks_syn
        opened &= self._established[group] == NO_PACKET
        self._established[group[opened]] = s.packet[at[opened]]

    def _move(self, group: NDArray[np.int64], end: NDArray[np.int64], signal: NDArray[np.int64]) -> None:
        self._state[group, end] = NEXT[self._state[group, end], signal]

    def _received(
        self, group: NDArray[np.int64], receiver: NDArray[np.int64], is_: _Flags, answers_us: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """What the segment's own flags mean to its receiver, after what it acknowledged."""
        # In SYN-SENT a reset counts only if it acknowledges the SYN (RFC 9293 section 3.10.7.3).
        syn_sent = self._state[group, receiver] & 0x0F == State.SYN_SENT
        active = self._syn_sent[group, receiver] == ACTIVE
        reset = np.where(active, Signal.RECEIVED_RST_AFTER_ACTIVE_OPEN, Signal.RECEIVED_RST)
        reset = np.where(syn_sent & ~(is_.ack & answers_us), Signal.NOTHING, reset)
        opening = np.where(is_.ack, np.where(answers_us, Signal.RECEIVED_SYN_ACK, Signal.NOTHING), Signal.RECEIVED_SYN)
        other = np.where(is_.fin, Signal.RECEIVED_FIN, Signal.NOTHING)
        return np.where(is_.rst, reset, np.where(is_.syn, opening, other))

    def _note_syn(self, group: NDArray[np.int64], at: NDArray[np.int64], is_: _Flags) -> None:
        """Remember an end's own first SYN, which the acknowledgements of the other end are measured by."""
        sender = self._s.direction[at]
        first = is_.syn & (self._syn_sent[group, sender] == 0)
        self._syn_sequence[group[first], sender[first]] = self._s.sequence[at[first]]
        self._syn_sent[group[first], sender[first]] = PASSIVE
        active = is_.syn & ~is_.ack
        self._syn_sent[group[active], sender[active]] = ACTIVE

    def _note_close(
        self, group: NDArray[np.int64], at: NDArray[np.int64], is_: _Flags, acks_fin: NDArray[np.bool_]
    ) -> None:
        """Remember the packets that a teardown is told by: the first FIN, ACK of it, and RST of each end."""
        s = self._s
        sender, packet = s.direction[at], s.packet[at]
        end = s.sequence[at] + s.length[at].astype(np.uint32) + is_.syn
        first = is_.fin & (self._fin_packet[group, sender] == NO_PACKET)
        self._fin_sequence[group[first], sender[first]] = end[first]
        for column, where, which in (
            (self._fin_packet, is_.fin, sender),
            (self._fin_acked, acks_fin, 1 - sender),
            (self._rst_packet, is_.rst, sender),
        ):
            first = where & (column[group, which] == NO_PACKET)
            column[group[first], which[first]] = packet[first]

    def _store(self) -> None:
        for name, values in self._carried.items():
            self._columns[name][self._s.connection] = values


class _Flags(NamedTuple):
    """Which of these flags each segment carries, bool (M,)."""

    syn: NDArray[np.bool_]
    fin: NDArray[np.bool_]
    rst: NDArray[np.bool_]
    ack: NDArray[np.bool_]


class _Stops:
    """Where the walk must stop: the next segment at or after a position that could move one of two states."""

    def __init__(self, s: Segments) -> None:
        # The third and later of identical segments in a row cannot do what the second did not.
        loud = s.analysed & s.has(SYN | FIN | RST)
        self._loud = _next_true(loud & ~_repeated(s))
        news = _says_something_new(s, loud)
        self._news = [_next_true(news & (s.direction == end)) for end in (0, 1)]

    def next(self, position: NDArray[np.int64], state: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The next stop at or after `position` (int64 (M,)) for endpoints in `state` (uint8 (M, 2))."""
        best = self._loud[position]
        own, peer = WATCHES_OWN[state], WATCHES_PEER[state]
        for end in (0, 1):
            watched = own[:, end] | peer[:, 1 - end]
            best = np.where(watched, np.minimum(best, self._news[end][position]), best)
        return best


def _sent(is_: _Flags, data: NDArray[np.bool_], unaware: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What a segment means to its sender, who may be `unaware` of a FIN that is under way to it."""
    plain = np.where(is_.ack, np.where(data, Signal.SENT_DATA, Signal.SENT_ACK), Signal.NOTHING)
    opening = np.where(is_.ack, Signal.SENT_SYN_ACK, Signal.SENT_SYN)
    closing = np.where(unaware, Signal.SENT_FIN_UNAWARE, Signal.SENT_FIN)
    other = np.where(is_.fin, closing, plain)
    return np.where(is_.rst, Signal.SENT_RST, np.where(is_.syn, opening, other))


def _is_past(sequence: NDArray[np.uint32], mark: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether a number is beyond another, modulo 2^32 (RFC 9293 section 3.4)."""
    return (sequence - mark).view(np.int32) > 0


def _next_true(flag: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each position, and one past the end, the first at or after it where `flag` is set; else the length."""
    index = np.append(np.where(flag, np.arange(len(flag)), len(flag)), len(flag))
    return np.minimum.accumulate(index[::-1])[::-1]


def _repeated(s: Segments) -> NDArray[np.bool_]:
    """Segments that equal each of the two before them in their connection, from the same end."""
    same = np.zeros(len(s), np.bool_)
    if len(s) > 2:
        like = np.ones(len(s) - 1, np.bool_)
        for column in (s.group, s.direction, s.flags, s.sequence, s.acknowledgment, s.length):
            like &= column[1:] == column[:-1]
        same[2:] = like[1:] & like[:-1]
    return same


def _says_something_new(s: Segments, loud: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Segments that are not just like the one before them from the same end.

    New is another acknowledgement number, data after none, and anything that follows a SYN, FIN or RST. The first
    segment of each end in a batch is always new, so what is visited never misses what a larger batch would visit.
    """
    order = s.by_side[s.analysed[s.by_side]]
    acknowledged = np.where(s.has(ACK), s.acknowledgment.astype(np.int64), -1)
    like = np.zeros(len(order), np.bool_)
    like[1:] = True
    for column in (s.side, acknowledged, s.length > 0, np.cumsum(loud) - loud):
        ordered = column[order]
        like[1:] &= ordered[1:] == ordered[:-1]
    result = np.zeros(len(s), np.bool_)
    result[order] = ~like
    return result


def _carry_forward(
    s: Segments, visited: NDArray[np.bool_], after: NDArray[np.uint16], before: NDArray[np.uint16]
) -> NDArray[np.uint16]:
    """States after every segment: those of the last visited one, or those from before the batch."""
    last = np.maximum.accumulate(np.where(visited, np.arange(len(s)), -1))
    inside = last >= s.begin[s.group]
    return np.where(inside, after[last], before[s.group])
