# SPDX-License-Identifier: Apache-2.0
"""
Where records are written: every one is in one file and whole, whatever happens to the files meanwhile. The
storms are small programs whose argument is a number; each has one record of its execve and one of its exit.
Other programs of the machine run meanwhile; they are told apart by the path of ours.
"""
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness import strict_object, wait_until

KIB = 1024
SUMMARY = re.compile(r"(\d+) records, (\d+) lost, (\d+) dropped")


def config(*flushers):
    return "inputs:\n  - Type: input_process_security\nflushers:\n" + "\n".join(flushers) + "\n"


def flusher(kind, **options):
    return f"  - Type: flusher_{kind}" + "".join(f"\n    {key}: {value}" for key, value in options.items())


def storm(agent, first, last):
    """One program for each number; it has been started when this returns."""
    return subprocess.Popen([agent.path("storm"), agent.path("tiny"), str(first), str(last)],
                            stdout=subprocess.DEVNULL, cwd=agent.directory)


def run_storm(agent, first, last):
    assert storm(agent, first, last).wait(60) == 0


def records_of(data):
    """The records of a file. Each line must be whole."""
    assert data == b"" or data.endswith(b"\n"), f"torn: {data[-100:]}"
    return [json.loads(line, object_pairs_hook=strict_object) for line in data.split(b"\n")[:-1]]


def rolled(path):
    """FILE.N to FILE.1, then FILE: as far as there are any."""
    found = [p for p in path.parent.glob(path.name + ".*") if p.suffix[1:].isdigit()]
    return sorted(found, key=lambda p: -int(p.suffix[1:])) + [path] * path.exists()


def is_within(path, limit):
    """A file is as large as it may be, or holds one record, which is larger."""
    data = path.read_bytes()
    return len(data) <= limit or data.count(b"\n") == 1


def markers(agent, records, call):
    """The numbers of a storm, in the order in which they were written."""
    return [int(r["arguments"].removeprefix("marker-")) for r in records
            if r.get("call_name") == call and r["binary"] == agent.path("tiny")
            and r["arguments"].startswith("marker-")]


def exits_of(agent, number, text):
    return re.findall(rb'"binary":"%s","arguments":"marker-%d"[^\n]*"call_name":"exit"[^\n]*\n'
                      % (re.escape(agent.path("tiny").encode()), number), text)


def has_exit_of(agent, path, number):
    """Whether the last record of a storm is in the last files: what others do may have rolled some since."""
    text = b""
    for p in rolled(path)[-32:]:
        try:
            text += p.read_bytes()
        except FileNotFoundError:
            pass  # it has just been moved
    return exits_of(agent, number, text)


def wait_for_exit_of(agent, path, number):
    wait_until(lambda: has_exit_of(agent, path, number), 20, lambda: f"marker {number}; stderr:\n{agent.stderr()}")


def assert_each_once(agent, records, numbers):
    for call in ("execve", "exit"):
        got = markers(agent, records, call)
        assert sorted(got) == list(numbers), f"{call}: {len(got)} of {len(numbers)}, {len(set(got))} different"


def test_rolls_under_a_storm(start_agent, work):
    path = work / "out" / "records"
    agent = start_agent(config=config(flusher("file", FilePath=path, MaxFileSize="64KiB", MaxFiles=1000)))
    run_storm(agent, 1, 3000)
    wait_for_exit_of(agent, path, 3000)
    agent.stop()
    files = rolled(path)
    assert len(files) > 20
    assert [p.name for p in files] == [f"records.{n}" for n in range(len(files) - 1, 0, -1)] + ["records"]
    assert all(is_within(p, 64 * KIB) and p.stat().st_mode & 0o777 == 0o600 for p in files)
    assert sum(p.stat().st_size for p in files[:-1]) / len(files[:-1]) > 48 * KIB
    records = [r for p in files for r in records_of(p.read_bytes())]
    assert_each_once(agent, records, range(1, 3001))
    assert markers(agent, records, "execve") == list(range(1, 3001)), "FILE.1 is the newest"


