"""Which states a packet changed and why, and what TCP expects next (RFC 9293 section 3.3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.states import State
from capture.protocol import Flag
from views.glyphs import glyphs
from views.moment import sentence
from views.wording import _

if TYPE_CHECKING:
    from analysis.states import EndState
    from views.moment import Moment


def _reasons() -> dict[tuple[State, State], str]:
    sent_fin, got_fin = _("it has sent FIN"), _("it has received FIN")
    fin_acked, syn_acked = _("its FIN is acknowledged"), _("its SYN is acknowledged")
    s = State
    return {
        (s.CLOSED, s.SYN_SENT): _("it has sent SYN"),
        (s.LISTEN, s.SYN_RECEIVED): _("it has received SYN"),
        (s.CLOSED, s.SYN_RECEIVED): _("it listens after all"),
        (s.SYN_SENT, s.SYN_RECEIVED): _("it has received SYN, but no acknowledgment of its own"),
        (s.SYN_SENT, s.ESTABLISHED): syn_acked,
        (s.SYN_RECEIVED, s.ESTABLISHED): syn_acked,
        (s.SYN_RECEIVED, s.FIN_WAIT_1): sent_fin,
        (s.ESTABLISHED, s.FIN_WAIT_1): sent_fin,
        (s.SYN_RECEIVED, s.CLOSE_WAIT): got_fin,
        (s.ESTABLISHED, s.CLOSE_WAIT): got_fin,
        (s.FIN_WAIT_1, s.FIN_WAIT_2): fin_acked,
        (s.FIN_WAIT_1, s.CLOSING): _("it has received FIN before its own was acknowledged"),
        (s.FIN_WAIT_1, s.TIME_WAIT): _("its FIN is acknowledged, and it has received FIN"),
        (s.FIN_WAIT_2, s.TIME_WAIT): got_fin,
        (s.CLOSING, s.TIME_WAIT): fin_acked,
        (s.CLOSE_WAIT, s.LAST_ACK): sent_fin,
        (s.CLOSE_WAIT, s.CLOSING): _("it has sent FIN before the other's reached it"),
        (s.LAST_ACK, s.CLOSED): fin_acked,
    }


def _why(before: EndState, after: EndState, flags: Flag) -> str:
    if flags & Flag.RST:
        return _("RST ends the connection at once")
    reason = _reasons().get((before.state, after.state), "")
    if not after.inferred:
        return reason
    if before.state is State.UNKNOWN:
        return _("inferred; how it got there was not captured")
    if before.inferred and reason:
        return _("{reason}; still inferred, as its state before").format(reason=reason)
    return _("inferred; the packet that caused it was not captured, or did not arrive")


def state_changes(moment: Moment, *, full: bool) -> list[str]:
    """A sentence for each end whose state this packet changed; in the full form with the reason."""
    if not moment.conversation.is_tcp:
        return []
    arrow = "->" if moment.options.ascii else glyphs(ascii_only=False).right
    if not full and (both := _both_moved(moment, arrow)):
        return [both]
    told = []
    for client in (moment.from_client, not moment.from_client):
        after = moment.conversation.changed(moment.position, client=client)
        if after is None:
            continue
        before = moment.conversation.state_before(moment.position, client=client)
        end = moment.end_name(client=client)
        if before.state is after.state:
            text = (
                _("{end} is in {state}, now inferred only") if after.inferred else _("{end} is now surely in {state}")
            )
            told.append(sentence(text.format(end=end, state=after.state.label)) + ".")
            continue
        text = _("{end} moves {before} {arrow} {after}")
        what = text.format(end=end, before=before, arrow=arrow, after=after)
        why = _why(before, after, moment.flags) if full or after.inferred else ""
        told.append(sentence(what) + (f": {why}." if why else "."))
    return told


def _both_moved(moment: Moment, arrow: str) -> str:
    """Both ends' moves in one sentence, "" unless both moved and neither move is inferred."""
    moves = []
    for client in (moment.from_client, not moment.from_client):
        before = moment.conversation.state_before(moment.position, client=client)
        after = moment.conversation.changed(moment.position, client=client)
        if after is None or after.inferred or after.state is before.state:
            return ""
        moves.append(f"{before} {arrow} {after}")
    text = _("{one} moves {first}, {other} {second}.")
    return sentence(text.format(one=moment.sender, first=moves[0], other=moment.receiver, second=moves[1]))


def both_states(moment: Moment) -> str:
    """Both ends' states after the packet, and that they are deduced."""
    client, server = (moment.conversation.state(moment.packet, client=side) for side in (True, False))
    text = _("After it: client {client}, server {server}. States are deduced from the packets; a capture holds none.")
    return text.format(client=client, server=server)


def expected(moment: Moment) -> str:
    """What TCP expects next, "" where several things may come or nothing does."""
    if not moment.conversation.is_tcp:
        return ""
    ends = [moment.conversation.state(moment.packet, client=side) for side in (True, False)]
    client, server = (end.state for end in ends)
    if {client, server} == {State.ESTABLISHED, State.SYN_RECEIVED} and any(end.inferred for end in ends):
        return ""  # packets of one direction are not captured: the ACK may long have been sent
    names = {True: moment.end_name(client=True), False: moment.end_name(client=False)}
    if client is server is State.CLOSED:
        return _("The connection is over.")
    told = _of_pair(client, server, names[True], names[False]) or _of_pair(server, client, names[False], names[True])
    if not told and client is server is State.ESTABLISHED:
        told = _open_end(moment)
    if not told and client is server is State.CLOSING:
        told = _("an ACK of each FIN")
    return _("Next expected: {what}.").format(what=told) if told else ""


def _open_end(moment: Moment) -> str:
    """What comes next on an open connection."""
    if moment.detail is not None and moment.detail.window == 0:
        text = _("{sender} opens its window; until then {receiver} may only probe")
        return text.format(sender=moment.sender, receiver=moment.receiver)
    return _("data, or FIN, from either side") if _had_data(moment) else _("first data, from either side")


def _had_data(moment: Moment) -> bool:
    packets = [moment.packet, *moment.earlier()]
    return not moment.sees_start or any(map(moment.conversation.payload, packets))


def _of_pair(one: State, other: State, one_name: str, other_name: str) -> str:
    """What one end in a state may expect of the other in its state."""
    s = State
    if one is s.SYN_SENT and other in {s.SYN_RECEIVED, s.LISTEN}:
        return _("SYN,ACK from {other}").format(other=other_name)
    if one is s.ESTABLISHED and other is s.SYN_RECEIVED:
        return _("an ACK from {one}").format(one=one_name)
    if one is s.FIN_WAIT_1 and other is s.CLOSE_WAIT:
        return _("an ACK of the FIN, from {other}").format(other=other_name)
    if one is s.FIN_WAIT_2 and other is s.CLOSE_WAIT:
        return _("more data, or FIN, from {other}").format(other=other_name)
    if one in {s.FIN_WAIT_1, s.TIME_WAIT} and other is s.LAST_ACK:
        return _("an ACK of the last FIN, from {one}").format(one=one_name)
    if one is s.TIME_WAIT and other is s.CLOSED:
        return _("nothing; {one} waits 2 MSL for stragglers, then forgets").format(one=one_name)
    return ""
