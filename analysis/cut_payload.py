"""Payload that the snap length cut off, and the acknowledgments that tell what the capture does not hold.

For Zeek, which puts streams together, a segment that was captured in part is payload never seen
(TCP_Endpoint::DataSent: `truncated_tcp_payload`). Its gap is told each time an acknowledgment moves on over bytes of
it, once for each stretch of missing bytes (TCP_Reassembler::Undelivered). Only payload that goes on where its end had
stopped is looked at here: what is sent again neither opens a gap nor fills one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.places import indices, run_sizes, run_starts
from analysis.reach import running_highest
from analysis.segments import ACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.segments import Segments
    from analysis.sequence import Sent
    from capture.batch import Batch
    from capture.headers import Headers

LARGEST: Final = 64 << 20
"""Bytes of a capture up to which this is asked. Where all payload is cut it takes half as much time as all the rest of
the analysis; a larger capture is there sooner, and its histories are without these gaps."""
MOST_PIECES: Final = 1000
"""Stretches remembered of one end that waits for acknowledgments; of more, the oldest are forgotten."""
NONE: Final = np.zeros((0, 2), np.int64)
_WIDTH: Final = 1 << 40
"""Room for the distances of one end in a number that also tells which end it is."""


@dataclass(frozen=True, slots=True)
class _Pieces:
    """K stretches [`start`, `stop`) of cut payload, end by end and ascending, as distances from `Sent.origin`."""

    side: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    row: NDArray[np.int64]  # of the batch, -1 for an earlier one


def gaps_by_cuts(s: Segments, sent: Sent, batch: Batch, headers: Headers, table: ConnectionTable) -> NDArray[np.int64]:
    """The acknowledgments that move on over cut payload: place, side that sent it, int64 (K, 2); a row each stretch."""
    cut_here = bool((batch.captured_length < batch.original_length).any())
    if not cut_here and not table.cut_payload:
        return NONE
    pieces = _pieces(s, sent, _cut(s, batch, headers) if cut_here else np.zeros(0, np.int64), table)
    if not len(pieces.side):
        return NONE
    first = run_starts(pieces.side)
    sides = pieces.side[first]
    stop = first + run_sizes(first, len(pieces.side))
    acks, distance, raw = _acknowledgments(s, sent, sides, pieces)
    if not len(acks):
        _carry(s, sent, table, pieces, (sides, first, stop, np.full(len(sides), -_WIDTH)))
        return NONE
    of = sides.searchsorted(s.side[acks] ^ 1)
    raw = np.clip(raw, first[of], stop[of])
    head = run_starts(of)
    begun = running_highest(raw, head, raw[head])
    level = run_starts(begun + of)  # neither falls
    counted = np.where(raw == begun, distance, -_WIDTH)
    reached = running_highest(counted, level, counted[level])
    earlier, known = _before(reached, head, -_WIDTH), _before(begun, head, first[of[head]])
    number = _stretches(pieces, earlier, reached, (known, begun, first[of]))
    last = head + run_sizes(head, len(of)) - 1
    left, low = first.copy(), np.full(len(sides), -_WIDTH)
    left[of[last]], low[of[last]] = begun[last], reached[last]
    inside = (left > first) & (pieces.stop[left - 1] > low)
    _carry(s, sent, table, pieces, (sides, left - inside, stop, np.where(inside, low, -_WIDTH)))
    return np.stack((acks, sides[of]), axis=1).repeat(number, axis=0)


def _cut(s: Segments, batch: Batch, headers: Headers) -> NDArray[np.int64]:
    """Places of the segments whose payload was captured in part, or not at all."""
    end = headers.payload.take(s.row).astype(np.int64) + s.length
    return indices((s.length > 0) & (batch.captured_length.take(s.row) < end))


def _pieces(s: Segments, sent: Sent, cut: NDArray[np.int64], table: ConnectionTable) -> _Pieces:
    """What was cut in this batch, and what earlier ones left to acknowledge; that leaves the table."""
    stop = sent.payload[cut] + sent.length[cut]
    fresh = indices((stop > sent.top[cut]) & (sent.length[cut] > 0))
    cut, stop = cut[fresh], stop[fresh]
    start = np.maximum(sent.payload[cut], sent.top[cut])
    carried: list[tuple[int, int, int, int]] = []
    waiting = np.fromiter(table.cut_payload, np.int64, len(table.cut_payload))
    for side in indices(np.isin(s.ends, waiting)).tolist():
        base = int(sent.carried[side])
        runs = table.cut_payload.pop(int(s.ends[side]))
        carried += [(side, low + base, high + base, -1) for low, high in runs]
    before = np.array(carried, np.int64).reshape(-1, 4).T
    here = np.stack((s.side[cut], start, stop, s.row[cut]))
    every = np.concatenate((before, here), axis=1)
    return _Pieces(*every[:, every[0].argsort(kind="stable")])


def _acknowledgments(
    s: Segments, sent: Sent, sides: NDArray[np.int64], pieces: _Pieces
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Places of what the other ends acknowledge, how far each does, and before which piece that is.

    They stand in the order of `sides`. A piece that comes later than an acknowledgment is not before it.
    """
    answering = sides[indices(s.size[sides ^ 1])] ^ 1
    place, _ = s.places_of(answering)
    place = place[indices(s.flags[place] & ACK)]
    side = s.side[place] ^ 1
    distance = (s.acknowledgment[place] - sent.origin[side]).view(np.int32).astype(np.int64)
    below = (pieces.side * _WIDTH + pieces.start).searchsorted(side * _WIDTH + distance)
    shown = (pieces.side * _WIDTH + pieces.row).searchsorted(side * _WIDTH + s.row[place])
    return place, distance, np.minimum(below, shown)


def _before(values: NDArray[np.int64], head: NDArray[np.int64], first: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Each value's predecessor in its run; `first` where the runs begin."""
    earlier = np.empty_like(values)
    earlier[1:] = values[:-1]
    earlier[head] = first
    return earlier


def _stretches(
    pieces: _Pieces,
    earlier: NDArray[np.int64],
    reached: NDArray[np.int64],
    begun: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.int64]:
    """Over how many stretches each acknowledgment moves on, from `earlier` to `reached`.

    `begun` are numbers of pieces: how many begin before the acknowledgment before, before this one, and those of other
    ends.
    """
    parted = np.ones(len(pieces.start), np.int64)
    parted[1:] = pieces.start[1:] != pieces.stop[:-1]
    parted = parted.cumsum()
    known, now, first = begun
    inside = (known > first) & (pieces.stop[known - 1] > earlier) & ((reached > earlier) | (now > known))
    start, last = known - inside, now - 1
    crossed = indices(last >= start)
    number = np.zeros(len(known), np.int64)
    number[crossed] = 1 + parted[last[crossed]] - parted[start[crossed]]
    return number


def _carry(
    s: Segments,
    sent: Sent,
    table: ConnectionTable,
    pieces: _Pieces,
    left: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> None:
    """Keep for the next batch what is left: of some sides the pieces from one to before another, from a distance on."""
    for side, first, stop, low in zip(*(values.tolist() for values in left), strict=True):
        if first == stop:
            continue
        runs: list[tuple[int, int]] = []
        for start, end in zip(pieces.start[first:stop].tolist(), pieces.stop[first:stop].tolist(), strict=True):
            if runs and runs[-1][1] == start:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((max(start, low), end))
        reached = int(sent.reached[side])
        table.cut_payload[int(s.ends[side])] = [(start - reached, end - reached) for start, end in runs[-MOST_PIECES:]]
