"""The analysis of a large capture, kept in a file, so that opening the capture again need not read it.

An index is used only for the very file it was made of (`capture.fingerprint`), only by the version of netviz that wrote
it, and only if its own checksums hold; otherwise the capture is read as if there were none. It tells who talked to whom
and when, so only its owner may read it; secrets of the capture (pcapng Decryption Secrets Blocks) are not put into it.

The file: a line that names the format, the length of a header (8 bytes, little-endian), the header in JSON, then the
columns one after another as numpy lays them out, each beginning at a multiple of 64 bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from numpy.typing import NDArray

    from capture.fingerprint import Fingerprint

MAGIC: Final = b"netviz index 2\n"
ALIGNMENT: Final = 64
SUFFIX: Final = ".netviz-index"
MOST_BYTES: Final = 16 << 30
"""All indices together are kept below this; the ones used longest ago go first."""

_LONGEST_HEADER: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """What an index holds: columns by name, and what else the analysis knows, as values that JSON can hold."""

    columns: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]


def default_folder() -> Path:
    """Where indices are kept: in the user's cache (XDG Base Directory Specification)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "netviz"
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".cache") / "netviz"


def save(folder: Path, path: Path, of: Fingerprint, version: str, content: Content) -> Path:
    """Write the index of the capture at `path`, whole or not at all. Raises OSError (no room, no permission …)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = _place(folder, path)
    unfinished = target.with_suffix(f".{os.getpid()}")
    try:
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            _write(file, _header(of, version, content), content.columns)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    _forget_oldest(folder, keep=target)
    return target


def load(folder: Path, path: Path, of: Fingerprint, version: str) -> Content | None:
    """The index of the capture at `path`, or None if there is none that may be used for it."""
    target = _place(folder, path)
    try:
        with target.open("rb", buffering=0) as file:
            content = _read(cast("BinaryIO", file), of, version)
        os.utime(target)  # the oldest unused go first
    except OSError:
        return None
    return content


def _place(folder: Path, path: Path) -> Path:
    name = hashlib.blake2b(os.fsencode(path.resolve()), digest_size=16).hexdigest()
    return folder / (name + SUFFIX)


def _header(of: Fingerprint, version: str, content: Content) -> dict[str, Any]:
    return {
        "capture": list(of),
        "version": version,
        "byte_order": sys.byteorder,
        "columns": [
            [name, column.dtype.str, list(column.shape), zlib.crc32(np.ascontiguousarray(column).data)]
            for name, column in content.columns.items()
        ],
        "facts": dict(content.facts),
    }


def _write(file: BinaryIO, header: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> None:
    text = json.dumps(header).encode()
    file.write(MAGIC + len(text).to_bytes(8, "little") + zlib.crc32(text).to_bytes(4, "little") + text)
    for column in columns.values():
        file.write(bytes(-file.tell() % ALIGNMENT))
        file.write(np.ascontiguousarray(column).data)


def _read(file: BinaryIO, of: Fingerprint, version: str) -> Content | None:
    if file.read(len(MAGIC)) != MAGIC:
        return None
    length = int.from_bytes(file.read(8), "little")
    check = int.from_bytes(file.read(4), "little")
    text = file.read(min(length, _LONGEST_HEADER))
    if len(text) != length or zlib.crc32(text) != check:
        return None
    header = json.loads(text)
    if (header["capture"], header["version"], header["byte_order"]) != (list(of), version, sys.byteorder):
        return None
    columns: dict[str, NDArray[Any]] = {}
    for name, dtype, shape, check in header["columns"]:
        column = np.empty(shape, dtype)
        file.seek(-file.tell() % ALIGNMENT, os.SEEK_CUR)
        if not _fill(file, column) or zlib.crc32(column.data) != check:
            return None
        columns[name] = column
    return Content(columns, header["facts"])


def _fill(file: BinaryIO, column: NDArray[Any]) -> bool:
    """Read a column's bytes; whether all of them were there."""
    room = column.reshape(-1).view(np.uint8).data
    while room:
        got = os.readv(file.fileno(), [room])
        if not got:
            return False
        room = room[got:]
    return True


def _forget_oldest(folder: Path, keep: Path) -> None:
    """Remove the indices that were used longest ago until the rest is small enough; another process may help."""
    found = []
    for each in folder.glob("*" + SUFFIX):
        with suppress(FileNotFoundError):
            status = each.stat()
            found.append((status.st_mtime_ns, status.st_size, each))
    total = sum(size for _, size, _ in found)
    for _, size, each in sorted(found):
        if total <= MOST_BYTES:
            break
        if each != keep:
            each.unlink(missing_ok=True)
            total -= size
