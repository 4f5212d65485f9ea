"""Zeek's conn_state and history of a connection, from what its two ends were seen to send.

After Zeek's conn.log documentation (base/protocols/conn/main.zeek) and the states that its TCP endpoints go through.
The originator is our client. Zeek ends and begins connections by timers too; netviz keeps Wireshark's boundaries.
"""

from __future__ import annotations

from enum import Enum, auto, unique
from typing import TYPE_CHECKING

from analysis.connections import NO_PACKET
from analysis.segments import is_tcp, is_udp
from analysis.verdict import sides

if TYPE_CHECKING:
    from analysis.connections import Connections


@unique
class End(Enum):
    """What Zeek knows of one endpoint."""

    INACTIVE = auto()  # sent nothing
    SYN_SENT = auto()
    SYN_ACK_SENT = auto()  # its first segment was a SYN,ACK that answers nothing seen
    PARTIAL = auto()  # sent something, but no SYN
    ESTABLISHED = auto()
    CLOSED = auto()  # sent FIN
    RESET = auto()  # sent RST


def conn_state(connections: Connections, row: int) -> str | None:
    """Zeek's conn_state; None for what is neither TCP nor UDP."""
    protocol = int(connections.protocol[row])
    client, server = sides(connections, row)
    if is_udp(protocol):
        sent, answered = connections.packets[row][client], connections.packets[row][server]
        return "SHR" if not sent else "SF" if answered else "S0"
    if not is_tcp(protocol):
        return None
    return _tcp_state(connections, row, _end(connections, row, client), _end(connections, row, server))


def _tcp_state(c: Connections, row: int, originator: End, responder: End) -> str:
    unanswered = (End.INACTIVE, End.PARTIAL)
    if responder is End.RESET or originator is End.RESET:
        return _reset_state(c, row, originator, responder)
    match originator, responder:
        case End.CLOSED, End.CLOSED:
            return "SF"
        case End.CLOSED, _:
            return "SH" if responder in unanswered else "S2"
        case _, End.CLOSED:
            return "SHR" if originator in unanswered else "S3"
        case End.SYN_SENT, End.INACTIVE:
            return "S0"
        case End.ESTABLISHED, End.ESTABLISHED:
            return "S1"
    return "OTH"


def _reset_state(c: Connections, row: int, originator: End, responder: End) -> str:
    client, server = sides(c, row)
    if responder is End.RESET:
        early = not c.syn_ack[row][server] and c.syn[row][client] and _first(c.rst_packet[row][server], c, row, client)
        silent = originator is End.RESET and not any(c.payload_bytes[row])
        if early or (silent and not c.syn_ack[row][server]):
            return "REJ"
        heard = c.packets[row][client] and (c.syn[row][client] or c.syn_ack[row][client])
        return "RSTR" if heard or originator is End.CLOSED else "RSTRH"
    if responder in (End.INACTIVE, End.PARTIAL):
        only = set(history(c, row)) & set("HAFGIQ")
        return "RSTOS0" if c.syn[row][client] and not only else "OTH"
    return "RSTO"


def _first(rst_packet: int, c: Connections, row: int, client: int) -> bool:
    """Whether the responder's reset came before the originator's own."""
    own = c.rst_packet[row][client]
    return bool(own == NO_PACKET or rst_packet < own)


def _end(c: Connections, row: int, end: int) -> End:
    other = 1 - end
    if not c.packets[row][end]:
        return End.INACTIVE
    if _reset_counts(c, row, end):
        return End.RESET
    if c.fin[row][end]:
        return End.CLOSED
    if c.syn[row][end]:
        return End.ESTABLISHED if c.syn_ack[row][other] else End.SYN_SENT
    if c.syn_ack[row][end]:
        return End.ESTABLISHED if c.syn[row][other] else End.SYN_ACK_SENT
    return End.PARTIAL


def _reset_counts(c: Connections, row: int, end: int) -> bool:
    """Whether a reset moved this end: one that it sends after its FIN leaves it CLOSED for Zeek."""
    reset, fin = c.rst_packet[row][end], c.fin_packet[row][end]
    return bool(reset != NO_PACKET and (fin == NO_PACKET or reset < fin))


def history(connections: Connections, row: int) -> str:
    """The letters of `analysis.history`, the client's in upper case.

    `^` in front says, as Zeek does, that the roles were turned round: the first packet seen was the server's.
    """
    letters = bytes(connections.history[row][: int(connections.history_length[row])])
    text = (letters + bytes(connections.long_histories.get(row, b""))).decode("ascii")
    return "^" + text.swapcase() if connections.client[row] else text
