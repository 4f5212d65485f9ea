"""Batch = incremental: however a capture is cut into batches, every column comes out the same."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.analyser import Analyser
from analysis.connections import HISTORY_LETTERS
from capture.errors import CaptureError
from capture.source import open_source
from segments_builder import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Segment, analysed, batch_of
from test_analysis_differential import hostile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.batch import Batch, Interface

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("*.pcap*"))

WINDOW_SCALE = bytes((3, 3, 7))
FLAGS = (SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, FIN, SYN | FIN, SYN | RST, 0, FIN | RST | ACK)


HALF = 1 << 31


@st.composite
def segment(draw: st.DrawFn) -> Segment:
    """A segment that has a chance to mean something: few numbers, close to one another and to the wrap."""
    here, there = draw(st.sampled_from([(CLIENT, SERVER), (SERVER, CLIENT), (("10.0.0.5", 51001), SERVER)]))
    return Segment(
        here,
        there,
        draw(st.sampled_from(FLAGS)),
        draw(st.integers(-3, 3)),
        draw(st.integers(-3, 3)),
        data=draw(st.sampled_from([0, 0, 0, 1, 2])),
        window=draw(st.sampled_from([0, 1, 500])),
        options=draw(st.sampled_from([b"", WINDOW_SCALE])),
        offset=draw(st.sampled_from([*[None] * 7, 2, 15])),
    )


def columns(analyser: Analyser) -> dict[str, object]:
    """Every column of both tables, as comparable values."""
    table = analyser.connections
    told: dict[str, object] = {
        name: getattr(table, name) for name in ("long_histories", "other_syns", "other_answers", "holes")
    }
    told["carried"] = table.counts.carried
    packets = analyser.packets.snapshot()
    for field in fields(packets):
        if field.name != "offset":  # the builder's offsets count from the start of the batch
            told[field.name] = getattr(packets, field.name).tolist()
    for name in table.columns.names():
        told[f"connection {name}"] = table.columns[name].tolist()
    return told


@settings(max_examples=150, deadline=None)
@given(st.lists(segment(), min_size=1, max_size=25), st.data())
def test_batches_do_not_matter(segments: list[Segment], data: st.DataObject) -> None:
    whole = columns(analysed(segments))
    assert columns(analysed(segments, range(len(segments)))) == whole
    cuts = data.draw(st.sets(st.integers(0, len(segments))))
    assert columns(analysed(segments, cuts)) == whole


@st.composite
def far_segment(draw: st.DrawFn) -> Segment:
    """A segment of one connection whose numbers lie half their space apart, or next to each other."""
    here, there = draw(st.sampled_from([(CLIENT, SERVER), (SERVER, CLIENT)]))
    number, acknowledged = (draw(st.integers(1, 4)) + draw(st.sampled_from((0, HALF))) for _ in range(2))
    flags = draw(st.sampled_from((ACK, ACK, PSH | ACK, SYN, FIN | ACK)))
    return Segment(here, there, flags, number, acknowledged, data=draw(st.integers(0, 2)))


@settings(max_examples=300, deadline=None)
@given(st.lists(far_segment(), min_size=3, max_size=10))
def test_batches_do_not_matter_to_numbers_half_their_space_apart(segments: list[Segment]) -> None:
    assert columns(analysed(segments, range(len(segments)))) == columns(analysed(segments))


@pytest.mark.parametrize("further", [HALF - 2, HALF - 1, HALF, HALF + 1])
@pytest.mark.parametrize("beyond", [1, 9, HALF - 1, HALF, HALF + 9])
def test_batches_do_not_matter_to_numbers_that_run_away_from_a_gap(further: int, beyond: int) -> None:
    """A gap at 110 is left open; its end goes on so far that the gap is nearer to what comes next than what it sent."""
    segments = [
        *(Segment(CLIENT, SERVER, PSH | ACK, 100, 1, data=10), Segment(SERVER, CLIENT, ACK, 1, 110)),
        *(Segment(CLIENT, SERVER, PSH | ACK, 110 + HALF - 20, 1, data=5),),
        *(Segment(CLIENT, SERVER, PSH | ACK, 90 + HALF + further, 1, data=5),),
        *(Segment(SERVER, CLIENT, ACK, 1, 110 + beyond), Segment(CLIENT, SERVER, PSH | ACK, 200, 1, data=5)),
    ]
    assert columns(analysed(segments, range(6))) == columns(analysed(segments, [3])) == columns(analysed(segments))


@pytest.mark.slow
@pytest.mark.parametrize("near", [3, 40])
def test_batches_do_not_matter_to_hostile_conversations(near: int) -> None:
    generator = random.Random(near)
    segments = [each for turn in range(200) for each in hostile(generator, 1024 + turn, near)]
    whole = columns(analysed(segments))
    assert columns(analysed(segments, range(len(segments)))) == whole
    assert columns(analysed(segments, range(0, len(segments), 7))) == whole


def batches_of(path: Path) -> list[Batch]:
    """All batches of a capture, kept: the source may use its buffer again."""
    try:
        with open_source(path) as source:
            return [replace(batch, buffer=batch.buffer.copy()) for batch in source.batches()]
    except CaptureError:
        return []


def interfaces_of(path: Path) -> list[Interface]:
    """All interfaces of a capture."""
    try:
        with open_source(path) as source:
            for _ in source.batches():
                pass
            return list(source.interfaces)
    except CaptureError:
        return []


def cut(batch: Batch, size: int) -> Iterable[Batch]:
    """A batch in batches of at most `size` packets."""
    for begin in range(0, len(batch), size):
        rows = slice(begin, begin + size)
        parts = {field.name: getattr(batch, field.name)[rows] for field in fields(batch) if field.name != "buffer"}
        yield replace(batch, **parts)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_every_fixture_gives_the_same_columns_packet_by_packet(path: Path) -> None:
    told = []
    for size in (1 << 16, 1, 3):
        analyser = Analyser(interfaces_of(path))
        for batch in batches_of(path):
            for part in cut(batch, size):
                analyser.feed(part)
        told.append((columns(analyser), analyser.sightings["pair"].tolist()))
    assert told[0] == told[1] == told[2]


def test_a_reset_before_anything_else_says_not_how_far_its_end_has_sent() -> None:
    segments = [
        *(
            Segment(CLIENT, SERVER, SYN | RST, 0),
            Segment(SERVER, CLIENT, SYN, 0),
            Segment(CLIENT, SERVER, SYN | ACK, -2),
        ),
        *(Segment(SERVER, CLIENT, SYN, 0, -1), Segment(CLIENT, SERVER, RST, 0)),
    ]
    assert columns(analysed(segments, range(5))) == columns(analysed(segments))


def test_a_long_history_is_kept_whatever_the_batches() -> None:
    resets = [Segment(CLIENT, SERVER, RST, number * 1000) for number in range(60)]
    whole = analysed(resets)
    assert whole.connections.columns["history_length"].tolist() == [HISTORY_LETTERS]
    assert whole.connections.long_histories[0] == b"R" * (60 - HISTORY_LETTERS)
    assert columns(analysed(resets, range(0, 60, 7))) == columns(whole)


def test_snapshots_do_not_change() -> None:
    analyser = analysed([Segment(CLIENT, SERVER, SYN, 1)])
    before = analyser.packets.snapshot()
    analyser.feed(batch_of([Segment(SERVER, CLIENT, SYN | ACK, 5, 2)], 1))
    assert len(before) == 1
    assert len(analyser.packets.snapshot()) == 2
    assert not before.states.flags.writeable


def test_a_thousand_connections_in_one_batch_keep_apart() -> None:
    opening = [Segment(("10.0.0.5", 1024 + n), SERVER, SYN, n) for n in range(1000)]
    answers = [Segment(SERVER, ("10.0.0.5", 1024 + n), SYN | ACK, 7 * n, n + 1) for n in reversed(range(1000))]
    table = analysed(opening + answers).connections.snapshot()
    assert len(table) == 1000
    assert table.stream.tolist() == list(range(1000))
    assert (table.initial_sequence == np.array([[n, 7 * n] for n in range(1000)])).all()
    assert (table.syn_ack_packet == 1999 - np.arange(1000)).all()


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_a_capture_without_end_is_analysed_alike_when_connections_lie_in_files(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.mapped.IN_MEMORY", 8)
    monkeypatch.setattr("capture.mapped.STEP", 8)
    interfaces = interfaces_of(path)
    plain, endless = Analyser(interfaces), Analyser(interfaces, endless=True)
    for batch in batches_of(path):
        for analyser in (plain, endless):
            for part in cut(batch, 5):
                analyser.feed(part)
    for name, column in plain.connections.columns.items():
        assert (endless.connections.columns[name] == column).all(), name
