"""Counts that do not fit their columns are exact all the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.connections import ConnectionTable
from analysis.counts import COUNTS
from segments_builder import ACK, CLIENT, RST, SERVER, SYN, Segment, analysed, client, server

ENDS = st.dictionaries(st.integers(0, 5), st.integers(0, 1 << 40), min_size=1)


def table_of(rows: int) -> ConnectionTable:
    table = ConnectionTable()
    table.columns.grow(rows)
    return table


@given(st.sampled_from(sorted(COUNTS)), st.lists(st.tuples(st.booleans(), ENDS), max_size=8))
def test_what_is_added_and_put_is_found_again(name: str, changes: list[tuple[bool, dict[int, int]]]) -> None:
    counts = table_of(3).counts
    expected = np.zeros(6, np.int64)
    for puts, values in changes:
        ends, amounts = (np.array(list(each), np.int64) for each in (values.keys(), values.values()))
        if puts:
            counts.put(name, ends, amounts)
            expected[ends] = amounts
        else:
            counts.add(name, ends, amounts)
            expected[ends] += amounts
        every = np.arange(6)
        assert counts.of(name, every).tolist() == expected.tolist()
        assert np.asarray(counts.view(name)).ravel().tolist() == expected.tolist()
        assert counts.view(name)[1].tolist() == expected[2:4].tolist()


def test_three_hundred_resets_and_a_thousand_syns_are_all_counted() -> None:
    resets = [client(RST, number) for number in range(300)]
    syns = [server(SYN | ACK, 7, 1) for _ in range(1000)]
    for cuts in ((), range(0, 1300, 7)):
        table = analysed([*resets, *syns], cuts).connections.snapshot()
        assert int(table.rst[0, 0]) == 300
        assert int(table.syn_ack[0][1]) == 1000
        assert table.syn[0].tolist() == [0, 0]


def test_more_than_four_gibibytes_are_counted() -> None:
    table = table_of(1)
    for _ in range(5):
        table.counts.add("bytes", np.array([1]), np.array([1 << 30]))
    snapshot = table.snapshot()
    assert snapshot.bytes[0].tolist() == [0, 5 << 30]
    assert int(snapshot.bytes[0].sum()) == 5 << 30


def test_a_number_far_behind_the_highest_is_followed() -> None:
    ahead = [client(ACK, 100_000 * number, 1, data=1) for number in (0, 9, 0, 0)]
    whole = analysed(ahead).connections
    assert whole.counts.of("top_ahead", np.array([0])).tolist() == [900_000]
    assert whole.counts.carried["top_ahead"]
    again = analysed([*ahead, client(ACK, 900_001, 1, data=1)]).connections
    assert not again.counts.carried["top_ahead"]


def test_a_syn_with_another_number_than_the_initial_one_is_kept_apart() -> None:
    segments = [client(ACK, 1, 500), server(SYN | ACK, 700, 2)]
    for cuts in ((), (1,)):
        table = analysed(segments, cuts).connections
        assert table.other_syns == {1: 700}
        assert table.syn_sequences(np.array([1])).tolist() == [700]
        assert table.columns["initial_sequence"][0, 1] == 499
        assert table.snapshot().initial_sequence[0, 1] == 700  # a guess gives way


def test_addresses_are_read_from_the_pairs() -> None:
    table = analysed([Segment(SERVER, CLIENT, ACK, 1), Segment(CLIENT, SERVER, ACK, 1)]).connections.snapshot()
    low = [int.from_bytes(bytes(map(int, end[0].split(".")))) for end in (SERVER, CLIENT)]
    assert table.address_low[0].tolist() == low
    assert [int(table.address_low[0, end]) for end in (0, 1)] == low
    assert table.address_low[np.array([0, 0]), 1].tolist() == [low[1]] * 2
    assert table.address_high[np.array([0])].tolist() == [[0, 0]]
