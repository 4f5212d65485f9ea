"""Opening captures: from files, streams and standard input; every refusal is one sentence; and foreign captures."""

from __future__ import annotations

import gzip
import json
import os
import re
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import lz4.frame
import numpy as np
import pytest
import zstandard

from capture.errors import CaptureError, NotACaptureError, UnreadableFileError, UnsupportedCaptureError
from capture.link_types import link_type_name
from capture.source import open_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus"

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
RECORD = struct.pack("<IIII", 1_700_000_000, 1, 60, 60) + bytes(60)
CAPTURE = HEADER + RECORD * 5

REFUSED = {
    "an empty file": (b"", NotACaptureError, "f is empty."),
    "a text": (b"GET / HTTP/1.1\r\n" * 9, NotACaptureError, "f is not a capture: it begins like neither"),
    "one byte": (b"\xd4", NotACaptureError, "f is not a capture"),
    "only the magic": (CAPTURE[:4], NotACaptureError, "The capture ends inside its file header"),
    "a format that Wireshark knows": (b"GMBU" + bytes(60), UnsupportedCaptureError, "f is a Network Monitor 2 capture"),
    "a compression that is not ours": (b"BZh9" + bytes(60), UnsupportedCaptureError, "compressed with bzip2"),
    "an empty gzip": (gzip.compress(b""), NotACaptureError, "f is empty."),
    "a gzip of a text": (gzip.compress(b"hello " * 99), NotACaptureError, "f is not a capture"),
    "a gzip damaged at once": (
        b"\x1f\x8b\x08\x00" + bytes(6) + b"\xff" * 40,
        UnreadableFileError,
        "gzip data is damaged",
    ),
    "a snoop of another version": (
        b"snoop\0\0\0" + bytes(7) + b"\x09" + bytes(9),
        UnsupportedCaptureError,
        "snoop version",
    ),
}


