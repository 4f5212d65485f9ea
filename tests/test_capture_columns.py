"""Columns grow without losing a row, whatever was expected of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from capture import mapped
from capture.columns import MOST_TIMES, Columns
from capture.mapped import IN_MEMORY, MappedColumns
from capture.table import SCHEMA, STRIDE, PacketTable


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


@pytest.mark.parametrize("at_once", [1, 1000])
def test_columns_that_have_no_end_keep_every_row_and_every_slice(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(mapped, "IN_MEMORY", 64)
    monkeypatch.setattr(mapped, "STEP", 500)
    columns = MappedColumns({"one": np.int64, "pair": (np.uint8, 2), "flag": np.uint8}, capacity=2)
    slices = []
    for number in range(0, 3000, at_once):
        values = np.arange(number, number + at_once)
        columns.extend({"one": values, "pair": np.stack((values, values + 1), axis=1) % 256}, {"flag": 3})
        slices.append(columns["one"])
    columns["one"][7] = -7
    assert [len(each) for each in slices] == list(range(at_once, 3001, at_once))
    assert slices[-1][7] == -7
    whole = np.arange(3000)
    assert (columns["pair"] == np.stack((whole, whole + 1), axis=1) % 256).all()
    assert (columns["flag"] == 3).all()
    assert (np.delete(columns["one"], 7) == np.delete(whole, 7)).all()


GROWN: Final = """
import sys
import numpy as np
from capture.columns import Columns
from capture.mapped import STEP, MappedColumns

def resident():
    with open("/proc/self/smaps_rollup") as status:
        return int(next(line.split()[1] for line in status if line.startswith("Rss:")))

columns = {"mapped": MappedColumns, "plain": Columns}[sys.argv[1]]({"one": np.int64})
values = np.arange(STEP)
columns.extend({"one": values[:10]})
before = resident()
for _ in range(30):
    columns.extend({"one": values})
assert int(columns["one"].sum()) == 45 + 30 * int(values.sum())  # all of it is read again
columns.extend({"one": values})
print(resident() - before)
"""
"""Says by how many kB a process has grown. One of its own: elsewhere memory that others gave back would hide it."""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell what is resident")
@pytest.mark.parametrize(("kind", "least", "most"), [("mapped", 0, 8_000), ("plain", 28_000, 80_000)])
def test_rows_far_behind_take_no_memory(kind: str, least: int, most: int) -> None:
    root = Path(__file__).parents[1]
    told = subprocess.run([sys.executable, "-c", GROWN, kind], cwd=root, capture_output=True, text=True, check=True)
    assert least <= int(told.stdout) <= most


def test_a_disk_that_is_full_is_an_error_and_no_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = MappedColumns({"one": np.int64})
    columns.extend({"one": np.arange(IN_MEMORY)})

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("capture.mapped.os.pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        columns.extend({"one": np.arange(5)})
    assert columns["one"].tolist() == list(range(IN_MEMORY))


@pytest.mark.parametrize("at_once", [1, 7, STRIDE, 100])
def test_an_endless_table_keeps_every_so_maniest_row_at_hand(at_once: int) -> None:
    table = PacketTable(endless=True)
    for first in range(0, 1400, at_once):
        rows = np.arange(first, first + at_once)
        table.extend({name: rows.astype(kind) for name, kind in SCHEMA.items()})
    packets, thinned = table.snapshot(), table.thinned()
    assert thinned is not None
    assert thinned.time_ns.tolist() == list(range(0, len(packets), STRIDE))
    assert (thinned.flags == packets.flags[::STRIDE]).all()
    assert table.span_ns == (0, len(packets) - 1)
    assert PacketTable().thinned() is None


def test_what_an_endless_table_has_at_hand_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.table.MOST_THINNED", 50)
    table, before = PacketTable(endless=True), None
    for first in range(0, 20_000, 70):
        rows = np.arange(first, first + 70)
        table.extend({name: rows.astype(kind) for name, kind in SCHEMA.items()})
        thinned = table.thinned()
        assert thinned is not None
        assert len(thinned) <= 50
        assert thinned.time_ns.tolist() == list(range(0, first + 70, thinned.stride))
        before = before or thinned
    assert thinned is not None
    assert thinned.stride == STRIDE * 16
    assert before is not None
    assert before.time_ns.tolist() == list(range(0, 70, STRIDE))  # who holds an older one, keeps it


LEFT: Final = """
import numpy as np
from capture.mapped import STEP, MappedColumns, forget_rows

def resident():
    with open("/proc/self/smaps_rollup") as status:
        return int(next(line.split()[1] for line in status if line.startswith("Rss:")))

columns = MappedColumns({"one": np.int64})
values = np.arange(STEP)
for _ in range(31):
    columns.extend({"one": values})
column = columns["one"][5:]
before = resident()
told = int(column[: 30 * STEP].sum())
read = resident()
forget_rows(column, 0, 30 * STEP)
forget_rows(values, 0, STEP)  # lies in memory, and stays
forget_rows(column, 0, -5)  # nothing
assert int(column[: 30 * STEP].sum()) == told
forget_rows(column, 0, 30 * STEP)
print(read - before, resident() - before)
"""
"""By how many kB a process grows when it reads what lies far behind, and when it lets go of that again."""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell what is resident")
def test_rows_that_were_read_again_are_let_go() -> None:
    root = Path(__file__).parents[1]
    told = subprocess.run([sys.executable, "-c", LEFT], cwd=root, capture_output=True, text=True, check=True)
    read, kept = map(int, told.stdout.split())
    assert read > 25_000
    assert kept < 3_000


def test_a_snapshot_lets_go_of_all_columns_but_for_the_newest_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int, int]] = []
    monkeypatch.setattr("capture.table.STEP", 100)
    monkeypatch.setattr("capture.table.forget_rows", lambda column, begin, end: told.append((id(column), begin, end)))
    table = PacketTable(endless=True)
    table.extend({name: np.arange(250).astype(kind) for name, kind in SCHEMA.items()})
    packets = table.snapshot()
    packets.let_go()
    assert told == [(id(getattr(packets, name)), 0, 150) for name in SCHEMA]
