"""One packet's numbers and first bytes, gathered again from the capture for the packets that are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capture.protocol import TCP_FLAGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.batch import Batch
    from capture.headers import Headers


@dataclass(frozen=True, slots=True)
class Detail:
    """What the columns do not keep of one packet. `packet` is its row; its number on screen is one more."""

    packet: int
    names: tuple[str, ...]  # headers, outermost first: ("ethernet", "ipv4", "tcp")
    data: bytes  # the first captured bytes, up to capture.lookup.HEAD
    network: int  # offset of the innermost network header in `data`; -1: none
    transport: int
    payload: int
    sequence: int  # tcp.seq_raw; 0 where the packet is not TCP
    acknowledgment: int  # tcp.ack_raw
    window: int  # tcp.window_size_value, as sent
    flags: int = 0  # the TCP flags
    gone: bool = False  # not all of its first bytes are in the capture any more, and nothing else here is known


def without_bytes(packet: int) -> Detail:
    """What is known of a packet whose bytes are gone: nothing."""
    return Detail(packet, (), b"", -1, -1, -1, 0, 0, 0, gone=True)


def details_of(rows: NDArray[np.int64], batch: Batch, headers: Headers) -> list[Detail]:
    """One `Detail` for each packet of a batch, which are the packets of these rows."""
    buffer = batch.buffer.tobytes()
    end = batch.start + batch.captured_length
    numbers = zip(
        rows.tolist(),
        headers.path.tolist(),
        batch.start.tolist(),
        end.tolist(),
        headers.network.tolist(),
        headers.transport.tolist(),
        headers.payload.tolist(),
        headers.sequence.tolist(),
        headers.acknowledgment.tolist(),
        headers.window.tolist(),
        (headers.flags & np.uint16(TCP_FLAGS)).tolist(),
        strict=True,
    )
    return [
        Detail(row, headers.paths[path], buffer[begin:finish], *rest) for row, path, begin, finish, *rest in numbers
    ]
