"""The pair of endpoints of each packet of a batch, numbered in order of first appearance, mentions included."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.services import CUT, PIECES, WITH_PORTS
from capture.protocol import Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.pairs import Pairs
    from capture.headers import Headers

_IPV6, _FIRST_CUT, _FRAGMENT6, _UNREAD6 = (
    np.uint8(number) for number in (1, Protocol.CUT_TCP4, Protocol.FRAGMENT6, Protocol.IPV6)
)
"""Of the column's own type: with an enumeration numpy compares 64 bits a packet, and takes twenty times as long."""


@dataclass(frozen=True, slots=True)
class Paired:
    """The headers of a batch, and for each packet its pair, int64 (N,), and whether its source is the lower endpoint.

    `first_seen` tells for each pair that is new where that was, int64, ascending: at `4 * row + 1` for a packet's own
    endpoints, and 1 less or more for what it mentions.
    """

    headers: Headers
    number: NDArray[np.int64]
    lower: NDArray[np.bool_]
    first_seen: NDArray[np.int64]


def paired(headers: Headers, pairs: Pairs) -> Paired:
    """Number the pairs of a batch; batches in order."""
    headers = _parts_apart(headers)
    keys, lower = pairs.keys(headers.endpoints)
    mentions = headers.mentions
    if len(mentions.row):
        mentioned, _ = pairs.keys(mentions.endpoints)
        place = np.concatenate((np.arange(len(lower)) * 4 + 1, mentions.row * 4 + np.where(mentions.before, 0, 2)))
        order = place.argsort(kind="stable")
        both = [np.concatenate(words)[order] for words in zip(keys, mentioned, strict=True)]
        in_order, new = pairs.number(both)
        number = np.empty(len(place), np.int64)
        number[order] = in_order
        number, first_seen = number[: len(lower)], place[order[new]]
    else:
        number, new = pairs.number(keys)
        first_seen = new * 4 + 1
    return Paired(headers, number, lower, first_seen)


def _parts_apart(headers: Headers) -> Headers:
    """The same with pieces of datagrams, and with cut headers, between other endpoints than whole ones."""
    protocol = headers.protocol
    both = protocol | _IPV6  # the IPv6 form of each, which is the number after the IPv4 form
    cut, pieces, unread = protocol >= _FIRST_CUT, both == _FRAGMENT6, both == _UNREAD6
    if unread.any():
        pieces |= unread & np.isin(headers.endpoints.transport, WITH_PORTS)  # cut before the ports
    if not cut.any() and not pieces.any():
        return headers
    transport = headers.endpoints.transport | cut * np.uint16(CUT) | pieces * np.uint16(PIECES)
    return replace(headers, endpoints=replace(headers.endpoints, transport=transport))