def test_keeps_the_newest(start_agent, work):
    path = work / "out" / "records"
    agent = start_agent(config=config(flusher("file", FilePath=path, MaxFileSize="512KiB", MaxFiles=3)))
    run_storm(agent, 1, 1500)
    wait_for_exit_of(agent, path, 1500)
    agent.stop()
    assert [p.name for p in rolled(path)] == ["records.2", "records.1", "records"]
    got = markers(agent, [r for p in rolled(path) for r in records_of(p.read_bytes())], "exit")
    assert got == list(range(got[0], 1501))


def test_long_record_is_in_a_file_alone(start_agent, work):
    path = work / "records"
    agent = start_agent(config=config(flusher("file", FilePath=path, MaxFileSize="4KiB", MaxFiles=1000)))
    text = "x" * 20000
    agent.run([agent.path("tiny"), text])
    run_storm(agent, 1, 5)
    wait_for_exit_of(agent, path, 5)
    agent.stop()
    assert all(is_within(p, 4 * KIB) for p in rolled(path))
    contents = [p.read_bytes() for p in rolled(path)]
    with_text = [c for c in contents if text.encode() in c]
    assert len(with_text) == 2 and all(c.count(b"\n") == 1 for c in with_text), "execve and exit, a file each"
    assert_each_once(agent, [r for c in contents for r in records_of(c)], range(1, 6))


def test_sighup_after_rename(start_agent, work):
    """What logrotate does, ten times in a storm."""
    path = work / "records"
    agent = start_agent(config=config(flusher("file", FilePath=path, MaxFileSize=0)))
    running = storm(agent, 1, 12000)
    for i in range(10):
        size = path.stat().st_size
        wait_until(lambda size=size: path.stat().st_size > size, 10, "records")
        path.rename(work / f"moved-{i}")
        agent.popen.send_signal(signal.SIGHUP)
        wait_until(path.exists, 10, lambda: f"a new file after SIGHUP; stderr:\n{agent.stderr()}")
    assert running.wait(60) == 0
    run_storm(agent, 12001, 12010)
    wait_for_exit_of(agent, path, 12010)
    agent.stop()
    files = [work / f"moved-{i}" for i in range(10)] + [path]
    assert_each_once(agent, [r for p in files for r in records_of(p.read_bytes())], range(1, 12011))


def test_full_disk(start_agent, work):
    """A small disk, in the agent's own mount namespace, is full for a while."""
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    disk = work / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=16m none "$1" && shift && exec "$@"'
    agent = start_agent(config=config(flusher("file", FilePath=disk / "records", MaxFileSize=0)),
                        prefix=["unshare", "-m", "sh", "-c", mount, "sh", str(disk)])
    inside = Path(f"/proc/{agent.pid}/root") / disk.relative_to("/")
    with open(inside / "filler", "wb", buffering=0) as f:
        with pytest.raises(OSError):  # until it is full, whatever this machine has had written there
            while True:
                f.write(bytes(64 * KIB))
        f.truncate(f.seek(0, os.SEEK_END) - 256 * KIB)
    run_storm(agent, 1, 300)
    wait_until(lambda: re.search(r"records dropped: No space left on device", agent.stderr()), 10,
               lambda: f"a word about the full disk; stderr:\n{agent.stderr()}")
    (inside / "filler").unlink()
    run_storm(agent, 1001, 1050)
    wait_for_exit_of(agent, inside / "records", 1050)
    with open(inside / "records", "rb") as f:  # the disk is gone with the agent, but for this
        stderr = agent.stop()
        records = records_of(f.read())
    n, lost, dropped = map(int, SUMMARY.search(stderr).groups())
    assert lost == 0 and dropped > 0
    told = [r for r in records if r["call_name"] == "lost"]
    records = [r for r in records if r["call_name"] != "lost"]
    assert len(records) == n - dropped, "what was dropped is what is missing"
    assert {r["lost.reason"] for r in told} == {"write_failed"}
    assert sum(int(r[f"lost.{kind}"]) for r in told for kind in ("execve", "exit", "clone", "other")) == dropped
    got = markers(agent, records, "exit")
    assert len(set(got)) == len(got) and got[-50:] == list(range(1001, 1051))


