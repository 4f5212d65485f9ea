"""Endpoint pairs to numbers: which packets are between the same two endpoints.

A pair is unordered (a packet and its answer have the same pair) and keeps its number for the whole capture. Numbers
are given in order of first appearance (`analysis.key_table`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.key_table import KeyTable
from analysis.places import indices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from capture.headers import Endpoints

IPV4: Final = 4
ADDRESS: Final = np.uint64(0xFFFFFFFF)
WIDE: Final = np.uint64(1 << 63)
PORT_BITS: Final = np.uint64(16)
KIND_AT: Final = np.uint64(48)
FAMILY: Final = np.uint64(0xFF) << KIND_AT


@dataclass(frozen=True, slots=True)
class News:
    """Keys in the order of their numbers, by word: of pairs, two words, and of the addresses in them, four; uint64."""

    pairs: list[NDArray[np.uint64]]
    addresses: list[NDArray[np.uint64]]


class Pairs:
    """The pairs seen so far.

    A pair's key has two words: both ends' address and port (48 bits), the lower end first, and above them the
    transport and the family. Addresses that are no IPv4 addresses are numbered themselves, two by two; such a key is
    `WIDE` and has that number in place of the lower end's address, and none in place of the other's.
    """

    def __init__(self) -> None:
        self._pairs = KeyTable(2)
        self._addresses = KeyTable(4)
        self._told = (0, 0)

    def __len__(self) -> int:
        return len(self._pairs)

    def transports(self, pairs: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The transport of these pairs (as in capture.headers.Endpoints)."""
        return (self._pairs.words()[0][pairs] >> KIND_AT).astype(np.uint16)

    def addresses(self, pair: NDArray[np.int32], a_lower: NDArray[np.bool_]) -> tuple[Addresses, Addresses]:
        """High and low words of the addresses of connections of these pairs; `a_lower`: a is the pair's lower end."""
        words = (*self._pairs.words(), *self._addresses.words())
        return Addresses(words, pair, a_lower, 0), Addresses(words, pair, a_lower, 1)

    def columns(self) -> dict[str, NDArray[np.uint64]]:
        """All that is known of addresses, to be kept."""
        words = (*self._pairs.words(), *self._addresses.words())
        return {f"word {index}": word for index, word in enumerate(words)}

    def restore(self, columns: Mapping[str, NDArray[np.uint64]]) -> None:
        """Take in what was kept, to be read; no packets can be numbered after that."""
        words = [columns[f"word {index}"] for index in range(6)]
        self._pairs.restore(words[:2])
        self._addresses.restore(words[2:])

    def news(self) -> News:
        """What was numbered since this was asked last, for the same table in another process."""
        pairs, addresses = self._told
        self._told = len(self._pairs), len(self._addresses)
        return News(
            [word[pairs:] for word in self._pairs.words()], [word[addresses:] for word in self._addresses.words()]
        )

    def learn(self, news: News) -> None:
        """Take in what another process has numbered, to be read; nothing can be numbered here after that."""
        self._pairs.restore(news.pairs)
        self._addresses.restore(news.addresses)

    def keys(self, e: Endpoints) -> tuple[list[NDArray[np.uint64]], NDArray[np.bool_]]:
        """The key of each pair, and whether the source is its lower endpoint, bool (M,)."""
        source = e.source_low << PORT_BITS | e.source_port
        destination = e.destination_low << PORT_BITS | e.destination_port
        lower = source <= destination
        low, high = np.minimum(source, destination), np.maximum(source, destination)
        family = e.family.astype(np.uint64)
        wide = indices(e.family != IPV4)
        if len(wide):
            lower[wide], low[wide], high[wide] = self._wide_ends(e, wide)
            family[wide] |= WIDE >> KIND_AT
        low |= e.transport.astype(np.uint64) << KIND_AT
        high |= family << KIND_AT
        return [low, high], lower

    def number(self, keys: list[NDArray[np.uint64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number of each key, int64 (M,), and where each new one stands first, ascending."""
        return self._pairs.number(keys)

    def _wide_ends(
        self, e: Endpoints, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.uint64], NDArray[np.uint64]]:
        """Whether the source is the lower end, and what stands for the lower and the higher one in the keys."""
        source = [e.source_high[rows], e.source_low[rows], e.source_port[rows].astype(np.uint64)]
        destination = [e.destination_high[rows], e.destination_low[rows], e.destination_port[rows].astype(np.uint64)]
        lower = source[2] <= destination[2]
        for one, other in ((source[1], destination[1]), (source[0], destination[0])):
            lower = (one < other) | ((one == other) & lower)
        ordered = [
            (np.where(lower, one, other), np.where(lower, other, one))
            for one, other in zip(source, destination, strict=True)
        ]
        (high, other_high), (low, other_low), (port, other_port) = ordered
        number, _ = self._addresses.number([high, low, other_high, other_low])
        return lower, number.astype(np.uint64) << PORT_BITS | port, other_port


class Addresses:
    """One word of the addresses of M connections' ends, read like an array, uint64 (M, 2): `[rows]` or `[rows, end]`.

    They stand in the keys of the pairs only, and are taken from there for the rows that are asked for.
    """

    def __init__(
        self, words: Sequence[NDArray[np.uint64]], pair: NDArray[np.int32], a_lower: NDArray[np.bool_], half: int
    ) -> None:
        self._words = words
        self._pair = pair
        self._a_lower = a_lower
        self._half = half

    def __len__(self) -> int:
        return len(self._pair)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        del copy  # it is always one
        found: NDArray[Any] = self[np.arange(len(self))]
        return found.astype(dtype or np.uint64, copy=False)

    def __getitem__(self, key: Any) -> Any:
        rows, end = key if isinstance(key, tuple) else (key, slice(None))
        pair = np.asarray(self._pair[rows])
        found = self._of_pairs(pair.reshape(-1).astype(np.int64))
        turned = indices(~np.asarray(self._a_lower[rows]).reshape(-1))
        found[turned] = found[turned, ::-1]
        return found.reshape(*pair.shape, 2)[..., end]

    def ipv4_within(self, value: int, mask: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether a's and whether b's address, under a mask of 32 bits, is this value; bool (M,), false beyond IPv4."""
        wanted, bits = np.uint64(value) << PORT_BITS, np.uint64(mask) << PORT_BITS
        narrow = (self._words[1] & (WIDE | FAMILY)) == np.uint64(IPV4) << KIND_AT
        lower = ((self._words[0] & bits) == wanted) & narrow
        higher = ((self._words[1] & bits) == wanted) & narrow
        of_lower, of_higher = lower[self._pair], higher[self._pair]
        return np.where(self._a_lower, of_lower, of_higher), np.where(self._a_lower, of_higher, of_lower)

    def _of_pairs(self, pair: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Of the lower and the higher end of each pair, (K, 2)."""
        low, high = self._words[0][pair], self._words[1][pair]
        found = np.stack([(low >> PORT_BITS) & ADDRESS, (high >> PORT_BITS) & ADDRESS], axis=1)
        wide = indices(high & WIDE)
        number = found[wide, 0].astype(np.int64)
        found *= np.uint64(self._half)
        found[wide] = np.stack([self._words[2 + self._half][number], self._words[4 + self._half][number]], axis=1)
        return found
