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
    from collections.abc import Callable

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
        # Columns of both ends are walked flat, by `Segments.side`: numpy finds a place by one index far quicker.
        self._state = carried["state"].reshape(-1)
        self._syn_sent = carried["syn_sent"].reshape(-1)
        self._syn_sequence = carried["syn_sequence"].reshape(-1)
        self._fin_sequence = carried["fin_sequence"].reshape(-1)
        self._fin_packet = carried["fin_packet"].reshape(-1)
        self._fin_acked = carried["fin_acked_packet"].reshape(-1)
        self._rst_packet = carried["rst_packet"].reshape(-1)
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
            position = stops.next(position, self._state[2 * group], self._state[2 * group + 1])
            more = position < s.end[group]
            group, position = group[more], position[more]
            self._apply(group, position)
            after[position] = self._packed(group)
            visited[position] = True
            position = position + 1
        self._store()
        return _carry_forward(s, visited, after, before)

    def _packed(self, group: NDArray[np.int64]) -> NDArray[np.uint16]:
        a, b = self._state[2 * group], self._state[2 * group + 1]
        packed: NDArray[np.uint16] = a | b.astype(np.uint16) << np.uint16(8)
        return packed

    def _apply(self, group: NDArray[np.int64], at: NDArray[np.int64]) -> None:
        """Apply one segment of each of these connections to its sender, then to its receiver."""
        s = self._s
        sender = s.side[at]
        receiver = sender ^ 1
        flags = s.flags[at]
        acks, resets = flags & ACK != 0, flags & RST != 0
        self._note_syn(at, sender, flags)
        acknowledged = s.acknowledgment[at]
        syn_seen = self._syn_sent[receiver] != 0
        acks_syn = acks & syn_seen & _is_past(acknowledged, self._syn_sequence[receiver])
        fin_seen = self._fin_packet[receiver] != NO_PACKET
        acks_fin = acks & fin_seen & _is_past(acknowledged, self._fin_sequence[receiver])
        self._note_close(at, sender, flags, acks_fin & ~resets)

        was_open = self._open(sender)
        sent = _SENT[_index(flags, s.length[at] > 0, fin_seen & ~acks_fin)]
        # In SYN-SENT a reset refuses a stray SYN,ACK without giving up (RFC 9293 figure 9).
        refuses = resets & syn_seen & (self._state[sender] & 0x0F == _SYN_SENT)
        self._move(sender, np.where(refuses, _NOTHING, sent))
        self._move(receiver, _NEWS[_index(flags, acks_fin, acks_syn)])
        syn_sent = self._state[receiver] & 0x0F == _SYN_SENT
        active = self._syn_sent[receiver] == ACTIVE
        self._move(receiver, _RECEIVED[_index(flags, syn_sent, active, acks_syn | ~syn_seen)])
        opened = np.flatnonzero(~was_open & acks_syn & self._open(sender))
        opened = opened[self._established[group[opened]] == NO_PACKET]
        self._established[group[opened]] = s.packet[at[opened]]

    def _open(self, sender: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether both ends of these senders' connections are open."""
        both: NDArray[np.bool_] = OPEN[self._state[sender]] & OPEN[self._state[sender ^ 1]]
        return both

    def _move(self, side: NDArray[np.int64], signal: NDArray[np.uint8]) -> None:
        self._state[side] = _NEXT[self._state[side].astype(np.int64) * NEXT.shape[1] + signal]

    def _note_syn(self, at: NDArray[np.int64], sender: NDArray[np.int64], flags: NDArray[np.uint16]) -> None:
        """Remember an end's own first SYN, which the acknowledgements of the other end are measured by."""
        syn = np.flatnonzero(flags & SYN)
        end = sender[syn]
        first = self._syn_sent[end] == 0
        self._syn_sequence[end[first]] = self._s.sequence[at[syn[first]]]
        self._syn_sent[end[first]] = PASSIVE
        self._syn_sent[end[flags[syn] & ACK == 0]] = ACTIVE

    def _note_close(
        self,
        at: NDArray[np.int64],
        sender: NDArray[np.int64],
        flags: NDArray[np.uint16],
        acks_fin: NDArray[np.bool_],
    ) -> None:
        """Remember the packets that a teardown is told by: the first FIN, ACK of it, and RST of each end."""
        s = self._s
        fin = np.flatnonzero(flags & FIN)
        first = fin[self._fin_packet[sender[fin]] == NO_PACKET]
        of = at[first]
        end = s.sequence[of] + s.length[of].astype(np.uint32) + (flags[first] & SYN != 0)
        self._fin_sequence[sender[first]] = end
        for column, which, side in (
            (self._fin_packet, fin, sender),
            (self._fin_acked, np.flatnonzero(acks_fin), sender ^ 1),
            (self._rst_packet, np.flatnonzero(flags & RST), sender),
        ):
            first = which[column[side[which]] == NO_PACKET]
            column[side[first]] = s.packet[at[first]]

    def _store(self) -> None:
        for name, values in self._carried.items():
            self._columns[name][self._s.connection] = values


class _Stops:
    """Where the walk must stop: the next segment at or after a position that could move one of two states."""

    def __init__(self, s: Segments) -> None:
        # The third and later of identical segments in a row cannot do what the second did not.
        loud = s.analysed & s.has(SYN | FIN | RST)
        self._loud = _next_true(loud & ~_repeated(s))
        news = _says_something_new(s, loud)
        self._news = [_next_true(news & (s.direction == end)) for end in (0, 1)]

    def next(self, position: NDArray[np.int64], a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The next stop at or after `position` (int64 (M,)) for endpoints in the states `a` and `b` (uint8 (M,))."""
        best = self._loud[position]
        for news, own, peer in ((self._news[0], a, b), (self._news[1], b, a)):
            watched = np.flatnonzero(WATCHES_OWN[own] | WATCHES_PEER[peer])
            best[watched] = np.minimum(best[watched], news[position[watched]])
        return best


class _Flags(NamedTuple):
    """Which of these flags each segment carries, bool (M,)."""

    fin: NDArray[np.bool_]
    syn: NDArray[np.bool_]
    rst: NDArray[np.bool_]
    ack: NDArray[np.bool_]


def _index(flags: NDArray[np.uint16], *conditions: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """A row of the tables below: FIN, SYN, RST and ACK in four bits, then the conditions."""
    index = flags & np.uint16(7) | (flags & ACK) >> np.uint16(1)
    for bit, condition in enumerate(conditions, 4):
        index |= condition.astype(np.uint16) << np.uint16(bit)
    return index


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


def _compiled(meaning: Callable[..., NDArray[np.int64]], conditions: int) -> NDArray[np.uint8]:
    """The signals for every row that `_index` can name: one look-up instead of a dozen choices."""
    row = np.arange(1 << (4 + conditions))
    bits = [row >> bit & 1 != 0 for bit in range(4 + conditions)]
    return meaning(_Flags(*bits[:4]), *bits[4:]).astype(np.uint8)


_SENT: Final = _compiled(_sent, 2)
_NEWS: Final = _compiled(_news, 2)
_RECEIVED: Final = _compiled(_received, 3)
_NEXT: Final = NEXT.reshape(-1)
_NOTHING: Final = np.uint8(Signal.NOTHING)
_SYN_SENT: Final = np.uint8(State.SYN_SENT)


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
