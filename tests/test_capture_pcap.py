"""pcap and its dialects: what was written is read back, and damage costs only what comes behind it."""

from __future__ import annotations

import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture import lockstep
from capture.batch import PADDING
from capture.errors import CaptureError, UnsupportedCaptureError
from capture.source import CaptureSource, open_source


@dataclass(frozen=True)
class Packet:
    seconds: int
    fraction: int  # in the format's own unit
    data: bytes
    original: int


@dataclass(frozen=True)
class Dialect:
    """One way to write a pcap file."""

    name: str
    magic: int = 0xA1B2C3D4
    order: str = "<"
    version: tuple[int, int] = (2, 4)
    extra: int = 0  # bytes of the record header behind the usual 16
    swapped: bool = False
    unit: int = 1000  # nanoseconds

    def header(self, link_type: int = 1) -> bytes:
        return struct.pack(self.order + "IHHiIII", self.magic, *self.version, 0, 0, 65535, link_type)

    def record(self, packet: Packet) -> bytes:
        lengths = [len(packet.data), packet.original]
        if self.swapped:
            lengths.reverse()
        header = struct.pack(self.order + "IIII", packet.seconds, packet.fraction, *lengths)
        return header + bytes(self.extra) + packet.data

    def written(self, packets: list[Packet], link_type: int = 1) -> bytes:
        return self.header(link_type) + b"".join(self.record(packet) for packet in packets)


DIALECTS = [
    Dialect("pcap"),
    Dialect("pcap", order=">"),
    Dialect("pcap", version=(2, 2), swapped=True),
    Dialect("pcap", order=">", version=(2, 3)),
    Dialect("pcap", version=(2, 3), swapped=True),
    Dialect("pcap", version=(543, 0), swapped=True),
    Dialect("pcap (nanoseconds)", magic=0xA1B23C4D, unit=1),
    Dialect("pcap (nanoseconds)", magic=0xA1B23C4D, unit=1, order=">"),
    Dialect("modified pcap", magic=0xA1B2CD34, extra=8),
    Dialect("modified pcap", magic=0xA1B2CD34, extra=8, order=">"),
    Dialect("modified pcap (SuSE 6.3)", magic=0xA1B2CD34, extra=12),
    Dialect("modified pcap (Red Hat 6.1)", extra=8),
    Dialect("modified pcap (Red Hat 6.1)", extra=8, order=">"),
    Dialect("pcap (Nokia)", extra=4, order=">"),
]
PLAIN = DIALECTS[0]

packets_of = st.lists(
    st.builds(
        lambda second, fraction, data, more: Packet(1_200_000_000 + second, fraction, data, len(data) + more),
        st.integers(0, 1 << 20),
        st.integers(0, 999_999),
        st.binary(min_size=1, max_size=200).map(lambda data: b"\xff" + data),
        st.integers(0, 1500),
    ),
    min_size=4,
    max_size=60,
)


def written_to(directory: str | Path, data: bytes) -> Path:
    path = Path(directory) / "capture"
    path.write_bytes(data)
    return path


def drained(source: CaptureSource) -> list[tuple[int, int, bytes]]:
    """Time, original length and bytes of every packet; checks what every batch promises."""
    found = []
    for batch in source.batches():
        start, captured = batch.start, batch.captured_length.astype(np.int64)
        assert (start >= 0).all()
        assert (start + captured <= len(batch.buffer) - PADDING).all()
        assert not batch.buffer[-PADDING:].any()
        for row in range(len(batch)):
            data = batch.buffer[start[row] : start[row] + captured[row]].tobytes()
            assert source.read(int(batch.offset[row]), int(captured[row])) == data
            found.append((int(batch.time_ns[row]), int(batch.original_length[row]), data))
    return found


def read_back(data: bytes) -> tuple[list[tuple[int, int, bytes]], list[str], str]:
    with tempfile.TemporaryDirectory() as directory, open_source(written_to(directory, data)) as source:
        return drained(source), [problem.message for problem in source.problems], source.format


def expected(packets: list[Packet], unit: int) -> list[tuple[int, int, bytes]]:
    return [(p.seconds * 1_000_000_000 + p.fraction * unit, p.original, p.data) for p in packets]


@settings(max_examples=60, deadline=None)
@given(dialect=st.sampled_from(DIALECTS), packets=packets_of)
def test_what_any_dialect_wrote_is_read_back(dialect: Dialect, packets: list[Packet]) -> None:
    assert read_back(dialect.written(packets)) == (expected(packets, dialect.unit), [], dialect.name)


