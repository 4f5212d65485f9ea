"""What is known of a live capture besides its packets, put behind them: whose sockets their ends were.

It stands in comments of an Interface Statistics Block, which pcapng allows anywhere (draft-ietf-opsawg-pcapng section
4.6): a line for each socket, as `tcp 127.0.0.1:51000 python3[1234]`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from capture.live.helper import block, option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.live.processes import Local

COMMENT: Final = 1
STATISTICS: Final = 5
PROTOCOLS: Final = {6: "tcp", 17: "udp"}
MOST_BYTES: Final = 60_000
"""Of one comment: an option's length is a 16-bit number."""


def notes(owners: Mapping[Local, str]) -> bytes:
    """The block, for the first interface of the last section; nothing where no owner is known."""
    lines = [f"{PROTOCOLS[each[0]]} {_end(each)} {owner}" for each, owner in sorted(owners.items())]
    text = "\n".join(lines).encode("utf-8", "backslashreplace")[:MOST_BYTES]
    if not text:
        return b""
    return block(STATISTICS, struct.pack("<III", 0, 0, 0) + option(COMMENT, text) + bytes(4))


def _end(local: Local) -> str:
    _, address, port = local
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
