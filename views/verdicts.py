"""How bad a connection's end is: one number for sorting a million of them, one sign and role for showing one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.outcomes import EVERY, NO_TCP, ORDER, outcomes
from analysis.verdict import Outcome, outcome
from views.wording import _

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import Connections
    from analysis.snapshot import Snapshot
    from views.glyphs import Glyphs

BAD, WARNING, NOTE, GOOD, PLAIN = range(5)
ROLES_OF: Final = ("bad", "warning", "note", "good", "")
_OF_OUTCOME: Final = {
    Outcome.REFUSED: BAD,
    Outcome.NO_ANSWER: BAD,
    Outcome.RESET_BY_SERVER: BAD,
    Outcome.RESET_BY_CLIENT: BAD,
    Outcome.HALF_CLOSED: WARNING,
    Outcome.MIDDLE: NOTE,
    Outcome.ONE_SIDE: NOTE,
    Outcome.CLOSED: GOOD,
    Outcome.OPEN: GOOD,
    Outcome.OPEN_SO_FAR: GOOD,
}

_OF_CODE: Final = np.full(NO_TCP + 1, PLAIN, np.uint8)
_OF_CODE[: len(ORDER)] = [_OF_OUTCOME[each] for each in ORDER]


def severity(snapshot: Snapshot, connection: int) -> int:
    """How much attention one connection deserves."""
    found = outcome(snapshot.connections, connection, finished=snapshot.finished)
    return PLAIN if found is None else _OF_OUTCOME[found]


def severities(connections: Connections, rows: NDArray[np.int64] | slice = EVERY) -> NDArray[np.uint8]:
    """The same for these of them at once, or for all, uint8 (M,)."""
    return _OF_CODE[outcomes(connections, rows)]


def words(snapshot: Snapshot, connection: int) -> str:
    """The verdict in words; what is not TCP has no set-up that could fail, only one side that may be silent."""
    found = outcome(snapshot.connections, connection, finished=snapshot.finished)
    if found is not None:
        return _(found.value)
    return "" if all(snapshot.connections.packets[connection]) else _("one way")


def sign(severity: int, signs: Glyphs) -> str:
    """The sign of a severity, one cell."""
    return (signs.bad, signs.warning, signs.note, signs.good, " ")[severity]
