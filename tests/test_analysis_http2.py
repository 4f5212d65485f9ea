"""HTTP/2 and gRPC: requests and replies whatever way their bytes came, with a compression that remembers."""

from __future__ import annotations

import struct
from contextlib import closing

import pytest
from hpack import Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.exchanges import Exchange
from analysis.grpc import Messages, outcome
from analysis.http2 import Conversation
from analysis.http2_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PREFACE,
    PRIORITISED,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    http2_words,
)
from analysis.learned import learn
from analysis.messages import http_words
from analysis.reassembly import MOST_HELD, Stream
from analysis.session import Session
from capture.source import open_source
from fixtures import containers
from http2_builder import ASKED, FIRST, FIXTURES, MILLISECOND, PAGE, A, B, Talk, frame, kept, message, plenty
from segments_builder import ACK, SYN, Segment
from views.learned import learned_lines
from views.options import Options


def test_the_lab_tells_three_calls() -> None:
    with closing(Session(open_source(FIXTURES / "rpc-grpc.pcapng"))) as session:
        session.run()
        found = learn(session)
    greet, find, count = found.exchanges
    assert [each.kind for each in found.exchanges] == ["gRPC"] * 3
    assert (greet.request, greet.call) == ("POST /greeter.Greeter/SayHello", "greeter.Greeter/SayHello")
    assert (greet.reply, greet.result) == ("200 grpc-status 0 OK", "1 message, OK")
    assert find.reply == "200 grpc-status 5 NOT_FOUND"
    assert find.result == "fault NOT_FOUND: nobody is called Zoe"
    assert count.result == "3 messages, OK"
    # There and back takes 10 ms, and the server pauses for 30 ms before each of three messages.
    took = [each.took_ns or 0 for each in found.exchanges]
    assert 10 * MILLISECOND < took[0] < 30 * MILLISECOND
    assert took[2] > 100 * MILLISECOND
    lines = [" ".join(line.split()) for line in learned_lines(found, Options(), 120)]
    assert any(line.startswith("gRPC Greeter/CountTo 3 messages, OK") for line in lines)


def test_calls_at_the_same_time_are_told_apart_by_their_streams() -> None:
    talk = Talk()
    asked = [talk.asks(stream, *ASKED) for stream in (1, 3)]
    talk.answers(3, (":status", "200"), ("content-type", "application/grpc"))
    talk.answers(1, (":status", "200"), ("content-type", "application/grpc"))
    talk.says(1, frame(DATA, 0, 3, message(9)), frame(DATA, 0, 3, message(0)))
    second = talk.answers(3, ("grpc-status", "0"), last=True)
    first = talk.answers(1, ("grpc-status", "14"), ("grpc-message", "too%20busy"), last=True)
    assert talk.told() == [
        (asked[0], "200 grpc-status 14 UNAVAILABLE", "fault UNAVAILABLE: too busy", first),
        (asked[1], "200 grpc-status 0 OK", "2 messages, OK", second),
    ]


def test_a_page_is_replied_to_by_the_head_of_its_response_interim_ones_aside() -> None:
    talk = Talk()
    asked = talk.asks(1, *PAGE)
    talk.answers(1, (":status", "103"))
    replied = talk.answers(1, (":status", "404"))
    talk.says(1, frame(DATA, END_STREAM, 1, b"gone"))
    assert talk.told() == [(asked, "404", None, replied)]
    assert talk.heard.calls[1].request[":path"] == PAGE[2][1]  # by Huffman's code, as the encoder does it


def test_what_was_said_once_is_only_pointed_at_later() -> None:
    talk = Talk()
    sizes = [len(talk.block(0, *PAGE)) for _ in range(2)]
    assert sizes[1] == 3  # an index each
    talk = Talk()
    for stream in (1, 3):
        talk.asks(stream, *PAGE)
    assert talk.heard.calls[3].request == kept(PAGE)


def test_a_block_may_come_in_pieces_padded_and_with_a_priority() -> None:
    talk = Talk()
    block = talk.block(0, *ASKED)
    begin = frame(HEADERS, PADDED | PRIORITISED, 1, bytes([3]) + bytes(5) + block[:7] + bytes(3))
    first = talk.says(0, begin[:11])
    talk.says(0, begin[11:], frame(CONTINUATION, 0, 1, block[7:9]))
    talk.says(0, frame(CONTINUATION, END_HEADERS, 1, block[9:]))
    assert [(call.packet, call.request) for call in talk.heard.calls.values()] == [(first, kept(ASKED))]


