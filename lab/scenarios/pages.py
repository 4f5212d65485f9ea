"""From a URL to the page: ARP, DNS, TCP, TLS and HTTP, one after the other, as a browser makes them."""

from __future__ import annotations

import socket
import ssl
import subprocess
from typing import TYPE_CHECKING, Final

from lab import dns, http
from lab.errors import LabError
from lab.network import End, Lan, Network
from lab.scenario import Level, Scenario, Story, Told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.calls import NotedSocket
    from lab.stage import Stage

NAME: Final = "www.shop.example"
PAGE: Final = '<html><link href="/style.css"><img src="/logo.svg"></html>'
PARTS: Final = {"/": PAGE, "/style.css": "h1 { color: teal }", "/logo.svg": "<svg/>"}


def neighbourhood(options: Mapping[str, float]) -> Network:
    """A browser's machine, a name server, and a web server; nobody knows anybody's MAC address yet."""
    del options
    hosts = (End("browser", "10.0.0.10/24"), End("resolver", "10.0.0.53/24"), End("web", "10.0.0.80/24"))
    return Network(lans=(Lan("LAN", hosts),), arp=True)


def certificate(folder: Path) -> Path:
    """A key and a certificate for this run, signed by itself, in one file."""
    file = folder / "server.pem"
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    command += ["-keyout", str(file), "-out", str(file) + ".crt"]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise LabError(f"openssl made no certificate: {said[-1] if said else 'it gave no reason'}")
    file.write_bytes(file.read_bytes() + (folder / "server.pem.crt").read_bytes())
    return file


def play_browse(stage: Stage) -> None:
    """Who has the name server's address, and which address has the name; then TCP, TLS and three requests."""
    browser, resolver, web = stage["browser"], stage["resolver"], stage["web"]
    file = certificate(stage.files)
    record = dns.address_of(NAME, web.address)
    resolver.start(dns.serve, resolver.bound(dns.PORT, socket.SOCK_DGRAM), 1, dns.zone([record], {}))
    web.start(serve_pages, web.listen(443), file)
    address = dns.ask(browser, resolver.address, NAME, record.kind, number=1).answers[0].value
    trusting = ssl.create_default_context(cafile=str(file))
    with trusting.wrap_socket(browser.connect(address, 443), server_hostname=NAME) as connection:
        stage.answer(connection.version())
        for path in PARTS:
            connection.sendall(http.request("GET", path, Host=NAME))
            stage.answer(len(http.response_of(http.receive(connection)).body))
        with connection.unwrap() as bare:  # what is left unread would make the close a reset
            bare.recv(1)  # the server closes first, in every run


def serve_pages(listener: NotedSocket, file: Path) -> None:
    """Be the web server for one connection with several requests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with listener, context.wrap_socket(listener.accept()[0], server_side=True) as connection:
        while data := http.receive(connection):
            connection.sendall(http.reply(PARTS[http.request_of(data).path]))
        connection.unwrap().close()


SCENARIOS = (
    Scenario(
        name="browse",
        topics=(21, 5),
        line="From a URL to the page: ARP, DNS, TCP, TLS, HTTP, and what the page asks for besides.",
        network=neighbourhood,
        play=play_browse,
        programs=("openssl",),
        points=("browser:eth0",),
        story=Story(
            (Told("arp"), Told("udp"), Told("arp"), Told(outcome="closed normally")),
            ("TLSv1.3", str(len(PAGE)), "18", "6"),
            Level.OUTCOME,
        ),
    ),
)