@settings(max_examples=60, deadline=None)
@given(dialect=st.sampled_from(DIALECTS[:9]), packets=packets_of, data=st.data())
def test_a_cut_gives_the_packets_before_it_and_says_where(
    dialect: Dialect, packets: list[Packet], data: st.DataObject
) -> None:
    whole = dialect.written(packets)
    cut = data.draw(st.integers(24, len(whole)))
    ends = np.cumsum([24] + [len(dialect.record(packet)) for packet in packets])
    count = int(np.searchsorted(ends, cut, side="right")) - 1
    found, problems, _ = read_back(whole[:cut])
    assert found == expected(packets[:count], dialect.unit)
    if cut in ends:
        assert problems == []
    else:
        assert len(problems) == 1
        assert f"inside packet {count + 1}, which begins at byte {ends[count]:,}" in problems[0]


@settings(max_examples=150, deadline=None)
@given(
    header=st.sampled_from([dialect.header() for dialect in DIALECTS]),
    garbage=st.binary(max_size=400) | st.lists(st.sampled_from([0, 1, 16, 255]), max_size=300).map(bytes),
)
def test_arbitrary_bytes_never_crash_and_never_give_packets_outside_the_buffer(header: bytes, garbage: bytes) -> None:
    read_back(header + garbage)


ONE = Packet(1_700_000_000, 5, b"abcdef", 60)
DAMAGE = {
    "a length beyond any packet": (
        PLAIN.written([ONE]) + struct.pack("<IIII", 1, 2, 262_145, 60) + bytes(20),
        1,
        (
            "Packet 2, at byte 46, claims 262,145 bytes, more than the 262,144 a packet can have; "
            "the packet before it is shown."
        ),
    ),
    "the first record header is cut": (
        PLAIN.header() + bytes(5),
        0,
        (
            "The capture ends inside packet 1, which begins at byte 24: 5 of 16 bytes are there; "
            "no packet comes before it."
        ),
    ),
    "a packet is cut": (
        PLAIN.written([ONE, ONE, ONE])[:-1],
        2,
        (
            "The capture ends inside packet 3, which begins at byte 68: 21 of 22 bytes are there; "
            "the 2 packets before it are shown."
        ),
    ),
}


@pytest.mark.parametrize("story", DAMAGE)
def test_damage_is_told_in_one_sentence(story: str) -> None:
    data, count, sentence = DAMAGE[story]
    found, problems, _ = read_back(data)
    assert (len(found), problems) == (count, [sentence])


def test_curious_records_are_taken_as_they_are() -> None:
    stories = {
        "more captured than there was": Packet(1, 2, b"abcdef", 3),
        "no bytes at all": Packet(1, 2, b"", 0),
        "a fraction of more than a second": Packet(1, 4_294_967_295, b"a", 1),
        "the last second of the format": Packet(4_294_967_295, 999_999, b"a", 1),
    }
    for name, packet in stories.items():
        found, problems, _ = read_back(PLAIN.written([packet, ONE]))
        assert found == expected([packet, ONE], 1000), name
        assert problems == [], name


def test_some_link_types_have_larger_packets(tmp_path: Path) -> None:
    large = Packet(1, 2, bytes(700_000), 700_000)
    with open_source(written_to(tmp_path, PLAIN.written([ONE, large, ONE], link_type=231))) as source:
        assert [len(data) for _, _, data in drained(source)] == [6, 700_000, 6]
        assert source.interfaces[0].link_type == 231
    assert len(read_back(PLAIN.written([ONE, large, ONE]))[0]) == 1


def test_the_link_type_leaves_out_the_frame_check_bits(tmp_path: Path) -> None:
    with open_source(written_to(tmp_path, PLAIN.written([ONE], link_type=0x24000001))) as source:
        (batch,) = source.batches()
        assert (source.interfaces[0].link_type, batch.link_type.tolist()) == (1, [1])


def test_version_1_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedCaptureError, match=r"version 1\.0"):
        open_source(written_to(tmp_path, Dialect("", version=(1, 0)).written([ONE])))


def test_a_file_header_that_is_cut_is_refused(tmp_path: Path) -> None:
    for length in range(4, 24):
        with pytest.raises(CaptureError, match="ends inside its file header"):
            open_source(written_to(tmp_path, PLAIN.written([ONE])[:length]))


@pytest.mark.parametrize("order", "<>")
def test_a_capture_of_many_windows_and_lanes_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    walks = Mock(wraps=lockstep._walk_lanes)
    monkeypatch.setattr(lockstep, "_walk_lanes", walks)
    monkeypatch.setattr(lockstep, "LANE", 8192)
    rng = np.random.default_rng(5)
    dialect = Dialect("pcap", order=order)
    packets = []
    for i in range(9000):
        data = rng.bytes(int(rng.integers(40, 600)))
        packets.append(Packet(1_700_000_000 + i // 100, i * 37 % 1_000_000, data, len(data)))
    path = written_to(tmp_path, dialect.written(packets))
    with open_source(path) as source:
        assert drained(source) == expected(packets, 1000)
        assert source.bytes_read == source.bytes_total == path.stat().st_size
    assert walks.call_count >= 2  # the bulk walk did it, in several windows
