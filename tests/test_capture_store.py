"""Byte stores: in order once, and at any place afterwards, within stated limits."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from capture import store
from capture.store import DamagedStoreError, FileStore, SpoolStore
from capture.stream import RawInput

if TYPE_CHECKING:
    from pathlib import Path


def filled(source: FileStore | SpoolStore, count: int) -> bytes:
    """The next bytes, at most `count`."""
    buffer = bytearray(count)
    return bytes(buffer[: source.fill(memoryview(buffer))])


def file_store(path: Path, data: bytes) -> FileStore:
    path.write_bytes(data)
    return FileStore(os.open(path, os.O_RDONLY))


def spool_store(data: list[bytes]) -> SpoolStore:
    reading, writing = os.pipe()
    os.close(writing)
    return SpoolStore(RawInput(reading), iter(data))


def test_a_file_is_read_in_order_and_at_any_place(tmp_path: Path) -> None:
    source = file_store(tmp_path / "f", b"0123456789")
    assert [filled(source, 4) for _ in range(4)] == [b"0123", b"4567", b"89", b""]
    assert (source.read(2, 3), source.read(8, 9), source.read(99, 1), source.read(-1, 2)) == (b"234", b"89", b"", b"")
    assert (source.bytes_read, source.bytes_total) == (10, 10)
    source.close()
    source.close()
    assert source.read(0, 4) == b""


def test_a_file_cut_short_while_it_is_open_gives_fewer_bytes(tmp_path: Path) -> None:
    source = file_store(tmp_path / "f", bytes(1000))
    os.truncate(tmp_path / "f", 10)
    assert (len(source.read(0, 100)), source.read(500, 100)) == (10, b"")
    assert len(filled(source, 100)) == 10
    source.close()


def test_a_stream_can_be_read_again() -> None:
    source = spool_store([b"abc", b"", b"defgh", b"i"])
    assert [filled(source, 4) for _ in range(5)] == [b"abc", b"defg", b"h", b"i", b""]
    assert (source.read(1, 5), source.bytes_total) == (b"bcdef", None)
    source.close()


def test_a_stream_is_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SPOOL_LIMIT", 1 << 20)
    source = spool_store([bytes(1 << 19)] * 3)
    assert len(filled(source, 1 << 19)) == len(filled(source, 1 << 19)) == 1 << 19
    with pytest.raises(DamagedStoreError, match="larger than the"):
        filled(source, 1 << 19)
    source.close()


def test_the_disk_is_not_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SPOOL_RESERVE", 1 << 60)
    source = spool_store([b"abc"])
    with pytest.raises(DamagedStoreError, match="would remain free"):
        filled(source, 3)
    source.close()


def test_waiting_for_a_stream_can_be_cancelled() -> None:
    reading, writing = os.pipe()
    source = RawInput(reading)
    assert not source.ready()
    timer = threading.Timer(0.05, source.cancel)
    timer.start()
    assert source.read() == b""
    timer.join()
    os.write(writing, b"too late")
    assert source.read() == b""
    source.close()
    os.close(writing)


def test_what_was_looked_at_is_read_again() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"abcdef")
    os.close(writing)
    source = RawInput(reading)
    assert (source.peek(2), source.peek(4), source.bytes_read) == (b"ab", b"abcd", 0)
    assert (source.read(3), source.read(), source.read(), source.read()) == (b"abc", b"d", b"ef", b"")
    assert source.bytes_read == 6
    source.close()