def test_padding_is_no_message() -> None:
    talk = Talk()
    talk.asks(1, *ASKED)
    talk.answers(1, (":status", "200"))
    talk.says(1, frame(DATA, PADDED, 1, bytes([200]) + message(4) + bytes(200)))
    talk.answers(1, ("grpc-status", "0"), last=True)
    assert talk.told()[0][2] == "1 message, OK"


def test_a_status_may_be_all_there_is() -> None:
    talk = Talk()
    asked = talk.asks(1, *ASKED)
    only = talk.answers(1, (":status", "200"), ("grpc-status", "12"), last=True)
    assert talk.told() == [(asked, "200 grpc-status 12 UNIMPLEMENTED", "fault UNIMPLEMENTED", only)]


@pytest.mark.parametrize(
    ("kind", "is_grpc"),
    [
        ("application/grpc", True),
        ("application/grpc+proto", True),
        ("application/grpc;charset=utf-8", True),
        ("application/grpc-web", False),
        ("application/grpc-web-text+proto", False),
        ("application/json", False),
    ],
)
def test_what_is_grpc_is_said_by_its_content_type(kind: str, *, is_grpc: bool) -> None:
    talk = Talk()
    asked = talk.asks(1, *ASKED[:3], ("content-type", kind))
    replied = talk.answers(1, (":status", "200"))
    ended = talk.says(1, frame(DATA, END_STREAM, 1, message(4)))
    told = (asked, "200 no grpc-status", "1 message", ended) if is_grpc else (asked, "200", None, replied)
    assert talk.told() == [told]


@pytest.mark.parametrize(("end", "who"), [(0, "client"), (1, "server")])
def test_a_stream_may_be_reset(end: int, who: str) -> None:
    talk = Talk()
    asked = talk.asks(1, *ASKED)
    reset = talk.says(end, frame(RST_STREAM, 0, 1, struct.pack(">I", 8)))
    assert talk.told() == [(asked, f"reset by the {who}: CANCEL", None, reset)]


def test_a_promise_keeps_the_compression_in_step() -> None:
    talk = Talk()
    talk.asks(1, *PAGE)
    promised = talk.block(1, (":path", "/logo.svg"), ("content-type", "one that was never heard of"))
    talk.says(1, frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4) + promised))
    replied = talk.answers(1, (":status", "200"), ("content-type", "one that was never heard of"))
    assert talk.told()[0][1:] == ("200", None, replied)
    assert talk.heard.calls[1].response["content-type"] == "one that was never heard of"


def test_a_table_of_another_size_is_agreed_on_by_settings() -> None:
    talk = Talk()
    talk.says(0, frame(SETTINGS, 0, 0, struct.pack(">HI", 1, 8192)))
    talk.encoders[1].header_table_size = 8192
    talk.asks(1, *PAGE)
    talk.answers(1, (":status", "200"))
    assert talk.told()[0][1] == "200"


def test_after_a_gap_nothing_is_guessed() -> None:
    talk = Talk(lost=[3])
    asked = [talk.asks(1, *PAGE)]
    talk.answers(1, (":status", "200"))  # packet 3 was not captured
    asked.append(talk.asks(3, *PAGE))
    for _ in range(MOST_HELD + 1):
        talk.says(1, frame(DATA, 0, 1, b"x"))
    why = "not readable: bytes of it were not captured"
    assert talk.told() == [(asked[0], why, None, None), (asked[1], why, None, None)]


@pytest.mark.parametrize("nonsense", [frame(HEADERS, END_HEADERS, 1, b"\xff" * 9), frame(HEADERS, 0, 1) * 2])
def test_what_is_not_http2_ends_the_reading(nonsense: bytes) -> None:
    talk = Talk()
    asked = talk.asks(1, *PAGE)
    talk.says(1, nonsense)
    talk.answers(1, (":status", "200"))
    assert talk.told() == [(asked, "not readable: its frames do not follow HTTP/2", None, None)]


