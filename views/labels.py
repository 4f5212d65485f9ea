"""What stands on an arrow: flags, sizes, numbers, options, and what the packet carries; as much of it as fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from analysis.messages import message
from analysis.passing import Fate
from capture.protocol import Flag, Protocol
from views.conversation import TCP_PROTOCOLS
from views.mark_words import mark_labels
from views.text import cells, cut, safe, unambiguous
from views.wording import _

if TYPE_CHECKING:
    from analysis.details import Detail
    from views.conversation import Conversation
    from views.options import Options

FLAG_ORDER: Final = (
    Flag.SYN, Flag.FIN, Flag.RST, Flag.PSH, Flag.ACK, Flag.URG, Flag.ECE, Flag.CWR, Flag.AE,
)  # fmt: skip
PROTOCOL_NAMES: Final = {
    Protocol.UNKNOWN: "bytes",
    Protocol.ETHERNET: "Ethernet frame",
    Protocol.WLAN: "802.11",
    Protocol.PPPOE: "PPPoE",
    Protocol.FRAGMENT4: "IPv4 fragment",
    Protocol.FRAGMENT6: "IPv6 fragment",
    Protocol.CUT_TCP4: "cut TCP header",
    Protocol.CUT_TCP6: "cut TCP header",
    Protocol.CUT_UDP4: "cut UDP header",
    Protocol.CUT_UDP6: "cut UDP header",
    Protocol.IPV4: "IPv4",
    Protocol.IPV6: "IPv6",
    Protocol.ICMP6: "ICMPv6",
}
GONE: Final = _("its bytes are gone")
LEAST_WORDS: Final = 6
"""Fewer cells of a message than these say nothing."""


class Label(NamedTuple):
    """`main` always stays; a number or the words go when they do not fit, the least important (largest) first."""

    main: str
    numbers: tuple[tuple[int, str], ...] = ()  # importance, text
    words: str = ""
    words_importance: int = 3


def flag_names(flags: Flag) -> str:
    """`SYN,ACK`, `PSH,ACK`; `no flags` where none is set, which no TCP sends."""
    return ",".join(str(flag.name) for flag in FLAG_ORDER if flag & flags) or _("no flags")


def protocol_name(protocol: Protocol) -> str:
    """What a packet is called that says nothing more of itself."""
    return PROTOCOL_NAMES.get(protocol) or protocol.name.rstrip("46")


def carried_words(conversation: Conversation, detail: Detail, options: Options) -> str:
    """What the packet carries, safe to show."""
    protocol = conversation.protocol(detail.packet)
    if protocol in TCP_PROTOCOLS and conversation.payload(detail.packet) == 0:
        return ""
    if detail.gone:
        return ""
    data = conversation.carried(detail)
    words = safe(message(protocol, data, detail.network, detail.transport, detail.payload))
    return unambiguous(words) if options.ascii else words


def label(
    conversation: Conversation,
    packet: int,
    detail: Detail | None,
    options: Options,
    *,
    repeated: bool = False,
    fate: Fate = Fate.ARRIVED,
) -> Label:
    """A packet's label; without its detail only what the packet table knows. `fate`: between capture points."""
    made = _tcp_label if conversation.protocol(packet) in TCP_PROTOCOLS else _plain_label
    shown = made(conversation, packet, detail, options, repeated=repeated)
    word = {Fate.LOST: _("[lost]"), Fate.MADE: _("[copy]"), Fate.OVERTAKEN: _("[overtaken]")}.get(fate)
    return shown if word is None else shown._replace(numbers=((0, word), *shown.numbers))


def _tcp_label(
    conversation: Conversation, packet: int, detail: Detail | None, options: Options, *, repeated: bool
) -> Label:
    flags, payload = conversation.flags(packet), conversation.payload(packet)
    main = flag_names(flags) + (f" {payload} B" if payload else "")
    numbers = [(2, words) for words in mark_labels(conversation, packet, repeated=repeated)]
    words = GONE if detail is not None and detail.gone else ""
    if detail is not None and not detail.gone:
        numbers += _numbers(conversation, detail, flags, payload, options)
        words = carried_words(conversation, detail, options)
    if flags & Flag.SYN:
        numbers += _syn_options(conversation, packet)
    return Label(main, tuple(numbers), words, 6 if flags & Flag.SYN else 3)


