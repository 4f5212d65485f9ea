"""Marks as Wireshark 4.0 sets them: stories whose marks follow from its rules by hand, and the foreign captures."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tshark_oracle
from analysis import marking, walking
from analysis.acknowledging import Acknowledgments
from analysis.analyser import Analyser
from analysis.mark_counts import MarkCounts
from analysis.marks import NAMES, names
from analysis.session import Session
from capture.errors import CaptureError
from capture.source import open_source
from fixtures import containers
from segments_builder import ACK, CLIENT, FIN, PSH, RAW_IP, RST, SYN, Segment, analysed, client, server
from test_analysis_batches import segment

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
FIXTURES = Path(__file__).parents[1] / "fixtures"
COOKIE = bytes((34, 6, 1, 2, 3, 4))
SCALE_1 = bytes((3, 3, 1))

OPENING = [client(SYN, 100), server(SYN | ACK, 500, 101), client(ACK, 101, 501)]
SENT = client(PSH | ACK, 101, 501, data=10)
ANSWER = server(ACK, 501, 111)
SHUT = server(ACK, 501, 111, window=0)
PROBE = client(ACK, 111, 501, data=1)


def later(segment: Segment, milliseconds: float) -> Segment:
    return replace(segment, at_ms=milliseconds)


# name: (segments after the opening, the marks of each)
STORIES: dict[str, tuple[list[Segment], list[str]]] = {
    "nothing unusual": ([SENT, ANSWER], ["", ""]),
    "sent again after a second": ([SENT, later(SENT, 1000)], ["", "retransmission"]),
    "the same numbers within a round trip": ([SENT, later(SENT, 3.5)], ["", "retransmission"]),
    "all that was missing, up to the highest number": (
        [SENT, client(ACK, 131, 501, data=10), later(client(ACK, 111, 501, data=30), 5)],
        ["", "lost_segment", "retransmission"],
    ),
    "overtaken within the initial RTT": (
        [SENT, client(ACK, 131, 501, data=10), later(client(ACK, 111, 501, data=10), 5)],
        ["", "lost_segment", "out_of_order"],
    ),
    "the same, later than the initial RTT": (
        [SENT, client(ACK, 131, 501, data=10), later(client(ACK, 111, 501, data=10), 7)],
        ["", "lost_segment", "retransmission"],
    ),
    "sent again before, says a clock that went back": (
        [SENT, client(ACK, 111, 501, data=10), later(SENT, -50)],
        ["", "", "retransmission"],
    ),
    "sent again although acknowledged": (
        [SENT, ANSWER, later(SENT, 900)],
        ["", "", "retransmission spurious_retransmission"],
    ),
    "asked for by two duplicates": (
        [SENT, client(ACK, 121, 501, data=10), ANSWER, ANSWER, ANSWER, client(ACK, 111, 501, data=10)],
        ["", "lost_segment", "", "duplicate_ack", "duplicate_ack", "retransmission fast_retransmission"],
    ),
    "asked for by one": (
        [SENT, client(ACK, 121, 501, data=10), ANSWER, ANSWER, later(client(ACK, 111, 501, data=10), 10)],
        ["", "lost_segment", "", "duplicate_ack", "retransmission"],
    ),
    "asked for 20 ms ago": (
        [
            *(SENT, client(ACK, 121, 501, data=10), ANSWER, ANSWER, ANSWER),
            later(client(ACK, 111, 501, data=10), 27),
        ],
        ["", "lost_segment", "", "duplicate_ack", "duplicate_ack", "retransmission"],
    ),
    "an acknowledgment with another window": (
        [SENT, ANSWER, server(ACK, 501, 111, window=9)],
        ["", "", "window_update"],
    ),
    "not captured, but acknowledged": (
        [SENT, server(ACK, 501, 131), server(ACK, 501, 141), client(ACK, 111, 502), server(ACK, 501, 151)],
        ["", "ack_lost_segment", "", "ack_lost_segment", "ack_lost_segment"],
    ),
    "a gap that is acknowledged is told once": (
        [SENT, client(ACK, 131, 501, data=10), server(ACK, 501, 121), server(ACK, 501, 141)],
        ["", "lost_segment", "ack_lost_segment", ""],
    ),
    "a gap that is filled": (
        [SENT, client(ACK, 121, 501, data=10), later(client(ACK, 111, 501, data=10), 500), server(ACK, 501, 131)],
        ["", "lost_segment", "retransmission", ""],
    ),
    "a reset that leaps": ([SENT, client(RST, 9000)], ["", ""]),
    "a shut window and its life": (
        [SENT, SHUT, PROBE, SHUT, PROBE, SHUT, server(ACK, 501, 111, window=9)],
        [
            *("", "zero_window", "zero_window_probe", "zero_window zero_window_probe_ack"),
            *("zero_window_probe", "zero_window zero_window_probe_ack", "window_update"),
        ],
    ),
    "a probe's byte is sent again with more": (
        [SENT, SHUT, PROBE, server(ACK, 501, 111, window=9), client(ACK, 111, 501, data=5)],
        ["", "zero_window", "zero_window_probe", "window_update", ""],
    ),
    "a keep-alive of no byte": (
        [SENT, ANSWER, client(ACK, 110, 501), ANSWER],
        ["", "", "keep_alive", "keep_alive_ack"],
    ),
    "a keep-alive of one byte": (
        [SENT, ANSWER, client(ACK, 110, 501, data=1), ANSWER],
        ["", "", "keep_alive", "keep_alive_ack"],
    ),
    "a window filled to its edge": (
        [SENT, server(ACK, 501, 111, window=20), client(ACK, 111, 501, data=20)],
        ["", "", "window_full"],
    ),
    "a window filled but for a byte": (
        [SENT, server(ACK, 501, 111, window=20), client(ACK, 111, 501, data=19)],
        ["", "", ""],
    ),
    "another SYN opens another connection": ([client(SYN, 9100)], ["reused_ports"]),
    "the same SYN once more": ([later(client(SYN, 100), 1000)], ["retransmission"]),
    "an answer with another number": ([server(SYN | ACK, 9500, 101)], ["lost_segment reused_ports"]),
    "a SYN with the number of its end's last answer": (
        [server(SYN | ACK, 9500, 101), server(SYN, 9500)],
        ["lost_segment reused_ports", "lost_segment"],
    ),
    "a SYN with the number that an answer replaced": (
        [server(SYN | ACK, 9500, 101), server(SYN, 500)],
        ["lost_segment reused_ports", "reused_ports"],
    ),
    "an answer with the first number after another": (
        [server(SYN | ACK, 9500, 101), later(server(SYN | ACK, 500, 101), 900)],
        ["lost_segment reused_ports", "reused_ports retransmission"],
    ),
    "a SYN sent again forgets what came after a gap": (
        [client(ACK, 111, 501, data=10), client(SYN, 100), later(client(ACK, 101, 501, data=10), 900)],
        ["lost_segment", "retransmission", ""],
    ),
    "a FIN sent again": (
        [client(FIN | ACK, 101, 501), later(client(FIN | ACK, 101, 501), 900)],
        ["", "retransmission"],
    ),
}


def marks_of(analyser: Analyser) -> list[str]:
    return [" ".join(names(int(marks))) for marks in analyser.packets.snapshot().marks]


def in_order(marks: str) -> str:
    return " ".join(name for name in NAMES.values() if name in marks.split())


@pytest.mark.parametrize("story", STORIES)
def test_marks_of_a_story(story: str) -> None:
    segments, expected = STORIES[story]
    whole = [*OPENING, *segments]
    assert marks_of(analysed(whole))[3:] == [in_order(marks) for marks in expected]
    assert marks_of(analysed(whole, range(len(whole)))) == marks_of(analysed(whole))


def apart(segment: Segment, port: int) -> Segment:
    """The same of another client port."""
    ends = [(host, port if number == CLIENT[1] else number) for host, number in (segment.source, segment.destination)]
    return replace(segment, source=ends[0], destination=ends[1])


@pytest.mark.skipif(not tshark_oracle.is_there(), reason="tshark 4.0 is not installed")
def test_wireshark_says_the_same_of_every_story(tmp_path: Path) -> None:
    packets = []
    whole = {name: [*OPENING, *segments] for name, (segments, _) in STORIES.items()}
    whole |= {f"Fast Open: {name}": segments for name, (segments, _) in FAST_OPEN.items()}
    whole |= {f"scaling: {name}": segments for name, (segments, _) in SCALED.items()}
    told: list[str] = []
    for turn, (name, segments) in enumerate(whole.items()):
        for number, each in enumerate(segments):
            when = turn * 10_000 + (number if each.at_ms is None else each.at_ms)
            packets.append((int(when * 1_000_000), apart(each, 50_000 + turn).to_bytes()))
            told.append(name)
    capture = tmp_path / "stories.pcap"
    capture.write_bytes(containers.pcap(packets, link_type=RAW_IP))
    (ours, _), (theirs, _) = tshark_oracle.by_netviz(capture), tshark_oracle.by_tshark(capture, passes=1)
    different = {told[frame - 1] for frame in ours if ours[frame]["marks"] != theirs[frame]["marks"]}
    assert different == set()


FAST_OPEN: dict[str, tuple[list[Segment], list[str]]] = {
    "its data taken": ([client(SYN, 100, data=9, options=COOKIE), server(SYN | ACK, 500, 110)], ["tfo_syn", "tfo_ack"]),
    "its data left": (
        [client(SYN, 100, data=9, options=COOKIE), server(SYN | ACK, 500, 101)],
        ["tfo_syn", "tfo_ignored"],
    ),
    "no data": ([client(SYN, 100, options=COOKIE), server(SYN | ACK, 500, 101)], ["tfo_syn", ""]),
    "a cookie asked for": ([client(SYN, 100, options=bytes((34, 2))), server(SYN | ACK, 500, 101)], ["", ""]),
    "its data left, as another SYN,ACK of the same end says": (
        [client(SYN, 100, data=9, options=COOKIE), client(SYN | ACK, 100, 1)],
        ["tfo_syn", "out_of_order tfo_ignored"],
    ),
    "more than an end's first number, but not than that of its answer": (
        [server(SYN | ACK, 500, 100), client(SYN | ACK, 100, 501), server(SYN | ACK, 500, 101)],
        ["", "reused_ports", "retransmission"],
    ),
    "data without cookie": ([client(SYN, 100, data=9), server(SYN | ACK, 500, 101)], ["", ""]),
}


@pytest.mark.parametrize("story", FAST_OPEN)
def test_marks_of_fast_open(story: str) -> None:
    segments, expected = FAST_OPEN[story]
    assert marks_of(analysed(segments)) == expected
    assert marks_of(analysed(segments, [1])) == expected


SCALED: dict[str, tuple[list[Segment], str]] = {
    "not before the first acknowledgment": ([client(ACK, 101, 501, data=10)], "window_full"),
    "after it": ([server(ACK, 501, 101, window=10), client(ACK, 101, 501, data=20)], "window_full"),
    "not after another SYN,ACK": (
        [
            server(ACK, 501, 101, window=10),
            server(SYN | ACK, 500, 101, window=10),
            client(ACK, 101, 501, data=20),
        ],
        "",
    ),
    "although a SYN sent again does not offer it": (
        [client(SYN, 100), server(ACK, 501, 101, window=10), client(ACK, 101, 501, data=20)],
        "window_full",
    ),
}
SCALING = [
    client(SYN, 100, options=SCALE_1),
    server(SYN | ACK, 500, 101, window=10, options=SCALE_1),
    client(ACK, 101, 501),
]
SCALED = {name: ([*SCALING, *segments], marks) for name, (segments, marks) in SCALED.items()}


@pytest.mark.parametrize("story", SCALED)
def test_a_scaled_window_is_full(story: str) -> None:
    segments, expected = SCALED[story]
    assert marks_of(analysed(segments))[-1] == expected
    assert marks_of(analysed(segments, range(len(segments)))) == marks_of(analysed(segments))


@pytest.mark.parametrize(("snapped", "expected"), [(0, ["window_full"]), (1, [""]), (8, [""])])
def test_a_syn_whose_options_were_cut_off_does_not_say_that_windows_are_not_scaled(
    snapped: int, expected: list[str]
) -> None:
    opening = client(SYN, 100, options=bytes((2, 4, 5, 180)), snapped=snapped)
    filled = [opening, client(ACK, 101, 301, window=10), server(PSH | ACK, 301, 101, data=10)]
    assert marks_of(analysed(filled))[-1:] == expected
    assert marks_of(analysed(filled, [1, 2]))[-1:] == expected


def test_a_clock_that_went_back_makes_an_initial_rtt_without_end() -> None:
    """Both are negative, and compared as Wireshark's unsigned numbers: 3 ms back is less than 2 ms back."""
    opening = [client(SYN, 100, at_ms=10), server(SYN | ACK, 500, 101, at_ms=8), client(ACK, 101, 501, at_ms=8)]
    sent = [client(ACK, 101, 501, data=10, at_ms=20), client(ACK, 111, 501, data=10, at_ms=20)]
    told = [marks_of(analysed([*opening, *sent, later(SENT, 20 - back)]))[-1] for back in (3, 1, -500)]
    assert told == ["out_of_order", "retransmission", "out_of_order"]


