"""Columns grow without losing a row, whatever was expected of them."""

from __future__ import annotations

import numpy as np
import pytest

from capture.columns import MOST_TIMES, Columns


@pytest.mark.parametrize("expected", [0, 10, 3000, 1 << 40])
def test_rows_stay_while_room_is_made(expected: int) -> None:
    columns = Columns({"one": np.int32, "pair": (np.uint8, 2)}, capacity=2)
    columns.expected = expected
    for number in range(1000):
        columns.extend({"one": np.array([number])}, {"pair": 7})
    assert columns["one"].tolist() == list(range(1000))
    assert (columns["pair"] == 7).all()
    assert columns["pair"].shape == (1000, 2)


def test_what_is_expected_never_makes_room_without_bound() -> None:
    columns = Columns({"one": np.int64}, capacity=1)
    columns.expected = 1 << 60
    columns.extend({"one": np.arange(2)})
    base = columns["one"].base
    assert base is not None
    assert len(base) <= MOST_TIMES


def test_a_column_that_nobody_gives_is_a_mistake() -> None:
    columns = Columns({"one": np.int32, "two": np.int32})
    with pytest.raises(KeyError):
        columns.extend({"one": np.arange(3)}, {})


def test_an_older_slice_keeps_what_it_showed() -> None:
    columns = Columns({"one": np.int32}, capacity=1)
    rows = columns.extend({"one": np.array([5])})
    before = columns["one"]
    columns.extend({"one": np.arange(100)})
    columns["one"][0] = 6
    assert rows == slice(0, 1)
    assert before.tolist() == [5]


def test_whole_columns_are_taken_without_a_copy_and_grow_as_others_do() -> None:
    columns = Columns({"one": np.int32, "pair": (np.uint8, 2)})
    one = np.arange(3, dtype=np.int32)
    columns.adopt({"one": one, "pair": np.ones((3, 2), np.uint8)})
    assert np.shares_memory(columns["one"], one)
    columns.extend({"one": np.array([9])}, {"pair": 7})
    assert columns["one"].tolist() == [0, 1, 2, 9]
    assert columns["pair"].tolist() == [[1, 1], [1, 1], [1, 1], [7, 7]]


def test_a_table_that_has_rows_takes_no_whole_columns() -> None:
    columns = Columns({"one": np.int32})
    columns.adopt({"one": np.zeros(0, np.int32)})
    columns.extend({"one": np.array([1])})
    with pytest.raises(ValueError, match="empty table"):
        columns.adopt({"one": np.arange(3, dtype=np.int32)})