def _numbers(
    conversation: Conversation, detail: Detail, flags: Flag, payload: int, options: Options
) -> list[tuple[int, str]]:
    """Sequence and acknowledgment numbers, first where they are what the packet is about; a window that is shut."""
    from_client = conversation.from_client(detail.packet)
    sent = conversation.shown_sequence(detail.packet, detail.sequence, client=from_client, relative=options.relative)
    control = bool(flags & (Flag.SYN | Flag.FIN | Flag.RST))
    numbers = []
    if control or payload:
        numbers.append((1 if control else 5, f"seq={sent}"))
    if flags & Flag.ACK:
        acked = conversation.shown_sequence(
            detail.packet, detail.acknowledgment, client=not from_client, relative=options.relative
        )
        pure = not payload and not flags & (Flag.FIN | Flag.RST)
        numbers.append((1 if pure else 4, f"ack={acked}"))
    if detail.window == 0 and not flags & Flag.RST:
        numbers.append((1, "win=0"))
    return numbers


def _syn_options(conversation: Conversation, packet: int) -> list[tuple[int, str]]:
    """The options that this end announced, from the connection table."""
    connections, row = conversation.snapshot.connections, conversation.row
    end = conversation.end_of(client=conversation.from_client(packet))
    numbers = []
    if (mss := int(connections.mss[row, end])) >= 0:
        numbers.append((4, f"mss={mss}"))
    if (shift := int(connections.window_scale[row, end])) >= 0:
        numbers.append((4, f"ws={shift}"))
    if int(connections.sack_permitted[row, end]) == 1:
        numbers.append((5, "sack"))
    if int(connections.timestamps[row, end]) == 1:
        numbers.append((5, "ts"))
    return numbers


def _plain_label(
    conversation: Conversation, packet: int, detail: Detail | None, options: Options, *, repeated: bool
) -> Label:
    del repeated  # nobody but TCP numbers what it sends
    payload = conversation.payload(packet)
    length = payload or int(conversation.snapshot.packets.original_length[packet])
    words = carried_words(conversation, detail, options) if detail is not None else ""
    lost = GONE if detail is not None and detail.gone else ""
    return Label(words or protocol_name(conversation.protocol(packet)), ((4, f"{length} B"),), lost)


def _composed(shown: Label, keep: int, words: str) -> str:
    numbers = " ".join(text for importance, text in shown.numbers if importance <= keep)
    return "  ".join(part for part in (shown.main, numbers, words) if part)


def fit_label(shown: Label, width: int, ellipsis: str) -> str:
    """The label in at most `width` cells: whole, or without its least important parts."""
    top = max([shown.words_importance, *(importance for importance, _text in shown.numbers)])
    for keep in range(top, -1, -1):
        words = shown.words if keep >= shown.words_importance else ""
        text = _composed(shown, keep, words)
        if cells(text) <= width:
            return text
        if words and keep == shown.words_importance:
            room = width - cells(_composed(shown, keep, "")) - 2
            if room >= LEAST_WORDS:
                return _composed(shown, keep, cut(words, room, ellipsis))
    return cut(shown.main, width, ellipsis)


def kind(conversation: Conversation, packet: int, *, repeated: bool = False) -> str:
    """The role that says what kind of packet it is."""
    if conversation.protocol(packet) not in TCP_PROTOCOLS:
        return "datagram"
    flags = conversation.flags(packet)
    if flags & Flag.RST:
        return "rst"
    if repeated:
        return "retransmitted"
    for flag, role in ((Flag.SYN, "syn"), (Flag.FIN, "fin")):
        if flags & flag:
            return role
    if conversation.payload(packet):
        return "data"
    return "ack" if flags & Flag.ACK else "packet-unknown"
