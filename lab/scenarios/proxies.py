"""Programs in between: a reverse proxy, one that balances, and a forward proxy with and without CONNECT."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Final

from lab import http
from lab.calls import shown
from lab.network import End, Lan, Network
from lab.real import nginx
from lab.scenario import Level, Option, Real, Scenario, Story, Told, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.calls import NotedSocket
    from lab.stage import Host, Stage

PROXY: Final = "10.0.0.2"
NAME: Final = "www.shop.example"
CLOSED: Final = Told(outcome="closed normally")
ONE_BACKEND: Final = ("client:eth0", "proxy:eth0", "proxy:eth1", "backend1:eth0")
"""Both ends of each way, so that what comes in at the proxy and what leaves it for it can be told side by side."""
EVERYWHERE: Final = (*ONE_BACKEND, "backend2:eth0")
REQUESTS: Final = Option("requests", Unit.COUNT, 4, "Requests of the client.", least=1, most=20)


def in_front(options: Mapping[str, float]) -> Network:
    """A client on one network, a proxy on both, two back ends on the other."""
    del options
    front = Lan("front", (End("client", "10.0.0.1/24"), End("proxy", f"{PROXY}/24")))
    inside = (End("proxy", "10.0.1.2/24"), End("backend1", "10.0.1.11/24"), End("backend2", "10.0.1.12/24"))
    return Network(lans=(front, Lan("back", inside)))


class Balancer:
    """A reverse proxy that hands each request to the next of its back ends, and tells them for whom it asks."""

    def __init__(self, host: Host, backends: list[Host]) -> None:
        self._host, self._backends = host, backends
        self._turn = 0

    def serve(self, listener: NotedSocket, count: int) -> None:
        """Take `count` connections, one after the other, each of one request."""
        with listener:
            for _ in range(count):
                connection, peer = listener.accept()
                with connection:
                    request = http.request_of(http.receive(connection))
                    connection.sendall(self._fetch(request, peer[0]))
                    connection.recv(1)

    def _fetch(self, request: http.Request, client: str) -> bytes:
        backend = self._backends[self._turn % len(self._backends)]
        self._turn += 1
        fields = dict(request.fields) | {"X-Forwarded-For": client, "Via": "1.1 proxy"}
        del fields["Content-Length"]
        with outward(self._host, backend.address, 8080) as connection:
            connection.sendall(http.request(request.method, request.path, request.body, **fields))
            return http.receive(connection)


def outward(host: Host, address: str, port: int) -> NotedSocket:
    """A connection from the address that the proxy has on the way there."""
    made = host.new_socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("", host.next_port()))  # the route picks the address
    made.connect((address, port))
    return made


def play_balance(stage: Stage) -> None:
    """Some requests: the proxy gives them to its back ends in turn."""
    _play(stage, ["backend1", "backend2"], int(stage.options["requests"]))


def play_reverse(stage: Stage) -> None:
    """One request, which the proxy hands on."""
    _play(stage, ["backend1"], 1)


def _play(stage: Stage, names: list[str], count: int) -> None:
    backends = [stage[name] for name in names]
    for place, backend in enumerate(backends):
        own = len(range(place, count, len(backends)))
        text = f"I am {backend.name}"
        backend.start(http.serve, backend.listen(8080), own, lambda _, text=text: http.reply(text))
    proxy = stage["proxy"]
    proxy.start(Balancer(proxy, backends).serve, proxy.listen(80), count)
    for number in range(count):
        stage.answer(http.get(stage["client"], proxy.address, NAME, f"/{number + 1}").body)


def play_balance_real(stage: Stage) -> None:
    """The same by nginx."""
    nginx.play(stage, PROXY, NAME, ["backend1", "backend2"], int(stage.options["requests"]))


def play_reverse_real(stage: Stage) -> None:
    """The same by nginx."""
    nginx.play(stage, PROXY, NAME, ["backend1"], 1)


def play_forward(stage: Stage) -> None:
    """The client asks the proxy for a page by its full address, then for a tunnel that it does not look into."""
    client, proxy, backend = stage["client"], stage["proxy"], stage["backend1"]
    backend.start(http.serve, backend.listen(8080), 2, lambda request: http.reply(f"{request.path} for you"))
    proxy.start(forward, proxy, proxy.listen(3128), 2)
    where = shown((backend.address, 8080))
    with client.connect(proxy.address, 3128) as connection:
        connection.sendall(http.request("GET", f"http://{where}/page", Host=where))
        stage.answer(http.response_of(http.receive(connection)).body)
    with client.connect(proxy.address, 3128) as connection:
        connection.sendall(http.request("CONNECT", where, Host=where))
        stage.answer(http.response_of(http.receive(connection)).status)
        connection.sendall(http.request("GET", "/tunnelled", Host=where))
        stage.answer(http.response_of(http.receive(connection)).body)


def forward(proxy: Host, listener: NotedSocket, count: int) -> None:
    """Be a forward proxy for `count` connections: fetch what is asked for, or open a tunnel."""
    with listener:
        for _ in range(count):
            connection, _ = listener.accept()
            with connection:
                request = http.request_of(http.receive(connection))
                if request.method == "CONNECT":
                    tunnel(proxy, connection, request.path)
                else:
                    connection.sendall(fetch(proxy, request))
                    connection.recv(1)


def fetch(proxy: Host, request: http.Request) -> bytes:
    """Ask the server that the full address names."""
    where, _, path = request.path.removeprefix("http://").partition("/")
    with outward(proxy, *named(where)) as connection:
        connection.sendall(http.request(request.method, f"/{path}", Host=where, Via="1.1 proxy"))
        return http.receive(connection)


def named(where: str) -> tuple[str, int]:
    """`10.0.0.1:80` or `[fd00::1]:80` as address and port."""
    address, _, port = where.rpartition(":")
    return address.strip("[]"), int(port)


def tunnel(proxy: Host, connection: NotedSocket, where: str) -> None:
    """Say that the tunnel is there, then carry bytes both ways until the client closes."""
    with outward(proxy, *named(where)) as other:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=carry, args=(other, connection))
        back.start()
        carry(connection, other)
        other.shutdown(socket.SHUT_WR)
        back.join()


def carry(one: NotedSocket, other: NotedSocket) -> None:
    """Hand on what comes, until the end."""
    while data := one.recv(65_536):
        other.sendall(data)


BALANCED: Final = ("I am backend1", "I am backend2") * 2

SCENARIOS = (
    Scenario(
        name="nginx-reverse",
        topics=(18,),
        line="A reverse proxy (nginx's part, played in Python): it asks a back end, and says for whom.",
        network=in_front,
        play=play_reverse,
        points=ONE_BACKEND,
        story=Story((CLOSED,) * 2, ("I am backend1",), Level.CONVERSATION),
        real=Real(
            "nginx",
            "A reverse proxy: nginx asks a back end, and says for whom.",
            play_reverse_real,
            (CLOSED,) * 2,
            ("I am backend1",),
        ),
    ),
    Scenario(
        name="nginx-balance",
        topics=(18,),
        line="Load balancing (nginx's part, played in Python): requests go to the back ends in turn.",
        network=in_front,
        play=play_balance,
        points=EVERYWHERE,
        options=(REQUESTS,),
        story=Story((CLOSED,) * 8, BALANCED, Level.CONVERSATION),
        real=Real(
            "nginx",
            "Load balancing: nginx gives requests to the back ends in turn.",
            play_balance_real,
            (CLOSED,) * 8,
            BALANCED,
        ),
    ),
    Scenario(
        name="proxy-forward",
        topics=(18,),
        line="A forward proxy: it fetches a page for the client, then opens a tunnel by CONNECT.",
        network=in_front,
        play=play_forward,
        points=ONE_BACKEND,
        story=Story((CLOSED,) * 4, ("/page for you", "200", "/tunnelled for you"), Level.OUTCOME),
    ),
)
