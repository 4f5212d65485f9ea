"""Packets on a row of cells: for each cell of a time axis the letter of the most telling packet in it.

Letters are those of the history column (after Zeek): S SYN, H SYN,ACK, A acknowledgment, D data, F FIN, R reset;
upper case from the client, lower case from the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.protocol import Flag, Protocol
from views.text import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.gathered import Gathered
    from analysis.snapshot import Snapshot
    from capture.table import Packets, Thinned
    from views.glyphs import Glyphs
    from views.text import Line

LIMIT: Final = 1 << 15
"""Packets that one row looks at; of more, so many are sampled evenly, beside those that the connection table names."""

LETTERS: Final = " ADFHSR"  # the later one wins a cell
_ACK, _DATA, _FIN, _SYN_ACK, _SYN, _RST = range(1, 7)
ROLES_OF: Final = ("", "ack", "data", "fin", "syn", "syn", "rst")
KEY_COLUMNS: Final = ("syn_packet", "syn_ack_packet", "established_packet", "fin_packet", "rst_packet")


def window_cells(time_ns: NDArray[np.int64], window: tuple[int, int], width: int) -> NDArray[np.int64]:
    """The cell of each time, shape (n,); outside the window -1 or `width`."""
    start, end = window
    # Floats: a window of nanoseconds since the epoch times a width does not overflow, and one cell is not exact anyway.
    position = (time_ns - start).astype(np.float64) * (width / max(end - start, 1))
    cells = np.clip(np.floor(position), -1, width).astype(np.int64)
    cells[time_ns == end] = width - 1
    return cells


def cell_of(time_ns: int, window: tuple[int, int], width: int) -> int:
    """The cell of one time."""
    return int(window_cells(np.array([time_ns], np.int64), window, width)[0])


def sample(first: int, end: int) -> NDArray[np.int64]:
    """Positions from `first` to before `end`: all, or `LIMIT` of them evenly spaced."""
    if end - first <= LIMIT:
        return np.arange(first, max(end, first), dtype=np.int64)
    return first + np.arange(LIMIT, dtype=np.int64) * (end - first) // LIMIT


def key_packets(snapshot: Snapshot, connection: int) -> NDArray[np.int64]:
    """Rows of the packets that open, close or reset a connection, those that there are."""
    table = snapshot.connections
    rows = np.concatenate([np.ravel(getattr(table, name)[connection]) for name in KEY_COLUMNS]).astype(np.int64)
    return rows[(rows >= 0) & (rows < len(snapshot.packets))]


def codes(table: Packets | Gathered | Thinned, rows: NDArray[np.int64]) -> NDArray[np.int8]:
    """What each packet is, as an index of `LETTERS`; shape (n,)."""
    flags = table.flags[rows]
    tcp = np.isin(table.protocol[rows], (Protocol.TCP4, Protocol.TCP6))
    data = (table.payload_length[rows] > 0) | ~tcp
    result = np.where(data, _DATA, _ACK).astype(np.int8)
    result[tcp & ((flags & int(Flag.FIN)) != 0)] = _FIN
    syn = tcp & ((flags & int(Flag.SYN)) != 0)
    result[syn] = np.where((flags[syn] & int(Flag.ACK)) != 0, _SYN_ACK, _SYN)
    result[tcp & ((flags & int(Flag.RST)) != 0)] = _RST
    return result


def paint(
    table: Packets | Gathered | Thinned, rows: NDArray[np.int64], client: int, window: tuple[int, int], width: int
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """For each cell the winning code (0: none) and whether that packet came from the client; both (width,)."""
    at = window_cells(table.time_ns[rows], window, width)
    inside = (at >= 0) & (at < width)
    rows, at = rows[inside], at[inside]
    kind = codes(table, rows)
    order = np.argsort(kind, kind="stable")
    rows, at = rows[order], at[order]
    best, from_client = np.zeros(width, np.int8), np.zeros(width, np.bool_)
    best[at] = kind[order]
    from_client[at] = ((table.flags[rows] & int(Flag.FROM_B)) != 0) == bool(client)
    return best, from_client


def painted_over(
    below: tuple[NDArray[np.int8], NDArray[np.bool_]], above: tuple[NDArray[np.int8], NDArray[np.bool_]]
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """What two calls of `paint` give together: in each cell the more telling one, of two alike the one `above`."""
    wins = above[0] >= below[0]
    return np.where(wins, above[0], below[0]), np.where(wins, above[1], below[1])


def line_of(
    best: NDArray[np.int8], from_client: NDArray[np.bool_], life: tuple[int, int], cursor: int, signs: Glyphs
) -> Line:
    """The cells as spans: letters, the bar of the connection's life (first and last cell), the play head."""
    spans: list[Span] = []
    for cell, (code, upper) in enumerate(zip(best.tolist(), from_client.tolist(), strict=True)):
        text, role = LETTERS[code] if upper else LETTERS[code].lower(), ROLES_OF[code]
        if not code and life[0] <= cell <= life[1]:
            text, role = signs.bar, "dim"
        if cell == cursor:
            text, role = text if code else signs.cursor, "cursor"
        if spans and spans[-1].role == role:
            spans[-1] = Span(spans[-1].text + text, role)
        else:
            spans.append(Span(text, role))
    return tuple(spans)
