"""The vocabulary of filters: netviz's own words, and the Wireshark spellings that people paste."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NEVER
from analysis.filter_ends import addressed, at_ports, carried_by, ports_of_service, serves
from analysis.filter_grammar import FilterError
from analysis.filter_values import BYTES, PLAIN, SECONDS, numbers, truth
from analysis.marks import RESENT, Mark
from analysis.outcomes import CODES, outcomes
from analysis.services import SERVICES
from analysis.states import State
from analysis.verdict import Outcome
from capture.protocol import TCP_FLAGS, Flag

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from analysis.filter_ends import Ends
    from analysis.filter_grammar import Term
    from analysis.snapshot import Snapshot

Mask = "NDArray[np.bool_]"


@dataclass(frozen=True, slots=True)
class OfConnections:
    """A test that a connection passes with all its packets: gives bool (M,)."""

    mask: Callable[[Snapshot], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class OfPackets:
    """A test of single packets: gives bool (n,) for the rows of a slice."""

    mask: Callable[[Snapshot, slice], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class OfOneEnd:
    """A test of a packet's sender or, if not `sender`, of its receiver."""

    ends: Callable[[Snapshot], Ends]
    sender: bool
    other: bool  # packets that do not pass are meant


Word = OfConnections | OfPackets | OfOneEnd

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
TRANSPORTS: Final = {"tcp": (6,), "udp": (17,), "icmp": (1,), "icmpv6": (58,), "igmp": (2,), "sctp": (132,),
                     "dccp": (33,), "ospf": (89,), "vrrp": (112,), "esp": (50,), "pim": (103,)}  # fmt: skip
ARP: Final = 0x0806


def word_of(test: Term) -> Word:
    """What a test means; raises `FilterError` with the nearest word where there is none."""
    make = VOCABULARY.get(test.name)
    if make is not None:
        return make(test)
    for start, bits in (("tcp.flags.", WIRESHARK_FLAGS), ("tcp.analysis.", MARKS)):
        rest = test.name.removeprefix(start)
        if rest != test.name and rest in bits:
            return _flag_is(test, bits[rest]) if start == "tcp.flags." else _mark(test, bits[rest])
    if test.operator == "" and test.name in TRANSPORTS:
        return OfConnections(lambda snapshot: carried_by(snapshot, TRANSPORTS[test.name]))
    if test.operator == "" and test.name.replace("_", "-") in MARK_WORDS:
        return _mark(test, MARK_WORDS[test.name.replace("_", "-")])
    if test.operator == "" and ports_of_service(test.name):
        return OfConnections(serves(test.name))
    if test.name in known_words():
        raise FilterError(f"{test.name} is a word of its own here; it is not compared with anything.", test.at)
    near = get_close_matches(test.name, known_words(), 1, 0.5)
    said = f"the nearest word is {near[0]}" if near else "words are such as tcp, port:80 or outcome:refused"
    raise FilterError(f"{test.name!r} was not understood; {said}.", test.at)


def known_words() -> list[str]:
    """Every word there is, for suggestions and completion."""
    wireshark = [f"tcp.flags.{name}" for name in WIRESHARK_FLAGS] + [f"tcp.analysis.{name}" for name in MARKS]
    return [*VOCABULARY, *TRANSPORTS, *MARK_WORDS, *sorted(set(SERVICES.values()) | {"tls", "ssl"}), *wireshark]


def _chosen(test: Term, choices: dict[str, Any]) -> list[Any]:
    """The choices that a test names, several with commas; raises `FilterError`."""
    if test.operator not in (":", "==", "in"):
        raise FilterError(f"{test.name} needs one of its values, as in {test.name}:{next(iter(choices))}.", test.at)
    found = []
    for value in (part for each in test.values for part in each.replace("+", ",").split(",")):
        word = "-".join(value.lower().replace("_", " ").split())
        if word not in choices:
            near = get_close_matches(word, choices, 1, 0.5)
            said = f"the nearest is {near[0]}" if near else "known are " + ", ".join(choices)
            raise FilterError(f"{test.name}:{value} is not known; {said}.", test.at)
        found.append(choices[word])
    return found


def _flags(test: Term) -> Word:
    bits = np.uint16(sum(set(_chosen(test, WIRESHARK_FLAGS))))
    return OfPackets(lambda snapshot, rows: (snapshot.packets.flags[rows] & bits) == bits)


def _flag_is(test: Term, bit: int) -> Word:
    bits = np.uint16(bit)
    if truth(test):
        return OfPackets(lambda snapshot, rows: (snapshot.packets.flags[rows] & bits) != 0)

    def unset(snapshot: Snapshot, rows: slice) -> NDArray[np.bool_]:
        clear: NDArray[np.bool_] = (snapshot.packets.flags[rows] & bits) == 0
        return clear & _tcp_packets(snapshot, rows)  # a packet without TCP has no such flag, neither 1 nor 0

    return OfPackets(unset)


