"""The state machine of a TCP endpoint as a table, in RFC 9293's words (section 3.3.2 and 3.10, figure 5).

Every transition is a row here; nothing else in netviz decides a state. netviz watches from outside, so the table also
says what a segment proves to an observer who missed the ones before it: such states carry the mark `inferred`.
A signal that has no row in a state changes nothing.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analysis.states import INFERRED, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@unique
class Signal(IntEnum):
    """What one segment means to its sender or to its receiver."""

    NOTHING = 0
    SENT_SYN = 1
    SENT_SYN_ACK = 2
    SENT_ACK = 3
    SENT_DATA = 4
    SENT_FIN = 5
    SENT_RST = 6
    RECEIVED_SYN = 7
    RECEIVED_SYN_ACK = 8  # one that acknowledges our SYN
    RECEIVED_ACK_OF_SYN = 9
    RECEIVED_ACK_OF_FIN = 10
    RECEIVED_FIN = 11
    RECEIVED_RST = 12
    RECEIVED_RST_AFTER_ACTIVE_OPEN = 13  # by an endpoint that sent a SYN of its own
    SENT_FIN_UNAWARE = 14  # a FIN that does not acknowledge the other end's FIN, though that was sent before
    SENT_RST_BEYOND = 15  # a reset whose number its sender was not seen to reach: `analysis.fitting`
    RECEIVED_RST_BEYOND = 16


class Move(NamedTuple):
    """Where a signal leads. `inferred`: None keeps the mark as it is, else sets or clears it."""

    state: State
    inferred: bool | None


def keep(state: State) -> Move:
    """The captured segment causes this state, as surely as the state before was known."""
    return Move(state, None)


def sure(state: State) -> Move:
    """The captured segments prove this state, whatever came before."""
    return Move(state, inferred=False)


def guess(state: State) -> Move:
    """Only this state explains the segment, but the one that caused the state was not seen (or did not arrive)."""
    return Move(state, inferred=True)


# A reset closes every state, with two exceptions: LISTEN ignores one, and one that ends a passive open leads back to
# LISTEN (RFC 9293 section 3.10.7.4).
_RESET: Final = {
    Signal.SENT_RST: sure(State.CLOSED),
    Signal.RECEIVED_RST: sure(State.CLOSED),
    Signal.RECEIVED_RST_AFTER_ACTIVE_OPEN: sure(State.CLOSED),
    Signal.SENT_RST_BEYOND: guess(State.CLOSED),
}

# Whose reset did not fit, and who goes on as if nothing had been, has not sent it.
NOT_CLOSED: Final[Mapping[Signal, Move]] = {
    Signal.SENT_ACK: guess(State.ESTABLISHED),
    Signal.SENT_DATA: guess(State.ESTABLISHED),
    Signal.SENT_FIN: guess(State.FIN_WAIT_1),
}


def _reset(state: State) -> dict[Signal, Move]:
    """What resets do in a synchronised state; one that does not fit leads nowhere (RFC 9293 section 3.10.7.4)."""
    return {**_RESET, Signal.RECEIVED_RST_BEYOND: guess(state)}


TRANSITIONS: Final[Mapping[State, Mapping[Signal, Move]]] = {
    State.UNKNOWN: {
        **_RESET,
        Signal.SENT_SYN: sure(State.SYN_SENT),
        Signal.RECEIVED_SYN: sure(State.SYN_RECEIVED),
        Signal.SENT_SYN_ACK: guess(State.SYN_RECEIVED),
        Signal.RECEIVED_SYN_ACK: sure(State.ESTABLISHED),
        Signal.SENT_ACK: guess(State.ESTABLISHED),
        Signal.SENT_DATA: guess(State.ESTABLISHED),
        Signal.SENT_FIN: guess(State.FIN_WAIT_1),
        Signal.RECEIVED_FIN: guess(State.CLOSE_WAIT),
    },
    State.CLOSED: {
        Signal.SENT_SYN: sure(State.SYN_SENT),
        Signal.SENT_SYN_ACK: guess(State.SYN_RECEIVED),  # it listens now, and did not a moment ago
    },
    State.LISTEN: {
        Signal.SENT_RST: sure(State.CLOSED),
        Signal.SENT_SYN: sure(State.SYN_SENT),
        Signal.RECEIVED_SYN: sure(State.SYN_RECEIVED),
        Signal.SENT_SYN_ACK: guess(State.SYN_RECEIVED),
    },
    State.SYN_SENT: {
        **_RESET,
        Signal.RECEIVED_SYN: sure(State.SYN_RECEIVED),  # simultaneous open, figure 7
        Signal.RECEIVED_SYN_ACK: sure(State.ESTABLISHED),
        Signal.SENT_SYN_ACK: guess(State.SYN_RECEIVED),
        Signal.SENT_ACK: guess(State.ESTABLISHED),
        Signal.SENT_DATA: guess(State.ESTABLISHED),
        Signal.SENT_FIN: guess(State.FIN_WAIT_1),
    },
    State.SYN_RECEIVED: {
        **_reset(State.SYN_RECEIVED),
        Signal.RECEIVED_RST: sure(State.LISTEN),
        Signal.SENT_SYN_ACK: sure(State.SYN_RECEIVED),
        Signal.RECEIVED_SYN: guess(State.SYN_RECEIVED),  # sent again: the first may never have arrived
        Signal.RECEIVED_ACK_OF_SYN: sure(State.ESTABLISHED),
        Signal.RECEIVED_SYN_ACK: sure(State.ESTABLISHED),
        Signal.SENT_DATA: guess(State.ESTABLISHED),  # TCP Fast Open apart: `analysis.meaning`
        Signal.SENT_FIN: keep(State.FIN_WAIT_1),
        Signal.RECEIVED_FIN: keep(State.CLOSE_WAIT),
    },
    State.ESTABLISHED: {
        **_reset(State.ESTABLISHED),
        Signal.SENT_FIN: keep(State.FIN_WAIT_1),
        Signal.RECEIVED_FIN: keep(State.CLOSE_WAIT),
    },
    State.FIN_WAIT_1: {
        **_reset(State.FIN_WAIT_1),
        Signal.RECEIVED_ACK_OF_FIN: keep(State.FIN_WAIT_2),
        Signal.RECEIVED_FIN: keep(State.CLOSING),  # simultaneous close, figure 13
    },
    State.FIN_WAIT_2: {
        **_reset(State.FIN_WAIT_2),
        Signal.RECEIVED_FIN: sure(State.TIME_WAIT),
    },
    State.CLOSE_WAIT: {
        **_reset(State.CLOSE_WAIT),
        Signal.SENT_FIN: sure(State.LAST_ACK),
        # The other FIN had not arrived yet: this end was in FIN-WAIT-1, and that FIN is what reaches it there.
        Signal.SENT_FIN_UNAWARE: keep(State.CLOSING),
    },
    State.CLOSING: {
        **_reset(State.CLOSING),
        Signal.RECEIVED_ACK_OF_FIN: sure(State.TIME_WAIT),
    },
    State.LAST_ACK: {
        **_reset(State.LAST_ACK),
        Signal.RECEIVED_ACK_OF_FIN: sure(State.CLOSED),
    },
    State.TIME_WAIT: _reset(State.TIME_WAIT),
}


def next_state(state: State, signal: Signal, *, inferred: bool = False) -> tuple[State, bool]:
    """The state after a signal, and whether it is inferred. Without a transition both stay as they are."""
    doubted = NOT_CLOSED if state is State.CLOSED and inferred else {}
    move = doubted.get(signal) or TRANSITIONS[state].get(signal)
    if move is None:
        return state, inferred
    return move.state, inferred if move.inferred is None else move.inferred


def _compiled() -> NDArray[np.uint8]:
    """`next_state` for arrays: the packed state after a signal, uint8 (32 packed states, signals)."""
    table = np.empty((2 * INFERRED, len(Signal)), np.uint8)
    table[:] = np.arange(2 * INFERRED)[:, None]
    for state in State:
        for signal in Signal:
            for inferred in (False, True):
                after, mark = next_state(state, signal, inferred=inferred)
                table[state | INFERRED * inferred, signal] = after | INFERRED * mark
    return table


NEXT: Final = _compiled()
