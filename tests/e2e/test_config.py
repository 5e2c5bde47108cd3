# SPDX-License-Identifier: Apache-2.0
"""The configuration: what is wrong in it is told with its place, and nothing is started."""
import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from harness import SPEC_KEYS, wait_until

GOOD = """\
enable: true
inputs:
  - Type: input_process_security
flushers:
  - Type: flusher_stdout
    OnlyStdout: true
"""


def run_with(binary, work, text, *options):
    path = work / "pipeline.yaml"
    path.write_text(text)
    return subprocess.run([binary, "run", "--config", path, *options], capture_output=True, text=True, timeout=10,
                          stdin=subprocess.DEVNULL, check=False)


# what is wrong, what is replaced in GOOD, by what, line and column of the message, words of it
MISTAKES = {
    "unknown key at the top": ("enable: true", "enabel: true", "1:1", ["enabel", "enable"]),
    "unknown key of a plugin": ("OnlyStdout: true", "OnlyStdot: true", "6:5", ["OnlyStdot", "OnlyStdout"]),
    "unknown key of the input": ("flushers:", "    CalNames: [exit]\nflushers:", "4:5", ["CalNames", "CallNames"]),
    "unknown input": ("input_process_security", "input_proces_security", "3:11",
                      ["input_proces_security", "input_process_security"]),
    "unknown flusher": ("flusher_stdout", "flusher_stdot", "5:11", ["flusher_stdot", "flusher_stdout"]),
    "flusher as input": ("input_process_security", "flusher_stdout", "3:11", ["flusher_stdout"]),
    "unknown call": ("flushers:", "    CallNames: [execve, exti]\nflushers:", "4:25", ["exti", "exit"]),
    "unknown field": ("flushers:", "    Fields: [tyt]\nflushers:", "4:14", ["tyt", "tty"]),
    "value of the wrong type": ("enable: true", "enable: maybe", "1:9", ["maybe"]),
    "value of the wrong kind": ("OnlyStdout: true", "OnlyStdout: [true]", "6:17", ["OnlyStdout"]),
    "value out of range": ("flushers:", "    MaxArgumentBytes: 3MiB\nflushers:", "4:23", ["2MiB"]),
    "no size": ("flushers:", "    MaxArgumentBytes: lots\nflushers:", "4:23", ["lots"]),
    "input without a type": ("Type: input_process_security", "CallNames: [exit]", "3:5", ["Type"]),
    "flusher without a required key": ("flusher_stdout\n    OnlyStdout: true", "flusher_file", "5:5", ["FilePath"]),
    "key twice": ("OnlyStdout: true", "OnlyStdout: true\n    OnlyStdout: true", "7:5", ["OnlyStdout"]),
    "no YAML": ("enable: true", "enable: [", None, []),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_told_with_its_place(binary, work, mistake):
    old, new, place, words = mistake
    assert old in GOOD
    done = run_with(binary, work, GOOD.replace(old, new))
    assert done.returncode not in (0, -6, -11), done.stderr
    assert done.stdout == "" and "ready" not in done.stderr.split("\n")
    at = f"{work}/pipeline.yaml:" + (place + ": " if place else "")
    (line,) = [x for x in done.stderr.split("\n") if at in x][:1] or [""]
    assert line, f"no {at!r} in:\n{done.stderr}"
    for word in words:
        assert word in line, line


def test_all_mistakes_are_told_at_once(binary, work):
    text = GOOD.replace("enable:", "enabel:").replace("OnlyStdout", "OnlyStdot").replace("Type: input", "Type: inptu")
    done = run_with(binary, work, text)
    assert done.returncode != 0
    for place in ("1:1:", "3:11:", "6:5:"):
        assert f"pipeline.yaml:{place}" in done.stderr, done.stderr


def test_missing_file(binary, work):
    done = subprocess.run([binary, "run", "--config", work / "none.yaml"], capture_output=True, text=True, timeout=10,
                          check=False)
    assert done.returncode != 0 and "none.yaml" in done.stderr and "No such file" in done.stderr


@pytest.mark.parametrize("section", ["inputs", "flushers"])
def test_missing_section(binary, work, section):
    lines = GOOD.split("\n")
    kept = lines[:1] + (lines[3:] if section == "inputs" else lines[1:3])
    done = run_with(binary, work, "\n".join(kept) + "\n")
    assert done.returncode != 0 and section in done.stderr and "pipeline.yaml" in done.stderr


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("make, said", [
    (lambda path: path.parent.rmdir() or path.parent.symlink_to("/proc/no-such"), "No such file or directory"),
    (Path.mkdir, "Is a directory"),
    (os.mkfifo, "nobody reads from this pipe"),
    (make_socket, "it is a socket, not a file"),
    (lambda path: os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 255)), "it is a disk, whose content would be overwritten"),
], ids=["no-folder", "folder", "pipe", "socket", "disk"])
def test_file_flusher_cannot_write(start_agent, work, make, said):
    path = work / "place" / "out"
    path.parent.mkdir()
    make(path)
    agent = start_agent(config=GOOD.replace("flusher_stdout\n    OnlyStdout: true", f"flusher_file\n    FilePath: {path}"),
                        wait=False)
    assert agent.popen.wait(10) not in (0, -6, -11)
    assert f"cannot open '{path}': {said}\"" in agent.stderr()
    assert "ready" not in agent.stderr().split("\n")