def test_vanished_folder(start_agent, work):
    path = work / "a" / "b" / "records"
    agent = start_agent(config=config(flusher("file", FilePath=path)))
    run_storm(agent, 1, 10)
    wait_for_exit_of(agent, path, 10)
    shutil.rmtree(work / "a")
    run_storm(agent, 11, 20)
    wait_for_exit_of(agent, path, 20)
    stderr = agent.stop()
    assert f"'{path}' was removed" in stderr
    assert_each_once(agent, records_of(path.read_bytes()), range(11, 21))
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700


def test_torn_end_is_cut_off(start_agent, work):
    """An agent that was killed within a write left the head of a record."""
    path = work / "records"
    path.write_text('{"old":"record"}\n{"exec_id":"dm06')
    agent = start_agent(config=config(flusher("file", FilePath=path)))
    run_storm(agent, 1, 3)
    wait_for_exit_of(agent, path, 3)
    stderr = agent.stop()
    assert f"cut 16 bytes off the end of '{path}'" in stderr
    records = records_of(path.read_bytes())
    assert records[0] == {"old": "record"}
    assert_each_once(agent, records, range(1, 4))


def test_stdout_to_a_file(start_agent, work):
    path = work / "out" / "records"
    agent = start_agent(config=config(flusher("stdout", FileName=path, MaxSize=400000, MaxRolls=2)))
    run_storm(agent, 1, 1000)
    wait_for_exit_of(agent, path, 1000)
    agent.stop()
    assert agent.stdout_path.read_bytes() == b""
    files = rolled(path)
    assert [p.name for p in files] == ["records.2", "records.1", "records"]
    assert all(is_within(p, 400000) and p.stat().st_mode & 0o777 == 0o600 for p in files)
    records = [r for p in files for r in records_of(p.read_bytes())]
    assert all(isinstance(r["__time__"], str) for r in records)
    got = markers(agent, records, "exit")
    assert got == list(range(got[0], 1001))


def test_two_on_one_standard_output(start_agent):
    agent = start_agent(config=config(flusher("stdout"), flusher("stdout", OnlyStdout="true")))
    run_storm(agent, 1, 500)

    def both_done():
        return len(exits_of(agent, 500, agent.stdout_path.read_bytes())) == 2

    wait_until(both_done, 20, lambda: agent.stderr())
    agent.stop()
    records = records_of(agent.stdout_path.read_bytes())
    for call in ("execve", "exit"):
        assert sorted(markers(agent, records, call)) == sorted(2 * list(range(1, 501)))


def test_warnings_of_stdout(start_agent):
    agent = start_agent(config=config(flusher("stdout", KeyValuePairs="false", MaxRolls=3)), stdout_flusher=True)
    done = agent.run("tiny")
    agent.one(done.pid, "execve")
    stderr = agent.stop()
    assert re.search(r"pipeline\.yaml:5:20: warning: flushers\[0\]\.KeyValuePairs: there is only flat JSON", stderr)
    assert re.search(r"pipeline\.yaml:6:15: warning: flushers\[0\]\.MaxRolls: has no effect", stderr)


def test_size_that_is_too_small(binary, work):
    (work / "p.yaml").write_text(config(flusher("file", FilePath=work / "out", MaxFileSize="1KiB")))
    done = subprocess.run([binary, "run", "--config", work / "p.yaml"], capture_output=True, text=True, timeout=10,
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode not in (0, -6, -11)
    assert "p.yaml:6:18: flushers[0].MaxFileSize: expected a size of at least 4KiB" in done.stderr
    assert not os.path.exists(work / "out")
