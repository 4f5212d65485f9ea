"""What a source hands on: where the packets of one stretch of bytes lie. It knows nothing of what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PADDING: Final = 256
"""Zero bytes that end every batch's buffer, so that headers can be gathered without first asking whether they
are whole."""

MAX_BATCH: Final = 65_536
"""The most packets in one batch: indices within it fit 16 bits, and stages stay inside the processor's cache."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One capture interface: pcapng's Interface Description Block, or what a pcap file header says.

    `link_type` is the LINKTYPE_ number of the tcpdump.org registry, `snap_length` in bytes (0: no limit),
    `time_resolution` in seconds, `dropped` as the Interface Statistics Block tells it, if one does, `hardware` the
    device's own address as `02:00:00:00:00:01`.
    """

    link_type: int
    snap_length: int = 0
    time_resolution: float = 1e-6
    name: str | None = None
    description: str | None = None
    dropped: int | None = None
    capture_filter: str | None = None
    operating_system: str | None = None
    hardware: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive packets and the bytes they lie in; every array is one row a packet, N rows.

    `buffer` is uint8 and ends with `PADDING` zero bytes; anything may stand behind one packet's captured bytes, but
    it may be gathered. The buffer may be reused for the next batch: keep copies, not views. All packets lie wholly
    inside it: `start[i] + captured_length[i] <= len(buffer) - PADDING`.
    """

    buffer: NDArray[np.uint8]
    start: NDArray[np.int64]  # of the packet's first byte, in `buffer`
    offset: NDArray[np.int64]  # of the same byte, in the byte store
    captured_length: NDArray[np.uint32]
    original_length: NDArray[np.uint32]
    time_ns: NDArray[np.int64]  # since the epoch
    interface: NDArray[np.uint16]  # row of the source's interface list
    link_type: NDArray[np.uint16]  # that interface's link type

    def __len__(self) -> int:
        """How many packets it holds."""
        return len(self.offset)
