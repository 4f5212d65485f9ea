"""How connections begin: the three-way handshake, and what may happen instead."""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING

from lab.network import Deed, Fault, Kind, Network, Wire, two_hosts
from lab.scenario import Level, Option, Scenario, Story, Told, Unit, delay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.calls import NotedSocket
    from lab.stage import Stage


def wired(options: Mapping[str, float]) -> Network:
    """A client and a server, and the delay between them that was asked for."""
    return two_hosts(Wire(delay_ms=options["delay"]))


def answer_once(listener: NotedSocket, request: int, reply: bytes, pause: float = 0.0) -> None:
    """Be a server: take one client, read its request, answer, read to the end, wait, and close."""
    connection, _ = listener.accept()
    with connection:
        connection.recv_all(request)
        connection.sendall(reply)
        connection.recv(1)
        time.sleep(pause)
    listener.close()


def ask_once(stage: Stage, pause: float) -> None:
    """A request and its answer; the server closes `pause` seconds after the client."""
    server = stage["server"]
    server.start(answer_once, server.listen(9999), 5, b"Hello, World!", pause)
    with stage["client"].connect(server.address, 9999) as connection:
        connection.sendall(b"hello")
        stage.answer(connection.recv_all(13).decode())
        # The ACK of the answer leaves by itself, before the FIN, when there is time for it.
        time.sleep(0.05)


def play_handshake(stage: Stage) -> None:
    """SYN, SYN-ACK, ACK, a few bytes each way, and the end in four segments."""
    ask_once(stage, pause=0.08)


def meet(endpoint: NotedSocket, peer: tuple[str, int]) -> None:
    """Be the other one who calls at the same time; answer, and close when the first one has."""
    with endpoint:
        endpoint.connect(peer)
        endpoint.sendall(endpoint.recv_all(5).upper())
        endpoint.recv(1)


def play_simultaneous_open(stage: Stage) -> None:
    """Both ends call each other, from the ports that the other one calls, and the SYNs cross."""
    client, server = stage["client"], stage["server"]
    server.start(meet, server.bound(9999), (client.address, 40_001))
    with client.bound(40_001) as endpoint:
        endpoint.connect((server.address, 9999))
        endpoint.sendall(b"hello")
        stage.answer(endpoint.recv_all(5).decode())
        stage.quiet(0.1)


def filtered(options: Mapping[str, float]) -> Network:
    """A cable on which no SYN gets through: a packet filter that says nothing."""
    wall = Fault(Deed.DROP, Kind.SYN, towards="server")
    linear = "0" if options["backoff"] else "4"
    return two_hosts(Wire(delay_ms=10, faults=(wall,)), settings={"ipv4/tcp_syn_linear_timeouts": linear})


def play_filtered(stage: Stage) -> None:
    """Call into silence, until patience ends."""
    stage["server"].listen(9999)
    with stage["client"].bound(40_001) as calling:
        calling.settimeout(3.1 if stage.options["backoff"] else 2.2)
        try:
            calling.connect((stage["server"].address, 9999))
        except TimeoutError as error:
            stage.answer(error)


def urgently(listener: NotedSocket, stage: Stage) -> None:
    """Be a server that is told when something urgent has come, and reads that first."""
    connection, _ = listener.accept()
    with connection:
        select.select([], [], [connection], 5)
        stage.answer(f"urgent: {connection.recv(1, socket.MSG_OOB).decode()}")
        stage.answer(f"in its turn: {connection.recv_all(11).decode()}")
        connection.recv(1)  # the urgent byte still stands in the stream, and unread it would make the close a reset
    listener.close()


def play_urgent(stage: Stage) -> None:
    """Send some bytes, then one that shall be read before them."""
    server = stage["server"]
    server.start(urgently, server.listen(9999), stage)
    with stage["client"].connect(server.address, 9999) as connection:
        connection.sendall(b"no hurry..,")
        connection.send(b"!", socket.MSG_OOB)


CALLING_BACKOFF = Option("backoff", Unit.COUNT, 0, "1: wait twice as long each time, as before Linux 6.5.", most=1)

ANSWERED = Story(
    connections=(Told(outcome="closed normally", states=("TIME-WAIT", "CLOSED"), history="ShADadFf"),),
    answers=("Hello, World!",),
    same=Level.ORDER,
)
"""What `ask_once` comes to."""

SCENARIOS = (
    Scenario(
        name="handshake",
        topics=(2, 4),
        line="Three-way handshake: SYN, SYN-ACK, ACK, then one request and its answer.",
        network=wired,
        play=play_handshake,
        options=(delay(10),),
        points=("client:eth0",),
        story=ANSWERED,
    ),
    Scenario(
        name="simultaneous-open",
        topics=(2,),
        line="Both ends call at the same time: the SYNs cross, and there is one connection without a server.",
        network=wired,
        play=play_simultaneous_open,
        options=(delay(30),),
        story=Story(
            connections=(Told(outcome="closed normally", states=("TIME-WAIT", "CLOSED")),),
            answers=("HELLO",),
        ),
    ),
    Scenario(
        name="syn-filtered",
        topics=(2,),
        line="A packet filter drops the SYN and says nothing: the client calls again every second.",
        network=filtered,
        play=play_filtered,
        options=(CALLING_BACKOFF,),
        story=Story(
            connections=(Told(outcome="no answer", marks={"retransmission": 2}),),
            answers=("timed out",),
            same=Level.ORDER,
        ),
    ),
    Scenario(
        name="urgent",
        topics=(4,),
        line="URG: one byte that is to be read before those that were sent before it.",
        network=wired,
        play=play_urgent,
        options=(delay(10),),
        story=Story(
            connections=(Told(outcome="closed normally"),),
            answers=("urgent: !", "in its turn: no hurry..,"),
            same=Level.DATA,
        ),
    ),
)