@pytest.mark.parametrize("story", REFUSED)
def test_refusals_are_one_sentence(tmp_path: Path, story: str) -> None:
    data, error, sentence = REFUSED[story]
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(error, match=re.escape(sentence)) as raised:
        open_source(tmp_path / "f")
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableFileError, match="There is no file"):
        open_source(tmp_path / "missing")
    with pytest.raises(UnreadableFileError, match="is a directory"):
        open_source(tmp_path)

    def forbidden(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("capture.source.os.open", forbidden)
    with pytest.raises(UnreadableFileError, match="no permission to read"):
        open_source(tmp_path / "f")


@pytest.mark.parametrize(
    ("compression", "pack"),
    [(None, bytes), ("gzip", gzip.compress), ("zstd", zstandard.compress), ("lz4", lz4.frame.compress)],
)
def test_a_file_whatever_its_compression(
    tmp_path: Path, compression: str | None, pack: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "f.pcap").write_bytes(pack(CAPTURE))
    with open_source(tmp_path / "f.pcap") as source:
        batches = [len(batch) for batch in source.batches()]
        assert (batches, source.name, source.format, source.compression) == ([5], "f.pcap", "pcap", compression)
        assert source.bytes_read == source.bytes_total == (tmp_path / "f.pcap").stat().st_size
        assert source.read(24, len(RECORD)) == RECORD
        assert source.problems == []


def test_a_compressed_capture_that_is_cut_gives_what_was_read(tmp_path: Path) -> None:
    packed = gzip.compress(HEADER + b"".join(RECORD[:16] + os.urandom(60) for _ in range(999)))
    (tmp_path / "f").write_bytes(packed[:30_000])
    with open_source(tmp_path / "f") as source:
        count = sum(len(batch) for batch in source.batches())
        assert 200 < count < 999
        (problem,) = source.problems
        assert "the gzip data ends too early" in problem.message
        assert problem.packet == count + 1


def test_packets_of_a_stream_come_as_they_arrive(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: os.close(feed(fifo, HEADER + RECORD + RECORD[:9], arrived)))
    arrived = threading.Event()
    writer.start()
    with open_source(fifo) as source:
        batches = source.batches()
        assert len(next(batches)) == 1  # though the next packet is not whole, and more may come
        arrived.set()
        assert sum(len(batch) for batch in batches) == 3
        assert (source.bytes_total, source.problems) == (None, [])
        assert source.read(24, 76) == RECORD
    writer.join()


def feed(fifo: Path, first: bytes, arrived: threading.Event) -> int:
    descriptor = os.open(fifo, os.O_WRONLY)
    os.write(descriptor, first)
    arrived.wait(10)
    os.write(descriptor, RECORD[9:] + RECORD * 2)
    return descriptor


def test_standard_input_is_read_by_a_descriptor_of_our_own() -> None:
    reading, writing = os.pipe()
    os.write(writing, CAPTURE)
    os.close(writing)
    keyboard = os.dup(0)
    os.dup2(reading, 0)
    try:
        source = open_source("-")
    finally:
        os.dup2(keyboard, 0)
    with source:
        assert (source.name, sum(len(batch) for batch in source.batches())) == ("standard input", 5)
    for descriptor in (keyboard, reading):
        os.close(descriptor)


def test_a_terminal_is_no_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.source.os.isatty", lambda _: True)
    with pytest.raises(UnreadableFileError, match="Standard input is a terminal"):
        open_source("-")


def test_waiting_for_a_stream_can_be_cancelled(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    keeper = os.open(fifo, os.O_RDWR)
    os.write(keeper, HEADER + RECORD + RECORD[:9])
    with open_source(fifo) as source:
        timer = threading.Timer(0.1, source.cancel)
        timer.start()
        assert sum(len(batch) for batch in source.batches()) == 1
        assert source.problems == []  # that a packet is not whole is not the capture's fault
        timer.join()
    os.close(keeper)


def test_a_snoop_capture_is_read(tmp_path: Path) -> None:
    head = b"snoop\0\0\0" + struct.pack(">II", 2, 4)
    record = struct.pack(">IIIIII", 90, 6, 32, 0, 1_000, 5) + b"abcdef" + bytes(2)
    (tmp_path / "f").write_bytes(head + record * 3 + record[:-1])
    with open_source(tmp_path / "f") as source:
        (batch,) = source.batches()
        assert source.format == "snoop"
        assert batch.captured_length.tolist() == [6, 6, 6]
        assert batch.original_length.tolist() == [90, 90, 90]
        assert batch.time_ns.tolist() == [1_000_000_005_000] * 3
        assert source.read(int(batch.offset[1]), 6) == b"abcdef"
        assert "inside packet 4" in source.problems[0].message


def test_link_types_are_named_as_in_the_registry() -> None:
    names = {
        0: "NULL",
        1: "ETHERNET",
        12: "RAW",
        113: "LINUX_SLL",
        276: "LINUX_SLL2",
        150: "USER3",
        999: "LINKTYPE_999",
    }
    assert {number: link_type_name(number) for number in names} == names


MORE_THAN_TSHARK = {
    "libpcap__brcm-tag.pcap": 15,  # a link type tshark refuses: raw bytes to us
    "tcpdump__edsa-high-vid.pcap": 4,
    "tcpdump__juniper_es_oobr.pcap": 1,
}
TAKEN_OTHERWISE = {  # a fuzzed file that tshark takes for the Red Hat 6.1 dialect
    "pcpp__crash-exception-cast-constructed-record": 2,
}
CUSTOM_BLOCKS = {  # tshark lists Custom Blocks as frames; we count packets
    "pcapng__be-test017.pcapng": 4,
    "pcapng__le-test017.pcapng": 4,
    "pcapng__be-test102.pcapng": 3,
}
OTHER_TIMES = {
    "nfstream__dhcp_big_endian.pcapng": "after the year 2262: held at the furthest time",
    "pcpp__pcapng-example.pcapng": "after the year 2262: held at the furthest time",
    "tcpdump__atm-oam-loopback-print-overrun.pcap": "microseconds beyond 2^32 / 1000, which tshark wraps around",
    "tcpflow__bug8.pcap": "microseconds beyond 2^32 / 1000, which tshark wraps around",
}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of foreign captures is not here")
def test_foreign_captures_give_the_frames_that_tshark_gives() -> None:
    different = {}
    for path in sorted((CORPUS / "captures").iterdir()):
        expected = json.loads(
            gzip.decompress((CORPUS / "expected/tshark" / f"{path.name}.streams.json.gz").read_bytes())
        )
        wanted = expected["capture"]["frames"] - CUSTOM_BLOCKS.get(path.name, 0)
        wanted = (MORE_THAN_TSHARK | TAKEN_OTHERWISE).get(path.name, wanted)
        try:
            with open_source(path) as source:
                times = [batch.time_ns for batch in source.batches()]
                found = sum(len(batch) for batch in times)
                damaged = bool(source.problems)
        except CaptureError as error:
            different[path.name] = str(error)
            continue
        refused = path.name in MORE_THAN_TSHARK
        if found != wanted or damaged != (expected["rc"] != 0 and not refused):
            different[path.name] = f"{found} packets, tshark {wanted}; {source.problems}"
        elif found and path.name not in OTHER_TIMES and not _same_times(path.name, np.concatenate(times)):
            different[path.name] = "other times"
    assert different == {}


def _same_times(name: str, found: NDArray[np.int64]) -> bool:
    """Whether the times are those of tshark, which has none for Simple Packet Blocks and Custom Blocks."""
    table = gzip.decompress((CORPUS / "expected/tshark" / f"{name}.frames.tsv.gz").read_bytes()).decode()
    cells = [line.split("\t", 2)[1] for line in table.splitlines()[1:] if "\t" in line]
    if name in CUSTOM_BLOCKS or "" in cells:
        return {int(cell.replace(".", "")) for cell in cells if cell} <= set(found.tolist())
    return (
        name in MORE_THAN_TSHARK | TAKEN_OTHERWISE or [int(cell.replace(".", "")) for cell in cells] == found.tolist()
    )
