"""`netviz run`: a command in a network of its own, its exit status, its words, its packets from the first on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from capture.source import open_source
from commands.settings import SETTINGS
from lab.starting import why_not_here

ROOT = Path(__file__).parents[1]
NETVIZ = [sys.executable, "-m", "netviz"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

GREETING = """
import socket, sys
with socket.create_server(("127.0.0.1", 9999)) as server, socket.create_connection(("127.0.0.1", 9999)) as client:
    accepted, _ = server.accept()
    accepted.sendall(b"Welcome!")
    print(client.recv(100).decode())
    client.close()
    accepted.recv(1)
    accepted.close()
sys.exit(7)
"""


@cache
def hindrance() -> str | None:
    return why_not_here()


def netviz_run(*arguments: object) -> subprocess.CompletedProcess[str]:
    if hindrance() is not None:
        pytest.skip(hindrance() or "")
    command = [*NETVIZ, "run", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False)


@pytest.mark.lab
def test_the_command_has_the_environment_that_netviz_was_started_with() -> None:
    asks = f"import os; print([os.environ.get(name) for name in {list(SETTINGS)}])"
    expected = [ENVIRONMENT.get(name) for name in SETTINGS]
    assert netviz_run("--report", "csv", "--", sys.executable, "-c", asks).stdout.startswith(f"{expected}\n")


@pytest.mark.lab
def test_the_status_and_the_words_are_the_commands_and_the_packets_are_told(tmp_path: Path) -> None:
    file = tmp_path / "run.pcapng"
    done = netviz_run("-w", file, "--report", "json", "--", sys.executable, "-c", GREETING)
    assert done.returncode == 7
    words, _, report = done.stdout.partition("\n")
    assert words == "Welcome!"
    (connection,) = json.loads(report)["connections"]
    assert (connection["outcome"], connection["history"][:3]) == ("closed normally", "ShA")
    assert (connection["first_packet"], connection["server"]["payload_bytes"]) == (1, 8)
    with open_source(file) as source:
        assert sum(len(batch) for batch in source.batches()) == connection["last_packet"]


@pytest.mark.lab
def test_the_network_is_its_own() -> None:
    code = "import socket; print([name for _, name in socket.if_nameindex()])"
    assert netviz_run("--", sys.executable, "-c", code).stdout.strip() == "['lo']"


@pytest.mark.lab
def test_the_command_is_the_same_user_and_has_no_rights_beside() -> None:
    code = "import os; print(os.getuid(), [l.split()[1] for l in open('/proc/self/status') if l.startswith('CapEff')])"
    user, _, capabilities = netviz_run("--", sys.executable, "-c", code).stdout.partition(" ")
    assert int(user) == os.getuid()
    if os.getuid():
        assert int(capabilities.strip("[]'\n"), 16) == 0


@pytest.mark.lab
def test_a_command_that_is_not_there_is_one_sentence_and_127() -> None:
    done = netviz_run("--", "no-such-command")
    assert done.returncode == 127
    assert done.stderr.splitlines()[0] == "netviz: There is no command no-such-command."


@pytest.mark.lab
def test_ctrl_c_ends_the_command_and_what_was_captured_is_told() -> None:
    if hindrance() is not None:
        pytest.skip(hindrance() or "")
    code = "import time, sys; print('begun', flush=True); time.sleep(60)"
    command = [*NETVIZ, "run", "--", sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, process_group=0
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 128 + signal.SIGINT
        assert "0 packets captured, none dropped." in process.stderr.read()


def test_without_a_command_it_is_wrong_usage() -> None:
    done = subprocess.run([*NETVIZ, "run"], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 2
    assert "COMMAND" in done.stderr
