"""gRPC: calls on one HTTP/2 connection, each a stream of its own, whose status comes last, in trailers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from lab.http2 import DATA, HEADERS, Connection, Frame, call, fields, message, response, text_of, trailers
from lab.scenario import Level, Scenario, Story, Told, delay
from lab.scenarios.opening import wired

if TYPE_CHECKING:
    from lab.calls import NotedSocket
    from lab.stage import Stage

PORT: Final = 50_051
NOT_FOUND: Final = 5
PAUSE: Final = 0.03
"""Seconds between two messages of a stream."""
GREET, FIND, COUNT = "/greeter.Greeter/SayHello", "/greeter.Greeter/FindGuest", "/greeter.Greeter/CountTo"


def serve(listener: NotedSocket) -> None:
    """Answer the calls of one connection, one after the other."""
    socket, _ = listener.accept()
    with listener, socket:
        connection = Connection.accepted(socket)
        while (asked := connection.receive()) is not None:
            if asked.kind == HEADERS:
                path, said = fields(asked)[":path"], connection.receive()
                assert said is not None
                answer(connection, asked.stream, path, text_of(said.payload))


def answer(connection: Connection, stream: int, path: str, text: str) -> None:
    """One greeting, an error, or several messages with time between them."""
    if path == GREET:
        connection.send(response(stream), Frame(DATA, 0, stream, message(f"Hello, {text}!")), trailers(stream))
    elif path == FIND:
        connection.send(response(stream), trailers(stream, NOT_FOUND, f"nobody is called {text}"))
    else:
        connection.send(response(stream))
        for number in range(1, int(text) + 1):
            time.sleep(PAUSE)
            connection.send(Frame(DATA, 0, stream, message(str(number))))
        connection.send(trailers(stream))


def play(stage: Stage) -> None:
    """A call and its answer, one that fails, and one that is answered by three messages."""
    server = stage["server"]
    server.start(serve, server.listen(PORT))
    with stage["client"].connect(server.address, PORT) as socket:
        connection = Connection.opened(socket)
        for number, (path, text) in enumerate(((GREET, "Ann"), (FIND, "Zoe"), (COUNT, "3"))):
            stage.answer(", ".join(call(connection, 2 * number + 1, path, text)))


SCENARIOS = (
    Scenario(
        name="rpc-grpc",
        topics=(20,),
        line="gRPC on HTTP/2: a call, one that fails with its status in trailers, and a stream of answers.",
        network=wired,
        play=play,
        options=(delay(5),),
        story=Story(
            (Told(outcome="closed normally"),),
            ("Hello, Ann!", "5: nobody is called Zoe", "1, 2, 3"),
            Level.DATA,
        ),
    ),
)
