"""The table of states against RFC 9293's diagram (figure 5)."""

from __future__ import annotations

import pytest

from analysis.states import INFERRED, EndState, State, unpack
from analysis.transitions import NEXT, TRANSITIONS, Signal, next_state

# Every arrow of figure 5 that a segment causes; the calls of the user (OPEN, CLOSE) show as what they send.
FIGURE_5 = [
    (State.CLOSED, Signal.SENT_SYN, State.SYN_SENT),
    (State.LISTEN, Signal.RECEIVED_SYN, State.SYN_RECEIVED),
    (State.LISTEN, Signal.SENT_SYN, State.SYN_SENT),
    (State.SYN_SENT, Signal.RECEIVED_SYN, State.SYN_RECEIVED),
    (State.SYN_SENT, Signal.RECEIVED_SYN_ACK, State.ESTABLISHED),
    (State.SYN_RECEIVED, Signal.RECEIVED_ACK_OF_SYN, State.ESTABLISHED),
    (State.SYN_RECEIVED, Signal.SENT_FIN, State.FIN_WAIT_1),
    (State.SYN_RECEIVED, Signal.RECEIVED_RST, State.LISTEN),
    (State.ESTABLISHED, Signal.SENT_FIN, State.FIN_WAIT_1),
    (State.ESTABLISHED, Signal.RECEIVED_FIN, State.CLOSE_WAIT),
    (State.FIN_WAIT_1, Signal.RECEIVED_ACK_OF_FIN, State.FIN_WAIT_2),
    (State.FIN_WAIT_1, Signal.RECEIVED_FIN, State.CLOSING),
    (State.FIN_WAIT_2, Signal.RECEIVED_FIN, State.TIME_WAIT),
    (State.CLOSING, Signal.RECEIVED_ACK_OF_FIN, State.TIME_WAIT),
    (State.CLOSE_WAIT, Signal.SENT_FIN, State.LAST_ACK),
    (State.LAST_ACK, Signal.RECEIVED_ACK_OF_FIN, State.CLOSED),
]


@pytest.mark.parametrize(("before", "signal", "after"), FIGURE_5)
def test_the_arrows_of_the_diagram(before: State, signal: Signal, after: State) -> None:
    assert next_state(before, signal) == (after, False)


def test_a_synchronised_state_moves_only_along_the_diagram() -> None:
    resets = {signal for signal in Signal if "RST" in signal.name}
    drawn = {(before, signal) for before, signal, _ in FIGURE_5} | {(State.CLOSE_WAIT, Signal.SENT_FIN_UNAWARE)}
    for state in State:
        if state >= State.ESTABLISHED:
            assert {(state, signal) for signal in TRANSITIONS[state] if signal not in resets} <= drawn


def test_every_state_is_a_row_and_is_reached() -> None:
    assert set(TRANSITIONS) == set(State)
    reached = {move.state for row in TRANSITIONS.values() for move in row.values()}
    assert reached == set(State) - {State.UNKNOWN}


def test_what_the_table_does_not_explain_changes_nothing() -> None:
    assert next_state(State.TIME_WAIT, Signal.RECEIVED_SYN) == (State.TIME_WAIT, False)
    assert next_state(State.ESTABLISHED, Signal.NOTHING, inferred=True) == (State.ESTABLISHED, True)


def test_the_compiled_table_says_the_same() -> None:
    for state in State:
        for signal in Signal:
            for inferred in (False, True):
                after, mark = next_state(state, signal, inferred=inferred)
                assert NEXT[state | INFERRED * inferred, signal] == after | INFERRED * mark


def test_states_are_packed_a_low_b_high() -> None:
    packed = State.FIN_WAIT_1 | (State.CLOSE_WAIT | INFERRED) << 8
    assert unpack(packed, from_b=False) == EndState(State.FIN_WAIT_1, inferred=False)
    assert str(unpack(packed, from_b=True)) == "CLOSE-WAIT?"
    assert str(EndState(State.UNKNOWN, inferred=True)) == "unknown"
