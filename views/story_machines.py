"""Connections that belong together as plain lines: the ladders of machines of a whole capture, for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.learned import learn
from analysis.machines_together import family, together
from views.machines import MachineLadder
from views.options import Options
from views.story import FEW, capture_line, printed
from views.wording import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from analysis.session import Session

PLAIN: Final = Options()


def machine_story(
    session: Session, connections: NDArray[np.int64], *, packets: bool, options: Options = PLAIN, width: int = 100
) -> Iterator[str]:
    """The ladders that these connections (rows, int64) stand in, each ladder once.

    Where there are many connections, those that belong to no other are left out. With `packets`, nothing is folded.
    """
    snapshot, learned = session.snapshot, learn(session)
    yield capture_line(snapshot, session.source.name)
    told: set[int] = set()
    for connection in connections.tolist():
        if connection in told:
            continue
        kept, _whole = family(learned, snapshot, connection)
        told.update(kept)
        if len(kept) == 1 and len(connections) > FEW:
            continue
        story = together(session, learned, connection)
        ladder = MachineLadder(snapshot, story, options)
        if packets:
            ladder = MachineLadder(snapshot, story, options, ladder.folds)
        numbers = sorted(story.connections)
        words = ngettext("connection {numbers}, deduced", "connections {numbers}, deduced", len(numbers))
        yield ""
        yield words.format(numbers=", ".join(map(str, numbers)))
        # A lane that has no room is not cut: the lines become as wide as the lanes need.
        wide = max(width, ladder.least_width)
        for line in (*ladder.head(wide), *(ladder.draw(index, wide) for index in range(len(ladder)))):
            yield printed(line)
    if not told:
        yield _("There are no connections.")