@settings(max_examples=150, deadline=None)
@given(st.lists(segment(), min_size=1, max_size=25))
def test_judging_all_at_once_is_judging_one_by_one(segments: list[Segment]) -> None:
    at_once = analysed(segments)
    every = lambda self, _: np.ones(len(self._s.connection), np.bool_)  # noqa: E731 - a stand-in for one method
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marking.Marking, "_left_out", every)
        one_by_one = analysed(segments)
    assert marks_of(at_once) == marks_of(one_by_one)
    for name in ("next_sequence", "next_packet", "limit", "last_ack", "last_segment", "last_window", "judged"):
        assert at_once.connections.columns[name].tolist() == one_by_one.connections.columns[name].tolist(), name


def test_a_regular_connection_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "walk", None)
    analysed([*OPENING, SENT, ANSWER, ANSWER, client(FIN | ACK, 111, 501), server(FIN | ACK, 501, 112)])
    with pytest.raises(TypeError):
        analysed([*OPENING, SENT, SHUT, PROBE])


def test_marks_are_counted_by_end() -> None:
    packets = analysed([*OPENING, SENT, ANSWER, ANSWER, later(SENT, 900)]).packets.snapshot()
    counts = MarkCounts(packets)
    told = {name: of_ends for name, of_ends in counts.of_each([(1, 0), (0, 1), (0, 0)]) if any(of_ends)}
    assert told == {"retransmission": [0, 0, 1], "spurious_retransmission": [0, 0, 1], "duplicate_ack": [0, 1, 0]}
    assert len(dict(counts.of_each([]))) == len(NAMES)


