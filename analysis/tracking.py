"""Both ends' states after each segment, by walking all connections of a batch in step.

Each round takes the next segment that can matter of every connection that has one, and moves its sender's and its
receiver's state by what it means (`analysis.meaning`). Segments that cannot move a state, nearly all of them, are never
visited: their states are those of the segment before.

Simplifications, each of which a capture can contradict: a segment is taken to arrive; a FIN is taken to be processed
when it arrives, even if data before it is missing; a RST is taken to be accepted in every synchronised state, unless
its number does not fit what was seen (`analysis.fitting`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NO_PACKET
from analysis.meaning import (
    ACKS_FIN,
    ACKS_SYN,
    HAS_RST,
    LOUD,
    MOVES_RECEIVER,
    MOVES_SENDER,
    STATES,
    learn_meanings,
)
from analysis.places import indices, run_sizes
from analysis.states import INFERRED, State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.segments import Segments

_FEW: Final = 8
"""So few connections are walked one by one: a step of all of them takes numpy as long as one of a hundred."""
PACKED: Final = np.dtype("<u2")
"""Both ends' states as the packet table holds them: a's in the low byte."""


def _flag(*states: State) -> NDArray[np.bool_]:
    table = np.zeros(STATES, np.bool_)
    for state in states:
        table[[state, state | 0x10]] = True
    return table


def _of_both(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What holds for both ends, by packed states."""
    packed = np.arange(STATES << 8)
    held: NDArray[np.bool_] = a[packed & (STATES - 1)] & b[packed >> 8]
    return held


# What may move an endpoint in these states without SYN, FIN or RST:
WATCHES_OWN: Final = _flag(State.UNKNOWN, State.SYN_SENT, State.SYN_RECEIVED)
WATCHES_OWN[State.CLOSED | INFERRED] = True  # by a reset that did not fit
WATCHES_PEER: Final = _flag(State.SYN_RECEIVED, State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK)
WATCHED: Final = ~_of_both(~(WATCHES_OWN | WATCHES_PEER), ~(WATCHES_OWN | WATCHES_PEER))
OPEN: Final = _of_both(*2 * [_flag(*(state for state in State if state >= State.ESTABLISHED))])


@dataclass(frozen=True, slots=True)
class Visits:
    """M segments that were visited: where they stand in `Segments.turn`, and both states before and after, packed."""

    turn: NDArray[np.int64]
    before: NDArray[np.uint16]
    after: NDArray[np.uint16]


def track(s: Segments, table: ConnectionTable) -> NDArray[np.uint16]:
    """The packed states after each segment, in the order of `s.turn`, uint16 (n,). Updates the connection table."""
    columns = table.columns
    meaning = learn_meanings(s, table).take(s.turn)
    state = columns["state"].reshape(-1)[s.ends]
    states = np.empty(len(s), PACKED)
    begin = s.begin[:-1:2]
    states[begin] = state.view(PACKED)
    walk = _Walk(s, meaning, state)
    visits = walk.run()
    columns["state"].reshape(-1)[s.ends] = state
    _note_established(s, meaning, visits, columns["established_packet"])
    _note_fin_acked(s, meaning, visits, columns["fin_acked_packet"])
    told = np.zeros(len(s), np.bool_)
    told[begin] = True
    told[visits.turn] = True
    states[visits.turn] = visits.after
    at = indices(told)
    return np.repeat(states[at], run_sizes(at, len(s)))


