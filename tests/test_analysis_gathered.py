"""A connection's packets, gathered as the capture grows, are those that a look at all of it finds."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.gathered import Gathered, gathered
from analysis.snapshot import Snapshot, rows_of
from capture.table import Packets
from views_builder import PAGE, SYN, WEB, Segment, Talk, capture


def grown(count: int) -> Snapshot:
    """The first packets of a page, with those of another connection between them."""
    other = [Segment(300 + number, True, SYN, "SYN-SENT SYN-RECEIVED", connection=1) for number in range(len(PAGE))]
    story = [each for both in zip(PAGE, other, strict=True) for each in both]
    whole = capture(story, WEB, Talk(client=("10.0.0.5", 51001)))
    packets = Packets(**{field.name: getattr(whole.packets, field.name)[:count] for field in fields(Packets)})
    return replace(whole, packets=packets)


def same(found: Gathered, snapshot: Snapshot, connection: int) -> None:
    rows = rows_of(snapshot, connection)
    assert found.rows.tolist() == rows.tolist()
    for name in ("time_ns", "payload_length", "marks", "flags", "states", "protocol"):
        assert (getattr(found, name) == getattr(snapshot.packets, name)[rows]).all()
    assert found.until == len(snapshot.packets)


def test_what_is_added_is_what_has_come() -> None:
    before, kept = None, []
    for count in (1, 2, 3, 10, 10, 38):
        found = gathered(grown(count), 0, before)
        same(found, grown(count), 0)
        kept.append((count, found))
        before = found
    for count, found in kept:  # older ones stay what they were
        same(found, grown(count), 0)


def test_two_may_go_on_from_the_same() -> None:
    before = gathered(grown(10), 0)
    one, other = gathered(grown(20), 0, before), gathered(grown(38), 0, before)
    assert np.shares_memory(one.rows, one.columns["rows"])
    same(one, grown(20), 0)
    same(other, grown(38), 0)
    same(before, grown(10), 0)


def test_another_connection_or_an_older_snapshot_begins_anew() -> None:
    before = gathered(grown(20), 0)
    same(gathered(grown(20), 1, before), grown(20), 1)
    same(gathered(grown(6), 0, before), grown(6), 0)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_of_a_long_connection_those_around_a_packet_are_gathered_and_the_others_counted(
    monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr("analysis.gathered.MOST", 8)
    monkeypatch.setattr("analysis.gathered.STEP", step)
    for count in (1, 5, 12, 20, 38):
        snapshot = grown(count)
        whole = rows_of(snapshot, 0).tolist()
        for around in range(count):
            found = gathered(snapshot, 0, None, around)
            assert found.holds(around)
            assert len(found) == min(len(whole), 8)
            assert whole[found.earlier : found.earlier + len(found)] == found.rows.tolist()
            assert found.total == len(whole)
            assert found.before == (whole[found.earlier - 1] if found.earlier else -1)
            assert (found.states == snapshot.packets.states[found.rows]).all()


@given(st.lists(st.tuples(st.integers(1, 38), st.floats(0, 1)), max_size=12))
def test_however_a_long_connection_grows_and_the_reader_moves_the_packets_around_it_are_there(
    steps: list[tuple[int, float]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.gathered.MOST", 8)
        before = None
        for count, share in sorted(steps, key=lambda step: step[0]):
            snapshot = grown(count)
            around = int(share * (count - 1))
            found = gathered(snapshot, 0, before, around)
            whole = rows_of(snapshot, 0).tolist()
            assert found.holds(around)
            assert len(found) <= 12
            assert whole[found.earlier : found.earlier + len(found)] == found.rows.tolist()
            assert found.total == len(whole)
            assert found.before == (whole[found.earlier - 1] if found.earlier else -1)
            before = found