@given(st.data())
def test_the_same_is_told_however_the_bytes_are_cut_repeated_and_reordered(data: st.DataObject) -> None:
    encoders = Encoder(), Encoder()
    asked = PREFACE + frame(SETTINGS, 0, 0)
    replied = frame(SETTINGS, 0, 0)
    for stream in (1, 3, 5):
        asked += frame(HEADERS, END_HEADERS | END_STREAM, stream, encoders[0].encode(ASKED))
        replied += frame(HEADERS, END_HEADERS, stream, encoders[1].encode(((":status", "200"),)))
        replied += frame(DATA, 0, stream, message(stream))
        replied += frame(HEADERS, END_HEADERS | END_STREAM, stream, encoders[1].encode((("grpc-status", "0"),)))
    heard = Conversation(FIRST, plenty())
    for end, whole in enumerate((asked, replied)):
        cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=12)))
        edges = list(zip([0, *cuts], [*cuts, len(whole)], strict=True))
        again = data.draw(st.lists(st.sampled_from(edges), max_size=5))
        for begin, stop in data.draw(st.permutations(edges + again)):
            heard.hear(0, (FIRST[end] + begin) % 2**32, whole[begin:stop], from_server=bool(end))
    assert [call.result for call in heard.calls.values()] == ["1 message, OK"] * 3


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2**32 - 1), st.binary(max_size=60)), max_size=20))
def test_any_bytes_may_follow_the_preface(pieces: list[tuple[bool, int, bytes]]) -> None:
    heard = Conversation(FIRST, plenty())
    heard.hear(0, FIRST[0], PREFACE, from_server=False)
    sent = [len(PREFACE), 0]
    for from_server, number, data in pieces:
        heard.hear(1, number, data, from_server=from_server)
        heard.hear(1, FIRST[from_server] + sent[from_server], data, from_server=from_server)
        sent[from_server] += len(data)


def test_bytes_come_out_once_and_in_order() -> None:
    stream = Stream(2**32 - 2)
    assert stream.add(2, b"ef") == b""
    assert stream.add(2**32 - 2, b"abc") == b"abc"
    assert stream.add(0, b"cde") == b"def"  # "c" was there, and "ef" waited; "e" counts once
    assert stream.add(2**32 - 2, b"abcdef") == b""
    assert stream.add(4, b"g") == b"g"
    assert not stream.lost


def test_a_message_is_counted_once_however_it_is_cut() -> None:
    data = message(3) + message(0) + message(70)
    for size in (1, 2, 5, 7, len(data)):
        counted = Messages()
        for at in range(0, len(data), size):
            counted.feed(data[at : at + size])
        assert counted.count == 3


@pytest.mark.parametrize(
    ("code", "status"), [("99", "unknown"), ("²", "unknown"), ("-1", "unknown"), ("016", "UNAUTHENTICATED")]
)
def test_a_status_that_does_not_exist_is_told_as_it_is(code: str, status: str) -> None:
    assert outcome({"grpc-status": code}, 0) == (f"grpc-status {code} {status}", f"fault {status}")


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (frame(SETTINGS, 0, 0), "HTTP/2 SETTINGS"),
        (frame(HEADERS, 4, 1, b"\x82") + frame(DATA, 1, 1, b"abc"), "HTTP/2 HEADERS 1, DATA 1"),
        (frame(DATA, 0, 1) * 6, "HTTP/2 DATA 1, DATA 1, DATA 1, DATA 1, …"),
        (frame(DATA, 0, 1, b"abc")[:-1], ""),  # cut short
        (frame(DATA, 0, 0, b"abc"), ""),  # data belongs to a stream (section 6.1)
        (frame(SETTINGS, 0, 1), ""),  # settings belong to none (section 6.5)
        (frame(SETTINGS, 0, 0, b"abc"), ""),
        (frame(10, 0, 1), ""),
        (b"", ""),
    ],
)
def test_a_payload_of_whole_frames_is_named(payload: bytes, words: str) -> None:
    assert http2_words(payload) == words


def test_the_preface_is_told_with_what_follows() -> None:
    assert http_words(PREFACE) == "HTTP/2 connection preface"
    assert http_words(PREFACE + frame(SETTINGS, 0, 0)) == "HTTP/2 connection preface, SETTINGS"


@settings(max_examples=20)
@given(st.binary(max_size=300))
def test_any_capture_that_begins_with_the_preface_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, rest: bytes
) -> None:
    file = tmp_path_factory.mktemp("http2") / "any.pcap"
    packets = [Segment(A, B, SYN, 99).to_bytes(), Segment(B, A, SYN | ACK, 499, 100).to_bytes()]
    for source, to, number, payload in ((A, B, 100, PREFACE + rest), (B, A, 500, rest)):
        made = Segment(source, to, ACK, number, 500, data=len(payload)).to_bytes()
        packets.append(made[: len(made) - len(payload)] + payload)
    file.write_bytes(containers.pcap([(at * MILLISECOND, each) for at, each in enumerate(packets)], link_type=101))
    with closing(Session(open_source(file))) as session:
        session.run()
        for each in learn(session).exchanges:
            assert isinstance(each, Exchange)
