"""TCP options of SYN segments, for a whole batch; MPTCP of others. `analysis.layers_options` takes one packet apart.

Sources: RFC 9293 section 3.1 (the format, MSS), 7323 (window scale, timestamps), 2018 (SACK), 7413 (Fast Open), 8684
(MPTCP), and IANA's registry of TCP option kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.gather import u8, u16, windows
from capture.headers import MultipathOptions, SynOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from capture.gather import Rows

FIXED: Final = 20
"""Bytes of a TCP header without options."""
LONGEST: Final = 40
"""Bytes of options that it has room for."""
LARGEST_SHIFT: Final = 14
"""RFC 7323 section 2.3: a larger window scale counts as 14."""
MULTIPATH: Final = 30
HIGHEST_SUBTYPE: Final = 12
_FAST_OPEN_MAGIC: Final = 0xF989
"""RFC 7413 section 4.1.1: Fast Open under an experimental kind."""


def syn_options(buffer: NDArray[np.uint8], segments: Sequence[tuple[Rows, Rows, Rows]]) -> SynOptions:
    """Options of segments given by row, and where in `buffer` their options begin and end (positions)."""
    empty = np.zeros(0, np.int64)
    row, at, end = (np.concatenate([empty, *parts]) for parts in zip((empty,) * 3, *segments, strict=True))
    order = np.argsort(row)
    row, at, end = row[order], at[order], end[order]
    count = len(row)
    found = SynOptions(
        row=row,
        mss=np.full(count, -1, np.int32),
        window_scale=np.full(count, -1, np.int8),
        sack_permitted=np.zeros(count, bool),
        timestamps=np.zeros(count, bool),
        fast_open=np.full(count, -1, np.int8),
        multipath=np.zeros(count, np.uint16),
    )
    rounds = _rounds(buffer, at, end)
    if rounds:  # noted together, in order: of an option that is there twice the last one counts
        _note(buffer, found, *(np.concatenate(parts) for parts in zip(*rounds, strict=True)))
    return found


def multipath_options(buffer: NDArray[np.uint8], row: Rows, begin: Rows, stop: Rows) -> MultipathOptions:
    """Those of some segments that have MPTCP among their options: by row, and where header and capture end.

    `begin` is the position of the TCP header, `stop` that behind the packet's last captured byte.
    """
    at = begin + FIXED
    end = np.minimum(begin + (u8(buffer, begin + 12) >> 4) * 4, stop)
    kinds = _multipath_kinds(buffer, at, end)
    shown = kinds.nonzero()[0]
    return MultipathOptions(row[shown], kinds[shown], windows(buffer, at[shown], LONGEST), (end - at)[shown])


def no_multipath_options() -> MultipathOptions:
    """No rows."""
    none = np.zeros(0, np.int64)
    return MultipathOptions(none, np.zeros(0, np.uint16), np.zeros((0, LONGEST), np.uint8), none)


def _multipath_kinds(buffer: NDArray[np.uint8], at: Rows, end: Rows) -> NDArray[np.uint16]:
    """Which kinds of MPTCP options (RFC 8684 section 3) each of these option lists has, from `at` to `end`, (N,).

    Bit n stands for subtype n; the four highest, which nobody uses, are left out.
    """
    kinds = np.zeros(len(at), np.uint16)
    rounds = _rounds(buffer, at, end)
    if rounds:
        _note_multipath(buffer, kinds, *(np.concatenate(parts) for parts in zip(*rounds, strict=True)))
    return kinds


def _rounds(buffer: NDArray[np.uint8], at: Rows, end: Rows) -> list[tuple[Rows, Rows, Rows, Rows]]:
    """The first option of every list that lies `at` to `end`, then the second …: list, position, kind, length."""
    here = (at < end).nonzero()[0]
    at, end = at[here], end[here]
    rounds: list[tuple[Rows, Rows, Rows, Rows]] = []
    while len(here):
        kind = u8(buffer, at)
        padding = kind == 1
        length = u8(buffer, at + 1)
        length[padding] = 1
        after = at + length
        fits = (kind != 0) & (padding | (length >= 2)) & (after <= end)
        if not fits.all():
            here, at, end, kind, length, after = (each[fits] for each in (here, at, end, kind, length, after))
        rounds.append((here, at, kind, length))
        more = after < end
        here, at, end = here[more], after[more], end[more]
    return rounds


def _note(buffer: NDArray[np.uint8], found: SynOptions, here: Rows, at: Rows, kind: Rows, length: Rows) -> None:
    """Write down the option at `at`; one of the wrong length says nothing."""
    mss = (kind == 2) & (length == 4)
    found.mss[here[mss]] = u16(buffer, at[mss] + 2)
    scale = (kind == 3) & (length == 3)
    found.window_scale[here[scale]] = np.minimum(u8(buffer, at[scale] + 2), LARGEST_SHIFT)
    found.sack_permitted[here[(kind == 4) & (length == 2)]] = True
    found.timestamps[here[(kind == 8) & (length == 10)]] = True
    cookie = (kind == 34) & (length <= 18)
    experiment = np.flatnonzero((kind >= 253) & (kind <= 254) & (length >= 4))
    experiment = experiment[u16(buffer, at[experiment] + 2) == _FAST_OPEN_MAGIC]
    fast_open = cookie.copy()
    fast_open[experiment] = True
    found.fast_open[here[fast_open]] = length[fast_open] - np.where(cookie[fast_open], 2, 4)
    _note_multipath(buffer, found.multipath, here, at, kind, length)


def _note_multipath(
    buffer: NDArray[np.uint8], kinds: NDArray[np.uint16], here: Rows, at: Rows, kind: Rows, length: Rows
) -> None:
    """Add the subtypes of MPTCP options to `kinds`."""
    of_multipath = ((kind == MULTIPATH) & (length >= 3)).nonzero()[0]
    if not len(of_multipath):
        return
    subtype = u8(buffer, at[of_multipath] + 2) >> 4
    known = subtype < HIGHEST_SUBTYPE
    np.bitwise_or.at(kinds, here[of_multipath[known]], (1 << subtype[known]).astype(np.uint16))
