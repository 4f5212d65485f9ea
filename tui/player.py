"""Playback over the open connection: the clock's row becomes the selected packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tui.playback import Playback

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.desk import Desk
    from tui.stage import Stage


class Player:
    """Plays what is on the desk. `look` is called when another packet has been selected, `now` returns seconds."""

    def __init__(self, desk: Desk, stage: Stage, now: Callable[[], float], look: Callable[[], None]) -> None:
        self._desk, self._stage, self._now, self._look = desk, stage, now, look

    def load(self, *, anew: bool) -> None:
        """Other packets are on the desk: of another connection (`anew`), or newer ones of the same."""
        scene = self._desk.scene
        if scene is None:
            return
        times = scene.packets.time_ns if scene.packets is not None else np.empty(0, np.int64)
        if anew or self._stage.playback is None:
            self._stage.playback = Playback(times, self._now)
        else:
            self._stage.playback.extend(times)
        self.seek()

    def _row(self) -> int:
        rows = self._desk.scene.rows if self._desk.scene is not None else np.empty(0, np.int64)
        return max(0, int(np.searchsorted(rows, self._desk.packet, "right")) - 1)

    def seek(self) -> None:
        """The person selected a packet: go on from there."""
        if self._stage.playback is not None:
            self._stage.playback.seek(self._row())

    def play(self) -> bool:
        """Play or pause; whether it plays now."""
        playback, scene = self._stage.playback, self._desk.scene
        if playback is None or scene is None or len(scene.rows) < 2:
            return False
        if playback.playing:
            playback.pause()
        else:
            playback.play(self._row())
        self._show(playback.row())
        return playback.playing

    def tick(self) -> bool:
        """Move the selection to where playback is now; False when it has come to its end or stands still."""
        playback, scene = self._stage.playback, self._desk.scene
        if playback is None or scene is None or not playback.playing:
            return False
        row = playback.row()
        if row >= len(scene.rows) - 1 and scene.request.snapshot.finished:
            playback.stop()
        self._show(row)
        return playback.playing

    def _show(self, row: int) -> None:
        assert self._desk.scene is not None
        packet = int(self._desk.scene.rows[row])
        if packet != self._desk.packet:
            self._desk.packet = packet
            self._look()
        self._stage.show_packet()

    def faster(self, by: int) -> None:
        """Another speed."""
        if self._stage.playback is not None:
            self._stage.playback.faster(by)
            self._stage.status.redraw()

    def stop(self) -> None:
        """End playback where it is."""
        if self._stage.playback is not None:
            self._stage.playback.stop()
            self._stage.show_packet()
