"""Calls to procedures elsewhere: XML-RPC and JSON-RPC over HTTP, and a queue that one process keeps for others."""

from __future__ import annotations

import json
import threading
import xmlrpc.client
from multiprocessing.connection import Client, Listener
from queue import Queue
from typing import TYPE_CHECKING, Any, Final

from lab import http
from lab.network import End, Lan, Network, Wire, two_hosts
from lab.scenario import Level, Scenario, Story, Told, delay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.stage import Host, Stage

CLOSED: Final = Told(outcome="closed normally")
KEY: Final = b"a key that both know"
MANAGER_PORT: Final = 50_000


def wired(options: Mapping[str, float]) -> Network:
    """A caller and the server of the procedures."""
    return two_hosts(Wire(delay_ms=options["delay"]))


def add(one: int, other: int) -> int:
    """What is called from afar."""
    return one + other


def divide(one: int, other: int) -> float:
    """The same, with something that can go wrong."""
    return one / other


PROCEDURES: Final[dict[str, Callable[..., float]]] = {"add": add, "divide": divide}


def play_xml(stage: Stage) -> None:
    """A call and its result; a call that fails, and its fault."""

    def answer(request: http.Request) -> bytes:
        arguments, method = xmlrpc.client.loads(request.body)
        try:
            body = xmlrpc.client.dumps((PROCEDURES[str(method)](*arguments),), methodresponse=True)
        except ZeroDivisionError as error:
            body = xmlrpc.client.dumps(xmlrpc.client.Fault(1, str(error)), methodresponse=True)
        return http.reply(body, **{"Content-Type": "text/xml"})

    def call(method: str, *arguments: int) -> str:
        body = xmlrpc.client.dumps(arguments, method)
        response = post(stage["client"], stage["server"].address, "/RPC2", body, "text/xml")
        try:
            return str(xmlrpc.client.loads(response)[0][0])
        except xmlrpc.client.Fault as fault:
            return f"fault {fault.faultCode}"

    play_calls(stage, answer, call)


def play_json(stage: Stage) -> None:
    """The same by JSON-RPC 2.0."""

    def answer(request: http.Request) -> bytes:
        called = json.loads(request.body)
        told: dict[str, Any] = {"jsonrpc": "2.0", "id": called["id"]}
        try:
            told["result"] = PROCEDURES[called["method"]](*called["params"])
        except ZeroDivisionError as error:
            told["error"] = {"code": -32000, "message": str(error)}
        return http.reply(json.dumps(told), **{"Content-Type": "application/json"})

    def call(method: str, *arguments: int) -> str:
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": arguments, "id": len(stage.answers) + 1})
        response = json.loads(post(stage["client"], stage["server"].address, "/", body, "application/json"))
        return str(response["result"]) if "result" in response else f"fault {response['error']['code']}"

    play_calls(stage, answer, call)


def play_calls(stage: Stage, answer: Callable[[http.Request], bytes], call: Callable[..., str]) -> None:
    """Two calls to a server that answers so."""
    server = stage["server"]
    server.start(http.serve, server.listen(80), 2, answer)
    stage.answer(call("add", 2, 3))
    stage.answer(call("divide", 1, 0))


def post(client: Host, address: str, path: str, body: str, kind: str) -> str:
    """Send a body, and return the body of the answer."""
    with client.connect(address, 80) as connection:
        connection.sendall(http.request("POST", path, body, Host="rpc.example", **{"Content-Type": kind}))
        return http.response_of(http.receive(connection)).body


def shared(options: Mapping[str, float]) -> Network:
    """A process that puts, one that gets, and the one between them, each on a host of its own."""
    del options
    hosts = (End("producer", "10.0.0.1/24"), End("manager", "10.0.0.2/24"), End("consumer", "10.0.0.3/24"))
    return Network(lans=(Lan("LAN", hosts),))


def play_ipc(stage: Stage) -> None:
    """One process puts three tasks into a queue that a third process keeps; another gets them."""
    manager = stage["manager"]
    ready = threading.Event()
    manager.start(keep_queue, manager.address, 2, ready)
    ready.wait()
    stage["producer"].start(put_all, manager.address, ["resize", "rotate", "crop"]).result()
    stage.answer(", ".join(stage["consumer"].start(get_all, manager.address, 3).result()))


def keep_queue(address: str, users: int, ready: threading.Event) -> None:
    """Serve `users` processes, one after the other: keep what they put, hand out what they get."""
    queue: Queue[str] = Queue()
    with Listener((address, MANAGER_PORT), authkey=KEY) as listener:
        ready.set()
        for _ in range(users):
            with listener.accept() as user:
                try:
                    while True:
                        method, value = user.recv()
                        if method == "put":
                            queue.put(value)
                        user.send(queue.get() if method == "get" else None)
                except EOFError:
                    continue  # it has closed: the next one, please


def put_all(address: str, tasks: list[str]) -> None:
    """Put tasks into the queue."""
    with Client((address, MANAGER_PORT), authkey=KEY) as queue:
        for task in tasks:
            queue.send(("put", task))
            queue.recv()


def get_all(address: str, count: int) -> list[str]:
    """Get tasks from the queue."""
    found = []
    with Client((address, MANAGER_PORT), authkey=KEY) as queue:
        for _ in range(count):
            queue.send(("get", None))
            found.append(queue.recv())
    return found


SCENARIOS = (
    Scenario(
        name="rpc-xml",
        topics=(20,),
        line="XML-RPC: a method and its arguments in the call, its result or a fault in the reply.",
        network=wired,
        play=play_xml,
        options=(delay(5),),
        story=Story((CLOSED,) * 2, ("5", "fault 1"), Level.CONVERSATION),
    ),
    Scenario(
        name="rpc-json",
        topics=(20,),
        line="JSON-RPC: the same in JSON.",
        network=wired,
        play=play_json,
        options=(delay(5),),
        story=Story((CLOSED,) * 2, ("5", "fault -32000"), Level.CONVERSATION),
    ),
    Scenario(
        name="ipc",
        topics=(12,),
        line="Processes that share a queue, which one of them keeps: each put and get is a message over a socket.",
        network=shared,
        play=play_ipc,
        points=("manager:eth0",),
        only_ipv4="Python's managers take IPv4 addresses alone",
        story=Story((CLOSED,) * 2, ("resize, rotate, crop",), Level.OUTCOME),
    ),
)
