"""Zeek's conn_state and history of a connection, from what its two ends were seen to send.

After Zeek's conn.log documentation (base/protocols/conn/main.zeek) and the states that its TCP endpoints go through
(TCPSessionAdapter), which the letters of the history lead them through again: each says what an end did for the first
time, in order. The originator is our client. Zeek ends and begins connections by timers too; netviz keeps Wireshark's
boundaries.
"""

from __future__ import annotations

import functools
from enum import Enum, auto, unique
from typing import TYPE_CHECKING, Final

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


UNANSWERED: Final = (End.INACTIVE, End.PARTIAL)
CALLING: Final = (End.SYN_SENT, End.SYN_ACK_SENT)


def conn_state(connections: Connections, row: int) -> str | None:
    """Zeek's conn_state; None for what is neither TCP nor UDP."""
    protocol = int(connections.protocol[row])
    client, server = sides(connections, row)
    if is_udp(protocol):
        sent, answered = connections.packets[row][client], connections.packets[row][server]
        return "SHR" if not sent else "SF" if answered else "S0"
    if not is_tcp(protocol):
        return None
    sent, fins = connections.packets[row], connections.fin[row]
    return _state_after(
        history(connections, row),
        (bool(sent[client]), bool(sent[server])),
        (bool(fins[client]), bool(fins[server])),
        payload=any(connections.payload_bytes[row]),
    )


@functools.lru_cache(maxsize=4096)  # histories are few, connections many
def _state_after(text: str, sent: tuple[bool, bool], fins: tuple[bool, bool], *, payload: bool) -> str:
    """The conn_state that a history leads to; which ends sent anything, and sent a FIN: the client first."""
    ends = _Ends()
    for letter in text:
        orig = letter.isupper()
        # SYN with FIN or with RST is one letter; which of them it was, the FINs tell, if there were not both.
        mixed = "SF" if fins[0 if orig else 1] else "SR"
        for each in mixed if letter in "Qq" else letter.upper():
            ends.follow(each, orig=orig)
    originator, responder = (
        End.PARTIAL if state is End.INACTIVE and _silent(text, letters) and any_sent else state
        for state, letters, any_sent in zip(ends.state, ("ADFRSHIQ", "adfrshiq"), sent, strict=True)
    )
    if responder is End.RESET or originator is End.RESET:
        return _reset_state(originator, responder, text, payload=payload)
    return _tcp_state(originator, responder)


def _silent(text: str, letters: str) -> bool:
    """None of these letters was written: what the end sent had no flag and no payload."""
    return not set(text) & set(letters)


class _Ends:
    """The states of originator and responder, in this order."""

    def __init__(self) -> None:
        self.state = [End.INACTIVE, End.INACTIVE]
        self._before = [End.INACTIVE, End.INACTIVE]

    def follow(self, letter: str, *, orig: bool) -> None:
        """What one end did for the first time."""
        here, there = (0, 1) if orig else (1, 0)
        match self.state[here]:
            case End.INACTIVE:
                self._begin(letter, here, there)
            case End.SYN_SENT | End.SYN_ACK_SENT:
                self._close(letter, here)
            case End.ESTABLISHED | End.PARTIAL:
                if letter == "S" and self.state[here] is End.PARTIAL and self.state[there] is End.INACTIVE:
                    self._set(here, End.SYN_SENT)
                self._close(letter, here)
                # A FIN after the other end's FIN and reset makes a normal close of it.
                if letter == "F" and (self.state[there], self._before[there]) == (End.RESET, End.CLOSED):
                    self._set(there, End.CLOSED)
            case End.CLOSED:
                if letter in "RI" and self.state[there] is not End.CLOSED:
                    self._set(here, End.RESET)

    def _begin(self, letter: str, here: int, there: int) -> None:
        if letter in "SH":
            if here == 0:
                self._set(here, End.SYN_ACK_SENT if letter == "H" else End.SYN_SENT)
            else:
                if self.state[there] is End.SYN_SENT:
                    self._set(there, End.ESTABLISHED)
                self._set(here, End.ESTABLISHED)
        elif letter == "A" and here == 1 and self.state[there] is End.SYN_SENT:
            return  # an acknowledgment of the SYN alone does not answer it
        elif letter in "AD":
            self._set(here, End.ESTABLISHED if self.state[there] is End.ESTABLISHED else End.PARTIAL)
        self._close(letter, here)

    def _close(self, letter: str, here: int) -> None:
        if letter in "RI":
            self._set(here, End.RESET)
        elif letter == "F":
            self._set(here, End.CLOSED)

    def _set(self, end: int, state: End) -> None:
        self._before[end], self.state[end] = self.state[end], state


def _tcp_state(originator: End, responder: End) -> str:
    match originator, responder:
        case End.CLOSED, End.CLOSED:
            return "SF"
        case End.CLOSED, _:
            return "SH" if responder in UNANSWERED else "S2"
        case _, End.CLOSED:
            return "SHR" if originator in UNANSWERED else "S3"
        case End.SYN_SENT, End.INACTIVE:
            return "S0"
        case End.ESTABLISHED, End.ESTABLISHED:
            return "S1"
    return "OTH"


def _reset_state(originator: End, responder: End, text: str, *, payload: bool) -> str:
    if responder is End.RESET:
        if originator in CALLING or (originator is End.RESET and not payload):
            return "REJ"
        return "RSTRH" if originator in UNANSWERED else "RSTR"
    if responder in UNANSWERED:
        return "RSTOS0" if "S" in text and not set(text) & set("HAFGIQ") else "OTH"
    return "RSTO"


def history(connections: Connections, row: int) -> str:
    """The letters of `analysis.history`, the client's in upper case.

    `^` in front says, as Zeek does, that the roles were turned round: the first packet seen was the server's.
    """
    letters = bytes(connections.history[row][: int(connections.history_length[row])])
    text = (letters + bytes(connections.long_histories.get(row, b""))).decode("ascii")
    return "^" + text.swapcase() if connections.client[row] else text
