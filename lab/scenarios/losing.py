"""What TCP does about segments that are lost, late, or there twice, and how fast it dares to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.network import Deed, Fault, Kind, Network, Wire, two_hosts
from lab.scenario import Level, Scenario, Story, Told, delay, loss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.calls import NotedSocket
    from lab.stage import Stage

PORT = 9999
RATE = 10.0
"""Mbit/s: a full segment takes 1.2 ms, so that each one arrives, and is acknowledged, by itself."""

PATIENCE = 15.0


def faulty(deed: Deed, *nth: int, late_ms: float = 0) -> Callable[[Mapping[str, float]], Network]:
    """A cable that does something to the n-th segments with data on their way to the server."""

    def network(options: Mapping[str, float]) -> Network:
        fault = Fault(deed, Kind.DATA, towards="server", nth=nth, late_ms=late_ms)
        return two_hosts(Wire(delay_ms=options["delay"], rate_mbit=RATE, faults=(fault,)))

    return network


def lossy(options: Mapping[str, float]) -> Network:
    """A cable that loses a share of all packets, both ways."""
    return two_hosts(Wire(delay_ms=options["delay"], rate_mbit=RATE, loss=options["loss"] / 100, seed=7))


def far(options: Mapping[str, float]) -> Network:
    """A long cable without a limit of its own."""
    return two_hosts(Wire(delay_ms=options["delay"]))


def swallow(listener: NotedSocket) -> int:
    """Be a server that reads everything; returns how much it was."""
    connection, _ = listener.accept()
    connection.settimeout(PATIENCE)
    with connection:
        count = len(connection.recv_all(1 << 30))
    listener.close()
    return count


def send(size: int) -> Callable[[Stage], None]:
    """A transfer of `size` bytes from the client to the server."""

    def play(stage: Stage) -> None:
        server = stage["server"]
        serving = server.start(swallow, server.listen(PORT))
        connection = stage["client"].connect(server.address, PORT)
        connection.settimeout(PATIENCE)
        connection.sendall(bytes(index % 251 for index in range(size)))
        connection.close()
        stage.answer(serving.result(PATIENCE))

    return play


def transfer(marks: Mapping[str, int], size: int, same: Level = Level.DATA) -> Story:
    """All bytes arrive, and the marks tell what it took."""
    return Story((Told(outcome="closed normally", marks=marks),), (str(size),), same)


SCENARIOS = (
    Scenario(
        name="rto",
        topics=(6,),
        line="Retransmission timeout: the only segment is lost twice, and is sent again after 200 and 400 ms.",
        network=faulty(Deed.DROP, 1, 2),
        play=send(500),
        points=("client:eth0", "server:eth0"),
        options=(delay(10),),
        story=transfer({"retransmission": 2}, 500),
    ),
    Scenario(
        name="fast-retransmit",
        topics=(6,),
        line="Fast retransmit: the 5th segment is lost; three duplicate ACKs, and it is sent again at once.",
        network=faulty(Deed.DROP, 5),
        play=send(20_000),
        points=("client:eth0", "server:eth0"),
        options=(delay(5),),
        story=transfer({"duplicate_ack": 3, "fast_retransmission": 1}, 20_000),
    ),
    Scenario(
        name="reorder",
        topics=(6,),
        line="Reordering: the 6th segment is overtaken by two others; nothing is sent again.",
        network=faulty(Deed.HOLD, 6, late_ms=2.9),
        play=send(20_000),
        options=(delay(5),),
        # Each segment stands where it was sent, and so in order; that others overtook it is told by both of its times.
        points=("client:eth0", "server:eth0"),
        story=transfer({"duplicate_ack": 1}, 20_000),
    ),
    Scenario(
        name="duplicate",
        topics=(6,),
        line="Duplication: the network delivers the 4th segment twice; the receiver says so by DSACK.",
        network=faulty(Deed.DUPLICATE, 4),
        play=send(15_000),
        options=(delay(5),),
        points=("client:eth0", "server:eth0"),
        story=transfer({"retransmission": 1}, 15_000),
    ),
    Scenario(
        name="loss",
        topics=(6,),
        line="Loss: a share of all packets, chosen by chance and the same in each run, and all bytes arrive.",
        network=lossy,
        play=send(100_000),
        points=("client:eth0", "server:eth0"),
        options=(loss(5), delay(5)),
        snap_length=128,
        story=transfer({"retransmission": 2, "duplicate_ack": 3}, 100_000, Level.OUTCOME),
    ),
    Scenario(
        name="slow-start",
        topics=(6,),
        line="Slow start: 10 segments in the first round trip, 20 in the next, then 40.",
        network=far,
        play=send(200_000),
        options=(delay(25),),
        snap_length=96,
        story=transfer({}, 200_000, Level.OUTCOME),
    ),
)
