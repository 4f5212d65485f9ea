"""What a capture that grows tells of causes and machines: learned around the selected packet, again and again.

A small file is learned once it is read (`tui.desk`), a larger one as a whole when somebody asks (`tui.machines`); until
then, around the selected packet, as a capture that has no end: as many packets as are done in the blink of an eye, and
for a small part of the time. So is a file that is still being read, while the ladder of machines is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.desk import LEARNED_UNASKED
from tui.fetch import Fetch

if TYPE_CHECKING:
    from analysis.learned import Learned
    from analysis.snapshot import Snapshot
    from tui.director import Director
    from tui.machines import Picture

UNASKED: Final = 2000
"""Packets with payload that are looked at for the causes of the selected packet: less than a tenth of a second."""
ASKED: Final = 10_000
"""The same for the ladder of machines while it is open, which tells how many it shows."""
LEAST_SECONDS: Final = 1.0
"""Between two times, at least, while packets come ..."""
REST: Final = 30
"""... and so many times as long as it took ..."""
REST_OPEN: Final = 6
"""... or so many times while the ladder of machines is open."""


class Learning:
    """One for a session. What was learned lies on the desk."""

    def __init__(self, director: Director) -> None:
        self._director, self._desk = director, director.desk
        self._again_at = 0.0
        self._fetch: Fetch[tuple[Snapshot, int], tuple[Learned, Picture | None]] = Fetch(
            self._learn, self._show, director.say
        )

    @property
    def busy(self) -> bool:
        """A thread is at work."""
        return self._fetch.busy

    def look(self) -> None:
        """Learn anew, if that is due: packets have come, or one is selected around which nothing was looked at."""
        director, desk = self._director, self._desk
        snapshot, learned = desk.snapshot, desk.learned
        large = snapshot.finished and len(snapshot.packets) > LEARNED_UNASKED
        wanted = snapshot.bytes_total is None or director.machines.open or large
        ready = director.looking.painted and not self.busy and 0 <= desk.packet < len(snapshot.packets)
        if not wanted or not ready or (not snapshot.finished and director.now() < self._again_at):
            return
        if learned is None or learned.until < len(snapshot.packets) or not learned.covers(desk.packet):
            self._fetch.ask(director.app, (snapshot, desk.packet))

    def _learn(self, question: tuple[Snapshot, int]) -> tuple[Learned, Picture | None]:
        """On a thread. An open ladder of machines is made of the same."""
        snapshot, packet = question
        director = self._director
        started = director.now()
        most = ASKED if director.machines.open else UNASKED
        learned = self._desk.learn(snapshot, packet, most)
        picture = director.machines.picture(snapshot, learned, packet) if director.machines.open else None
        now = director.now()
        rest = REST if picture is None else REST_OPEN
        self._again_at = now + max(LEAST_SECONDS, rest * (now - started))
        return learned, picture

    def _show(self, _: tuple[Snapshot, int], answer: tuple[Learned, Picture | None]) -> None:
        desk = self._desk
        learned, picture = answer
        before = desk.causes_of(desk.packet)
        desk.learned = learned
        if picture is not None:
            self._director.machines.renew(picture)
        self._director.stage.show_learned()
        if desk.causes_of(desk.packet) != before:
            self._director.looking.look()
        self.look()  # of what has been read to its end meanwhile, nobody asks again
