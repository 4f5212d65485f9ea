"""Random conversations, judged by netviz and by an installed tshark 4.0: nobody thought of them beforehand.

Hostile ones have any flags, numbers near one another, near 0 or near the wrap, windows of 0, options anywhere and a
clock that jumps back. tshark reads a capture twice, and in its second pass knows base numbers and Fast Open SYNs of
packets that come later; a judgement that is right in either pass is right.
"""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING, Any

import pytest

import tshark_oracle
from fixtures import containers
from segments_builder import ACK, FIN, MILLISECOND, PSH, RAW_IP, RST, SYN, WRAP, Segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FLAGS = (SYN, SYN, SYN | ACK, SYN | ACK, ACK, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, FIN, SYN | FIN, SYN | RST, 0)
RARE = (FIN | RST | ACK, SYN | FIN | ACK)
OPENING_OPTIONS = (b"", b"", bytes((3, 3, 7)), bytes((3, 3, 0)), bytes((34, 6, 1, 2, 3, 4)), bytes((2, 4, 5, 180)))
SERVER = ("93.184.216.34", 80)
Packets = list[tuple[int, bytes]]
FILE_HEADER = 24


def hostile(random: random.Random, port: int, near: int) -> list[Segment]:
    """One conversation of 2 to 16 segments, whose numbers lie within `near` of one another."""
    bases = {True: random.choice([0, 1000, WRAP - 4, 1 << 31]), False: random.choice([0, 5000, WRAP - 4])}
    segments, now = [], 0.0
    for _ in range(random.randint(2, 16)):
        from_client = random.random() < 0.55
        ends = (("10.0.0.5", port), SERVER) if from_client else (SERVER, ("10.0.0.5", port))
        flags = random.choice(FLAGS + RARE)
        acknowledged = (bases[not from_client] + random.randint(-1, near)) % WRAP
        now += random.choice([0, 1, 1, 2, 5, 10, 25, 100]) if random.random() < 0.95 else -random.randint(1, 5)
        block = struct.pack("!BBBBII", 1, 1, 5, 10, (acknowledged + 1) % WRAP, (acknowledged + 3) % WRAP)
        segments.append(
            Segment(
                *ends,
                flags,
                (bases[from_client] + random.randint(-1, near)) % WRAP,
                acknowledged if flags & ACK or random.random() < 0.4 else 0,
                data=random.choice([0, 0, 0, 0, 1, 2, 3]),
                window=random.choice([0, 1, 2, 500, 500, 500, 501]),
                options=random.choice(OPENING_OPTIONS if flags & SYN else (b"", b"", b"", block)),
                at_ms=now,
            )
        )
    return segments


def capture_of(conversations: list[list[Segment]], kept: Sequence[int] = (262_144,)) -> bytes:
    """One after the other, a second apart; of the packets `kept` bytes in turn."""
    packets = [
        (10**18 + turn * 10**9 + int((segment.at_ms or 0) * MILLISECOND), segment.to_bytes())
        for turn, segments in enumerate(conversations)
        for segment in segments
    ]
    files = [
        containers.pcap([packet], link_type=RAW_IP, snap_length=kept[number % len(kept)])
        for number, packet in enumerate(packets)
    ]
    return files[0] + b"".join(file[FILE_HEADER:] for file in files[1:])


def odd(ours: dict[int, dict[str, Any]], *theirs: dict[int, dict[str, Any]]) -> list[str]:
    """What none of tshark's passes says.

    Of an acknowledgment that repeats none it says packet 0; an initial RTT it shows only beside something else.
    """
    found = []
    for number, one in ours.items():
        for name, value in one.items():
            said = [other[number][name] for other in theirs]
            silent = {"duplicate_ack_frame": [0.0], "initial_rtt": [None]}.get(name)
            if not any(tshark_oracle.same(value, each) for each in said) and said[:1] != silent:
                found.append(f"{number}: {name} is {value}, tshark says {said}")
    return found


@pytest.mark.slow
@pytest.mark.skipif(not tshark_oracle.is_there(), reason="tshark 4.0 is not installed")
@pytest.mark.parametrize("kept", range(20, 45))
def test_snapped_headers_have_wireshark_s_streams(kept: int, tmp_path: Path) -> None:
    """Two of five packets keep so many bytes, IP header and TCP header together; the others are whole."""
    generator = random.Random(kept)
    conversations = [hostile(generator, 1024 + turn, 40) for turn in range(20)]
    path = tmp_path / "snapped.pcap"
    path.write_bytes(capture_of(conversations, (kept, 99, 99, kept, 99)))
    (ours, _), (theirs, _) = tshark_oracle.by_netviz(path), tshark_oracle.by_tshark(path)
    assert {number: frame["stream"] for number, frame in ours.items()} == {
        number: frame["stream"] for number, frame in theirs.items()
    }


@pytest.mark.slow
@pytest.mark.skipif(not tshark_oracle.is_there(), reason="tshark 4.0 is not installed")
@pytest.mark.parametrize("near", [3, 40])
def test_hostile_conversations_are_judged_as_wireshark_judges_them(near: int, tmp_path: Path) -> None:
    generator = random.Random(near)
    capture = tmp_path / "hostile.pcap"
    capture.write_bytes(capture_of([hostile(generator, 1024 + turn, near) for turn in range(600)]))
    frames, streams = tshark_oracle.by_netviz(capture)
    passes = [tshark_oracle.by_tshark(capture, passes) for passes in (2, 1)]
    assert set(frames) == set(passes[0][0])
    assert odd(frames, *(told for told, _ in passes)) == []
    assert odd(streams, *(told for _, told in passes)) == []
