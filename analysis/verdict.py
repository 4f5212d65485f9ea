"""How a TCP connection went, in a word, read off what was seen of its opening and its closing."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from analysis.connections import NO_PACKET
from analysis.segments import is_tcp

if TYPE_CHECKING:
    from analysis.connections import Connections


class Outcome(StrEnum):
    """The verdict; its value is the words."""

    CLOSED = "closed normally"
    REFUSED = "refused"
    NO_ANSWER = "no answer"
    RESET_BY_SERVER = "reset by the server"
    RESET_BY_CLIENT = "reset by the client"
    HALF_CLOSED = "half-closed"
    OPEN = "still open at the end of the capture"
    OPEN_SO_FAR = "open so far"
    MIDDLE = "seen from the middle"
    ONE_SIDE = "one side only"


class Sides(NamedTuple):
    """The connection table's index of the client and of the server: 0 for endpoint a, 1 for b."""

    client: int
    server: int


def sides(connections: Connections, row: int) -> Sides:
    """Which endpoint is the client."""
    client = int(connections.client[row])
    return Sides(client, 1 - client)


def outcome(connections: Connections, row: int, *, finished: bool = True) -> Outcome | None:
    """The verdict on one connection, None where it is not TCP.

    While the capture is being read (not `finished`), a connection that is open may still close.
    """
    c = connections
    if not is_tcp(int(c.protocol[row])):
        return None
    client, server = sides(c, row)
    syn, answered = bool(c.syn[row][client]), bool(c.syn_ack[row][server])
    if syn and not answered and c.rst[row][server]:
        return Outcome.REFUSED
    closed = _both_closed(c, row)
    reset = _reset_by(c, row)
    if reset is not None and not closed:
        return Outcome.RESET_BY_CLIENT if reset == client else Outcome.RESET_BY_SERVER
    if closed:
        return Outcome.CLOSED
    if not all(c.packets[row]):
        only_syn = syn and c.packets[row][client] == c.syn[row][client]
        return Outcome.NO_ANSWER if only_syn else Outcome.ONE_SIDE
    if any(c.fin[row]):
        return Outcome.HALF_CLOSED
    if not c.roles_seen[row]:
        return Outcome.MIDDLE
    return Outcome.OPEN if finished else Outcome.OPEN_SO_FAR


def _both_closed(c: Connections, row: int) -> bool:
    """Whether both ends sent FIN, and no reset came before the second one."""
    fins = c.fin_packet[row]
    if NO_PACKET in fins:
        return False
    return all(packet == NO_PACKET or packet > max(fins) for packet in _resets(c, row))


def _reset_by(c: Connections, row: int) -> int | None:
    """The end that sent the first RST."""
    resets = [(packet, end) for end, packet in enumerate(_resets(c, row)) if packet != NO_PACKET]
    return min(resets)[1] if resets else None


def _resets(c: Connections, row: int) -> list[int]:
    """The packet of each end's first RST, but of none that was its only one and before the connection opened.

    That refused something older (RFC 9293 figures 9 and 10).
    """
    opened = int(c.established_packet[row])
    pairs = zip(c.rst_packet[row], c.rst[row], strict=True)
    return [NO_PACKET if many == 1 and packet < opened else int(packet) for packet, many in pairs]