def _tcp_packets(snapshot: Snapshot, rows: slice) -> NDArray[np.bool_]:
    protocol = snapshot.packets.protocol[rows]
    found: NDArray[np.bool_] = (protocol & 0xFE) == 22  # Protocol.TCP4, TCP6
    return found


def _all_flags(test: Term) -> Word:
    wanted = numbers(test, PLAIN)
    mask = np.uint16(TCP_FLAGS)
    return OfPackets(lambda snapshot, rows: wanted(snapshot.packets.flags[rows] & mask) & _tcp_packets(snapshot, rows))


def _mark(test: Term, bits: int) -> Word:
    if test.operator:
        raise FilterError(f"{test.name} stands alone, with nothing behind it.", test.at)
    wanted = np.uint32(bits)
    return OfPackets(lambda snapshot, rows: (snapshot.packets.marks[rows] & wanted) != 0)


def _any_mark(test: Term) -> Word:
    return _mark(test, sum(Mark))


def _outcome(test: Term) -> Word:
    codes = {CODES[each] for outcome in _chosen(test, OUTCOMES) for each in outcome}
    wanted = np.zeros(256, np.bool_)
    wanted[list(codes)] = True
    return OfConnections(lambda snapshot: wanted[outcomes(snapshot.connections)])


def _state(test: Term) -> Word:
    wanted = np.zeros(256, np.bool_)
    wanted[_chosen(test, STATES)] = True

    def mask(snapshot: Snapshot) -> NDArray[np.bool_]:
        state = snapshot.connections.state & np.uint8(0x0F)
        either: NDArray[np.bool_] = wanted[state[:, 0]] | wanted[state[:, 1]]
        return either & carried_by(snapshot, (6,))

    return OfConnections(mask)


def _either(ends_of: Callable[[Term], Callable[[Snapshot], Ends]]) -> Callable[[Term], Word]:
    """A connection one of whose ends is meant; behind `!=` neither is, as Wireshark 4 has it."""

    def make(test: Term) -> Word:
        ends, other = ends_of(test), test.operator == "!="

        def mask(snapshot: Snapshot) -> NDArray[np.bool_]:
            a, b = ends(snapshot)
            return (a | b) ^ other

        return OfConnections(mask)

    return make


def _one(ends_of: Callable[[Term], Callable[[Snapshot], Ends]], *, sender: bool) -> Callable[[Term], Word]:
    return lambda test: OfOneEnd(ends_of(test), sender, test.operator == "!=")


def _role(*, server: bool) -> Callable[[Term], Word]:
    def make(test: Term) -> Word:
        ends = addressed(test)

        def mask(snapshot: Snapshot) -> NDArray[np.bool_]:
            a, b = ends(snapshot)
            return np.where((snapshot.connections.client == 1) ^ server, b, a) ^ (test.operator == "!=")

        return OfConnections(mask)

    return make


def _column(
    units: dict[str, int], values: Callable[[Snapshot], NDArray[Any]], least: int = 0
) -> Callable[[Term], Word]:
    """A number of each connection; below `least` there is none."""

    def make(test: Term) -> Word:
        wanted = numbers(test, units)

        def mask(snapshot: Snapshot) -> NDArray[np.bool_]:
            column = values(snapshot)
            return wanted(column) & (column >= least)

        return OfConnections(mask)

    return make


def _packet(
    units: dict[str, int], values: Callable[[Snapshot, slice], NDArray[Any]], *, of_tcp: bool = False
) -> Callable[[Term], Word]:
    def make(test: Term) -> Word:
        wanted = numbers(test, units)
        if not of_tcp:
            return OfPackets(lambda snapshot, rows: wanted(values(snapshot, rows)))
        return OfPackets(lambda snapshot, rows: wanted(values(snapshot, rows)) & _tcp_packets(snapshot, rows))

    return make


def _stream(transport: int) -> Callable[[Term], Word]:
    def values(snapshot: Snapshot) -> NDArray[Any]:
        return np.where(carried_by(snapshot, (transport,)), snapshot.connections.stream, np.int32(-1))

    return _column(PLAIN, values)


def _duration(snapshot: Snapshot) -> NDArray[Any]:
    times, table = snapshot.packets.time_ns, snapshot.connections
    last = np.minimum(table.last_packet, len(times) - 1)
    spans = times[last] - times[np.minimum(table.first_packet, last)] if len(times) else np.zeros(len(table), np.int64)
    return np.where(table.first_packet >= 0, spans, np.int64(-1))


def _rtt(snapshot: Snapshot) -> NDArray[np.int64]:
    return snapshot.connections.initial_rtt_ns


