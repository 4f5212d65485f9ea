"""Captures that are read while somebody writes them."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from capture.errors import UnreadableFileError
from capture.growing import GrowingStore
from capture.source import CaptureSource, open_source
from capture.store import DamagedStoreError
from fixtures import containers

if TYPE_CHECKING:
    from pathlib import Path

PACKETS = [(number * 1_000_000, bytes([number]) * 60) for number in range(20)]
WHOLE = containers.pcap(PACKETS)


def times_of(source: CaptureSource) -> list[int]:
    return [int(time) for batch in source.batches() for time in batch.time_ns]


@pytest.mark.parametrize("step", [1, 7, 76, 200])
def test_a_capture_that_grows_by_pieces_of_any_size_is_read_whole(tmp_path: Path, step: int) -> None:
    file = tmp_path / "growing.pcap"
    file.write_bytes(b"")
    done = threading.Event()

    def write() -> None:
        with file.open("ab", buffering=0) as out:
            for at in range(0, len(WHOLE), step):
                out.write(WHOLE[at : at + step])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    with CaptureSource("growing", GrowingStore(os.open(file, os.O_RDONLY), done.is_set)) as source:
        assert times_of(source) == [time for time, _ in PACKETS]
        assert source.problems == []
    writer.join()


def test_what_is_written_last_is_not_lost_when_the_writer_ends(tmp_path: Path) -> None:
    file = tmp_path / "ended.pcap"
    file.write_bytes(WHOLE[:-76])

    def ended() -> bool:
        # The last packet comes between the reader's last look at the file and this question.
        if file.stat().st_size < len(WHOLE):
            file.write_bytes(WHOLE)
        return True

    with CaptureSource("ended", GrowingStore(os.open(file, os.O_RDONLY), ended)) as source:
        assert len(times_of(source)) == len(PACKETS)


def test_a_writer_that_was_killed_leaves_what_is_whole_and_the_cut_is_named(tmp_path: Path) -> None:
    file = tmp_path / "killed.pcap"
    file.write_bytes(WHOLE[:-10])
    with CaptureSource("killed", GrowingStore(os.open(file, os.O_RDONLY), lambda: True)) as source:
        assert len(times_of(source)) == len(PACKETS) - 1
        assert [problem.packet for problem in source.problems] == [len(PACKETS)]


def test_cancelling_ends_the_waiting_and_is_no_damage_in_the_middle_of_a_packet(tmp_path: Path) -> None:
    file = tmp_path / "waiting.pcap"
    file.write_bytes(WHOLE[:-10])
    with open_source(file, follow=True) as source:
        timer = threading.Timer(0.1, source.cancel)
        timer.start()
        assert len(times_of(source)) < len(PACKETS)
        assert source.problems == []
        timer.join()


def test_a_file_that_is_written_anew_ends_the_reading_and_is_told(tmp_path: Path) -> None:
    file = tmp_path / "anew.pcap"
    file.write_bytes(WHOLE)
    store = GrowingStore(os.open(file, os.O_RDONLY))
    assert store.fill(memoryview(bytearray(len(WHOLE)))) == len(WHOLE)
    assert store.waiting == 0
    file.write_bytes(WHOLE[:24])
    with pytest.raises(DamagedStoreError, match="shorter"):
        store.fill(memoryview(bytearray(10)))
    store.close()


def test_how_much_waits_is_told(tmp_path: Path) -> None:
    file = tmp_path / "behind.pcap"
    file.write_bytes(WHOLE)
    store = GrowingStore(os.open(file, os.O_RDONLY))
    store.fill(memoryview(bytearray(100)))
    assert (store.waiting, store.ready()) == (len(WHOLE) - 100, True)
    store.close()


def test_a_compressed_capture_is_not_followed(tmp_path: Path) -> None:
    file = tmp_path / "packed.pcap.gz"
    file.write_bytes(b"\x1f\x8b\x08" + bytes(40))
    with pytest.raises(UnreadableFileError, match="compressed"):
        open_source(file, follow=True)