class _Walk:
    """Over one batch; `state` (2G,) is changed. Arrays are in the order of `s.turn`."""

    def __init__(self, s: Segments, meaning: NDArray[np.uint16], state: NDArray[np.uint8]) -> None:
        self._begin, self._end = s.begin[:-1:2], s.begin[2::2]
        self._side = s.side.take(s.turn)
        self._meaning = meaning
        self._state = state
        self._packed = state.view(PACKED)
        loud = np.append(indices(meaning & LOUD != 0), len(meaning))
        self._next_loud = loud.repeat(np.diff(loud, prepend=-1))
        self._visits: list[Visits] = []

    def run(self) -> Visits:
        """All visits, connections in any order."""
        group, turn = np.arange(len(self._begin)), self._begin
        while len(group) > _FEW:
            before = self._packed[group]
            loud = self._next_loud[turn]
            turn = loud + WATCHED[before] * (turn - loud)
            more = indices(turn < self._end[group])
            group, turn, before = group[more], turn[more], before[more]
            self._step(turn)
            self._visits.append(Visits(turn, before, self._packed[group]))
            turn = turn + 1
        for index in range(len(group)):
            self._visits.append(self._walk_alone(int(group[index]), int(turn[index])))
        parts = self._visits
        return Visits(
            np.concatenate([part.turn for part in parts]),
            np.concatenate([part.before for part in parts]),
            np.concatenate([part.after for part in parts]),
        )

    def _step(self, turn: NDArray[np.int64]) -> None:
        """Move the sender and the receiver of each of these segments, of different connections."""
        row = self._meaning[turn].astype(np.int64) * STATES
        sender = self._side[turn]
        receiver = sender ^ 1
        self._state[sender] = MOVES_SENDER[row + self._state[sender]]
        self._state[receiver] = MOVES_RECEIVER[row + self._state[receiver]]

    def _walk_alone(self, group: int, turn: int) -> Visits:
        """The same for one connection, from a turn on to its last."""
        rows, begin = slice(turn, int(self._end[group])), turn
        side, meaning = (self._side[rows] & 1).tolist(), self._meaning[rows].tolist()
        loud = (self._next_loud[rows] - begin).tolist()
        states = self._state[2 * group : 2 * group + 2].tolist()
        visits: list[tuple[int, int, int]] = []
        at = 0
        while at < len(side):
            before = states[0] | states[1] << 8
            if not _WATCHED[before]:
                at = loud[at]
                if at >= len(side):
                    break
            sender, row = side[at], meaning[at] * STATES
            states[sender] = _MOVES_SENDER[row + states[sender]]
            states[1 - sender] = _MOVES_RECEIVER[row + states[1 - sender]]
            visits.append((at, before, states[0] | states[1] << 8))
            at += 1
        self._state[2 * group : 2 * group + 2] = states
        told = np.array(visits, np.int64).reshape(-1, 3)
        return Visits(told[:, 0] + begin, told[:, 1].astype(np.uint16), told[:, 2].astype(np.uint16))


_WATCHED: Final = WATCHED.tobytes()
_MOVES_SENDER: Final = MOVES_SENDER.tobytes()
_MOVES_RECEIVER: Final = MOVES_RECEIVER.tobytes()


def _note_established(s: Segments, meaning: NDArray[np.uint16], visits: Visits, column: NDArray[np.int32]) -> None:
    """The packet that acknowledged a SYN and opened its connection, the first one."""
    opened = indices(~OPEN[visits.before] & OPEN[visits.after])
    if not len(opened):
        return
    turn = visits.turn[opened]
    turn = np.sort(turn[meaning[turn] & ACKS_SYN != 0])[::-1]  # backwards: the first one stays
    place = s.turn[turn]
    row = s.connection[s.side[place] >> 1]
    place, row = (values[column[row] == NO_PACKET] for values in (place, row))
    column[row] = s.packet(place)


def _note_fin_acked(s: Segments, meaning: NDArray[np.uint16], visits: Visits, column: NDArray[np.int32]) -> None:
    """The packet that acknowledged an end's FIN, the first one, if the states at that moment ask for one."""
    acks = indices(meaning[visits.turn] & (ACKS_FIN | HAS_RST) == ACKS_FIN)
    if not len(acks):
        return
    place = s.turn[visits.turn[acks]]
    sender = s.side[place]
    of_b = (sender & 1) != 0
    a, b = visits.before[acks] & (STATES - 1), visits.before[acks] >> 8
    own, peer = np.where(of_b, b, a), np.where(of_b, a, b)
    asked = (meaning[visits.turn[acks]] & LOUD != 0) | WATCHES_OWN[own] | WATCHES_PEER[peer]
    end = s.ends[sender ^ 1]
    flat = column.reshape(-1)
    chosen = indices(asked & (flat[end] == NO_PACKET))
    chosen = chosen[np.argsort(s.row[place[chosen]])[::-1]]  # backwards: the first one stays
    flat[end[chosen]] = s.packet(place[chosen])
