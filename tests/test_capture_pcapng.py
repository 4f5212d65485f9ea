"""pcapng: every kind of block, both byte orders, several sections; clocks to the nanosecond; and damage."""

from __future__ import annotations

import struct
import tempfile
from fractions import Fraction
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from capture import lockstep
from capture.batch import PADDING
from capture.source import CaptureSource, open_source
from capture.tales import Comment
from capture.ticks import FURTHEST_SECOND, nanoseconds


class Writer:
    """Writes blocks in one byte order (pcapng specification, section 3.1)."""

    def __init__(self, order: str = "<") -> None:
        self.order = order

    def words(self, *values: int) -> bytes:
        return struct.pack(f"{self.order}{len(values)}I", *values)

    def block(self, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        total = self.words(len(body) + 12)
        return self.words(kind) + total + body + total

    def option(self, code: int, value: bytes) -> bytes:
        return struct.pack(self.order + "HH", code, len(value)) + value + bytes(-len(value) % 4)

    def section(self, options: bytes = b"", version: int = 1, length: int = -1) -> bytes:
        body = struct.pack(self.order + "IHHq", 0x1A2B3C4D, version, 0, length)
        return self.block(0x0A0D0D0A, body + options)

    def interface(self, link_type: int = 1, snap_length: int = 0, options: bytes = b"") -> bytes:
        return self.block(1, struct.pack(self.order + "HHI", link_type, 0, snap_length) + options)

    def enhanced(
        self, ticks: int, data: bytes, interface: int = 0, original: int | None = None, options: bytes = b""
    ) -> bytes:
        original = len(data) if original is None else original
        head = self.words(interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), original)
        return self.block(6, head + data + bytes(-len(data) % 4) + options)

    def obsolete(self, ticks: int, data: bytes, interface: int = 0) -> bytes:
        head = struct.pack(self.order + "HH", interface, 9) + self.words(
            ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)
        )
        return self.block(2, head + data)

    def simple(self, data: bytes, original: int | None = None) -> bytes:
        return self.block(3, self.words(len(data) if original is None else original) + data)


LE, BE = Writer("<"), Writer(">")
START = LE.section() + LE.interface()


def written_to(directory: str | Path, data: bytes) -> Path:
    path = Path(directory) / "capture"
    path.write_bytes(data)
    return path


def drained(source: CaptureSource) -> list[tuple[int, int, bytes]]:
    """Time, interface and bytes of every packet; checks what every batch promises."""
    found = []
    for batch in source.batches():
        start, captured = batch.start, batch.captured_length.astype(np.int64)
        assert (start >= 0).all()
        assert (start + captured <= len(batch.buffer) - PADDING).all()
        for row in range(len(batch)):
            data = batch.buffer[start[row] : start[row] + captured[row]].tobytes()
            assert source.read(int(batch.offset[row]), int(captured[row])) == data
            assert batch.link_type[row] == source.interfaces[batch.interface[row]].link_type
            found.append((int(batch.time_ns[row]), int(batch.interface[row]), data))
    return found


def read_back(data: bytes) -> tuple[list[tuple[int, int, bytes]], list[str]]:
    with tempfile.TemporaryDirectory() as directory, open_source(written_to(directory, data)) as source:
        return drained(source), [problem.message for problem in source.problems]


