"""The vocabulary of filters: netviz's own words, and the Wireshark spellings that people paste."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NEVER
from analysis.filter_columns import (
    durations,
    initial_rtts,
    of_connections,
    of_packets,
    packet_numbers,
    since_start,
    stream,
    sum_of,
)
from analysis.filter_ends import addressed, at_ports, carried_by, ports_of_service, serves
from analysis.filter_grammar import FilterError
from analysis.filter_marks import (
    MARK_WORDS,
    MARKS,
    WIRESHARK_FLAGS,
    all_flags,
    any_mark,
    flag_is,
    flags_set,
    mark,
    outcome_is,
    state_is,
)
from analysis.filter_tests import OfConnections, OfOneEnd, Word, chosen
from analysis.filter_values import BYTES, PLAIN, SECONDS
from analysis.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from analysis.filter_ends import Ends
    from analysis.filter_grammar import Term
    from analysis.snapshot import Snapshot

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
            return flag_is(test, bits[rest]) if start == "tcp.flags." else mark(test, bits[rest])
    if test.operator == "" and test.name in TRANSPORTS:
        return OfConnections(lambda snapshot: carried_by(snapshot, TRANSPORTS[test.name], cut=True))
    if test.operator == "" and test.name.replace("_", "-") in MARK_WORDS:
        return mark(test, MARK_WORDS[test.name.replace("_", "-")])
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
    masks = [serves(name) for name in chosen(test, {name: name for name in [*SERVICES.values(), "tls"]})]
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
    "flag": flags_set, "flags": flags_set, "tcp.flags": all_flags, "tcp.analysis.flags": any_mark, "marked": any_mark,
    "outcome": outcome_is, "state": state_is,
    "conn": of_connections(PLAIN, lambda snapshot: np.arange(len(snapshot.connections))),
    "tcp.stream": stream(6), "udp.stream": stream(17),
    "rtt": of_connections(SECONDS, initial_rtts, NEVER + 1),
    "tcp.analysis.initial_rtt": of_connections(SECONDS, initial_rtts, NEVER + 1),
    "duration": of_connections(SECONDS, durations), "packets": of_connections(PLAIN, sum_of("packets"), 1),
    "bytes": of_connections(BYTES, sum_of("bytes")), "payload": of_connections(BYTES, sum_of("payload_bytes")),
    "completeness": of_connections(PLAIN, lambda snapshot: snapshot.connections.completeness),
    "tcp.completeness": of_connections(PLAIN, lambda snapshot: snapshot.connections.completeness),
    "len": of_packets(BYTES, lambda snapshot, rows: snapshot.packets.payload_length[rows]),
    "tcp.len": of_packets(BYTES, lambda snapshot, rows: snapshot.packets.payload_length[rows], of_tcp=True),
    "frame.len": of_packets(BYTES, lambda snapshot, rows: snapshot.packets.original_length[rows]),
    "frame.cap_len": of_packets(BYTES, lambda snapshot, rows: snapshot.packets.captured_length[rows]),
    "interface": of_packets(PLAIN, lambda snapshot, rows: snapshot.packets.interface[rows]),
    "frame.interface_id": of_packets(PLAIN, lambda snapshot, rows: snapshot.packets.interface[rows]),
    "packet": of_packets(PLAIN, packet_numbers), "frame.number": of_packets(PLAIN, packet_numbers),
    "time": of_packets(SECONDS, since_start), "frame.time_relative": of_packets(SECONDS, since_start),
}  # fmt: skip
