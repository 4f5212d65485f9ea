"""Programs and their sockets: a greeting server with its calls, and the same messages by TCP and by UDP."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from lab.network import Deed, Fault, Kind, Network, Wire, two_hosts
from lab.scenario import Level, Scenario, Story, Told, delay
from lab.scenarios.opening import wired

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.calls import NotedSocket
    from lab.stage import Stage

PORT = 9999
NAMES = (b"Michael", b"Tracy", b"Sarah")
TYPING = 0.06
"""Seconds between two names; longer than an ACK may be delayed, so that each leaves by itself."""

MESSAGES = tuple(b"message %02d" % number for number in range(1, 11))
SPACE = 0.0005
"""Seconds between two messages: all are on their way before the loss of one can be known."""

LONGEST_WAIT = 0.1


def serve(listener: NotedSocket) -> None:
    """Be a server that gives each client a thread of its own; here there is one client."""
    connection, _ = listener.accept()
    worker = threading.Thread(target=greet, args=(connection,))
    worker.start()
    worker.join()
    listener.close()


def greet(connection: NotedSocket) -> None:
    """Welcome a client and greet every name it sends, until it says `exit`."""
    with connection:
        connection.sendall(b"Welcome!")
        while (name := connection.recv(1024)) not in (b"", b"exit"):
            connection.sendall(b"Hello, " + name + b"!")


def play_echo(stage: Stage) -> None:
    """Be welcomed, send three names, be greeted three times, leave."""
    server = stage["server"]
    server.start(serve, server.listen(PORT, backlog=5))
    with stage["client"].connect(server.address, PORT) as connection:
        stage.answer(connection.recv(1024).decode())
        for name in NAMES:
            time.sleep(TYPING)
            connection.sendall(name)
            stage.answer(connection.recv(1024).decode())
        time.sleep(TYPING)
        connection.sendall(b"exit")
        connection.recv(1024)


def third_and_seventh(options: Mapping[str, float]) -> Network:
    """A cable that loses the third and the seventh message, of UDP and of TCP."""
    faults = tuple(Fault(Deed.DROP, kind, towards="server", nth=(3, 7)) for kind in (Kind.UDP, Kind.DATA))
    return two_hosts(Wire(delay_ms=options["delay"], faults=faults))


def collect_datagrams(endpoint: NotedSocket) -> list[bytes]:
    """Thank for every datagram, until none has come for a while; returns them."""
    endpoint.settimeout(LONGEST_WAIT)
    found: list[bytes] = []
    try:
        while True:
            data, peer = endpoint.recvfrom(100)
            found.append(data)
            endpoint.sendto(b"thanks for " + data, peer)
    except TimeoutError:
        return found
    finally:
        endpoint.close()


def collect_bytes(listener: NotedSocket) -> bytes:
    """Read everything that comes by TCP."""
    connection, _ = listener.accept()
    with connection:
        data = connection.recv_all(1 << 20)
    listener.close()
    return data


def told(messages: bytes) -> str:
    """The numbers of the messages, in the order of their coming."""
    return " ".join(part.decode() for part in messages.replace(b"message ", b" ").split())


def play_tcp_vs_udp(stage: Stage) -> None:
    """Ten messages by UDP, ten by TCP, over the same cable; then one datagram to everyone."""
    client, server = stage["client"], stage["server"]
    collecting = server.start(collect_datagrams, server.bound(PORT, socket.SOCK_DGRAM))
    with client.bound(40_001, socket.SOCK_DGRAM) as endpoint:
        for message in MESSAGES:
            endpoint.sendto(message, (server.address, PORT))
            time.sleep(SPACE)
        stage.answer(f"UDP: {told(b''.join(collecting.result()))}")
    reading = server.start(collect_bytes, server.listen(PORT))
    with client.connect(server.address, PORT, from_port=40_002) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for message in MESSAGES:
            connection.sendall(message)
            time.sleep(SPACE)
    stage.answer(f"TCP: {told(reading.result())}")
    with client.bound(40_003, socket.SOCK_DGRAM) as endpoint:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        # IPv6 has no broadcast: all hosts on the link are a multicast group (RFC 4291 section 2.7.1).
        everyone = "ff02::1" if endpoint.family == socket.AF_INET6 else "10.0.0.255"
        endpoint.sendto(b"hello, everyone", (everyone, PORT))


SCENARIOS = (
    Scenario(
        name="echo",
        topics=(9, 5),
        line="Sockets: a greeting server on port 9999 and its client, each call beside its packets.",
        network=wired,
        play=play_echo,
        options=(delay(5),),
        story=Story(
            connections=(Told(outcome="closed normally", states=("CLOSED", "TIME-WAIT")),),
            answers=("Welcome!", "Hello, Michael!", "Hello, Tracy!", "Hello, Sarah!"),
        ),
    ),
    Scenario(
        name="tcp-vs-udp",
        topics=(6,),
        line="The same loss for both: UDP never misses messages 3 and 7, TCP sends them again, in order.",
        network=third_and_seventh,
        play=play_tcp_vs_udp,
        points=("client:eth0", "server:eth0"),
        options=(delay(4),),
        story=Story(
            connections=(
                Told("udp"),
                Told(outcome="closed normally", marks={"duplicate_ack": 3, "fast_retransmission": 1}),
                Told("udp"),
            ),
            answers=("UDP: 01 02 04 05 06 08 09 10", "TCP: 01 02 03 04 05 06 07 08 09 10"),
            same=Level.OUTCOME,
        ),
    ),
)
