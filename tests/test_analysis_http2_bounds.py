"""HTTP/2: what a hostile conversation costs is bounded."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from hpack import Encoder

from analysis.http2 import LARGEST_BLOCK, LONGEST, Conversation, Left
from analysis.http2_frames import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
)
from analysis.learned import learn
from analysis.session import Session
from capture.source import open_source
from fixtures import containers
from http2_builder import FIRST, FIXTURES, MILLISECOND, PAGE, A, B, Talk, frame
from segments_builder import ACK, SYN, Segment

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_no_more_packets_are_read_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.http2.MOST", 8)
    with closing(Session(open_source(FIXTURES / "rpc-grpc.pcapng"))) as session:
        session.run()
        found = learn(session).exchanges
    assert found[0].reply == "200 grpc-status 0 OK"
    assert found[-1].reply == "not readable: its packets are too many"


def test_no_more_bytes_are_read_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.http2.MOST_BYTES", 1000)
    with closing(Session(open_source(FIXTURES / "rpc-grpc.pcapng"))) as session:
        session.run()
        found = learn(session).exchanges
    assert found[-1].reply == "not readable: its packets are too many"


def test_header_blocks_are_counted_over_all_connections() -> None:
    left = Left(1000, 1 << 20, 3)
    for calls in (2, 1, 0):
        heard, encoder = Conversation(FIRST, left), Encoder()
        asked = [frame(HEADERS, END_HEADERS | END_STREAM, stream, encoder.encode(PAGE)) for stream in (1, 3)]
        heard.hear(0, FIRST[0], PREFACE + b"".join(asked), from_server=False)
        assert len(heard.calls) == calls


def test_a_header_block_that_never_ends_is_given_up() -> None:
    talk = Talk()
    asked = talk.asks(1, *PAGE)
    talk.says(1, frame(HEADERS, 0, 1))
    for _ in range(LARGEST_BLOCK // 1000 + 1):
        talk.says(1, frame(CONTINUATION, 0, 1, bytes(1000)))
    assert talk.told() == [(asked, "not readable: it sends more headers than netviz reads", None, None)]


def test_of_what_was_said_once_and_pointed_at_often_little_is_kept() -> None:
    talk = Talk()
    for stream in range(1, 41, 2):
        talk.asks(stream, (":method", "GET"), (":path", "/" + "v" * 3900), ("cookie", "c" * 3000))
    for call in talk.heard.calls.values():
        assert call.request == {":method": "GET", ":path": "/" + "v" * (LONGEST - 1)}


def test_a_preface_that_was_sent_again_begins_nothing_again(tmp_path: Path) -> None:
    asked = PREFACE + frame(HEADERS, END_HEADERS | END_STREAM, 1, Encoder().encode(PAGE))
    made = Segment(A, B, ACK, 100, 500, data=len(asked)).to_bytes()
    again = made[: len(made) - len(asked)] + asked
    packets = [Segment(A, B, SYN, 99).to_bytes(), Segment(B, A, SYN | ACK, 499, 100).to_bytes(), again, again]
    file = tmp_path / "again.pcap"
    file.write_bytes(containers.pcap([(at * MILLISECOND, each) for at, each in enumerate(packets)], link_type=101))
    with closing(Session(open_source(file))) as session:
        session.run()
        assert [each.request_packet for each in learn(session).exchanges] == [2]
