"""Records are found in bulk exactly as they are found one by one, whatever the packets contain."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture import lockstep
from capture.batch import PADDING
from capture.lockstep import Hops, Scan, scan
from capture.pcapng_packets import guess as guess_block

PCAP = Hops(header=16, length_at=8, order="<", extra=16, smallest=0, largest=262_144)
PCAPNG = Hops(header=12, length_at=4, order="<", extra=0, smallest=12, largest=1 << 20, alignment=4)
SMALL_LANE = 4096


def buffer_of(data: bytes) -> np.ndarray:
    return np.frombuffer(data + bytes(PADDING), np.uint8).copy()


def record(second: int, data: bytes) -> bytes:
    return struct.pack("<IIII", second, 7, len(data), len(data)) + data


def records(seed: int, count: int) -> bytes:
    rng = np.random.default_rng(seed)
    return b"".join(record(1_700_000_000 + i, rng.bytes(int(rng.integers(40, 400)))) for i in range(count))


def pcap_guess(buffer: np.ndarray, _start: int, lanes: np.ndarray, _end: int) -> np.ndarray:
    """The first place behind each lane that looks like a record of these tests: easy to deceive."""
    found = np.full(len(lanes), -1)
    for number, lane in enumerate(lanes.tolist()):
        place = buffer[lane : lane + 2048].tobytes().find(b"\x07\0\0\0")
        found[number] = lane + place - 4 if place >= 4 else -1
    return found


def block_guess(buffer: np.ndarray, _start: int, lanes: np.ndarray, end: int) -> np.ndarray:
    return guess_block(buffer, "<", lanes, end)


def both_ways(data: bytes, hops: Hops, guess: lockstep.Guess) -> tuple[Scan, Scan]:
    buffer = buffer_of(data)
    return scan(buffer, 0, len(data), hops, guess), scan(buffer, 0, len(data), hops)


def same(bulk: Scan, single: Scan) -> bool:
    return np.array_equal(bulk.positions, single.positions) and (bulk.stop, bulk.broken, bulk.needed) == (
        single.stop,
        single.broken,
        single.needed,
    )


@pytest.fixture(autouse=True)
def _small_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockstep, "LANE", SMALL_LANE)


INSIDE = records(9, 60)
PCAP_STORIES = {
    "ordinary packets": records(1, 2000),
    "packets of very different sizes": b"".join(
        record(1_700_000_000 + i, bytes([i & 255]) * (60 if i % 97 else 20_000)) for i in range(3000)
    ),
    "pcap inside pcap: every packet is itself a piece of a capture": b"".join(
        record(1_700_000_000 + i, INSIDE[i * 13 % 700 :][: 900 + i]) for i in range(400)
    ),
    "one packet fills most of the stretch": records(1, 300) + record(1_700_000_300, bytes(200_000)) + records(2, 300),
    "many packets of no bytes": record(1_700_000_000, b"") * 20_000,
    "damage in the middle": records(1, 900) + struct.pack("<IIII", 1, 7, 1 << 31, 60) + records(2, 900),
    "cut in a packet": records(1, 1500)[:-11],
    "cut in a record header": records(1, 1500) + b"\x01\x02\x03",
}


@pytest.mark.parametrize("story", PCAP_STORIES)
def test_the_bulk_scan_finds_what_the_sequential_scan_finds(story: str) -> None:
    bulk, single = both_ways(PCAP_STORIES[story], PCAP, pcap_guess)
    assert same(bulk, single)
    assert len(single.positions) > 100


def test_wrong_guesses_cost_time_but_never_truth() -> None:
    data = PCAP_STORIES["ordinary packets"]
    for shift in (1, 16, 100, -9000):

        def misled(buffer: np.ndarray, start: int, lanes: np.ndarray, end: int, shift: int = shift) -> np.ndarray:
            found = pcap_guess(buffer, start, lanes, end)
            return np.where(np.arange(len(found)) % 3 == 0, found + shift, found)

        assert same(*both_ways(data, PCAP, misled))


def test_where_and_why_the_walk_ended() -> None:
    whole = record(1, b"abcd")
    cases = {
        "at the end": (whole * 2, (2, 40, False)),
        "inside a packet": (whole + whole[:-1], (1, 20, False)),
        "at an impossible length": (whole + struct.pack("<IIII", 1, 2, 262_145, 1) + bytes(50), (1, 20, True)),
        "nothing there": (b"", (0, 0, False)),
    }
    for name, (data, expected) in cases.items():
        found = scan(buffer_of(data), 0, len(data), PCAP)
        assert (len(found.positions), found.stop, found.broken) == expected, name


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    kinds=st.lists(st.sampled_from([6, 6, 6, 2, 3, 4, 0xBAD]), min_size=1, max_size=20),
    cut=st.integers(0, 300),
    damage=st.none() | st.integers(0, 200_000),
)
def test_blocks_are_found_alike_both_ways(seed: int, kinds: list[int], cut: int, damage: int | None) -> None:
    rng = np.random.default_rng(seed)
    blocks = [block(kinds[i % len(kinds)], rng.bytes(int(rng.integers(20, 300)))) for i in range(900)]
    blocks[100] = block(6, b"".join(blocks[:50]))  # a capture inside a packet
    data = bytearray(b"".join(blocks))
    if damage is not None and damage < len(data):
        data[damage] ^= 0x55
    assert same(*both_ways(bytes(data[: len(data) - cut]), PCAPNG, block_guess))
