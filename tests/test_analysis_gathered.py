"""A connection's packets, gathered as the capture grows, are those that a look at all of it finds."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

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