def test_what_an_acknowledgment_is_for() -> None:
    with open_source(FIXTURES / "handshake.pcap") as source:
        session = Session(source)
        session.run()
        told = Acknowledgments(session.snapshot)
        rows = np.arange(len(session.snapshot.packets))
        answers = [told.feed(detail) for detail in session.details(rows)]
    assert [answer.packet for answer in answers[:3]] == [None, 0, 1]
    times = session.snapshot.packets.time_ns
    assert answers[1].rtt_ns == times[1] - times[0] > 0


def captures() -> list[Path]:
    expected = CORPUS / "expected" / "tshark"
    found = sorted((CORPUS / "captures").glob("*")) if expected.is_dir() else []
    return [
        path for path in found if path.stat().st_size < 200_000 and (expected / f"{path.name}.frames.tsv.gz").exists()
    ]


def frames_of(path: Path) -> Iterator[tuple[int, set[str]]]:
    """Frame numbers and marks as tshark tells them."""
    table = CORPUS / "expected" / "tshark" / f"{path.name}.frames.tsv.gz"
    with gzip.open(table, "rt", newline="", encoding="utf-8", errors="replace") as lines:
        head = next(lines).rstrip("\n").split("\t")
        columns = [(name, head.index("a_" + name)) for name in NAMES.values()]
        for line in lines:
            row = line.rstrip("\n").split("\t")
            if not row[head.index("quoted")]:
                yield int(row[0]), {name for name, column in columns if row[column]}


@pytest.mark.skipif(not captures(), reason="the foreign captures are not here")
def test_every_mark_of_the_foreign_captures() -> None:
    wrong = []
    for path in captures():
        analyser = Analyser()
        try:
            with open_source(path) as source:
                for batch in source.batches():
                    analyser.feed(batch)
        except CaptureError:
            continue
        marks = analyser.packets.snapshot().marks.tolist()
        wrong += [
            (path.name, frame)
            for frame, expected in frames_of(path)
            if frame <= len(marks) and set(names(marks[frame - 1])) != expected
        ]
    assert wrong == []
