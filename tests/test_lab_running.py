"""The lab as it is used: the command, what is left when it is killed, and what it says where it is not allowed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from lab.errors import LabError
from lab.isolation import TIMED_OUT
from lab.runner import perform
from lab.scenarios import scenarios
from lab.starting import Running, start, why_not_here

ROOT = Path(__file__).parents[1]
NETVIZ = [sys.executable, "-m", "netviz"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
HINDRANCE = why_not_here()

needs_namespaces = [
    pytest.mark.lab,
    pytest.mark.skipif(HINDRANCE is not None, reason=HINDRANCE or "namespaces can be made"),
]


def netviz(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*NETVIZ, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, env=ENVIRONMENT, cwd=ROOT, check=False, text=True)


def children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def gone(*processes: int) -> bool:
    """Whether all of them end within a second; a zombie that nobody has waited for has ended, too."""
    for _ in range(100):
        states = [Path(f"/proc/{each}/stat") for each in processes]
        if all(not each.exists() or each.read_text().rpartition(")")[2].split()[0] == "Z" for each in states):
            return True
        time.sleep(0.01)
    return False


class TestWithNamespaces:
    pytestmark = needs_namespaces

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_a_runner_that_is_killed_leaves_no_process(self, number: signal.Signals) -> None:
        with start("keepalive", {}) as running:
            first = children(running._process.pid)
            assert len(first) == 1
            assert "NoNewPrivs:\t1" in Path(f"/proc/{first[0]}/status").read_text()
            os.kill(running._process.pid, number)
            assert gone(running._process.pid, *first)
            os.close(running.capture)

    def test_a_runner_ends_with_the_netviz_that_started_it(self) -> None:
        code = (
            "import sys, time; sys.path.insert(0, sys.argv[1]); from lab.starting import start; "
            "running = start('keepalive', {}); print(running._process.pid, flush=True); time.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", code, str(ROOT)], stdout=subprocess.PIPE, text=True) as ours:
            assert ours.stdout is not None
            runner = int(ours.stdout.readline())
            inside = children(runner)
            ours.kill()
            assert gone(runner, *inside)

    def test_nothing_of_it_is_seen_outside(self) -> None:
        def view() -> tuple[str, str, list[str]]:
            devices = sorted(each.name for each in Path("/sys/class/net").iterdir())
            return Path("/proc/self/mounts").read_text(), os.uname().nodename, devices

        before = view()
        with start("handshake", {}) as running:
            assert view() == before
            os.close(running.capture)
        assert view() == before

    def test_a_report_of_what_just_happened(self) -> None:
        done = netviz("lab", "handshake", "--delay", "1ms", "--report", "json")
        assert (done.returncode, done.stderr) == (0, "")
        (connection,) = json.loads(done.stdout)["connections"]
        assert connection["outcome"] == "closed normally"
        assert 0.002 < connection["initial_rtt"] < 0.02

    def test_a_file_with_every_device(self, tmp_path: Path) -> None:
        file = tmp_path / "both.pcapng"
        done = netviz("lab", "handshake", "--everywhere", "--write", file)
        assert (done.returncode, done.stderr) == (0, "")
        told = json.loads(netviz("report", "--format", "json", file).stdout)
        names = [each["name"] for each in told["capture"]["interfaces"]]
        assert names == ["client:eth0", "server:eth0"]

    def test_a_file_that_cannot_be_written_is_one_sentence(self, tmp_path: Path) -> None:
        done = netviz("lab", "handshake", "--write", tmp_path / "no" / "x.pcapng")
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)

    def test_more_than_the_default_is_asked_for(self) -> None:
        done = netviz("lab", "server-threads", "--clients", 2, "--report", "json")
        assert len(json.loads(done.stdout)["connections"]) == 2


def test_what_takes_too_long_is_ended_with_everything_it_has_started() -> None:
    code = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1]); from lab.isolation import TIMED_OUT, as_first_process; "
        "status = as_first_process(lambda: print(os.getpid(), flush=True) or time.sleep(60) or 0, 0.2); "
        "sys.exit(0 if status == TIMED_OUT else 1)"
    )
    command = [sys.executable, "-c", code, str(ROOT)]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=10)
    assert (done.returncode, done.stderr) == (0, "")
    assert gone(int(done.stdout))


def test_a_signal_that_comes_when_all_is_over_is_no_error() -> None:
    """The process whose number it would be sent on to has ended, and the number may be another's."""
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]); from lab import isolation; reap = os.waitpid\n"
        "def late(*arguments):\n"
        "    found = reap(*arguments)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return found\n"
        "os.waitpid = late\n"
        "sys.exit(isolation.as_first_process(lambda: 7, 5.0))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (7, "")


