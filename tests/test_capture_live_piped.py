"""Capturing by way of dumpcap or tcpdump: any stream becomes whole blocks of pcapng, and limits are obeyed."""

from __future__ import annotations

import os
import shutil
import struct
import sys
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.live.blocks import Blocks, NotPcapError
from capture.live.files import named
from capture.live.piped import Piped, command
from capture.live.starting import Limits, LiveError
from capture.source import open_source
from fixtures import containers
from test_capture_live import linux, live

if TYPE_CHECKING:
    from pathlib import Path

PACKETS = [(number * 1_000_000, bytes([number]) * (60 + number)) for number in range(40)]
PCAPNG = (
    containers.section()
    + containers.interface("lo", resolution=9)
    + b"".join(containers.packet(*each) for each in PACKETS)
    + containers.statistics(0, 40, 0)
)
SECTION = 28
"""Bytes of a section header without options."""
FAKE = """#!{python}
import signal, sys, time
def end(*_):
    sys.stderr.write({last!r})
    sys.exit(0)
signal.signal(signal.SIGINT, end)
sys.stderr.write({first!r})
sys.stderr.flush()
sys.stdout.buffer.write(open({data!r}, "rb").read())
sys.stdout.flush()
time.sleep({stays})
"""
RECEIVED = "Packets received/dropped on interface 'lo': 40/3 (pcap:3/dumpcap:0/flushed:0/ps_ifdrop:0) (93.0%)"


def read(file: Path) -> list[bytes]:
    with open_source(file) as source:
        found = [
            batch.buffer[at : at + size].tobytes()
            for batch in source.batches()
            for at, size in zip(batch.start.tolist(), batch.captured_length.tolist(), strict=True)
        ]
        assert source.problems == []
    return found


@given(cuts=st.lists(st.integers(0, len(PCAPNG)), max_size=30), order=st.sampled_from("<>"))
def test_pcapng_is_cut_into_its_blocks_however_it_comes(cuts: list[int], order: str) -> None:
    data = PCAPNG if order == "<" else containers.section(">") + containers.packet(5, b"some", order=">")
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    blocks, found = Blocks(), []
    for begin, end in pairwise(places):
        found += blocks.feed(data[begin:end])
    assert b"".join(piece for _, piece in found) == data
    assert sum(is_packet for is_packet, _ in found) == (40 if order == "<" else 1)


@given(
    cuts=st.lists(st.integers(0, 3000), max_size=30),
    order=st.sampled_from("<>"),
    nanoseconds=st.booleans(),
    link_type=st.sampled_from([0, 1, 113]),
)
def test_pcap_becomes_pcapng_with_the_same_packets_and_times(
    cuts: list[int], order: str, nanoseconds: bool, link_type: int
) -> None:
    data = containers.pcap(PACKETS, link_type=link_type, order=order, nanoseconds=nanoseconds)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    blocks, found = Blocks(), []
    for begin, end in pairwise(places):
        found += blocks.feed(data[begin:end])
    assert [is_packet for is_packet, _ in found] == [False] * 2 + [True] * 40
    for (_, piece), (time_ns, frame) in zip(found[2:], PACKETS, strict=True):
        kind, total, number, high, low, captured, length = struct.unpack_from("<IIIIIII", piece)
        assert (kind, total, number, captured, length) == (6, len(piece), 0, len(frame), len(frame))
        assert high << 32 | low == time_ns
        assert piece[28 : 28 + captured] == frame
    assert struct.unpack_from("<H", found[1][1], 8) == (link_type,)


@pytest.mark.parametrize(
    "data", [b"no capture at all, but long enough", PCAPNG[:SECTION] + b"\x06\0\0\0\x07\0\0\0" + bytes(40)]
)
def test_what_is_no_capture_is_refused(data: bytes) -> None:
    with pytest.raises(NotPcapError):
        Blocks().feed(data)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_do_no_harm(data: bytes) -> None:
    for start in (b"", PCAPNG[:SECTION], containers.pcap([])):
        try:
            pieces = Blocks().feed(start + data)
        except NotPcapError:
            continue
        assert sum(len(piece) for _, piece in pieces) <= len(start + data) * 3 + 100


def test_the_programs_are_told_what_is_wanted() -> None:
    told = command("/usr/bin/dumpcap", ["lo", "eth0"], "tcp port 80", 96)
    assert told[0] == "/usr/bin/dumpcap"
    assert " ".join(told[1:]) == "-q -B 32 -s 96 -f tcp port 80 -i lo -i eth0 -w -"
    assert told.count("tcp port 80") == 1
    assert command("tcpdump", ["lo"], " ", 96)[-4:] == ["-i", "lo", "-w", "-"]
    assert command("tcpdump", ["lo"], "-evil", 96)[-2:] == ["--", "-evil"]
    with pytest.raises(LiveError, match="one interface at a time"):
        command("tcpdump", ["lo", "eth0"], "", 96)


def fake(folder: Path, data: bytes, *, first: str = "", last: str = "", stays: float = 30.0) -> list[str]:
    """A program that writes these bytes, and stays until it is interrupted."""
    (folder / "data").write_bytes(data)
    program = folder / "dumpcap"
    text = FAKE.format(python=sys.executable, first=first, last=last, data=str(folder / "data"), stays=stays)
    program.write_text(text)
    program.chmod(0o755)
    return [str(program)]


