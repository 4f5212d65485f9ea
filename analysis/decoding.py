"""The half of the work that reads the packets' bytes. It needs nothing of what the other half finds out.

So it may run ahead of it, on a thread or in a process of its own (`analysis.ahead`, `analysis.apart`). The other half,
`analysis.analyser`, never sees the bytes: by then the buffer may hold those of a later batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.order import Order, Orderer
from analysis.pairing import Paired, paired
from analysis.places import indices
from analysis.segments import may_be_judged
from analysis.sightings import Sightings
from capture.decode import Decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.pairs import News, Pairs
    from capture.batch import Batch, Interface
    from capture.headers import Headers

_NONE: Final[NDArray[Any]] = np.zeros(0, np.uint64)
SHORT: Final = 256
"""Bytes captured of a packet on average, up to which this half has time for more than reading."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the bytes of a batch say.

    `paired` is None where the other half is to pair the endpoints, and to find the `order`; `seen_again` are rows
    of the packet table as `analysis.sightings` finds them, int64, (K, 2).
    """

    headers: Headers
    paired: Paired | None
    order: Order | None
    seen_again: NDArray[np.int64]

    def without_places(self) -> Decoded:
        """The same for the other half in another process, without what only this half asks for.

        That is where headers lie, and the addresses, once they are paired.
        """
        headers = replace(self.headers, path=_NONE, paths=[], network=_NONE, transport=_NONE)
        if self.paired is None:
            return replace(self, headers=headers)
        ends = self.paired.headers.endpoints
        ends = replace(ends, source_high=_NONE, source_low=_NONE, destination_high=_NONE, destination_low=_NONE)
        headers = replace(headers, endpoints=ends)
        return replace(self, headers=headers, paired=replace(self.paired, headers=headers))


class Decoding:
    """Decodes the batches of one source, in order. `pairs` are those of the connection table."""

    def __init__(self, interfaces: Sequence[Interface], pairs: Pairs) -> None:
        self._decoder = Decoder()
        self._sightings = Sightings(interfaces)
        self.pairs = pairs
        self._orderer = Orderer()
        self._a_lower = np.zeros(0, np.int8)  # by pair: whether the first packet came from its lower end; -1: none yet
        self._pairs_ahead: bool | None = None

    def decode(self, batch: Batch) -> Decoded:
        """The headers of a batch, and what can be told from them.

        Where packets are short, so that reading them takes little time, endpoints are paired in this half, too, and
        packets put in order by pairs: for all batches or for none, since pairs are numbered in order.
        """
        headers = self._decoder.decode(batch)
        seen_again = self._sightings.find(batch, headers)
        if self._pairs_ahead is None and len(batch):
            self._pairs_ahead = int(batch.captured_length.sum()) < SHORT * len(batch)
        if not self._pairs_ahead or not len(batch):
            return Decoded(headers, None, None, seen_again)
        pairs = paired(headers, self.pairs)
        order = self._orderer.order(pairs.number, self._from_b(pairs), may_be_judged(headers))
        return Decoded(headers, pairs, order, seen_again)

    def _from_b(self, pairs: Paired) -> NDArray[np.bool_]:
        """Which packets come from the end that did not send its pair's first one."""
        if len(self.pairs) > len(self._a_lower):
            more = np.full(len(self.pairs) + 1024, -1, np.int8)  # as many again
            self._a_lower = np.concatenate((self._a_lower, more))
        row = pairs.first_seen[pairs.first_seen & 3 == 1] >> 2  # by its own endpoints, not by a mention
        self._a_lower[pairs.number[row]] = pairs.lower[row]
        a_lower = self._a_lower.take(pairs.number)
        first = indices(a_lower < 0)[::-1]  # of pairs that were mentioned before; backwards: the first one stays
        if len(first):
            self._a_lower[pairs.number[first]] = pairs.lower[first]
            a_lower[first] = self._a_lower[pairs.number[first]]
        from_b: NDArray[np.bool_] = pairs.lower != a_lower
        return from_b

    def news(self) -> News:
        """What this half has put into the pairs' table since it was asked last."""
        return self.pairs.news()

    def learn(self, news: News) -> None:
        """Put the same into the table here, when `decode` runs in another process."""
        self.pairs.learn(news)
