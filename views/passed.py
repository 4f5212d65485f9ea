"""What became of a packet between the capture points of a lab: lost, copied, overtaken, repeated by need or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.marks import RESENT, Mark
from views.durations import duration
from views.glyphs import glyphs
from views.moment import number
from views.text import safe
from views.wording import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.passing import Way
    from views.moment import Moment


def tell_passage(moment: Moment) -> tuple[str, ...]:
    """Sentences; none for a packet of a capture at one point."""
    passed = moment.passed
    return () if passed is None else tuple(_told(moment, passed))


def _told(moment: Moment, passed: Way) -> Iterator[str]:
    packet = moment.packet
    lost, made, overtaken = passed.lost_between(packet), passed.made_between(packet), passed.overtaken(packet)
    if lost is not None:
        yield _lost(moment, *lost)
    if made is not None:
        what = _("It was never seen at {before}: the network made this copy between there and {after}.")
        yield what.format(before=_name(moment, made[0]), after=_name(moment, made[1]))
    if overtaken is not None:
        before, after, by = overtaken
        what = _("Packet {packet} overtook it between {before} and {after}.")
        yield what.format(packet=number(by), before=_name(moment, before), after=_name(moment, after))
    repeated = _repeated(moment)
    if repeated is not None and made is None:
        yield _need(moment, passed, repeated)


def _lost(moment: Moment, before: int, after: int) -> str:
    values = {"before": _name(moment, before), "after": _name(moment, after)}
    machine = values["before"].rpartition(":")[0]
    if values["after"].rpartition(":")[0] == machine:
        return _("{machine} took it in at {before} and never sent it on at {after}.").format(machine=machine, **values)
    dropped = moment.conversation.snapshot.interfaces[after].dropped
    what = _("It was lost between {before} and {after}: later ones were seen there, this one never.")
    if dropped:
        what = _("It was lost between {before} and {after}, or is among the {dropped} that the capture missed there.")
    return what.format(dropped=dropped, **values)


def _need(moment: Moment, passed: Way, repeated: int) -> str:
    """Whether what a packet repeats had arrived."""
    lost = passed.lost_between(repeated)
    if lost is not None:
        what = _("It was needed: packet {packet}, which it repeats, was lost between {before} and {after}.")
        return what.format(packet=number(repeated), before=_name(moment, lost[0]), after=_name(moment, lost[1]))
    point, time_ns = passed.last_seen(repeated)
    since = int(moment.conversation.snapshot.packets.time_ns[moment.packet]) - time_ns
    micro = glyphs(ascii_only=moment.options.ascii).micro
    values = {"packet": number(repeated), "point": _name(moment, point), "time": duration(abs(since), micro=micro)}
    if since < 0:
        what = _("Packet {packet}, which it repeats, was still on its way, and came to {point} {time} later.")
    else:
        what = _("Packet {packet}, which it repeats, had come to {point} {time} before.")
    return what.format(**values)


def _repeated(moment: Moment) -> int | None:
    """The newest earlier packet of the same end that begins with the same number, of one that is sent again."""
    detail = moment.detail
    if detail is None or not _looks_repeated(moment):
        return None
    for packet in moment.earlier():
        other = moment.details.get(packet)
        if other is None or moment.conversation.from_client(packet) != moment.from_client:
            continue
        if other.sequence == detail.sequence and moment.next_number(other) != other.sequence:
            return packet
    return None


def _looks_repeated(moment: Moment) -> bool:
    """One that is out of order by Wireshark's rule, which looks at times, may have been sent again."""
    return bool(int(moment.conversation.snapshot.packets.marks[moment.packet]) & int(RESENT | Mark.OUT_OF_ORDER))


def _name(moment: Moment, interface: int) -> str:
    return safe(moment.conversation.snapshot.interfaces[interface].name or "?")
