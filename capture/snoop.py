"""The snoop format of Solaris (RFC 1761): big-endian records, each telling its own length with padding."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from capture.batch import Interface
from capture.errors import NotACaptureError, UnsupportedCaptureError
from capture.lockstep import Hops, words
from capture.pcap import LARGEST_PACKET
from capture.records import make_batch, read_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture.batch import Batch
    from capture.lockstep import Guess
    from capture.tales import Tales
    from capture.window import Window

MAGIC: Final = b"snoop\0\0\0"
FILE_HEADER: Final = 16
RECORD_HEADER: Final = 24

_LINK_TYPES: Final = {0: 1, 2: 6, 4: 1, 8: 10}  # RFC 1761 datalink types: 802.3, 802.5, Ethernet, FDDI
_UNKNOWN_LINK_TYPE: Final = 147  # LINKTYPE_USER0: shown as raw bytes


class SnoopReader:
    """Reads the packets of one snoop file; the window stands at its beginning."""

    guess: Guess | None = None  # such files are old and small

    def __init__(self, window: Window, tales: Tales) -> None:
        self._window = window
        self._tales = tales
        self.packets = 0
        if window.filled < FILE_HEADER:
            raise NotACaptureError(f"The capture ends inside its file header: {window.filled} of 16 bytes are there.")
        version, datalink = struct.unpack(">II", window.buffer[8:FILE_HEADER].tobytes())
        if version != 2:
            raise UnsupportedCaptureError(f"The capture is of snoop version {version}; netviz reads version 2.")
        self._link_type = _LINK_TYPES.get(datalink, _UNKNOWN_LINK_TYPE)
        tales.format = "snoop"
        tales.interface(Interface(self._link_type))
        self.hops = Hops(RECORD_HEADER, 8, ">", 0, RECORD_HEADER, RECORD_HEADER + LARGEST_PACKET + 64)

    def batches(self) -> Iterator[Batch]:
        """All packets, to the end or to the first damage, which is told to the tales."""
        return read_records(self, self._window, FILE_HEADER, self._tales)

    def batch(self, window: Window, at: NDArray[np.int64]) -> Batch:
        """The packets whose records begin at `at` (N,); a captured length beyond its record is cut to it."""
        original, captured, record, _, seconds, microseconds = (
            words(window.buffer, at + field, ">") for field in range(0, RECORD_HEADER, 4)
        )
        captured = np.minimum(captured, record - RECORD_HEADER)
        time_ns = seconds * 1_000_000_000 + microseconds * 1000
        interface = np.zeros(len(at), np.uint16), np.full(len(at), self._link_type, np.uint16)
        return make_batch(window, at + RECORD_HEADER, (captured, original), time_ns, interface)

    def broken(self, window: Window, at: int) -> str:
        """What is wrong with the record at `at`."""
        return f"claims to take {int(words(window.buffer, np.array([at + 8]), '>')[0]):,} bytes of the file"
