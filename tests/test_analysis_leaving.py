"""A full spool: closed connections leave first, then the oldest packets; what is gone says so, the rest is saved."""

from __future__ import annotations

import os
import random
import struct
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from analysis.leaving import HEADER, Leaving
from analysis.session import Session
from capture.live.chain import FileChain
from capture.live.files import copy
from capture.live.helper import INBOUND_TAIL, block, option
from capture.live.spool import PAGE, Spool
from capture.source import CaptureSource, open_source
from packet_builder import ethernet, ipv4, udp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.live.feed import Feed

PACKETS = 6000


class FakeFeed:
    def __init__(self, spool_bytes: int) -> None:
        self.spool_bytes = spool_bytes
        self.broken: list[str] = []

    def break_off(self, reason: str) -> None:
        self.broken.append(reason)


@pytest.fixture
def spool() -> Iterator[Spool]:
    made = Spool()
    if not made.gives_back:
        made.close()
        pytest.skip("the file system of temporary files makes no holes")
    yield made
    made.close()


def packets(seed: int) -> list[bytes]:
    """Short TCP connections, each closed soon, among the datagrams of a conversation that goes on."""
    chance = random.Random(seed)
    found: list[bytes] = []
    waiting: list[list[bytes]] = []
    port = 20_000
    while len(found) < PACKETS:
        if len(waiting) < 4:
            port += 1
            waiting.append(connection(port, chance.randrange(3000)))
        if chance.random() < 0.2:
            found.append(ethernet(ipv4(udp(bytes(chance.randrange(1200))), protocol=17)))
        else:
            which = chance.choice(waiting)
            found.append(which.pop(0))
            waiting = [each for each in waiting if each]
    return found


def connection(port: int, size: int) -> list[bytes]:
    def segment(flags: int, seq: int, ack: int, data: bytes = b"", *, back: bool = False) -> bytes:
        ends = (80, port) if back else (port, 80)
        header = struct.pack(">HHIIHHHH", *ends, seq, ack, 0x5000 | flags, 700, 0, 0)
        source, destination = ("10.0.0.2", "10.0.0.1") if back else ("10.0.0.1", "10.0.0.2")
        return ethernet(ipv4(header + data, source=source, destination=destination))

    end = 101 + size
    return [
        segment(0x02, 100, 0),
        segment(0x12, 500, 101, back=True),
        segment(0x10, 101, 501),
        *(segment(0x18, 101 + at, 501, bytes(min(1000, size - at))) for at in range(0, size, 1000)),
        segment(0x11, end, 501),
        segment(0x11, 501, end + 1, back=True),
        segment(0x10, end + 1, 502),
    ]


def written(spool: Spool, data: list[bytes], *, tail: bytes) -> None:
    """The packets as the helper writes them."""
    head = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    pieces = [head, block(1, struct.pack("<HHI", 1, 0, 0) + option(9, b"\x09") + bytes(4))]
    for number, each in enumerate(data):
        body = struct.pack("<IIIII", 0, 0, number * 1000, len(each), len(each)) + each + bytes(-len(each) % 4) + tail
        pieces.append(block(6, body))
    os.write(spool.descriptor, b"".join(pieces))


@pytest.mark.parametrize("seed", range(4))
def test_what_leaves_is_gone_and_all_else_is_there(spool: Spool, tmp_path: Path, seed: int) -> None:
    data = packets(seed)
    written(spool, data, tail=INBOUND_TAIL if seed % 2 else b"")
    whole = spool.occupied
    feed = FakeFeed(whole)
    chain = FileChain(lambda: True, spool.whole)
    chain.add(os.dup(spool.descriptor), 1)
    session = Session(CaptureSource("spool", chain))
    session.run()
    table = session.snapshot.packets
    assert len(table) == len(data)
    leaving = Leaving(cast("Feed", feed), spool)
    leaving(session.snapshot)
    assert spool.left.packets == 0
    for part in (0.9, 0.7, 0.5, 0.4):
        leaving._limit = int(whole * part)
        leaving(session.snapshot)
        assert spool.occupied <= leaving._limit
        gone = _gone(spool, table)
        assert 0 < gone.sum() == spool.left.packets
        assert spool.left.bytes == spool.size - sum(end - begin for begin, end in spool.stretches(0, spool.size))
        assert spool.left.connections == len(np.unique(table.connection[gone]))
        for row, each in enumerate(data):
            read = session.packet_bytes(row)
            assert read == each if not gone[row] else each.startswith(read)
        assert _are_closed(session, np.unique(table.connection[leaving._before :][gone[leaving._before :]]))
        copy(spool.descriptor, leaving.present(spool.size), tmp_path / "saved.pcapng")
        with open_source(tmp_path / "saved.pcapng") as source:
            (tmp_path / "saved.pcapng").unlink()
            kept = [
                batch.buffer[at : at + size].tobytes()
                for batch in source.batches()
                for at, size in zip(batch.start.tolist(), batch.captured_length.tolist(), strict=True)
            ]
            assert source.problems == []
        assert kept == [each for row, each in enumerate(data) if not gone[row]]
        rows = np.arange(len(data))
        details = session.details(rows)
        assert all(each.gone <= bool(gone[each.packet]) for each in details)
        assert all(each.data == data[each.packet][:512] for each in details if not each.gone)
    assert leaving._before > 0  # closed connections were not enough
    assert feed.broken == []
    session.close()


def _gone(spool: Spool, table: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Packets whose blocks have a byte in a hole, by looking at every page."""
    there = np.zeros(spool.size // PAGE + 2, np.bool_)
    for begin, end in spool.stretches(0, spool.size):
        there[begin // PAGE : -(-end // PAGE)] = True
    begins = table.offset - HEADER
    ends = table.offset + (table.captured_length.astype(np.int64) + 3) // 4 * 4 + 4
    ends[:-1] = begins[1:]
    return np.array([not there[a // PAGE : (b - 1) // PAGE + 1].all() for a, b in zip(begins, ends, strict=True)])


def _are_closed(session: Session, connections: Any) -> bool:
    table = session.snapshot.connections
    return bool((np.asarray(table.fin_acked_packet)[connections] >= 0).all())


def test_what_came_faster_than_it_was_analysed_ends_the_capture(spool: Spool) -> None:
    written(spool, packets(1), tail=b"")
    chain = FileChain(lambda: True, spool.whole)
    chain.add(os.dup(spool.descriptor), 1)
    feed = FakeFeed(PAGE)
    session = Session(CaptureSource("spool", chain), Leaving(cast("Feed", feed), spool))
    session.run()
    session.close()
    assert feed.broken[0] == "packets came faster than they could be analysed, and its spool is full"


def test_a_hole_is_never_taken_for_bytes(spool: Spool) -> None:
    os.write(spool.descriptor, b"x" * (4 * PAGE) + b"end")
    spool.punch(PAGE, 2 * PAGE)
    assert list(spool.stretches(0, spool.size)) == [(0, PAGE), (2 * PAGE, 4 * PAGE + 3)]
    assert spool.is_hole(PAGE)
    assert not spool.is_hole(0)
    assert not spool.is_hole(spool.size)
    chain = FileChain(lambda: True, spool.whole)
    chain.add(os.dup(spool.descriptor), 1)
    assert chain.read(PAGE - 2, 10) == b"xx"
    assert chain.read(PAGE + 1, 10) == b""
    assert chain.read(2 * PAGE, 10) == b"x" * 10
    assert chain.read(4 * PAGE + 1, 10) == b"nd"
    chain.close()
    os.write(spool.descriptor, b"more")
    assert os.pread(spool.descriptor, 7, 4 * PAGE) == b"endmore"
