"""Going with a capture that grows: its newest packet is selected until the person moves, or the picture is frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.verdict import Outcome, outcome
from views.live import LiveState

if TYPE_CHECKING:
    from pathlib import Path

    from capture.live.feed import Feed
    from tui.desk import Desk, Scene


ENDED: Final = {None, Outcome.CLOSED, Outcome.REFUSED, Outcome.RESET_BY_CLIENT, Outcome.RESET_BY_SERVER}


class Following:
    """One for a session; `feed` is the live capture behind it, if it is one. `follows` is how it begins."""

    def __init__(self, desk: Desk, feed: Feed | None, *, follows: bool) -> None:
        self._desk = desk
        self.feed = feed
        self.follows = follows
        self.frozen = False
        self._left_at = 0  # packets of the open connection when the person moved
        self.warned = ""
        """What was said before packets would have been thrown away."""
        self._told: LiveState | None = None
        self._names = 0  # that are taken

    @property
    def state(self) -> LiveState | None:
        """What the line about the live capture tells; None where there is none."""
        if self.feed is None:
            return None
        return LiveState(
            self.feed.counts,
            len(self._desk.snapshot.packets),
            self.feed.behind,
            self.feed.saved_as,
            follows=self.follows,
            frozen=self.frozen,
            new=self.new,
            kept=self.feed.kept_bytes,
            unsaved=self.feed.unsaved,
            files=self.feed.files,
            left=self.feed.left,
            through=self.feed.through,
        )

    @property
    def changed(self) -> bool:
        """Whether the state is another than when this was asked last."""
        before, self._told = self._told, self.state
        return before != self._told

    @property
    def new(self) -> int:
        """Packets that have come and are not shown: in the capture while frozen, else below in the open connection."""
        if self.frozen:
            return len(self._desk.session.snapshot.packets) - len(self._desk.snapshot.packets)
        scene = self._desk.scene
        return max(_count(scene) - self._left_at, 0) if not self.follows else 0

    def leave(self) -> None:
        """The person moved: stay where they are."""
        if self.follows:
            self.follows = False
            self._left_at = _count(self._desk.scene)

    def arrive(self, scene: Scene) -> None:
        """Another connection was opened: what is in it by now is not new."""
        self._left_at = _count(scene)

    def freeze(self) -> None:
        """Show nothing newer, while the capture goes on; or go on showing."""
        self.frozen = not self.frozen

    def newest(self, scene: Scene) -> int | None:
        """The packet to go to when there is a newer scene; None: stay.

        It is one of the open connection while that lives; when it has ended, the newest of all, and so of what has no
        end to wait for: an answer by UDP may be all that ever comes.
        """
        snapshot = scene.request.snapshot
        if not self.follows or scene.packets is None or not len(scene.packets):
            return None
        if scene.packets.later:
            return None  # the scene around the newest packet is on its way
        packet = int(scene.rows[-1])
        if packet == self._desk.packet and outcome(snapshot.connections, scene.request.connection) in ENDED:
            return self._desk.newest_packet()
        return packet

    def warning(self) -> str | None:
        """What to say before packets are thrown away that nobody saved; None: nothing would be lost."""
        unsaved = self.feed.unsaved if self.feed is not None else 0
        if not unsaved:
            return None
        told = f"{unsaved:,} packets are" if unsaved > 1 else "1 packet is"
        self.warned = f"{told} not saved: w saves them, quitting again throws them away."
        return self.warned

    @property
    def proposal(self) -> str:
        """A name to save as that was not used yet."""
        return f"netviz-{self._names + 1}.pcapng" if self._names else "netviz.pcapng"

    def save(self, path: Path) -> str:
        """Save what was captured, and say how it went. Copies all of it: not on the screen's thread."""
        if self.feed is None:
            return "This capture is a file already."
        if self.feed.files:
            return "This capture goes to a ring of files already, and its older packets may be gone."
        try:
            packets, gone = self.feed.save(path)
        except FileExistsError:
            self._names += 1
            return f"{path} is there already, and stays as it is: w asks for another name."
        except OSError as error:
            return f"{path} cannot be written: {error.strerror}."
        self._names += 1
        without = f", without the {gone:,} that have left the spool" if gone else ""
        saved = f"Saved {packets:,} packets as {path}{without}"
        return f"{saved}; netviz replay {path} shows them again."


def _count(scene: Scene | None) -> int:
    """Packets of the open connection."""
    return scene.packets.total if scene is not None and scene.packets is not None else 0
