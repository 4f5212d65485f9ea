"""The files that a live capture is written to by name: one, or a ring of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def named(path: Path, *, new: bool = False) -> int:
    """A descriptor of a file for writing and reading, emptied if it was there. Raises OSError, if it is to be `new`.

    A new one is its owner's alone: what is captured may hold secrets.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | (os.O_EXCL if new else os.O_TRUNC) | os.O_CLOEXEC, 0o600)


@dataclass(slots=True)
class FileRing:
    """Numbered files, `name_00001.pcapng` and so on, of which the newest `most` are kept."""

    path: Path
    most: int
    made: list[Path] = field(default_factory=list)
    _number: int = 0

    def next(self) -> int:
        """A descriptor of the next file; the oldest goes when there would be too many. Raises OSError."""
        self._number += 1
        file = self.path.with_name(f"{self.path.stem}_{self._number:05}{self.path.suffix}")
        descriptor = named(file)
        self.made.append(file)
        while len(self.made) > self.most:
            self.made.pop(0).unlink(missing_ok=True)
        return descriptor


def copy(descriptor: int, stretches: Iterable[tuple[int, int]], path: Path) -> int:
    """Save these stretches (from, to) of what a descriptor holds; returns how many bytes that were.

    Raises OSError, if there is such a file already (it may be the one that is copied); no half of a file is left.
    """
    target = named(path, new=True)
    copied = 0
    try:
        for begin, end in stretches:
            at = begin
            while at < end and (piece := os.pread(descriptor, min(end - at, 4 << 20), at)):
                at, copied = at + len(piece), copied + len(piece)
                view = memoryview(piece)
                while view:
                    view = view[os.write(target, view) :]
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(target)
    return copied
