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
    c = connections
    tcp = np.isin(c.protocol, (Protocol.TCP4, Protocol.TCP6))
    fins = c.fin_packet
    any_fin = (fins >= 0).any(axis=1)
    resets = np.where(c.rst_packet >= 0, c.rst_packet, np.iinfo(np.int32).max)
    any_reset = (c.rst_packet >= 0).any(axis=1)
    closed = (fins >= 0).all(axis=1) & (resets.min(axis=1) > fins.max(axis=1))
    silent = (c.packets == 0).any(axis=1)
    client = c.client.astype(np.intp)[:, None]
    syns, sent = (np.take_along_axis(column, client, axis=1)[:, 0] for column in (c.syn, c.packets))
    unanswered = silent & (syns > 0) & (sent == syns)
    result = np.full(len(c), GOOD, np.uint8)
    result[c.roles_seen == 0] = NOTE
    result[any_fin] = WARNING
    result[silent] = NOTE
    result[unanswered] = BAD
    result[closed] = GOOD
    result[any_reset & ~closed] = BAD
    result[_refused(c)] = BAD
    result[~tcp] = PLAIN
    return result


def _refused(c: Connections) -> NDArray[np.bool_]:
    """The server answered a SYN by RST alone; (M,)."""
    rows = np.arange(len(c))
    server = 1 - c.client.astype(np.intp)
    found: NDArray[np.bool_] = (
        (c.syn[rows, 1 - server] > 0) & (c.syn_ack[rows, server] == 0) & (c.rst[rows, server] > 0)
    )
    return found


def words(snapshot: Snapshot, connection: int) -> str:
    """The verdict in words; what is not TCP has no set-up that could fail, only one side that may be silent."""
    found = outcome(snapshot.connections, connection, finished=snapshot.finished)
    if found is not None:
        return _(found.value)
    return "" if snapshot.connections.packets[connection].all() else _("one way")


def sign(severity: int, signs: Glyphs) -> str:
    """The sign of a severity, one cell."""
    return (signs.bad, signs.warning, signs.note, signs.good, " ")[severity]
