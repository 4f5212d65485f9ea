"""A capture as a snapshot knows it, with the bytes of its packets. Whoever asks several questions gets one story."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.details import details_of, without_bytes
from analysis.snapshot import rows_of
from capture.decode import decode_alone
from capture.lookup import HEAD, batch_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.details import Detail
    from analysis.snapshot import Snapshot
    from capture.source import CaptureSource


class Reading:
    """Any thread may ask it, but reading the capture is not for the screen's thread."""

    def __init__(self, source: CaptureSource, snapshot: Snapshot, names: dict[str, str]) -> None:
        self.source = source
        self.names = names
        """What addresses are called, for all snapshots: the capture's own names, and those found out since."""
        self._snapshot = snapshot

    @property
    def snapshot(self) -> Snapshot:
        """What is known; of a session the latest."""
        return self._snapshot

    def packet_bytes(self, packet: int) -> bytes:
        """The captured bytes of one packet, by its row; fewer if the file has become shorter."""
        packets = self._snapshot.packets
        return self.source.read(int(packets.offset[packet]), int(packets.captured_length[packet]))

    def link_type(self, packet: int) -> int:
        """The link type of the interface that captured a packet."""
        return self._snapshot.interfaces[int(self._snapshot.packets.interface[packet])].link_type

    def packets_of(self, connection: int, part: range | None = None) -> NDArray[np.int64]:
        """Rows of a connection's packets, ascending, each of them where it was seen first; only those in `part`."""
        return rows_of(self._snapshot, connection, *((part.start, part.stop) if part is not None else ()))

    def details(self, packets: NDArray[np.int64]) -> list[Detail]:
        """What the bytes of these packets say (rows, int64, ascending), or that they are gone.

        Reads the file: not for the screen's thread.
        """
        snapshot = self._snapshot
        batch = batch_of(self.source, snapshot.packets, snapshot.interfaces, packets)
        gone = batch.captured_length < np.minimum(snapshot.packets.captured_length[packets], HEAD)
        found = details_of(packets, batch, decode_alone(batch))
        told = [without_bytes(each.packet) if lost else each for each, lost in zip(found, gone.tolist(), strict=True)]
        if len(snapshot.joined.packet):
            told = [snapshot.joined.put_into(each, snapshot.packets) for each in told]
        return told
