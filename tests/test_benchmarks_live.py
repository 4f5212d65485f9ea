"""What `benchmarks.live` reads off both programs and their files; running it takes minutes and is not done here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.live import Watched, counted, difference, dumped
from capture.live.starting import Counts
from fixtures import containers
from views.live import summary

if TYPE_CHECKING:
    from pathlib import Path


def test_the_last_words_of_both_are_understood() -> None:
    captured = Counts(seen=1234, packets=1234, written=5000, done="stopped")
    assert counted("\x1b[?1049l" + summary("lo", captured, None)) == ("1234", "0")
    assert counted("killed") == ("?", "?")
    words = "Packets received/dropped on interface 'Loopback: lo': 60288/7 (pcap:7/dumpcap:0/flushed:0/ps_ifdrop:0)"
    assert dumped(words) == ("60,288", "7")
    assert dumped("killed") == ("?", "?")


def test_files_are_compared_packet_by_packet_whatever_their_times(tmp_path: Path) -> None:
    def file(name: str, *packets: tuple[int, bytes]) -> Path:
        (tmp_path / name).write_bytes(containers.pcap(packets))
        return tmp_path / name

    one = file("one", (1000, b"first"), (2000, b"second"))
    assert difference(one, file("later", (5000, b"first"), (6000, b"second"))) == "the files are equal packet by packet"
    assert difference(one, file("short", (1000, b"first"))) == "from packet 2 on they differ"
    assert difference(one, file("turned", (1000, b"second"), (2000, b"first"))) == "from packet 1 on they differ"


def test_a_process_is_weighed_until_it_is_gone() -> None:
    watched = Watched("this test", os.getpid())
    watched.look()
    assert watched.resident[-1] > 1_000_000
    assert watched.seconds > 0
    before = watched.seconds
    watched.process = 2**22 + 1  # more than the kernel gives out
    watched.look()
    assert watched.resident[-1] == 0
    assert watched.seconds == before
