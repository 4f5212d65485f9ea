"""The verdict on every connection at once: `analysis.verdict.outcome` for columns instead of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NO_PACKET
from analysis.verdict import Outcome
from capture.protocol import Protocol

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from analysis.connections import Connections

NO_TCP: Final = 255
ORDER: Final = tuple(Outcome)
EVERY: Final = slice(None)
CODES: Final = {outcome: code for code, outcome in enumerate(ORDER)}


def outcomes(
    connections: Connections, rows: NDArray[np.int64] | slice = EVERY, *, finished: bool = True
) -> NDArray[np.uint8]:
    """For each of these connections the place of its verdict in `ORDER`, `NO_TCP` where it is not TCP; uint8 (M,)."""
    # Two columns side by side, not reductions along rows of two: those are ten times slower.
    c = connections
    fins, resets, packets, syns = c.fin_packet[rows], c.rst_packet[rows], c.packets[rows], c.syn[rows]
    fin_a, fin_b = fins[:, 0], fins[:, 1]
    opened, many = c.established_packet[rows], c.rst[rows]
    # One reset before the connection opened refused something older, as in `analysis.verdict`.
    reset_a, reset_b = (
        np.where((many[:, end] == 1) & (resets[:, end] < opened), NO_PACKET, resets[:, end]) for end in (0, 1)
    )
    last_fin = np.maximum(fin_a, fin_b)
    in_time = ((reset_a < 0) | (reset_a > last_fin)) & ((reset_b < 0) | (reset_b > last_fin))
    closed = (fin_a >= 0) & (fin_b >= 0) & in_time
    silent = (packets[:, 0] == 0) | (packets[:, 1] == 0)
    client = c.client[rows] == 1
    opening = _of_end(syns, client)
    unanswered = (opening > 0) & (_of_end(packets, client) == opening)
    refused = (opening > 0) & (_of_end(c.syn_ack[rows], ~client) == 0) & (_of_end(c.rst[rows], ~client) > 0)
    a_first = (reset_a >= 0) & ((reset_b < 0) | (reset_a < reset_b))
    by_client = np.where(client, ~a_first, a_first)

    still_open = CODES[Outcome.OPEN if finished else Outcome.OPEN_SO_FAR]
    result = np.where(c.roles_seen[rows] == 0, CODES[Outcome.MIDDLE], still_open).astype(np.uint8)
    result[last_fin >= 0] = CODES[Outcome.HALF_CLOSED]
    result[silent] = np.where(unanswered[silent], CODES[Outcome.NO_ANSWER], CODES[Outcome.ONE_SIDE])
    result[closed] = CODES[Outcome.CLOSED]
    reset = ((reset_a >= 0) | (reset_b >= 0)) & ~closed
    result[reset] = np.where(by_client[reset], CODES[Outcome.RESET_BY_CLIENT], CODES[Outcome.RESET_BY_SERVER])
    result[refused] = CODES[Outcome.REFUSED]
    protocol = c.protocol[rows]
    result[(protocol != Protocol.TCP4) & (protocol != Protocol.TCP6)] = NO_TCP
    return result


def _of_end(column: NDArray[Any], b: NDArray[np.bool_]) -> NDArray[Any]:
    """The value of b where `b`, else of a; (M,)."""
    return np.where(b, column[:, 1], column[:, 0])