STORIES = {
    "the three kinds of packets; a Simple Packet Block has the time of the packet before": (
        START + LE.simple(b"s") + LE.enhanced(1_000_000, b"enhanced") + LE.simple(b"simple") + LE.obsolete(3, b"old"),
        [(0, 0, b"s"), (10**9, 0, b"enhanced"), (10**9, 0, b"simple"), (3000, 0, b"old")],
    ),
    "each section has its own interfaces and its own byte order": (
        START
        + LE.enhanced(1, b"a")
        + BE.section()
        + BE.interface(113)
        + BE.interface(101)
        + BE.enhanced(2, b"b", interface=1)
        + BE.obsolete(3, b"o", interface=1)
        + LE.section()
        + LE.interface()
        + LE.enhanced(4, b"c"),
        [(1000, 0, b"a"), (2000, 2, b"b"), (3000, 2, b"o"), (4000, 3, b"c")],
    ),
    "an interface may be described between packets": (
        START + LE.enhanced(1, b"a") + LE.interface(101) + LE.enhanced(2, b"b", interface=1),
        [(1000, 0, b"a"), (2000, 1, b"b")],
    ),
    "Simple Packet Blocks are cut at the first interface's snap length": (
        LE.section() + LE.interface(1, 4) + LE.simple(b"abcd", original=90) + LE.simple(b"ab"),
        [(0, 0, b"abcd"), (0, 0, b"ab")],
    ),
    "a section header may be longer than what is scanned at first": (
        START + LE.section(LE.option(1, b"c" * 65_000) * 5) + LE.interface() + LE.enhanced(1, b"a"),
        [(1000, 1, b"a")],
    ),
    "custom blocks, unknown blocks and unknown options are passed over": (
        START + LE.block(0xBAD, b"x" * 9) + LE.block(0x7777, b"") + LE.enhanced(1, b"a", options=LE.option(77, b"?")),
        [(1000, 0, b"a")],
    ),
    "options that overrun their block do not lose the packet": (
        START + LE.enhanced(1, b"a", options=struct.pack("<HH", 1, 900) + b"text") + LE.enhanced(2, b"b"),
        [(1000, 0, b"a"), (2000, 0, b"b")],
    ),
    "interfaces with different clocks": (
        LE.section()
        + LE.interface(options=LE.option(9, b"\x09"))
        + LE.interface(options=LE.option(9, b"\x03") + LE.option(14, struct.pack("<q", -5)))
        + LE.interface(options=LE.option(9, b"\x8a"))
        + LE.enhanced(7, b"ns", 0)
        + LE.enhanced(6001, b"ms", 1)
        + LE.enhanced(1536, b"1/1024 s", 2),
        [(7, 0, b"ns"), (1_001_000_000, 1, b"ms"), (1_500_000_000, 2, b"1/1024 s")],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_blocks_become_packets(story: str) -> None:
    data, expected = STORIES[story]
    assert read_back(data) == (expected, [])


A = LE.enhanced(1, b"a")
DAMAGE = {
    "an interface that was not described": (
        START + A + LE.enhanced(2, b"b", interface=1) + A,
        1,
        "The packet at byte 84 names an interface that was not described; the packet before it is shown.",
    ),
    "an interface of the section before": (
        START + A + LE.section() + A,
        1,
        "The packet at byte 112 names an interface that was not described; the packet before it is shown.",
    ),
    "two different lengths": (
        START + A + A[:-4] + LE.words(99) + A,
        1,
        "The block at byte 84 tells two different lengths, before and after its body; the packet before it is shown.",
    ),
    "a length that no block has": (
        START + A + LE.words(6, 8, 8) + A,
        1,
        "The block at byte 84 claims an impossible length of 8 bytes; the packet before it is shown.",
    ),
    "a packet longer than its block": (
        START + A + LE.block(6, LE.words(0, 0, 2, 9, 9) + b"b") + A,
        1,
        "The packet at byte 84 is longer than its block; the packet before it is shown.",
    ),
    "a block shorter than its own fields": (
        START + LE.block(6, LE.words(0, 0)) + A,
        0,
        "The block at byte 48 is shorter than its own fields; no packet comes before it.",
    ),
    "a packet longer than packets can be": (
        START + A + LE.enhanced(1, bytes(262_145)),
        1,
        "The packet at byte 84 is longer than packets can be; the packet before it is shown.",
    ),
    "a section of another version": (
        START + A + A + LE.section(version=2) + A,
        2,
        (
            "The section at byte 120 is of pcapng version 2.0, which netviz cannot read; "
            "the 2 packets before it are shown."
        ),
    ),
    "a section without byte order": (
        START + A + LE.block(0x0A0D0D0A, bytes(16)) + A,
        1,
        "The section header at byte 84 has no valid byte-order magic; the packet before it is shown.",
    ),
    "a cut block": (
        START + A + A[:-5],
        1,
        (
            "The capture ends inside a block, which begins at byte 84: 31 of 36 bytes are there; "
            "the packet before it is shown."
        ),
    ),
}


@pytest.mark.parametrize("story", DAMAGE)
def test_damage_is_told_in_one_sentence(story: str) -> None:
    data, count, sentence = DAMAGE[story]
    found, problems = read_back(data)
    assert (len(found), problems) == (count, [sentence])


def test_a_length_that_is_not_a_multiple_of_four_is_rounded_up() -> None:
    body = LE.words(0, 0, 1, 1, 1) + b"a"
    careless = LE.words(6, 33) + body + bytes(3) + LE.words(33)
    assert read_back(START + careless + A) == ([(1000, 0, b"a"), (1000, 0, b"a")], [])


def test_what_the_capture_tells_beside_packets(tmp_path: Path) -> None:
    options = b"".join(
        LE.option(code, value)
        for code, value in [(2, b"eth0"), (3, b"the uplink"), (11, b"\0tcp"), (12, b"Linux"), (1, b"noisy")]
    )
    names = struct.pack("<HH4s", 1, 12, bytes([192, 0, 2, 1])) + b"a.test\0\0"
    names += struct.pack("<HH16s", 2, 18, bytes(15) + b"\1") + b"b\0\0\0" + bytes(4)
    data = (
        LE.section(LE.option(1, b"of the capture"))
        + LE.interface(1, 96, options)
        + A
        + LE.enhanced(2, b"abc", options=LE.option(2, bytes(4)) + LE.option(1, "schön".encode()) + bytes(4))
        + LE.block(4, names)
        + LE.block(10, LE.words(0x544C534B, 6) + b"secret")
        + LE.block(5, LE.words(0, 0, 0) + LE.option(5, struct.pack("<Q", 17)))
    )
    with open_source(written_to(tmp_path, data)) as source:
        drained(source)
        (interface,) = source.interfaces
        assert (interface.name, interface.description, interface.snap_length) == ("eth0", "the uplink", 96)
        assert (interface.capture_filter, interface.operating_system, interface.dropped) == ("tcp", "Linux", 17)
        assert source.comments == [
            Comment("of the capture"),
            Comment("noisy", interface=0),
            Comment("schön", packet=1),
        ]
        assert source.names == {"192.0.2.1": ["a.test"], "::1": ["b"]}
        assert source.secrets == [(0x544C534B, b"secret")]
        assert source.problems == []


def test_what_hostile_captures_tell_is_kept_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.tales.MOST_TEXTS", 3)
    with open_source(written_to(tmp_path, START + LE.enhanced(1, b"a", options=LE.option(1, b"c")) * 9)) as source:
        assert len(drained(source)) == 9
        assert len(source.comments) == 3
        assert [problem.message for problem in source.problems] == [
            "The capture has more comments than are kept; the rest of them is left out."
        ]


@settings(max_examples=300, deadline=None)
@given(
    ticks=st.integers(0, (1 << 64) - 1), resolution=st.integers(0, 255), offset=st.integers(-(1 << 63), (1 << 63) - 1)
)
@example(ticks=18_446_744_071, resolution=0, offset=-9_223_372_036)
@example(ticks=(1 << 64) - 1, resolution=0, offset=-(1 << 63))
def test_clocks_are_exact_in_every_resolution(ticks: int, resolution: int, offset: int) -> None:
    tick = Fraction(1, (2 if resolution & 0x80 else 10) ** (resolution & 0x7F))
    second, rest = divmod(ticks * tick, 1)
    second = min(max(second + offset, -FURTHEST_SECOND), FURTHEST_SECOND)
    found = nanoseconds(np.array([ticks], np.uint64), resolution, offset)
    assert int(found[0]) == int(second) * 10**9 + int(rest * 10**9)


packets_of = st.lists(
    st.tuples(st.integers(0, 1 << 52), st.sampled_from([0, 1]), st.binary(max_size=120)), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(order=st.sampled_from("<>"), packets=packets_of, data=st.data())
def test_a_cut_gives_the_packets_before_it_and_says_where(
    order: str, packets: list[tuple[int, int, bytes]], data: st.DataObject
) -> None:
    writer = Writer(order)
    blocks = [writer.section(), writer.interface(), writer.interface(101)]
    blocks += [writer.enhanced(ticks, content, interface) for ticks, interface, content in packets]
    whole, ends = b"".join(blocks), np.cumsum([len(block) for block in blocks])
    cut = data.draw(st.integers(int(ends[2]), len(whole)))
    count = int(np.searchsorted(ends, cut, side="right")) - 3
    found, problems = read_back(whole[:cut])
    assert found == [(ticks * 1000, interface, content) for ticks, interface, content in packets[:count]]
    assert len(problems) == (cut not in ends)
    assert all(f"begins at byte {ends[count + 2]:,}" in problem for problem in problems)


@settings(max_examples=200, deadline=None)
@given(
    damage=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=6),
    tail=st.binary(max_size=60),
    story=st.sampled_from(list(STORIES)),
)
def test_arbitrary_bytes_never_crash_and_never_give_packets_outside_the_buffer(
    damage: list[tuple[int, int]], tail: bytes, story: str
) -> None:
    data = bytearray(STORIES[story][0] + START + A * 5)
    for place, value in damage:
        data[8 + place % (len(data) - 8)] = value
    read_back(bytes(data) + tail)


def test_many_short_sections_do_not_slow_the_scan_down() -> None:
    turns = (LE.section() + LE.interface() + A + BE.section() + BE.interface() + BE.enhanced(1, b"a")) * 1500
    found, problems = read_back(turns)
    assert (len(found), problems) == (3000, [])
    assert found[-1] == (1000, 2999, b"a")


def test_sections_are_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.pcapng.MOST_SECTIONS", 2)
    assert read_back((START + A) * 3) == (
        [(1000, 0, b"a"), (1000, 1, b"a")],
        ["The section at byte 168 is one more than the 2 that are read; the 2 packets before it are shown."],
    )


@pytest.mark.parametrize("order", "<>")
def test_a_capture_of_many_windows_and_lanes_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    walks = Mock(wraps=lockstep._walk_lanes)
    monkeypatch.setattr(lockstep, "_walk_lanes", walks)
    monkeypatch.setattr(lockstep, "LANE", 8192)
    rng, writer = np.random.default_rng(5), Writer(order)
    packets = [(i * 1000, 0, rng.bytes(int(rng.integers(40, 600)))) for i in range(9000)]
    blocks = [writer.enhanced(time // 1000, data) for time, _, data in packets]
    with open_source(written_to(tmp_path, b"".join([writer.section(), writer.interface(), *blocks]))) as source:
        assert drained(source) == packets
        assert source.problems == []
    assert walks.call_count >= 2  # the bulk walk did it, in several windows
