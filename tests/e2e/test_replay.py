# SPDX-License-Identifier: Apache-2.0
"""A recording folds again to the same bytes, without root, and is refused or told where it is damaged."""
import json
import os
import shutil
import signal
import subprocess

import pytest

from harness import die_with_parent, difference, marker, wait_until
from make_golden import DATA, GOLDEN_CALLS

GOLDEN = DATA / "golden.rec"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
EXTENDED = """\
enable: true
inputs:
  - Type: input_process_security
    CallNames: [execve, exit, clone]
    Fields: extended
    MaxArgumentBytes: 2MiB
flushers:
  - Type: flusher_stdout
    OnlyStdout: true
"""


def replay(binary, path, *options):
    prefix = NOBODY if os.geteuid() == 0 else []
    return subprocess.run([*prefix, binary, "run", *options, "--replay", path], capture_output=True, timeout=30,
                          stdin=subprocess.DEVNULL, check=False)


def record(binary, path, work, during):
    """Nothing waits for a name: where a recording is cut, what waited comes out, and is no beginning of the whole."""
    err = work / "record.err"
    with open(err, "wb") as stderr:
        popen = subprocess.Popen([binary, "record", "--container-wait", "0s", path], stdout=subprocess.PIPE, stderr=stderr,
                                 stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
    try:
        wait_until(lambda: popen.poll() is not None or "ready" in err.read_text().split("\n"), 10, err.read_text)
        during()
        popen.send_signal(signal.SIGINT)
        stdout, _ = popen.communicate(timeout=5)
        assert popen.returncode == 0, err.read_text()
        assert stdout == b""
    finally:
        popen.kill()
        popen.wait()


@pytest.fixture(scope="module")
def recording(binary, workloads, session_dir):
    """(path, marker): a short recording, which anybody may read."""
    if os.geteuid() != 0:
        pytest.skip("only root may load BPF programs")
    text = marker()
    path = session_dir / "short.rec"

    def during():
        subprocess.run([workloads / "storm", workloads / "tiny", "1", "50"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([workloads / "tiny", text, "a b"], check=True)
        subprocess.run([workloads / "fork_only"], check=True, stdout=subprocess.DEVNULL)

    record(binary, path, session_dir, during)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    return path, text


def lines_of(done):
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_replay_shows_what_happened(binary, recording, workloads):
    path, text = recording
    done = replay(binary, path)
    assert done.returncode == 0, done.stderr
    records = lines_of(done)
    assert [r["call_name"] for r in records if r["arguments"] == f'{text} "a b"'] == ["execve", "exit"]
    numbers = [r["arguments"] for r in records if r.get("parent.binary") == str(workloads / "storm")
               and r["call_name"] == "execve"]
    assert numbers == [f"marker-{i}" for i in range(1, 51)]
    (found,) = [r for r in records if text in r["arguments"] and r["call_name"] == "execve"]
    assert found["parent.pid"] == str(os.getpid()) and found["user"] == "root"


@pytest.mark.parametrize("fields", ["spec", "extended"])
def test_replay_is_the_same_to_the_byte(binary, recording, work, fields):
    path, _ = recording
    config = work / "pipeline.yaml"
    config.write_text(EXTENDED.replace("Fields: extended", f"Fields: {fields}"))
    first, second = (replay(binary, path, "--config", config) for _ in range(2))
    assert first.stdout and first.stdout == second.stdout


def test_replay_equals_what_was_seen_live(start_agent, binary, workloads, work):
    path = work / "beside.rec"
    agent = start_agent(config=EXTENDED, stdout_flusher=True)
    record(binary, path, work, lambda: agent.run([agent.path("storm"), agent.path("tiny"), "1", "20"]))
    agent.fence()
    agent.stop()
    path.chmod(0o644)
    config = work / "pipeline.yaml"
    replayed = lines_of(replay(binary, path, "--config", config))

    # each agent has hooks, a ring and an offset of the clock of its own
    measured = {"__seq__", "__time_ns__", "__time__", "duration_ns", "cpu.user_ns", "cpu.system_ns"}

    def of_storm(records):
        return [{k: v for k, v in r.items() if k not in measured} for r in records
                if r.get("parent.binary") == agent.path("storm")]

    then, live = of_storm(replayed), of_storm(agent.records())
    assert len(then) == len(live) == 60
    for one, other in zip(then, live):
        assert list(one) == list(other) and not difference(one, other)


def test_torn_tail_is_folded_up_to_the_tear(binary, recording, work):
    path, _ = recording
    whole = replay(binary, path).stdout
    data = path.read_bytes()
    torn = work / "torn.rec"
    for cut in (1, 7, 100, 1000):
        torn.write_bytes(data[:-cut])
        done = replay(binary, torn)
        assert done.returncode == 0, done.stderr
        assert whole.startswith(done.stdout) and len(done.stdout) > 0
        assert done.stderr.strip(), "the tear is not mentioned"
    torn.write_bytes(data + b"\0" * 10)
    assert replay(binary, torn).stdout == whole


@pytest.mark.parametrize("content", [b"", b"short", b"#!/bin/sh\n" * 100, b"\0" * 4096, os.urandom(4096)],
                         ids=["empty", "short", "text", "zeros", "random"])
def test_foreign_file_is_refused(binary, work, content):
    path = work / "foreign.rec"
    path.write_bytes(content)
    done = replay(binary, path)
    assert done.returncode not in (0, -6, -11) and done.stdout == b""
    assert b"foreign.rec" in done.stderr and b"ready" not in done.stderr.split(b"\n")


def test_missing_recording(binary, work):
    done = replay(binary, work / "none.rec")
    assert done.returncode != 0 and b"none.rec" in done.stderr and b"No such file" in done.stderr


def test_header_alone_is_refused(binary, recording, work):
    path = work / "header.rec"
    path.write_bytes(recording[0].read_bytes()[:64])
    done = replay(binary, path)
    assert done.returncode not in (0, -6, -11) and done.stdout == b"" and b"header.rec" in done.stderr


@pytest.mark.parametrize("offset, word", [(8, b"byte order"), (12, b"newer version"), (16, b"newer version")],
                         ids=["byte order", "version", "layout of the records"])
def test_recording_of_another_kind_is_refused(binary, recording, work, offset, word):
    data = bytearray(recording[0].read_bytes())
    data[offset] = 99
    path = work / "other.rec"
    path.write_bytes(data)
    done = replay(binary, path)
    assert done.returncode not in (0, -6, -11) and done.stdout == b""
    assert b"other.rec" in done.stderr and word in done.stderr


def test_damage_is_told(binary, recording, work):
    data = bytearray(recording[0].read_bytes())
    middle = len(data) // 2
    data[middle:middle + 64] = bytes(b ^ 0xff for b in data[middle:middle + 64])
    path = work / "damaged.rec"
    path.write_bytes(data)
    done = replay(binary, path)
    assert done.returncode not in (-6, -11) and b"damaged.rec" in done.stderr
    assert replay(binary, recording[0]).stdout.startswith(done.stdout)


def test_recording_can_be_cut_anywhere(binary, recording, work):
    """No cut makes the agent crash or invent a record."""
    data = recording[0].read_bytes()
    whole = replay(binary, recording[0]).stdout
    path = work / "cut.rec"
    for i in range(1, 40):
        path.write_bytes(data[:len(data) * i // 40])
        done = replay(binary, path)
        assert done.returncode >= 0 and whole.startswith(done.stdout), (i, done.stderr)


@pytest.mark.parametrize("name", GOLDEN_CALLS)
def test_golden(binary, work, name):
    """A recording that is kept gives the records that are kept, on any machine."""
    if not GOLDEN.exists():
        pytest.fail(f"{GOLDEN} is missing")
    path = shutil.copy(GOLDEN, work / "golden.rec")
    config = work / "pipeline.yaml"
    config.write_text(EXTENDED.replace("Fields: extended", f"Fields: {name}").replace("2MiB", "4KiB")
                      .replace("[execve, exit, clone]", GOLDEN_CALLS[name]))
    done = replay(binary, path, "--config", config)
    assert done.returncode == 0, done.stderr
    expected = DATA / f"golden.{name}.jsonl"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_bytes(done.stdout)
    assert done.stdout.decode().split("\n") == expected.read_text(encoding="utf-8").split("\n")
