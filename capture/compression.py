"""Compressed captures unpacked piece by piece: gzip always, zstd and lz4 where the extra is installed.

Every piece is small whatever the input says, so that memory stays bounded; where the compressed bytes end too
early or are damaged, what could be unpacked was given before.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final

from capture.errors import UnsupportedCaptureError
from capture.store import DamagedStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.stream import RawInput

PIECE: Final = 128 << 10

_MAGICS: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
}
MAGIC_LENGTH: Final = 6


def compression_of(beginning: bytes) -> str | None:
    """The compression that a file beginning with these (at least `MAGIC_LENGTH`) bytes has."""
    return next((name for magic, name in _MAGICS.items() if beginning.startswith(magic)), None)


def unpacked(source: RawInput, compression: str) -> Iterator[bytes]:
    """The uncompressed bytes, in pieces of at most `PIECE`.

    Raises `UnsupportedCaptureError` at once if this installation cannot unpack it; iterating raises
    `DamagedStoreError` where the compressed bytes cannot be followed.
    """
    if compression == "gzip":
        return _gzip(source)
    if compression == "zstd":
        return _zstd(source, _zstandard())
    if compression == "lz4":
        return _lz4(source, _lz4_decompressor())
    raise UnsupportedCaptureError(f"The capture is compressed with {compression}; unpack it first.")


def _zstandard() -> Any:
    try:
        import zstandard  # noqa: PLC0415 - an optional extra, and needed by few
    except ImportError as error:
        raise _missing("zstd") from error
    return zstandard


def _lz4_decompressor() -> Callable[[], Any]:
    try:
        import lz4.frame  # noqa: PLC0415 - an optional extra, and needed by few
    except ImportError as error:
        raise _missing("lz4") from error
    decompressor: Callable[[], Any] = lz4.frame.LZ4FrameDecompressor
    return decompressor


def _missing(name: str) -> UnsupportedCaptureError:
    return UnsupportedCaptureError(
        f"The capture is compressed with {name}, which needs netviz's extra “compression”: "
        f"install netviz-tui[compression], or unpack it first."
    )


def _cut(name: str) -> DamagedStoreError:
    return DamagedStoreError(f"the {name} data ends too early")


def _damaged(name: str, source: RawInput, error: Exception) -> DamagedStoreError:
    return DamagedStoreError(f"the {name} data is damaged before its byte {source.bytes_read:,} ({error})")


def _gzip(source: RawInput) -> Iterator[bytes]:
    """RFC 1952: members one after the other; zero bytes may follow the last."""
    data = source.read()
    while data:
        member = zlib.decompressobj(wbits=31)
        while True:
            before = member.copy()  # a step that fails gives nothing, not even what was right
            try:
                piece = member.decompress(data, PIECE)
            except zlib.error as error:
                yield from _salvaged(before, data)
                raise _damaged("gzip", source, error) from error
            if piece:
                yield piece
            if member.eof:
                break
            data = member.unconsumed_tail
            if not data and not piece:
                data = source.read()
                if not data:
                    raise _cut("gzip")
        data = _without_zeros(source, member.unused_data)


def _without_zeros(source: RawInput, data: bytes) -> bytes:
    """What comes behind a gzip member and its padding."""
    while not (data := data.lstrip(b"\0")):
        data = source.read()
        if not data:
            return b""
    return data


def _salvaged(member: Any, data: bytes) -> Iterator[bytes]:
    """What a step unpacked before it failed, byte by byte: at most one piece, all but the very last byte."""
    given = bytearray()
    try:
        while len(given) < PIECE and (byte := member.decompress(data, 1)):
            given += byte
            data = member.unconsumed_tail
    except zlib.error:
        pass  # the error is known: the whole step met it
    yield bytes(given)


def _zstd(source: RawInput, zstandard: Any) -> Iterator[bytes]:
    """RFC 8878: frames one after the other. That the data ends inside a frame shows only in what it held."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    reader = decompressor.stream_reader(source, read_across_frames=True, read_size=16 << 10)
    while True:
        try:
            piece = reader.read(PIECE)
        except zstandard.ZstdError as error:
            raise _damaged("zstd", source, error) from error
        if not piece:
            return
        yield piece


def _lz4(source: RawInput, decompressor: Callable[[], Any]) -> Iterator[bytes]:
    """LZ4 frames, one after the other."""
    data = source.read()
    while data:
        frame = decompressor()
        while not frame.eof:
            try:
                piece = frame.decompress(data, PIECE)
            except RuntimeError as error:
                raise _damaged("lz4", source, error) from error
            if piece:
                yield piece
            data = b""
            if frame.needs_input and not frame.eof:
                data = source.read()
                if not data:
                    raise _cut("lz4")
        data = frame.unused_data or source.read()
