"""Compressed captures: what was packed is unpacked, piece by piece; damage keeps what came before it."""

from __future__ import annotations

import bz2
import gzip
import os
import sys
from typing import TYPE_CHECKING

import lz4.frame
import pytest
import zstandard

from capture.compression import PIECE, compression_of, unpacked
from capture.errors import UnsupportedCaptureError
from capture.store import DamagedStoreError
from capture.stream import RawInput

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"".join(b"packet %d of many, " % i for i in range(40_000))
PACKERS = {"gzip": gzip.compress, "zstd": zstandard.compress, "lz4": lz4.frame.compress}


def unpack(directory: Path, packed: bytes, compression: str) -> tuple[bytes, str]:
    """What could be unpacked, and why no more could."""
    path = directory / "packed"
    path.write_bytes(packed)
    source = RawInput(os.open(path, os.O_RDONLY))
    given = bytearray()
    try:
        for piece in unpacked(source, compression):
            assert len(piece) <= PIECE
            given += piece
    except DamagedStoreError as error:
        return bytes(given), str(error)
    finally:
        source.close()
    return bytes(given), ""


@pytest.mark.parametrize("compression", PACKERS)
def test_what_was_packed_is_unpacked(tmp_path: Path, compression: str) -> None:
    packed = PACKERS[compression](DATA)
    assert compression_of(packed) == compression
    assert unpack(tmp_path, packed, compression) == (DATA, "")


@pytest.mark.parametrize("compression", PACKERS)
def test_several_members_are_one_capture(tmp_path: Path, compression: str) -> None:
    pack = PACKERS[compression]
    assert unpack(tmp_path, pack(DATA) + pack(b"and more"), compression) == (DATA + b"and more", "")


def test_zero_bytes_may_follow_gzip(tmp_path: Path) -> None:
    assert unpack(tmp_path, gzip.compress(DATA) + bytes(700_000), "gzip") == (DATA, "")


@pytest.mark.parametrize("compression", PACKERS)
def test_a_cut_keeps_what_came_before(tmp_path: Path, compression: str) -> None:
    packed = PACKERS[compression](os.urandom(300_000) + DATA)
    given, problem = unpack(tmp_path, packed[: len(packed) - 20], compression)
    assert len(given) >= 200_000
    if compression != "zstd":  # its cut shows in the packets only
        assert problem == f"the {compression} data ends too early"


def test_damage_in_gzip_keeps_everything_before_it(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(DATA))
    packed[-6] ^= 1  # in the checksum at the end: zlib holds back the last byte until it has seen that
    given, problem = unpack(tmp_path, bytes(packed), "gzip")
    assert given == DATA[:-1]
    assert "the gzip data is damaged" in problem


@pytest.mark.parametrize("compression", PACKERS)
def test_damage_anywhere_never_crashes(tmp_path: Path, compression: str) -> None:
    packed = PACKERS[compression](DATA[:200_000])
    for place in range(0, len(packed), max(1, len(packed) // 15)):
        damaged = bytearray(packed)
        damaged[place] ^= 0xFF
        given, problem = unpack(tmp_path, bytes(damaged), compression)
        assert problem or len(given) <= 200_000


def test_a_bomb_is_unpacked_in_small_pieces(tmp_path: Path) -> None:
    for compression, pack in PACKERS.items():
        given, problem = unpack(tmp_path, pack(bytes(30_000_000)), compression)
        assert (len(given), problem) == (30_000_000, "")


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    for compression in ("zstd", "lz4"):
        with pytest.raises(UnsupportedCaptureError, match="extra “compression”"):
            unpack(tmp_path, b"", compression)
    packed = bz2.compress(b"anything")
    assert compression_of(packed) == "bzip2"
    with pytest.raises(UnsupportedCaptureError, match="unpack it first"):
        unpack(tmp_path, packed, "bzip2")