def test_field_names_are_added_to_the_set_of_the_spec(start_agent):
    agent = start_agent(fields=["tty", "argv", "__seq__"])
    done = agent.run([agent.path("tiny"), "a b"])
    record = agent.one(done.pid, "execve")
    assert set(record) - set(SPEC_KEYS) == {"tty", "argv", "__seq__"}
    assert record["argv"] == [agent.path("tiny"), "a b"]
    assert list(record)[-1] == "__time__"
    agent.stop()


def test_fields_spec_is_the_default(start_agent):
    agent = start_agent(fields="spec")
    done = agent.run("tiny")
    assert not set(agent.one(done.pid, "execve")) - set(SPEC_KEYS)
    agent.stop()


def test_stdout_is_the_default_of_flusher_stdout(start_agent):
    agent = start_agent(config=GOOD.replace("    OnlyStdout: true\n", ""), stdout_flusher=True)
    done = agent.run("tiny")
    assert isinstance(agent.one(done.pid, "execve")["__time__"], str)
    agent.stop()


def test_tags(start_agent):
    agent = start_agent(config=GOOD + "    Tags: true\n", stdout_flusher=True)
    done = agent.run("tiny")
    record = agent.one(done.pid, "execve")
    assert list(record)[-3:] == ["__tag__:__hostname__", "__tag__:__host_ip__", "__time__"]
    assert record["__tag__:__hostname__"] == os.uname().nodename
    assert record["__time__"].isdigit()
    agent.stop()


def test_two_flushers_get_the_same_records(start_agent, work):
    path = work / "second.jsonl"
    agent = start_agent(config=GOOD + f"  - Type: flusher_file\n    FilePath: {path}\n", stdout_flusher=True)
    done = agent.run("tiny")
    agent.one(done.pid, "exit")
    agent.stop()
    first = [json.loads(line) for line in agent.out_path.read_text().splitlines()]
    second = [json.loads(line) for line in path.read_text().splitlines()]
    for record in first:
        record["__time__"] = int(record["__time__"])
    assert first == second
    assert path.stat().st_mode & 0o077 == 0, "others may not read the records"


def test_blackhole(start_agent):
    agent = start_agent(config=GOOD.replace("flusher_stdout\n    OnlyStdout: true", "flusher_blackhole"))
    agent.run("tiny")
    agent.stop()
    assert agent.stdout_path.read_bytes() == b""


def test_disabled_pipeline_delivers_nothing(start_agent):
    agent = start_agent(config=GOOD.replace("enable: true", "enable: false"), wait=False)
    agent.run("tiny")
    try:
        agent.popen.wait(2)
    except subprocess.TimeoutExpired:
        agent.stop()
    assert agent.stdout_path.read_bytes() == b""


def test_file_flusher_appends(start_agent, work):
    out = work / "kept.jsonl"
    out.write_text('{"old":"line"}\n')
    out.chmod(0o600)
    agent = start_agent(config=GOOD.replace("flusher_stdout\n    OnlyStdout: true",
                                            f"flusher_file\n    FilePath: {out}"))

    def lines():
        return [json.loads(line) for line in out.read_text().splitlines()]

    done = agent.run("tiny")
    wait_until(lambda: any(r.get("pid") == str(done.pid) for r in lines()), 10, "a record in the file")
    assert lines()[0] == {"old": "line"}
    agent.stop()
