"""Selective acknowledgments: the blocks of bytes that a segment says have arrived beyond a gap (RFC 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from analysis.details import Detail

HEADER: Final = 20
END, NO_OPERATION, SACK = 0, 1, 5
BLOCK: Final = 8


def sack_blocks(detail: Detail) -> list[tuple[int, int]]:
    """The left and right edges (raw sequence numbers) that a TCP packet's SACK option names, in its order.

    Only what was captured of the header is read; of two such options the last one counts.
    """
    data, at = detail.data, detail.transport
    if at < 0 or at + HEADER > len(data):
        return []
    options = data[at + HEADER : at + (data[at + 12] >> 4) * 4]
    blocks: list[tuple[int, int]] = []
    place = 0
    while place + 1 < len(options) and options[place] != END:
        kind, length = options[place], options[place + 1]
        if kind == NO_OPERATION:
            place += 1
            continue
        if length < 2 or place + length > len(options):
            break
        if kind == SACK:
            blocks = [_edges(options, edge) for edge in range(place + 2, place + length - BLOCK + 1, BLOCK)]
        place += length
    return blocks


def _edges(options: bytes, at: int) -> tuple[int, int]:
    return int.from_bytes(options[at : at + 4]), int.from_bytes(options[at + 4 : at + BLOCK])
