"""The walk through the headers of a batch: round by round, every row's next header by the handler of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture import link, network, serial, transport, tunnels, wlan, wrappers
from capture.cursors import Cursors, endpoints_of
from capture.fragments import Reassembler, begin_alone, reassemble
from capture.gather import among, u8
from capture.kinds import Header
from capture.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.gather import Rows

MOST_HEADERS: Final = 32
"""A packet with more headers than this in one another is malformed."""
MOST_REASSEMBLIES: Final = 4
"""How often fragments may be found within reassembled datagrams."""
_MOST_QUOTES: Final = 2
"""How deep quotes within quotes are followed."""

HANDLERS: Final[Mapping[int, Callable[[Cursors, Rows], None]]] = {
    Header.ETHERNET: link.ethernet,
    Header.VLAN: link.vlan,
    Header.PBB: link.backbone,
    Header.CMD: link.metadata,
    Header.LLC: link.llc,
    Header.SNAP: link.snap,
    Header.SLL: link.cooked,
    Header.SLL2: link.cooked_2,
    Header.NULL: link.null,
    Header.LOOP: link.loop,
    Header.ENC: link.encapsulating,
    Header.RAW_IP: link.raw_ip,
    Header.LLDP: link.named(Header.LLDP, Protocol.LLDP),
    Header.EAPOL: link.named(Header.EAPOL, Protocol.EAPOL),
    Header.PPPOE_DISCOVERY: link.named(Header.PPPOE_DISCOVERY, Protocol.PPPOE),
    Header.FDDI: wrappers.fddi,
    Header.TOKEN_RING: wrappers.token_ring,
    Header.IEEE1394: wrappers.ieee1394,
    Header.IPNET: wrappers.ipnet,
    Header.JUNIPER: wrappers.juniper,
    Header.NFLOG: wrappers.nflog,
    Header.PPI: wrappers.ppi,
    Header.PKTAP: wrappers.pktap,
    Header.RADIOTAP: wlan.radiotap,
    Header.PRISM: wlan.prism,
    Header.AVS: wlan.avs,
    Header.WLAN: wlan.wlan,
    Header.PPP: serial.ppp,
    Header.PPP_DIRECTION: serial.ppp_direction,
    Header.PPPOE: serial.pppoe,
    Header.HDLC: serial.hdlc,
    Header.FRAME_RELAY: serial.frame_relay,
    Header.SLIP: serial.slip,
    Header.SUN_ATM: serial.sun_atm,
    Header.ARP: network.arp,
    Header.MPLS: network.mpls,
    Header.NSH: network.service_chain,
    Header.IPV4: network.ipv4,
    Header.IPV6: network.ipv6,
    Header.IPV6_EXTENSION: network.ipv6_extension,
    Header.IPV6_FRAGMENT: network.ipv6_fragment,
    Header.AH: network.authentication,
    Header.GRE: tunnels.gre,
    Header.ERSPAN: tunnels.erspan,
    Header.VXLAN: tunnels.vxlan,
    Header.VXLAN_GPE: tunnels.vxlan_gpe,
    Header.GENEVE: tunnels.geneve,
    Header.GTP: tunnels.gtp,
    Header.TEREDO: tunnels.teredo,
    Header.L2TP: tunnels.l2tp,
    Header.AYIYA: tunnels.ayiya,
    Header.GRE_IN_UDP: tunnels.gre_in_udp,
    Header.TCP: transport.tcp,
    Header.UDP: transport.udp,
    Header.ICMP: transport.icmp,
    Header.ICMPV6: transport.icmpv6,
    Header.SCTP: transport.sctp,
    Header.DCCP: transport.dccp,
    Header.IGMP: transport.without_ports(Header.IGMP, Protocol.IGMP4),
    Header.OSPF: transport.without_ports(Header.OSPF, Protocol.OSPF4),
    Header.VRRP: transport.without_ports(Header.VRRP, Protocol.VRRP4),
    Header.ESP: transport.without_ports(Header.ESP, Protocol.ESP4),
    Header.PIM: transport.without_ports(Header.PIM, Protocol.PIM4),
}


def walk(cursors: Cursors, reassemblers: list[Reassembler]) -> None:
    """Move all cursors that stand before a header as far as they go.

    `reassemblers` keeps the fragments that wait, one for each depth of datagrams in datagrams: the fragments of one
    depth are handed over in the packets' order, whatever header they were found behind, so that the result does not
    depend on how packets are cut into batches.
    """
    pending = np.flatnonzero(cursors.next)
    for depth in range(MOST_REASSEMBLIES):
        pending = _advance(cursors, pending)
        if not len(pending):
            break
        if cursors.quoting:
            _leave_fragments(cursors, pending)
        else:
            if depth == len(reassemblers):
                reassemblers.append(Reassembler())
            reassemble(cursors, pending, reassemblers[depth])
        pending = pending[cursors.next[pending] != Header.DONE]
    cursors.finish(pending, malformed=True)
    if cursors.quotes and cursors.quoting < _MOST_QUOTES:
        _read_quotes(cursors)


def _advance(cursors: Cursors, pending: Rows) -> Rows:
    """Walk until every row is done or stands before a fragment; those that wait, ascending."""
    waiting = [pending[:0]]
    for _ in range(MOST_HEADERS):
        kinds = cursors.next[pending]
        waiting.append(pending[kinds == Header.FRAGMENT])
        for kind in np.flatnonzero(np.bincount(kinds)).tolist():
            handler = HANDLERS.get(kind)
            if handler is not None:
                handler(cursors, pending[kinds == kind])
        pending = pending[(kinds != Header.FRAGMENT) & (cursors.next[pending] != Header.DONE)]
        if not len(pending):
            break
    cursors.finish(pending, malformed=True)
    return np.sort(np.concatenate(waiting))


def _leave_fragments(cursors: Cursors, rows: Rows) -> None:
    """A quoted fragment is not put together; the first shows its ports."""
    cursors.finish(rows)
    at = cursors.network_at[rows]
    first = cursors.endpoints.family[rows] == 4
    first &= (u8(cursors.buffer, at + 6) & 0x1F == 0) & (u8(cursors.buffer, at + 7) == 0)
    begin_alone(cursors, rows[first])


def _read_quotes(cursors: Cursors) -> None:
    """Headers quoted in ICMP errors: what they name becomes a mention behind the packet's own endpoints."""
    rows = np.sort(np.concatenate(cursors.quotes))
    begin = cursors.position[rows] + 8
    quoted = Cursors(cursors.buffer, begin, cursors.end[rows] - begin, cursors.stop[rows] - begin, cursors.paths)
    quoted.quoting = cursors.quoting + 1
    quoted.next[:] = Header.RAW_IP
    walk(quoted, [])
    # Wireshark numbers a stream once it has read TCP's window, or the whole of UDP's header.
    left = quoted.end - quoted.position
    is_tcp = among(quoted.protocol, (Protocol.TCP4, Protocol.TCP6)) & (left >= 16)
    is_udp = among(quoted.protocol, (Protocol.UDP4, Protocol.UDP6)) & (left >= 8)
    own = np.flatnonzero(is_tcp | is_udp)
    outer = [(inner, ends) for inner, before, ends in quoted.mentions if before]
    nested = [(inner, ends) for inner, before, ends in quoted.mentions if not before]
    for inner, ends in [*outer, (own, endpoints_of(quoted.endpoints, own)), *nested]:
        if len(inner):
            cursors.mentions.append((rows[inner], False, ends))
