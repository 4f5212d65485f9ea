"""The command line: what is printed, where, and with which exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from commands.telling import draws_lines

ROOT = Path(__file__).parents[1]
HANDSHAKE = ROOT / "fixtures" / "handshake.pcap"
CUT = ROOT / "fixtures" / "cut-in-record.pcap"
NETVIZ = [sys.executable, "-m", "netviz"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}


def netviz(*arguments: object, stdin: bytes = b"", cwd: Path = ROOT) -> subprocess.CompletedProcess[bytes]:
    command = [*NETVIZ, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, env=ENVIRONMENT, cwd=cwd, check=False)


def one_sentence(done: subprocess.CompletedProcess[bytes]) -> str:
    """The complaint on standard error, which must be a single line in our name."""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("netviz: ")
    return lines[0]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["replay", "--help"], ["report", "--help"]])
def test_help_shows_examples(arguments: list[str]) -> None:
    done = netviz(*arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Examples:\n" in done.stdout


def test_the_version_is_the_projects() -> None:
    done = netviz("--version")
    assert done.stdout.decode().split()[:2] == ["netviz,", "version"]
    assert f'version = "{done.stdout.decode().split()[2]}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_names_the_command(shell: str) -> None:
    done = netviz("completion", shell)
    assert (done.returncode, b"_NETVIZ_COMPLETE" in done.stdout) == (0, True)


def test_completion_knows_the_commands() -> None:
    environment = {**ENVIRONMENT, "_NETVIZ_COMPLETE": "bash_complete", "COMP_WORDS": "netviz re", "COMP_CWORD": "1"}
    done = subprocess.run(NETVIZ, capture_output=True, env=environment, cwd=ROOT, check=False)
    assert done.stdout.decode().split() == ["plain,replay", "plain,report"]


@pytest.mark.parametrize("arguments", [["nonsense"], ["report"], ["replay"], ["report", "--format", "xml", "a.pcap"]])
def test_wrong_usage_exits_2_and_prints_nothing_on_stdout(arguments: list[str]) -> None:
    done = netviz(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["report", "replay"])
def test_what_cannot_be_read_is_one_sentence_and_exit_2(command: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("GET / HTTP/1.1\r\n" * 99)
    for name in ("missing", ".", "empty", "text"):
        done = netviz(command, tmp_path / name)
        assert (name, done.returncode, done.stdout) == (name, 2, b"")
        assert one_sentence(done)


def test_a_damaged_capture_is_told_as_far_as_it_goes_and_exits_1() -> None:
    done = netviz("report", "--format", "json", CUT)
    assert done.returncode == 1
    assert json.loads(done.stdout)["capture"]["packets"] == 5
    assert "packet 6" in one_sentence(done)


def test_several_files_give_one_json_object_a_line_and_the_worst_exit_status(tmp_path: Path) -> None:
    done = netviz("report", "--format", "json", HANDSHAKE, tmp_path / "missing", CUT)
    assert done.returncode == 2
    assert [json.loads(line)["capture"]["packets"] for line in done.stdout.splitlines()] == [19, 5]
    assert len(done.stderr.splitlines()) == 2


def test_the_text_report_names_both_ends_and_the_outcome() -> None:
    text = netviz("report", HANDSHAKE).stdout.decode()
    for word in ("127.0.0.1:33244", "127.0.0.1:9999", "closed normally", "TIME-WAIT"):
        assert word in text


def test_a_capture_comes_through_standard_input() -> None:
    piped = json.loads(netviz("report", "--format", "json", "-", stdin=HANDSHAKE.read_bytes()).stdout)
    named = json.loads(netviz("report", "--format", "json", HANDSHAKE).stdout)
    assert piped["connections"] == named["connections"] != []


def test_packets_are_told_when_asked_for() -> None:
    done = netviz("report", "--format", "json", "--packets", HANDSHAKE)
    assert [packet["number"] for packet in json.loads(done.stdout)["packets"]] == list(range(1, 20))


def test_one_connection_can_be_picked() -> None:
    done = netviz("report", "--format", "json", "--connection", 3, ROOT / "fixtures" / "final-states.pcap")
    assert [connection["id"] for connection in json.loads(done.stdout)["connections"]] == [3]


def test_a_connection_that_is_not_there_is_named() -> None:
    done = netviz("report", "--connection", 0, "--connection", 7, HANDSHAKE)
    assert done.returncode == 2
    assert done.stderr.decode().strip().endswith("There is no connection 7; they go from 0 to 0.")
    assert b"closed normally" in done.stdout  # those that are there are told of


def test_replay_without_a_terminal_prints_the_text_report() -> None:
    assert netviz("replay", HANDSHAKE).stdout == netviz("report", HANDSHAKE).stdout != b""


def test_a_reader_that_closes_the_pipe_is_not_an_error() -> None:
    files = [str(HANDSHAKE)] * 20
    command = [*NETVIZ, "report", "--packets", "--format", "json", *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, cwd=ROOT) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.read(10)
        done.stdout.close()
        assert done.stderr.read() == b""


def test_ctrl_c_tells_of_what_was_read_until_then_and_exits_130() -> None:
    pipe = subprocess.PIPE
    command = [*NETVIZ, "report", "-"]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT, cwd=ROOT) as waiting:
        assert waiting.stdin is not None
        assert waiting.stderr is not None
        assert waiting.stdout is not None
        waiting.stdin.write(HANDSHAKE.read_bytes())
        waiting.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=3)  # it waits for more packets; less is too little to start in on a busy machine
        waiting.send_signal(signal.SIGINT)
        waiting.wait(timeout=10)
        complaint, told = waiting.stderr.read(), waiting.stdout.read()
    assert waiting.returncode == 130
    assert b"Reading was stopped after 19 packets; the report is of those." in complaint
    assert told.startswith(b"standard input: 19 packets")
    assert b"Traceback" not in complaint


def test_a_complaint_names_the_file_once_and_never_sends_control_codes(tmp_path: Path) -> None:
    hostile = tmp_path / "text\x1b]0;title\x07"
    hostile.write_text("GET / HTTP/1.1\r\n" * 99)
    (tmp_path / "text").write_bytes(hostile.read_bytes())
    assert one_sentence(netviz("report", tmp_path / "text")).startswith(f"netviz: {tmp_path / 'text'} is not a capture")
    assert "\x1b" not in one_sentence(netviz("report", hostile))


def test_a_locale_without_arrows_is_no_error() -> None:
    latin = ENVIRONMENT | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([*NETVIZ, "report", str(HANDSHAKE)], capture_output=True, env=latin, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"ESTABLISHED" in done.stdout
    assert [draws_lines(name) for name in ("utf-8", "ascii", "latin-1", None)] == [True, False, False, False]
