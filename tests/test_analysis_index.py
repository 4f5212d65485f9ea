"""The kept index: the same again for the same file, and never for any other."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from analysis import index
from analysis.index import Content, load, save
from capture import fingerprint as prints
from capture.fingerprint import SAMPLE, SAMPLES, Fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COLUMNS: dict[str, NDArray[Any]] = {
    "time_ns": np.arange(1000, dtype=np.int64),
    "history": np.arange(48, dtype=np.uint8).reshape(2, 24),
    "roles": np.array([True, False]),
    "none": np.zeros(0, np.uint16),
}
CONTENT = Content(COLUMNS, {"interfaces": [["lo", 1]], "long histories": {"3": "ff"}})


def fingerprint(path: Path) -> Fingerprint:
    with path.open("rb") as file:
        return prints.fingerprint(file.fileno())


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "a.pcap"
    path.write_bytes(bytes(range(256)) * 8192)  # 2 MiB
    return path


def test_what_is_saved_is_loaded(tmp_path: Path, capture: Path) -> None:
    save(tmp_path / "cache", capture, fingerprint(capture), "1", CONTENT)
    found = load(tmp_path / "cache", capture, fingerprint(capture), "1")
    assert found is not None
    assert found.facts == CONTENT.facts
    assert list(found.columns) == list(COLUMNS)
    for name, column in COLUMNS.items():
        assert found.columns[name].dtype == column.dtype
        assert (found.columns[name] == column).all()
        assert found.columns[name].shape == column.shape


def changed_end(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")


def changed_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek((path.stat().st_size - SAMPLE) * 7 // (SAMPLES - 1) + 5)
        file.write(b"!")


def longer(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


CHANGES = {
    "its last byte": changed_end,
    "a byte in the middle": changed_middle,
    "its length": longer,
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_capture_that_changed_has_no_index(tmp_path: Path, capture: Path, what: str) -> None:
    before = capture.stat()
    save(tmp_path / "cache", capture, fingerprint(capture), "1", CONTENT)
    CHANGES[what](capture)
    os.utime(capture, ns=(before.st_atime_ns, before.st_mtime_ns))  # even if its time is put back
    assert load(tmp_path / "cache", capture, fingerprint(capture), "1") is None


def test_a_capture_that_was_only_touched_has_no_index(tmp_path: Path, capture: Path) -> None:
    save(tmp_path / "cache", capture, fingerprint(capture), "1", CONTENT)
    os.utime(capture, ns=(1, 1))
    assert load(tmp_path / "cache", capture, fingerprint(capture), "1") is None


def test_another_version_or_another_file_of_the_same_content_has_no_index(tmp_path: Path, capture: Path) -> None:
    save(tmp_path / "cache", capture, fingerprint(capture), "1", CONTENT)
    assert load(tmp_path / "cache", capture, fingerprint(capture), "2") is None
    assert load(tmp_path / "cache", tmp_path / "b.pcap", fingerprint(capture), "1") is None


@pytest.mark.parametrize("where", [0, 20, 200, -1, -60])
def test_a_damaged_index_is_not_used(tmp_path: Path, capture: Path, where: int) -> None:
    file = save(tmp_path / "cache", capture, fingerprint(capture), "1", Content({"a": np.arange(99)}, {}))
    data = bytearray(file.read_bytes())
    data[where] ^= 0x40
    file.write_bytes(data)
    assert load(tmp_path / "cache", capture, fingerprint(capture), "1") is None


@pytest.mark.parametrize("length", [0, 5, 30, 300])
def test_an_index_that_was_cut_is_not_used(tmp_path: Path, capture: Path, length: int) -> None:
    file = save(tmp_path / "cache", capture, fingerprint(capture), "1", CONTENT)
    file.write_bytes(file.read_bytes()[:length])
    assert load(tmp_path / "cache", capture, fingerprint(capture), "1") is None


def test_only_the_owner_may_read_it(tmp_path: Path, capture: Path) -> None:
    file = save(tmp_path / "cache", capture, fingerprint(capture), "1", CONTENT)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_the_index_used_longest_ago_is_forgotten_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captures = [tmp_path / name for name in ("old", "middle", "new")]
    for path in captures:
        path.write_bytes(path.name.encode())
    files: list[Path] = []
    for order, path in enumerate(captures):
        if order == 2:
            monkeypatch.setattr(index, "MOST_BYTES", 2 * files[0].stat().st_size + 10)
        files.append(save(tmp_path / "cache", path, fingerprint(path), "1", CONTENT))
        os.utime(files[order], ns=(order, order))
    assert [file.exists() for file in files] == [False, True, True]


def test_no_room_for_it_is_an_error_of_the_system(tmp_path: Path, capture: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="cache"):
        save(tmp_path / "cache", capture, fingerprint(capture), "1", CONTENT)
