"""Receive windows: how each end's is scaled, and the largest it offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NOT_SCALED, SCALING_UNKNOWN
from analysis.places import indices, run_sizes, run_starts
from analysis.segments import ACK, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.columns import Columns

CUT: Final = -128
"""In place of a shift: the options were cut off by the snap length, so nothing is known of it."""


def learn_windows(s: Segments, shift: NDArray[np.int8], columns: Columns) -> None:
    """Update the scaling and the largest window of each end.

    `shift` is the window scale option of each segment of `s.opening`, int8, -1 for none, `CUT` for not captured. The
    window of a SYN is never scaled (RFC 7323 section 2.2), and where no SYN was seen windows are taken as sent.
    """
    table = columns["scaling"].reshape(-1)
    scaling: NDArray[np.int8] = table[s.ends]
    window = s.window
    most = np.full(len(s.ends), -1)
    if len(s.opening):
        known = shift != CUT
        settling = s.opening[known]
        before = scaling.copy()
        after = _settle(s, settling, shift[known], scaling)
        early = _up_to_last_syn(s)
        own = _scaling_at(s, early, settling, after, before)
        scaled = window[early].astype(np.int64) << (np.maximum(own, 0) * (s.flags[early] & SYN == 0))
        np.maximum.at(most, s.side[early], scaled)
        table[s.ends] = scaling
        window = window.copy()
        window[early] = 0
    of_owner = np.maximum.reduceat(window, s.head).astype(np.int64) << np.maximum(scaling[s.owner], 0)
    most[s.owner] = np.maximum(most[s.owner], of_owner)
    largest = columns["max_window"].reshape(-1)
    largest[s.ends] = np.maximum(largest[s.ends], most)


def _settle(
    s: Segments, syn: NDArray[np.int64], shift: NDArray[np.int8], scaling: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Go through these SYNs connection by connection; `scaling` (2G,) is changed. How both ends' is after each, (M, 2).

    A shift applies only if both ends announce one (RFC 7323 section 2.2): a first SYN without the option settles it for
    both, and an answer that has the option where the SYN had none counts as having none. As in Wireshark, a SYN that is
    sent again without the option takes nothing back.
    """
    after = np.empty((len(syn), 2), np.int8)
    for index in _turns(s.side[syn] >> 1):
        sender, says = s.side[syn[index]], shift[index]
        own = np.where(says < 0, scaling[sender], says)
        never = own == SCALING_UNKNOWN
        refused = ((s.flags[syn[index]] & ACK) != 0) & (scaling[sender ^ 1] == NOT_SCALED)
        scaling[sender] = np.where(never | refused, NOT_SCALED, own)
        scaling[sender[never] ^ 1] = NOT_SCALED
        after[index] = scaling.reshape(-1, 2)[sender >> 1]
    return after


def _up_to_last_syn(s: Segments) -> NDArray[np.int64]:
    """Places of the segments up to the last SYN of their connection, in capture order, connection by connection."""
    last = np.full(len(s.connection), -1)
    last[s.side[s.opening] >> 1] = s.opening_turn  # in order: the last one stays
    begin = s.begin[:-1:2]
    size = np.maximum(last + 1 - begin, 0)
    group = np.repeat(np.arange(len(begin)), size)
    inside = np.arange(len(group)) - (size.cumsum() - size)[group]
    found: NDArray[np.int64] = s.turn[begin[group] + inside]
    return found


def _scaling_at(
    s: Segments,
    at: NDArray[np.int64],
    syn: NDArray[np.int64],
    after: NDArray[np.int8],
    before: NDArray[np.int8],
) -> NDArray[np.int8]:
    """The sender's scaling at the segments `at`, as far as the SYNs up to them tell; `after` and `before` them."""
    number = np.full(len(s), -1)
    number[syn] = np.arange(len(syn))
    latest = np.maximum.accumulate(number[at])
    side = s.side[at]
    inside = indices(latest >= 0)
    inside = inside[s.side[syn[latest[inside]]] >> 1 == side[inside] >> 1]
    own = before[side]
    own[inside] = after.reshape(-1)[2 * latest[inside] + (side[inside] & 1)]
    return own


def _turns(group: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Split indices into turns: the first of every group, the second of every group that has one, and so on."""
    begin = run_starts(group)
    turn = np.arange(len(group)) - begin.repeat(run_sizes(begin, len(group)))
    order = turn.argsort(kind="stable")
    return np.split(order, indices(np.diff(turn[order])) + 1)
