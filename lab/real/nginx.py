"""nginx as a reverse proxy and as a balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab import http
from lab.real import last_of, start, wait_until, write

if TYPE_CHECKING:
    from lab.stage import Host, Stage

CONFIGURATION: Final = """\
user root root;  # which is who started the scenario; no process becomes another user
daemon off;
master_process off;
pid {files}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {files}/body;
    proxy_temp_path {files}/proxy;
    fastcgi_temp_path {files}/fastcgi;
    uwsgi_temp_path {files}/uwsgi;
    scgi_temp_path {files}/scgi;
    upstream shop {{ {servers} }}
    server {{
        listen {address}:80;
        location / {{
            proxy_pass http://shop;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header Via "1.1 proxy";
        }}
    }}
}}
"""


def serve(stage: Stage, proxy: Host, address: str, backends: list[Host]) -> None:
    """Start it, and return when it listens. Raises `LabError`."""
    servers = " ".join(f"server {backend.address}:8080;" for backend in backends)
    text = CONFIGURATION.format(files=stage.files, servers=servers, address=address)
    errors = str(stage.files / "nginx-errors.log")
    command = ["nginx", "-e", errors, "-p", str(stage.files), "-c", write(stage, "nginx.conf", text)]
    running = start(stage, proxy, command)
    wait_until(lambda: proxy.listens(80), running, lambda: f"nginx did not start: {last_of(stage, proxy, 'nginx')}")


def play(stage: Stage, address: str, name: str, backends: list[str], count: int) -> None:
    """`count` requests of the client, which nginx hands to the back ends in turn."""
    hosts = [stage[backend] for backend in backends]
    for place, backend in enumerate(hosts):
        own = len(range(place, count, len(hosts)))
        text = f"I am {backend.name}"
        backend.start(http.serve, backend.listen(8080), own, lambda _, text=text: http.reply(text))
    serve(stage, stage["proxy"], address, hosts)
    for number in range(count):
        stage.answer(http.get(stage["client"], address, name, f"/{number + 1}").body)
