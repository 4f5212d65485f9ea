"""The fixtures as other captures of the same conversations would have them, judged by netviz and by tshark 4.0.

Packets are lost, late, twice there, or only one end's; the capture begins late; the same ports come again with other
numbers. All of a kind are one capture, so that conversations also meet others of the same addresses and ports.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import tshark_oracle
from analysis.segments import is_tcp
from analysis.session import Session
from capture.protocol import TCP_FLAGS, Flag
from capture.source import open_source
from fixtures import containers
from test_analysis_differential import odd

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES: Final = Path(__file__).parents[1] / "fixtures"
ETHERNET: Final = 1
SECOND: Final = 10**9
OPENING: Final = Flag.SYN | Flag.ACK
CUT: Final = {"snap-length-60", "cut-in-file-header"}
"""Captures whose options are cut, where tshark shows no marks (ARCHITECTURE.md), or that have no packets."""


@dataclass(frozen=True)
class Packet:
    time_ns: int
    data: bytes
    connection: int
    from_b: bool
    flags: int  # of TCP


Packets = list[Packet]


@functools.cache
def packets_of(path: Path) -> Packets:
    """The TCP segments of an Ethernet capture; none of others. What ICMP quotes is left out: see ARCHITECTURE.md."""
    with open_source(path) as source:
        session = Session(source)
        session.run()
        table = session.snapshot.packets
        ethernet = all(each.link_type == ETHERNET for each in session.snapshot.interfaces)
        packets = [
            Packet(
                int(table.time_ns[row]),
                session.packet_bytes(row),
                int(table.connection[row]),
                bool(table.flags[row] & Flag.FROM_B),
                int(table.flags[row]) & TCP_FLAGS,
            )
            for row in range(len(table))
            if ethernet and is_tcp(int(table.protocol[row]))
        ]
        session.close()
    return packets


def lost(packets: Packets, generator: random.Random) -> Packets:
    return [each for each in packets if generator.random() > 0.1]


def late(packets: Packets, generator: random.Random) -> Packets:
    """One in ten comes up to six places later; the times stay in order."""
    places = [(place + (generator.randint(1, 6) if generator.random() < 0.1 else 0)) for place in range(len(packets))]
    moved = [packets[place] for place in sorted(range(len(packets)), key=lambda place: (places[place], place))]
    return [
        Packet(at.time_ns, each.data, each.connection, each.from_b, each.flags)
        for at, each in zip(packets, moved, strict=True)
    ]


def twice(packets: Packets, generator: random.Random) -> Packets:
    return [each for each in packets for _ in range(2 if generator.random() < 0.1 else 1)]


def begun_late(packets: Packets, generator: random.Random) -> Packets:
    return packets[generator.randint(1, 4) :]


def one_sided(packets: Packets, generator: random.Random) -> Packets:
    gone: dict[int, bool] = {}
    return [each for each in packets if gone.setdefault(each.connection, generator.random() < 0.5) != each.from_b]


def without_syns(packets: Packets, generator: random.Random) -> Packets:
    del generator
    return [each for each in packets if each.flags & OPENING != Flag.SYN]


def without_answers(packets: Packets, generator: random.Random) -> Packets:
    del generator
    return [each for each in packets if each.flags & OPENING != OPENING]


def all_of_it(packets: Packets, generator: random.Random) -> Packets:
    for change in generator.sample([lost, late, twice, begun_late, one_sided, without_syns], 3):
        packets = change(packets, generator)
    return packets


@pytest.mark.slow
@pytest.mark.skipif(not tshark_oracle.is_there(), reason="tshark 4.0 is not installed")
@pytest.mark.parametrize("change", [lost, late, twice, begun_late, one_sided, without_syns, without_answers, all_of_it])
def test_changed_captures_are_judged_as_wireshark_judges_them(
    change: Callable[[Packets, random.Random], Packets], tmp_path: Path
) -> None:
    generator = random.Random(change.__name__)
    written: list[tuple[int, bytes]] = []
    for path in sorted(FIXTURES.glob("*.pcap*")):
        packets = change(packets_of(path), generator) if path.stem not in CUT else []
        begin = 10**18 + len(written) * SECOND
        written += [(begin + each.time_ns - packets[0].time_ns, each.data) for each in packets]
    capture = tmp_path / "changed.pcap"
    capture.write_bytes(containers.pcap(written, nanoseconds=True))
    frames, streams = tshark_oracle.by_netviz(capture)
    passes = [tshark_oracle.by_tshark(capture, passes) for passes in (2, 1)]
    assert len(frames) > 1000
    assert set(frames) == set(passes[0][0])
    assert odd(frames, *(told for told, _ in passes)) == []
    assert odd(streams, *(told for _, told in passes)) == []
