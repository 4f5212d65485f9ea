"""How bad a connection's end is: one number for sorting a million of them, one sign and role for showing one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.verdict import Outcome, outcome
from capture.protocol import Protocol
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


def severity(snapshot: Snapshot, connection: int) -> int:
    """How much attention one connection deserves."""
    found = outcome(snapshot.connections, connection, finished=snapshot.finished)
    return PLAIN if found is None else _OF_OUTCOME[found]


def severities(connections: Connections) -> NDArray[np.uint8]:
    """The same for all of them at once, the worst first; uint8 (M,)."""
    # Two columns side by side, not reductions along rows of two: those are ten times slower.
    c = connections
    tcp = (c.protocol == Protocol.TCP4) | (c.protocol == Protocol.TCP6)
    fin_a, fin_b = c.fin_packet[:, 0], c.fin_packet[:, 1]
    reset_a, reset_b = c.rst_packet[:, 0], c.rst_packet[:, 1]
    last_fin = np.maximum(fin_a, fin_b)
    in_time = ((reset_a < 0) | (reset_a > last_fin)) & ((reset_b < 0) | (reset_b > last_fin))
    closed = (fin_a >= 0) & (fin_b >= 0) & in_time
    silent = (c.packets[:, 0] == 0) | (c.packets[:, 1] == 0)
    client = c.client == 1
    syns = _of_end(c.syn, client)
    unanswered = silent & (syns > 0) & (_of_end(c.packets, client) == syns)
    refused = (syns > 0) & (_of_end(c.syn_ack, ~client) == 0) & (_of_end(c.rst, ~client) > 0)
    result = np.where(c.roles_seen == 0, NOTE, GOOD).astype(np.uint8)
    result[last_fin >= 0] = WARNING
    result[silent] = NOTE
    result[unanswered] = BAD
    result[closed] = GOOD
    result[((reset_a >= 0) | (reset_b >= 0)) & ~closed] = BAD
    result[refused] = BAD
    result[~tcp] = PLAIN
    return result


def _of_end(column: NDArray[np.uint32], b: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """The value of b where `b`, else of a; (M,)."""
    return np.where(b, column[:, 1], column[:, 0])


def words(snapshot: Snapshot, connection: int) -> str:
    """The verdict in words; what is not TCP has no set-up that could fail, only one side that may be silent."""
    found = outcome(snapshot.connections, connection, finished=snapshot.finished)
    if found is not None:
        return _(found.value)
    return "" if all(snapshot.connections.packets[connection]) else _("one way")


def sign(severity: int, signs: Glyphs) -> str:
    """The sign of a severity, one cell."""
    return (signs.bad, signs.warning, signs.note, signs.good, " ")[severity]