def no_other() -> int:
    raise AssertionError("no other file is wanted")


def captured(words: list[str], out: int, limits: Limits, packets: int) -> Piped:
    """A capture that has got so far."""
    running = Piped(words, out, limits, no_other)
    until = time.monotonic() + 10
    while running.counts.packets < packets and time.monotonic() < until:
        time.sleep(0.01)
    return running


def test_everything_is_written_and_what_was_dropped_is_known_at_the_end(tmp_path: Path) -> None:
    out = named(tmp_path / "all.pcapng")
    running = captured(fake(tmp_path, PCAPNG, last=RECEIVED), out, Limits(), 40)
    assert (running.counts.packets, running.counts.dropped, running.ended) == (40, None, False)
    counts = running.stop()
    os.close(out)
    assert (counts.packets, counts.dropped, counts.seen, counts.done) == (40, 3, 43, "stopped")
    assert (tmp_path / "all.pcapng").read_bytes() == PCAPNG
    assert counts.written == len(PCAPNG)


@pytest.mark.parametrize(
    ("limits", "packets"),
    [(Limits(packets=7), 7), (Limits(bytes=1000), 9), (Limits(seconds=0.3), 40)],
)
def test_limits_are_obeyed(tmp_path: Path, limits: Limits, packets: int) -> None:
    out = named(tmp_path / "some.pcapng")
    running = Piped(fake(tmp_path, PCAPNG, last=RECEIVED), out, limits, no_other)
    running.wait(10)
    os.close(out)
    assert (running.counts.packets, running.counts.done) == (packets, "limit")
    assert read(tmp_path / "some.pcapng") == [frame for _, frame in PACKETS[:packets]]


def test_a_ring_goes_on_in_files_that_are_whole(tmp_path: Path) -> None:
    files: list[Path] = []

    def another() -> int:
        files.append(tmp_path / f"{len(files)}.pcapng")
        return named(files[-1])

    out = another()
    running = Piped(fake(tmp_path, PCAPNG, stays=0), out, Limits(rotate_bytes=1500), another)
    running.wait(10)
    os.close(out)
    assert len(files) > 2
    assert [frame for file in files for frame in read(file)] == [frame for _, frame in PACKETS]
    assert all(file.stat().st_size <= 1500 for file in files)


def test_a_program_that_ends_by_itself_or_writes_nonsense_is_told_of(tmp_path: Path) -> None:
    out = named(tmp_path / "cut.pcapng")
    running = Piped(fake(tmp_path, PCAPNG[:-10], first="dumpcap: the end of it\n", stays=0), out, Limits(), no_other)
    running.wait(10)
    assert running.counts.done == "dumpcap has ended: the end of it"
    running = Piped(fake(tmp_path, b"nonsense" * 10), out, Limits(), no_other)
    running.wait(10)
    os.close(out)
    done = running.counts.done
    assert done == "what dumpcap writes cannot be read: it begins like neither pcapng nor pcap"


def test_a_program_that_captures_nothing_is_told_of_in_its_own_words(tmp_path: Path) -> None:
    out = named(tmp_path / "none.pcapng")
    with pytest.raises(LiveError, match=r"^Nothing can be captured through dumpcap: No such device\.$"):
        Piped(fake(tmp_path, b"", first="dumpcap: No such device.\n", stays=0), out, Limits(), no_other)
    os.close(out)


@linux
@pytest.mark.parametrize(
    ("program", "option", "dropped"), [("dumpcap", "", 0), ("tcpdump", "-Z root", 0), ("tcpdump", "", None)]
)
def test_a_user_without_rights_captures_through_a_program_that_has_them(
    tmp_path: Path, program: str, option: str, dropped: int | None
) -> None:
    """The last tcpdump becomes another user, whom we may not even tell to end."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a right up that a program gets back")
    found = shutil.which(program, path="/usr/bin:/usr/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed")
    file, script = tmp_path / "all.pcapng", tmp_path / program
    script.write_text(f'#!/bin/sh\nexec {found} {option} "$@"\n')
    script.chmod(0o755)
    told = live(
        """
import ctypes, capture.live.feed
# Root without a capability: the program that it starts has them all again.
ctypes.CDLL(None).capset(struct.pack("=Ii", 0x20080522, 0), bytes(24))
capture.live.feed.programs = lambda: [sys.argv[2]]
feed = begin(sys.argv[1])
time.sleep(0.2)
send(2000)
for _ in range(100):
    if feed.counts.packets >= 2000:
        break
    time.sleep(0.05)
counts = feed.stop()
send(2)  # what nobody may end ends with the first packet that it cannot write
tell(counts, through=feed.through)
""",
        file,
        script,
    )
    assert told == {
        "seen": 2000,
        "dropped": dropped,
        "packets": 2000,
        "written": file.stat().st_size,
        "done": "stopped",
        "through": program,
    }
    assert [int.from_bytes(each[42:46]) for each in read(file)] == list(range(2000))
