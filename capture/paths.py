"""Numbers for the ways of headers in packets: ("ethernet", "ipv4", "tcp") is one path.

Most captures have a handful; the table is bounded, so that a hostile capture cannot make it grow without end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.kinds import Header

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PATHS: Final = 60_000
"""When so many are known, a packet's path simply ends at the last header for which there is a number."""

_UNSEEN: Final = 0xFFFF


class Paths:
    """A tree of paths, grown as headers are met. Path 0 is the empty one."""

    def __init__(self) -> None:
        self.names: list[tuple[str, ...]] = [()]
        self._next = np.full((64, len(Header)), _UNSEEN, np.uint16)

    def extended(self, paths: NDArray[np.uint16], header: Header) -> NDArray[np.uint16]:
        """Each of `paths` (uint16, N) with `header` behind it: its number, uint16, N."""
        longer: NDArray[np.uint16] = self._next[paths, header]
        unseen = longer == _UNSEEN
        if unseen.any():
            for path in np.flatnonzero(np.bincount(paths[unseen])).tolist():
                self._learn(path, header)
            longer = self._next[paths, header]
        return longer

    def number(self, *headers: Header) -> int:
        """The number of one path."""
        path = np.zeros(1, np.uint16)
        for header in headers:
            path = self.extended(path, header)
        return int(path[0])

    def _learn(self, path: int, header: Header) -> None:
        """Give `path` + `header` a number, or its own beginning's when there are too many."""
        if len(self.names) >= MOST_PATHS:
            self._next[path, header] = path
            return
        if len(self.names) == len(self._next):
            self._next = np.concatenate([self._next, np.full_like(self._next, _UNSEEN)])
        self._next[path, header] = len(self.names)
        self.names.append((*self.names[path], header.label))
