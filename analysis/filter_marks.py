"""Words of filters about flags, marks, states and outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.filter_ends import carried_by
from analysis.filter_grammar import FilterError
from analysis.filter_tests import OfConnections, OfPackets, Word, chosen
from analysis.filter_values import PLAIN, numbers, truth
from analysis.marks import RESENT, Mark
from analysis.outcomes import CODES, outcomes
from analysis.states import State
from analysis.verdict import Outcome
from capture.protocol import TCP_FLAGS, Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.filter_grammar import Term
    from analysis.snapshot import Snapshot

FLAGS: Final = {flag.name.lower(): int(flag) for flag in Flag if flag & TCP_FLAGS and flag.name}
WIRESHARK_FLAGS: Final = {**FLAGS, "reset": int(Flag.RST), "push": int(Flag.PSH), "ns": int(Flag.AE)}
MARKS: Final = {str(mark.name).lower(): int(mark) for mark in Mark} | {"retransmission": int(RESENT)}
MARK_WORDS: Final = {name.replace("_", "-"): bits for name, bits in MARKS.items()} | {"retransmitted": int(RESENT)}
OUTCOMES: Final = {
    "closed": (Outcome.CLOSED,), "closed-normally": (Outcome.CLOSED,), "refused": (Outcome.REFUSED,),
    "no-answer": (Outcome.NO_ANSWER,), "reset": (Outcome.RESET_BY_CLIENT, Outcome.RESET_BY_SERVER),
    "reset-by-client": (Outcome.RESET_BY_CLIENT,), "reset-by-server": (Outcome.RESET_BY_SERVER,),
    "reset-by-the-client": (Outcome.RESET_BY_CLIENT,), "reset-by-the-server": (Outcome.RESET_BY_SERVER,),
    "half-closed": (Outcome.HALF_CLOSED,), "open": (Outcome.OPEN,), "middle": (Outcome.MIDDLE,),
    "seen-from-the-middle": (Outcome.MIDDLE,), "one-side": (Outcome.ONE_SIDE,), "one-side-only": (Outcome.ONE_SIDE,),
}  # fmt: skip
STATES: Final = {state.label.lower(): int(state) for state in State}


def flags_set(test: Term) -> Word:
    """Packets with all of these TCP flags."""
    bits = np.uint16(sum(set(chosen(test, WIRESHARK_FLAGS))))
    return OfPackets(lambda snapshot, rows: (snapshot.packets.flags[rows] & bits) == bits)


def flag_is(test: Term, bit: int) -> Word:
    """TCP packets with a flag set, or not set."""
    bits = np.uint16(bit)
    if truth(test):
        return OfPackets(lambda snapshot, rows: (snapshot.packets.flags[rows] & bits) != 0)

    def unset(snapshot: Snapshot, rows: slice) -> NDArray[np.bool_]:
        clear: NDArray[np.bool_] = (snapshot.packets.flags[rows] & bits) == 0
        return clear & tcp_packets(snapshot, rows)  # a packet without TCP has no such flag, neither 1 nor 0

    return OfPackets(unset)


def tcp_packets(snapshot: Snapshot, rows: slice) -> NDArray[np.bool_]:
    """Which rows of a slice are TCP packets; bool (n,)."""
    protocol = snapshot.packets.protocol[rows]
    found: NDArray[np.bool_] = (protocol & 0xFE) == 22  # Protocol.TCP4, TCP6
    return found


def all_flags(test: Term) -> Word:
    """TCP packets whose nine flags, as one number, are this."""
    wanted = numbers(test, PLAIN)
    mask = np.uint16(TCP_FLAGS)
    return OfPackets(lambda snapshot, rows: wanted(snapshot.packets.flags[rows] & mask) & tcp_packets(snapshot, rows))


def mark(test: Term, bits: int) -> Word:
    """Packets with one of these marks."""
    if test.operator:
        raise FilterError(f"{test.name} stands alone, with nothing behind it.", test.at)
    wanted = np.uint32(bits)
    return OfPackets(lambda snapshot, rows: (snapshot.packets.marks[rows] & wanted) != 0)


def any_mark(test: Term) -> Word:
    """Packets with any mark."""
    return mark(test, sum(Mark))


def outcome_is(test: Term) -> Word:
    """Connections that ended in one of these ways."""
    codes = {CODES[each] for outcome in chosen(test, OUTCOMES) for each in outcome}
    wanted = np.zeros(256, np.bool_)
    wanted[list(codes)] = True
    return OfConnections(lambda snapshot: wanted[outcomes(snapshot.connections)])


def state_is(test: Term) -> Word:
    """TCP connections one of whose ends is in one of these states after the last packet."""
    wanted = np.zeros(256, np.bool_)
    wanted[chosen(test, STATES)] = True

    def mask(snapshot: Snapshot) -> NDArray[np.bool_]:
        state = snapshot.connections.state & np.uint8(0x0F)
        either: NDArray[np.bool_] = wanted[state[:, 0]] | wanted[state[:, 1]]
        return either & carried_by(snapshot, (6,))

    return OfConnections(mask)
