"""What Wireshark's `tcp.completeness` takes from segments whose header cannot have the length that it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import tshark_oracle
from segments_builder import ACK, FIN, PSH, RST, SYN, Segment, analysed, client, server
from test_analysis_differential import capture_of

if TYPE_CHECKING:
    from pathlib import Path

SHORT, LONG = 2, 15
OPEN = [client(SYN, 100), server(SYN | ACK, 300, 101), client(ACK, 101, 301)]

# Segments, and the completeness of each stream.
STORIES: dict[str, tuple[list[Segment], list[int]]] = {
    "a SYN in a header too short to be one opens nothing": ([client(SYN, 100, offset=SHORT)], [0]),
    "but counts where it begins another stream between known ports": (
        [*OPEN, client(SYN, 900, offset=SHORT), server(SYN | ACK, 300, 901)],
        [7, 3],
    ),
    "without its payload": ([*OPEN, client(SYN, 900, data=9, offset=SHORT)], [7, 1]),
    "nothing else of such a header counts": (
        [
            *(client(SYN, 100), server(SYN | ACK, 300, 101, offset=SHORT), client(PSH | ACK, 101, 301, data=5)),
            *(client(FIN | ACK, 106, 301, offset=SHORT), server(RST, 301, offset=SHORT)),
        ],
        [9],
    ),
    "a header longer than its segment counts by its flags": (
        [
            *(client(SYN, 100, offset=LONG), server(SYN | ACK, 300, 101, offset=LONG)),
            *(client(ACK, 101, 301, offset=LONG), server(RST, 301, offset=LONG)),
        ],
        [39],
    ),
    "without payload": ([*OPEN[:2], client(PSH | ACK, 101, 301, data=9, offset=LONG)], [7]),
    "what the first segment says, if it is no SYN, counts with the second": (
        [server(SYN | ACK, 300, 101), client(PSH | ACK, 101, 301, data=9, offset=SHORT)],
        [2],
    ),
    "and not without one": ([server(SYN | ACK, 300, 101, offset=LONG)], [0]),
    "whichever of them has the wrong header": ([server(SYN | ACK, 300, 101, offset=LONG), client(ACK, 101, 301)], [6]),
}


@pytest.mark.parametrize("name", STORIES)
def test_headers_of_a_wrong_length(name: str) -> None:
    segments, expected = STORIES[name]
    for cuts in ((), range(len(segments)), (1,)):
        assert analysed(segments, cuts).connections.snapshot().completeness.tolist() == expected


@pytest.mark.skipif(not tshark_oracle.is_there(), reason="tshark 4.0 is not installed")
def test_wireshark_says_the_same(tmp_path: Path) -> None:
    for number, (segments, expected) in enumerate(STORIES.values()):
        path = tmp_path / f"{number}.pcap"
        path.write_bytes(capture_of([segments]))
        _, streams = tshark_oracle.by_tshark(path)
        assert [streams[stream]["completeness"] for stream in sorted(streams)] == expected