def _sum_of(column: str) -> Callable[[Snapshot], NDArray[Any]]:
    def values(snapshot: Snapshot) -> NDArray[Any]:
        both = getattr(snapshot.connections, column)
        total: NDArray[np.int64] = both[:, 0].astype(np.int64) + both[:, 1].astype(np.int64)
        return total

    return values


def _number(snapshot: Snapshot, rows: slice) -> NDArray[Any]:
    return np.arange(rows.start + 1, min(rows.stop, len(snapshot.packets)) + 1)


def _since_start(snapshot: Snapshot, rows: slice) -> NDArray[Any]:
    times = snapshot.packets.time_ns
    return times[rows] - (times[0] if len(times) else 0)


def _family(family: int) -> Callable[[Term], Word]:
    def make(test: Term) -> Word:
        if test.operator:
            raise FilterError(f"{test.name} stands alone; addresses are given as host:10.0.0.5.", test.at)
        return OfConnections(
            lambda snapshot: (snapshot.connections.family == family) & (snapshot.connections.transport != ARP)
        )

    return make


def _arp(test: Term) -> Word:
    if test.operator:
        raise FilterError("arp stands alone; addresses are given as host:10.0.0.5.", test.at)
    return OfConnections(lambda snapshot: (snapshot.connections.transport == ARP) & (snapshot.connections.family > 0))


def _service(test: Term) -> Word:
    masks = [serves(name) for name in _chosen(test, {name: name for name in [*SERVICES.values(), "tls"]})]
    return OfConnections(lambda snapshot: np.logical_or.reduce([mask(snapshot) for mask in masks]))


def _ports(transport: int | None) -> Callable[[Term], Callable[[Snapshot], Ends]]:
    return lambda test: at_ports(test, transport)


VOCABULARY: Final[dict[str, Callable[[Term], Word]]] = {
    "host": _either(addressed), "net": _either(addressed), "ip.addr": _either(addressed),
    "ipv6.addr": _either(addressed), "eth.addr": _either(addressed), "ip.host": _either(addressed),
    "src": _one(addressed, sender=True), "ip.src": _one(addressed, sender=True),
    "ipv6.src": _one(addressed, sender=True), "dst": _one(addressed, sender=False),
    "ip.dst": _one(addressed, sender=False), "ipv6.dst": _one(addressed, sender=False),
    "client": _role(server=False), "server": _role(server=True),
    "port": _either(_ports(None)), "tcp.port": _either(_ports(6)), "udp.port": _either(_ports(17)),
    "tcp.srcport": _one(_ports(6), sender=True), "udp.srcport": _one(_ports(17), sender=True),
    "tcp.dstport": _one(_ports(6), sender=False), "udp.dstport": _one(_ports(17), sender=False),
    "srcport": _one(_ports(None), sender=True), "dstport": _one(_ports(None), sender=False),
    "service": _service, "ip": _family(4), "ipv4": _family(4), "ipv6": _family(6), "arp": _arp,
    "flag": _flags, "flags": _flags, "tcp.flags": _all_flags, "tcp.analysis.flags": _any_mark, "marked": _any_mark,
    "outcome": _outcome, "state": _state,
    "conn": _column(PLAIN, lambda snapshot: np.arange(len(snapshot.connections))),
    "tcp.stream": _stream(6), "udp.stream": _stream(17),
    "rtt": _column(SECONDS, _rtt, NEVER + 1), "tcp.analysis.initial_rtt": _column(SECONDS, _rtt, NEVER + 1),
    "duration": _column(SECONDS, _duration), "packets": _column(PLAIN, _sum_of("packets"), 1),
    "bytes": _column(BYTES, _sum_of("bytes")), "payload": _column(BYTES, _sum_of("payload_bytes")),
    "completeness": _column(PLAIN, lambda snapshot: snapshot.connections.completeness),
    "tcp.completeness": _column(PLAIN, lambda snapshot: snapshot.connections.completeness),
    "len": _packet(BYTES, lambda snapshot, rows: snapshot.packets.payload_length[rows]),
    "tcp.len": _packet(BYTES, lambda snapshot, rows: snapshot.packets.payload_length[rows], of_tcp=True),
    "frame.len": _packet(BYTES, lambda snapshot, rows: snapshot.packets.original_length[rows]),
    "frame.cap_len": _packet(BYTES, lambda snapshot, rows: snapshot.packets.captured_length[rows]),
    "interface": _packet(PLAIN, lambda snapshot, rows: snapshot.packets.interface[rows]),
    "frame.interface_id": _packet(PLAIN, lambda snapshot, rows: snapshot.packets.interface[rows]),
    "packet": _packet(PLAIN, _number), "frame.number": _packet(PLAIN, _number),
    "time": _packet(SECONDS, _since_start), "frame.time_relative": _packet(SECONDS, _since_start),
}  # fmt: skip
