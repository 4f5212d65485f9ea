"""The states of a TCP endpoint in RFC 9293's words, and how two of them are packed into one column.

`analysis.transitions` holds the table that decides them; nothing else in netviz decides a state.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final, NamedTuple


@unique
class State(IntEnum):
    """RFC 9293 section 3.3.2, and `UNKNOWN` for what an observer has not been shown."""

    UNKNOWN = 0
    CLOSED = 1
    LISTEN = 2
    SYN_SENT = 3
    SYN_RECEIVED = 4
    ESTABLISHED = 5
    FIN_WAIT_1 = 6
    FIN_WAIT_2 = 7
    CLOSE_WAIT = 8
    CLOSING = 9
    LAST_ACK = 10
    TIME_WAIT = 11

    @property
    def label(self) -> str:
        """The RFC's spelling, as in `SYN-RECEIVED`; `unknown` in lower case, for it is no state of the RFC."""
        return "unknown" if self is State.UNKNOWN else self.name.replace("_", "-")


INFERRED: Final = 0x10
"""Bit beside a state: the packet that caused it was not captured, or was seen not to have arrived. Shown as `?`."""


class EndState(NamedTuple):
    """One endpoint's state, and whether it is only inferred."""

    state: State
    inferred: bool

    def __str__(self) -> str:
        return self.state.label + ("?" if self.inferred and self.state is not State.UNKNOWN else "")


def unpack(states: int, *, from_b: bool) -> EndState:
    """One endpoint's state out of the packet table's `states` value: a's low byte, or b's high byte."""
    byte = (states >> 8 if from_b else states) & 0xFF
    return EndState(State(byte & 0x0F), bool(byte & INFERRED))
