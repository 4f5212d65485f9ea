"""Decoding ahead of the analysis: another thread, the same order, nothing lost and nothing left behind."""

from __future__ import annotations

import struct
import threading
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from analysis.ahead import AHEAD, decoded
from analysis.analyser import Analyser
from analysis.session import Session
from capture.source import open_source
from fixtures import containers
from packet_builder import ethernet, ipv4, udp

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from capture.source import CaptureSource


def source(batches: Iterator[int], total: int | None = 1000) -> CaptureSource:
    """A capture of which one byte has been read, and that hands on these batches."""
    return cast("CaptureSource", SimpleNamespace(batches=lambda: batches, bytes_total=total, bytes_read=1))


def read(batches: Iterator[int], total: int | None = 1000) -> Generator[tuple[int, str], None, None]:
    """Each batch, and the name of the thread that decoded it."""
    naming = cast("Any", SimpleNamespace(decode=lambda _: threading.current_thread().name))
    made: Any = decoded(source(batches, total), naming)
    return cast("Generator[tuple[int, str], None, None]", made)


def test_batches_keep_their_order_on_another_thread() -> None:
    told = list(read(iter(range(50))))
    assert [batch for batch, _ in told] == list(range(50))
    here = threading.current_thread().name
    assert told[0][1] == here  # the first rows are not to wait for a thread
    assert all(name.startswith("netviz decoder") for _, name in told[1:])


@pytest.mark.parametrize("total", [None, 1])
def test_a_stream_and_a_capture_that_is_read_whole_stay_on_one_thread(total: int | None) -> None:
    names = {name for _, name in read(iter(range(9)), total)}
    assert names == {threading.current_thread().name}


def test_an_error_of_reading_comes_after_what_was_read_before_it() -> None:
    def failing() -> Iterator[int]:
        yield from range(5)
        raise OSError("the disk is gone")

    batches = read(failing())
    assert [next(batches)[0] for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)


def test_who_stops_early_leaves_no_thread_and_little_read_for_nothing() -> None:
    pulled: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(1000):
            pulled.append(number)
            yield number

    batches = read(counted())
    for _ in range(5):
        next(batches)
    batches.close()
    assert len(pulled) <= 5 + AHEAD
    assert not any(thread.name.startswith("netviz decoder") for thread in threading.enumerate())


def test_a_capture_of_several_windows_says_the_same_as_one_that_is_fed_by_hand(tmp_path: Path) -> None:
    ethernet = bytes(12) + b"\x08\x00"
    packets = []
    for number in range(3000):
        ends = struct.pack(">IIHHII", 0x0A000001, 0x0A000002, 1024 + number % 700, 80, 1000 + number, 0)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 440, 0, 0, 64, 6, 0) + ends[:8]
        frame = ethernet + ip + ends[8:] + struct.pack(">HHHH", 0x5010, 500, 0, 0) + bytes(400)
        packets.append(struct.pack("<IIII", 1_700_000_000, number, len(frame), len(frame)) + frame)
    path = tmp_path / "several.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(packets))
    session = Session(open_source(path))
    session.run()
    analyser = Analyser()
    with open_source(path) as again:
        for batch in again.batches():
            analyser.feed(batch)
    assert len(session.snapshot.packets) == 3000
    assert session.snapshot.packets.connection.tolist() == analyser.packets.snapshot().connection.tolist()
    assert session.snapshot.packets.states.tolist() == analyser.packets.snapshot().states.tolist()
    session.close()


def test_what_was_seen_at_two_points_is_found_however_far_reading_is_ahead(tmp_path: Path) -> None:
    blocks = [containers.section(), containers.interface("client:eth0"), containers.interface("server:eth0")]
    for number in range(3000):
        frame = ethernet(ipv4(udp(struct.pack(">I", number) + bytes(400))))
        blocks += [containers.packet(2 * number + point, frame, interface=point) for point in (0, 1)]
    path = tmp_path / "points.pcapng"
    path.write_bytes(b"".join(blocks))
    with closing(Session(open_source(path))) as session:
        session.run()
        expected = [[2 * number + 1, 2 * number] for number in range(3000)]
        assert session.snapshot.sightings.tolist() == expected