def test_what_takes_too_long_is_said_to_in_a_sentence() -> None:
    with Running(["probe"], python="/bin/sh", prefix=["/bin/sh", "-c", f"exit {TIMED_OUT}"]) as trial:
        with pytest.raises(LabError, match=r"^The scenario was not done in time, and was ended\.$"):
            trial.wait()
        os.close(trial.capture)


def test_a_process_of_a_server_that_fails_is_no_second_server() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from lab.scenarios.servers import forked, reap\n"
        "def fail(): raise OSError('no')\n"
        "child = forked(fail)\n"
        "print('parent')\n"
        "reap([child])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, check=False, text=True)
    assert done.stdout == "parent\n"
    assert "A process of the server failed before its clients were answered." in done.stderr


class Noting:
    """What the runner finds where it expects a recorder, a stage and somebody to tell."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.answers = ["hello"]

    def finish(self, answers: object = None) -> None:
        self.done.append(("finish", answers))

    def say(self, **what: object) -> None:
        self.done.append(what)

    def failed(self, error: Exception) -> int:
        self.done.append(str(error))
        return 1


@pytest.mark.parametrize("error", [LabError("no"), OSError(113, "No route to host")])
def test_the_last_packets_of_a_run_that_fails_are_kept(error: Exception) -> None:
    def play(stage: object) -> None:
        assert stage is noting
        raise error

    noting = Noting()
    fake: Any = noting
    assert perform(replace(scenarios()["close"], play=play), fake, fake, fake) == 1
    finished, said = noting.done
    assert finished == ("finish", ["hello"])
    assert said in ("no", "close did not go as it should: [Errno 113] No route to host.")


def test_the_list_names_every_scenario_under_its_topic() -> None:
    done = netviz("lab")
    assert (done.returncode, done.stderr) == (0, "")
    words = "".join(done.stdout.split())  # lines may be broken anywhere
    for name, each in scenarios().items():
        assert "".join([name, *each.line.split()]) in words
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_each_scenario_explains_its_options() -> None:
    done = netviz("lab", "loss", "--help")
    assert done.returncode == 0
    assert "--loss 3%" in done.stdout
    assert "(default: 5%)" in done.stdout


def test_where_there_is_no_ipv6_its_help_and_the_list_say_so() -> None:
    assert "--ipv6" in netviz("lab", "handshake", "--help").stdout
    assert "There is no --ipv6: ARP is of IPv4" in netviz("lab", "arp", "--help").stdout
    said = netviz("lab").stdout.rpartition("--ipv6 plays the same over IPv6; there is none for")[2]
    only = [each.name for each in scenarios().values() if each.only_ipv4]
    assert "".join(said.split()) == ",".join(only) + "."  # lines may be broken anywhere
    assert netviz("lab", "arp", "--ipv6").returncode == 2


@pytest.mark.parametrize("other", ["--real", "--recorded"])
def test_what_is_over_ipv4_alone_is_not_asked_for_over_ipv6(other: str) -> None:
    done = netviz("lab", "nginx-reverse", "--ipv6", other)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{other} is over IPv4" in done.stderr


@pytest.mark.parametrize("value", ["-1%", "99%", "much", "5ms", ""])
def test_a_value_that_makes_no_sense_is_wrong_usage(value: str) -> None:
    done = netviz("lab", "loss", f"--loss={value}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_names_are_completed() -> None:
    environment = {
        **ENVIRONMENT,
        "_NETVIZ_COMPLETE": "bash_complete",
        "COMP_WORDS": "netviz lab hand",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(NETVIZ, capture_output=True, env=environment, cwd=ROOT, check=False, text=True)
    assert done.stdout.split() == ["plain,handshake", "plain,handshake6"]


def test_the_recorded_run_is_shown_without_running_anything() -> None:
    done = netviz("lab", "handshake", "--recorded")
    assert (done.returncode, done.stderr) == (0, "")
    assert "closed normally" in done.stdout


def test_where_namespaces_are_not_allowed_it_says_why_and_names_the_recorded_run() -> None:
    trial = ["unshare", "--user", "--map-root-user", "--"]
    if which("unshare") is None or subprocess.run([*trial, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs unshare and user namespaces, to forbid further ones inside of one")
    script = f"echo 0 > /proc/sys/user/max_net_namespaces && exec {sys.executable} -m netviz lab handshake"
    command = [*trial, "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, env=ENVIRONMENT, cwd=ROOT, check=False, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    why, instead = done.stderr.splitlines()
    assert "namespaces" in why
    assert "netviz lab handshake --recorded" in instead


def test_a_scenario_that_does_not_exist_is_an_error_and_not_a_traceback() -> None:
    done = netviz("lab", "nonsense")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.lab
def test_a_runner_that_dies_at_once_is_told_with_its_reason() -> None:
    with pytest.raises(LabError, match=r"ended with status 2: .*invalid choice"):
        Running(["no such kind"]).wait_until_ready()
