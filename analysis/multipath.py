"""MPTCP's excuse: a duplicate ACK that may only carry an option is none (RFC 8684 section 3.3.1).

As Wireshark does it: of each MPTCP connection it notes which kinds of options any of its subflows has shown. When a new
kind comes up, the next segment of every end is no duplicate ACK, whatever it says. Subflows belong together by the
token that joins them, which is hashed from the first one's keys (sections 3.1 and 3.2).

Only connections whose SYN had an MPTCP option are looked at, so that others cost nothing: where that SYN was not
captured there is no excuse.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.places import indices
from capture.options import MULTIPATH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.headers import Headers, MultipathOptions

MP_CAPABLE: Final = 0
MP_JOIN: Final = 1
HANDSHAKE: Final = 1 << MP_CAPABLE | 1 << MP_JOIN
TOLD: Final = 8
"""Subtypes from here on excuse nothing."""
WITH_KEYS: Final = {12: 1, 20: 2, 22: 2, 24: 2}
"""How many keys an MP_CAPABLE option of that length has."""
JOINS: Final = 12
"""Length of the MP_JOIN option of a SYN, which has the token."""
MOST: Final = 1 << 16
"""Subflows that are followed; a crafted capture could have them without end."""
MOST_SUBFLOWS: Final = 64
"""And those of one MPTCP connection that are told of a new kind."""


NONE: Final = np.zeros(0, np.int64)


@dataclass(slots=True)
class _Whole:
    """An MPTCP connection."""

    subflows: list[int] = field(default_factory=list)  # rows of the connection table
    kinds: int = 0


class Multipath:
    """Follows the MPTCP connections of a capture, batch by batch."""

    def __init__(self) -> None:
        self._subflows: dict[int, None] = {}  # connections whose SYN had an option, in order
        self._of: dict[int, _Whole] = {}
        self._tokens: dict[bytes, _Whole] = {}
        self._waiting: set[int] = set()  # ends whose next segment is excused

    def excused(self, s: Segments, headers: Headers) -> NDArray[np.int64]:
        """Places of the segments that are no duplicate ACKs."""
        options = headers.syn_options
        if not self._subflows and not options.multipath.any():
            return NONE
        opening = s.opening[np.isin(s.row[s.opening], options.row[indices(options.multipath)])]
        for connection in s.connection[s.side[opening[np.argsort(s.row[opening])]] >> 1].tolist():
            if len(self._subflows) < MOST:
                self._subflows[connection] = None
        of_side = np.isin(s.connection, np.fromiter(self._subflows, np.int64, len(self._subflows)))
        found = self._released(s)
        at = indices(of_side[s.side >> 1] & np.isin(s.row, headers.multipath.row))
        followed = indices(of_side)
        groups = dict(zip(s.connection[followed].tolist(), followed.tolist(), strict=True))
        for place, content in _news(s, at, headers.multipath):
            for end in sorted(self._learn(int(s.connection[s.side[place] >> 1]), content)):
                following = _next(s, end, int(s.row[place]), groups)
                if following is None:
                    self._waiting.add(end)
                else:
                    found.add(following)
        return np.array(sorted(found), np.int64)

    def _released(self, s: Segments) -> set[int]:
        """The first segments of ends that have been waiting for one."""
        sides = indices(np.isin(s.ends, np.fromiter(self._waiting, np.int64, len(self._waiting))) & (s.size > 0))
        self._waiting.difference_update(s.ends[sides].tolist())
        return set(s.begin[sides].tolist())

    def _learn(self, connection: int, content: bytes) -> set[int]:
        """The ends whose next segment is excused, after a segment of this connection with these options."""
        ends: set[int] = set()
        for option in _options(content):
            whole = self._whole(connection, option)
            if whole is None:
                continue
            subtype = option[2] >> 4
            if connection not in whole.subflows and len(whole.subflows) < MOST_SUBFLOWS:
                whole.subflows.append(connection)
                ends |= {2 * connection, 2 * connection + 1} if whole.kinds else set()
            if subtype < TOLD and not whole.kinds >> subtype & 1:
                whole.kinds |= 1 << subtype
                ends |= {2 * each + end for each in whole.subflows for end in (0, 1)}
        return ends

    def _whole(self, connection: int, option: bytes) -> _Whole | None:
        """The MPTCP connection that a subflow belongs to by this option; None: not known from it."""
        subtype, whole = option[2] >> 4, self._of.get(connection)
        tokens: list[bytes] = []
        if subtype == MP_CAPABLE:
            count = WITH_KEYS.get(len(option), 0)
            if not count:
                return None
            hashed = hashlib.sha256 if option[2] & 15 else hashlib.sha1
            tokens = [hashed(option[4 + 8 * key : 12 + 8 * key]).digest()[:4] for key in range(count)]
        elif subtype == MP_JOIN and len(option) == JOINS:
            tokens = [option[4:8]]
        if whole is None:
            whole = next((self._tokens[token] for token in tokens if token in self._tokens), None)
        whole = self._of.setdefault(connection, whole or _Whole())
        for token in tokens:
            self._tokens.setdefault(token, whole)
        return whole


def _news(s: Segments, at: NDArray[np.int64], options: MultipathOptions) -> Iterator[tuple[int, bytes]]:
    """Those of the segments that may show something new, in order, and their options.

    These are all that begin or join an MPTCP connection, and of the others each connection's first with these kinds.
    """
    at = at[np.argsort(s.row[at], kind="stable")]
    found = np.searchsorted(options.row, s.row[at])
    kinds = options.kinds[found]
    both = (s.side[at] >> 1) << 16 | kinds
    first = np.zeros(len(at), np.bool_)
    first[np.unique(both, return_index=True)[1]] = True
    for index in indices(first | (kinds & HANDSHAKE != 0)).tolist():
        option = found[index]
        yield int(at[index]), options.content[option, : options.length[option]].tobytes()


def _next(s: Segments, end: int, row: int, groups: dict[int, int]) -> int | None:
    """Place of the end's first segment after that row of the batch; `groups` are the batch's, by connection."""
    group = groups.get(end >> 1)
    if group is None:
        return None
    side = 2 * group + (end & 1)
    begin, stop = int(s.begin[side]), int(s.begin[side + 1])
    place = begin + int(np.searchsorted(s.row[begin:stop], row, "right"))
    return place if place < stop else None


def _options(content: bytes) -> Iterator[bytes]:
    """The MPTCP options among a header's, one by one."""
    at = 0
    while at + 1 < len(content) and content[at]:
        length = 1 if content[at] == 1 else content[at + 1]
        if content[at] != 1 and length < 2:
            return
        if content[at] == MULTIPATH and 3 <= length <= len(content) - at:
            yield content[at : at + length]
        at += length
