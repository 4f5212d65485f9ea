"""Receive windows: how each end's is scaled, and the largest it offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NOT_SCALED
from analysis.segments import ACK, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.columns import Columns

CUT: Final = -128
"""In place of a shift: the options were cut off by the snap length, so nothing is known of it."""


def learn_windows(s: Segments, shift: NDArray[np.int8], columns: Columns) -> None:
    """Update the scaling and the largest window of each end.

    `shift` is the window scale option of each segment, int8 (K,), -1 for none, `CUT` for not captured. The window of
    a SYN is never scaled (RFC 7323 section 2.2), and where no SYN was seen windows are taken as sent.
    """
    own = _own_scaling(s, shift, columns)
    factor = np.where((own > 0) & ~s.has(SYN), own, 0).astype(np.int64)
    window = s.window.astype(np.int64) << factor
    largest = columns["max_window"]
    most = np.empty((len(s.connection), 2), np.int64)
    for end in (0, 1):
        most[:, end] = np.maximum.reduceat(np.where(s.analysed & (s.direction == end), window, -1), s.begin)
    largest[s.connection] = np.maximum(largest[s.connection], most)


def _own_scaling(s: Segments, shift: NDArray[np.int8], columns: Columns) -> NDArray[np.int8]:
    """The sender's scaling at each segment, int8 (K,), as far as the SYNs up to it tell.

    A shift applies only if both ends announce one (RFC 7323 section 2.2): a SYN without the option settles it for
    both, and an answer that has the option where the SYN had none counts as having none.
    """
    table = columns["scaling"]
    now = table[s.connection]
    own: NDArray[np.int8] = now.reshape(-1)[s.side]
    syn = np.flatnonzero(s.has(SYN) & s.analysed & (shift != CUT))
    if not len(syn):
        return own
    after = np.empty((len(s), 2), np.int8)
    for at in _turns(s.group[syn]):
        index = syn[at]
        group, sender, says = s.group[index], s.direction[index], shift[index]
        refused = ((s.flags[index] & ACK) != 0) & (now[group, 1 - sender] == NOT_SCALED)
        now[group, sender] = np.where((says < 0) | refused, NOT_SCALED, says)
        now[group[says < 0], 1 - sender[says < 0]] = NOT_SCALED
        after[index] = now[group]
    table[s.connection] = now
    position = np.zeros(len(s), np.int64)
    position[syn] = syn + 1
    last = np.maximum.accumulate(position) - 1
    told = np.flatnonzero(last >= s.begin[s.group])
    own[told] = after[last[told], s.direction[told]]
    return own


def _turns(group: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Split indices into turns: the first of every group, the second of every group that has one, and so on."""
    first = np.ones(len(group), np.bool_)
    first[1:] = group[1:] != group[:-1]
    begin = np.flatnonzero(first)
    turn = np.arange(len(group)) - np.repeat(begin, np.diff(np.append(begin, len(group))))
    order = np.argsort(turn, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(turn[order])) + 1)
