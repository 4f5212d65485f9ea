"""One packet among its neighbours: the facts that an explanation may state, each read off columns or details."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.passing import way
from capture.protocol import Flag
from views.durations import duration
from views.glyphs import glyphs
from views.wording import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.details import Detail
    from analysis.passing import Passages, Way
    from views.conversation import Conversation
    from views.options import Options

NEIGHBOURS: Final = 64
"""Earlier packets of the connection that are looked through."""
NO_FLAG: Final = Flag(0)
WRAP: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Moment:
    """A packet (a row), its position in the connection, and the details at hand."""

    conversation: Conversation
    packet: int
    position: int
    details: Mapping[int, Detail]
    options: Options
    gone: bool = False  # its bytes are not there any more
    passages: Passages | None = None  # of its connection, where they are at hand

    @property
    def passed(self) -> Way | None:
        """The way of its sender's packets past the capture points."""
        if self.passages is not None:
            return self.passages.of(from_b=bool(self.end))
        return way(self.conversation.snapshot, self.conversation.packets, from_b=bool(self.end))

    @property
    def flags(self) -> Flag:
        """Its TCP flags."""
        return self.conversation.flags(self.packet)

    @property
    def payload(self) -> int:
        """Its payload bytes."""
        return self.conversation.payload(self.packet)

    @property
    def from_client(self) -> bool:
        """Whether the client sent it."""
        return self.conversation.from_client(self.packet)

    @property
    def detail(self) -> Detail | None:
        """Its numbers and bytes."""
        return self.details.get(self.packet)

    @property
    def end(self) -> int:
        """The sender's end: 0 for a, 1 for b."""
        return self.conversation.end_of(client=self.from_client)

    @property
    def sender(self) -> str:
        """`the client`, `the server`, or an address where nobody is one."""
        return self.end_name(client=self.from_client)

    @property
    def receiver(self) -> str:
        """The other one."""
        return self.end_name(client=not self.from_client)

    def end_name(self, *, client: bool) -> str:
        """What an end is called in sentences."""
        if self.conversation.role(client=client):
            return _("the client") if client else _("the server")
        return self.conversation.name(client=client) or _("the sender")

    def column(self, name: str, *, own: bool) -> int:
        """A column of the connection table for the sender's end (`own`) or the other."""
        end = self.end if own else 1 - self.end
        return int(getattr(self.conversation.snapshot.connections, name)[self.conversation.row, end])

    def once(self, name: str) -> int:
        """A column of the connection table that has one value a row."""
        return int(getattr(self.conversation.snapshot.connections, name)[self.conversation.row])

    def earlier(self) -> Iterator[int]:
        """Rows of the connection's packets before this one, the newest first; `NEIGHBOURS` of them at most."""
        for position in range(self.position - 1, max(self.position - 1 - NEIGHBOURS, -1), -1):
            yield int(self.conversation.packets[position])

    @property
    def sees_start(self) -> bool:
        """Whether `earlier` reaches the connection's first packet."""
        return self.position <= NEIGHBOURS

    def last_with(self, flags: Flag, *, own: bool, without: Flag = NO_FLAG) -> int | None:
        """The newest earlier packet with all of `flags` and none of `without`, from the same end or the other."""
        for packet in self.earlier():
            found = self.conversation.flags(packet)
            mine = self.conversation.from_client(packet) == self.from_client
            if mine == own and found & flags == flags and not found & without:
                return packet
        return None

    def since(self, packet: int) -> str:
        """Time from an earlier packet to this one."""
        times = self.conversation.snapshot.packets.time_ns
        passed = int(times[self.packet]) - int(times[packet])
        return duration(passed, micro=glyphs(ascii_only=self.options.ascii).micro)

    def seq(self, number: int) -> int:
        """A number in the sender's sequence space, as shown with this packet."""
        return self._shown(number, client=self.from_client)

    def ack(self, number: int) -> int:
        """A number in the receiver's sequence space, as shown with this packet."""
        return self._shown(number, client=not self.from_client)

    def _shown(self, number: int, *, client: bool) -> int:
        relative = self.options.relative
        return self.conversation.shown_sequence(self.packet, number, client=client, relative=relative)

    def next_number(self, detail: Detail) -> int:
        """The sequence number after a segment, as on the wire: SYN and FIN use one each (RFC 9293 section 3.4)."""
        flags = self.conversation.flags(detail.packet)
        control = bool(flags & Flag.SYN) + bool(flags & Flag.FIN)
        return (detail.sequence + self.conversation.payload(detail.packet) + control) & WRAP

    def answered(self) -> int | None:
        """The newest earlier packet of the other end that ends just before this one's acknowledgment number."""
        detail = self.detail
        if detail is None or not self.flags & Flag.ACK:
            return None
        for packet in self.earlier():
            other = self.details.get(packet)
            if other is None or self.conversation.from_client(packet) == self.from_client:
                continue
            number = self.next_number(other)
            if number == detail.acknowledgment and number != other.sequence:
                return packet
        return None

    def own_before(self) -> Detail | None:
        """The sender's packet before this one, None if there is none or it is not known."""
        for packet in self.earlier():
            if self.conversation.from_client(packet) == self.from_client:
                return self.details.get(packet)
        return None

    def acknowledges_syn(self) -> bool | None:
        """Whether its acknowledgment is the other end's initial sequence number + 1; None if that is not known.

        A SYN with data may have that acknowledged, too (TCP Fast Open, RFC 7413).
        """
        if self.detail is None or self.column("sequence_known", own=False) != 2:
            return None
        beyond = (self.detail.acknowledgment - self.column("initial_sequence", own=False) - 1) & WRAP
        return beyond == 0 or beyond <= self.syn_payload()

    def syn_payload(self) -> int:
        """Bytes that the SYN which opens the connection carries and the other end sent; 0 where it was not captured."""
        opening = self.once("syn_packet")
        if not 0 <= opening < self.packet or self.conversation.from_client(opening) == self.from_client:
            return 0
        return self.conversation.payload(opening)


def sentence(text: str) -> str:
    """The same with a capital letter, but where it begins with an address."""
    return text if ":" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def number(packet: int) -> int:
    """A packet's number on the screen."""
    return packet + 1
