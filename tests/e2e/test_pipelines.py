# SPDX-License-Identifier: Apache-2.0
"""
Many pipelines on one sensor: each has all that it asks for and nothing else, whatever the others ask for and
however slow they are.
"""
import json
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

from harness import IS_SANITIZED, SPEC_KEYS, parse_arguments, wait_until
from pipelines import (assert_each_once, flusher, get, latest, lines_of, markers, numbered, only_storm, pipeline,
                       records_of, run_status, run_storm, start, status, storm, value, values, wait_for_marker)


def call(binary, *paths):
    configs = [x for path in paths for x in ("--config", str(path))]
    return subprocess.run([binary, "run", *configs], capture_output=True, text=True, timeout=10, check=False,
                          stdin=subprocess.DEVNULL)


# Of one storm, to each its own

def is_balanced(agent, name):
    """More comes in all the time, and is counted while we look: it must be so at some time."""
    n_in, n_out, n_filtered = values(agent, "pipeline_in_records_total", "pipeline_out_records_total",
                                     "pipeline_filtered_records_total", pipeline=name)
    return n_in == n_out + n_filtered > 0


def test_each_gets_what_it_asks_for(start_agent, work):
    """Calls, fields, filters and argument limits differ; two more flush one pipeline to two files."""
    n, odd = 1000, {"field": "arguments", "regex": "^marker-[0-9]*[13579]( |$)"}
    (work / "a.yaml").write_text(pipeline(work / "a", processors=[only_storm()]))
    (work / "b.yaml").write_text(pipeline(
        work / "b1", work / "b2", processors=[only_storm(odd, {"field": "exit_code", "equals": "0"})],
        CallNames=["exit"], Fields="extended"))
    (work / "c.yaml").write_text(pipeline(
        work / "c", CallNames=["execve", "clone"], Fields=["argc", "ktime"], MaxArgumentBytes="64",
        processors=[{"Type": "processor_filter", "Exclude": {"not": {"field": "binary", "suffix": "/tiny"}}}]))
    agent = start(start_agent, *(work / f"{x}.yaml" for x in "abc"))
    run_storm(agent, 1, n)
    long = "x" * 1000
    agent.run([agent.path("tiny"), numbered(n + 1), long])
    paths = [work / x for x in ("a", "b1", "b2")]
    for path in paths:
        wait_for_marker(agent, path, n + 1)
    wait_for_marker(agent, work / "c", n + 1, "execve")
    for name in "abc":
        wait_until(lambda name=name: is_balanced(agent, name), 5, f"what comes into {name} goes out, or is filtered")
    agent.stop()

    assert_each_once(lines_of(work / "a"), range(1, n + 2))
    assert_each_once(lines_of(work / "b1"), range(1, n + 2, 2), ["exit"])
    assert lines_of(work / "b1") == lines_of(work / "b2")
    assert_each_once(lines_of(work / "c"), range(1, n + 2), ["execve"])
    a, b, c = (records_of(work / x) for x in ("a", "b1", "c"))
    assert all(set(r) <= set(SPEC_KEYS) for r in a + c if not {"argc", "ktime"} <= set(r))
    assert all({"argc", "ktime"} <= set(r) <= set(SPEC_KEYS) | {"argc", "ktime"} for r in c)
    assert all(len(r) > len(SPEC_KEYS) and r["argc"] == "2" for r in b[:-1])
    assert {r["call_name"] for r in c} == {"execve"}, "a clone has the image before its exec, which is filtered"
    for records in (a, b):
        assert records[-1]["arguments"] == f"{numbered(n + 1)} {long}" and "arguments.truncated" not in records[-1]
    cut = c[-1]["arguments"]
    assert c[-1]["arguments.truncated"] == "true" and c[-1]["argc"] == "3"
    assert f"{numbered(n + 1)} {long}".startswith(cut) and len(cut) <= 64


def test_same_event_is_the_same_in_all(start_agent, work):
    """What one pipeline asks for changes no record of another."""
    (work / "a.yaml").write_text(pipeline(work / "a", processors=[only_storm()]))
    alone = start(start_agent, work / "a.yaml")
    (work / "p").mkdir()
    (work / "p" / "b.yaml").write_text(pipeline(work / "b", processors=[only_storm()]))
    (work / "p" / "greedy.yaml").write_text(pipeline(
        work / "greedy", CallNames=["execve", "exit", "clone"], Fields="extended", Environment=["PATH"],
        MaxArgumentBytes="2MiB", Snapshot=True, ExcludeSelf=False))
    crowded = start(start_agent, work / "p")
    long = "y" * 100_000
    alone.run([alone.path("tiny"), numbered(1), long])
    run_storm(alone, 2, 200)
    wait_for_marker(alone, work / "a", 200)
    wait_for_marker(crowded, work / "b", 200)
    alone.stop()
    crowded.stop()
    a, b = records_of(work / "a"), records_of(work / "b")
    assert len(a) == 400 and len(a[0]["arguments"]) < 33_000

    def without_time(records):
        return [{k: v for k, v in r.items() if k != "__time__"} for r in records]

    assert without_time(a) == without_time(b)


# Slow ones

def blocked_stdout(start_agent, *paths, **kwargs):
    """An agent whose standard output is a pipe that nobody reads, and its reading end."""
    read_end, write_end = os.pipe()

    def preexec():
        os.dup2(write_end, 1)

    try:
        agent = start(start_agent, *paths, preexec=preexec, **kwargs)
    finally:
        os.close(write_end)
    return agent, read_end


def fill(agent, numbers, path):
    """A storm in parts; how long each took to be in the file."""
    delays = []
    for first in numbers[::100]:
        run_storm(agent, first, first + 99)
        began = time.monotonic()
        wait_for_marker(agent, path, first + 99)
        delays.append(time.monotonic() - began)
    return sorted(delays)


@pytest.mark.parametrize("layout", ["two pipelines", "two flushers of one"])
def test_blocked_flusher_blocks_nobody(start_agent, work, layout):
    """Nobody reads the one's pipe: its queue fills and its records are dropped, counted and told."""
    blocked = flusher("stdout", OnlyStdout="true")
    options = {"Fields": "extended", "processors": [only_storm()]}
    if layout == "two pipelines":
        (work / "blocked.yaml").write_text(pipeline(blocked, **options))
        (work / "quick.yaml").write_text(pipeline(work / "quick", **options))
        names, blocked_name = ["blocked.yaml", "quick.yaml"], "blocked"
    else:
        (work / "both.yaml").write_text(pipeline(blocked, work / "quick", **options))
        names, blocked_name = ["both.yaml"], "both"
    agent, read_end = blocked_stdout(start_agent, *(work / name for name in names))
    numbers = range(1, 4001)  # twice 1.9 KB each: more than a queue of 8 MiB
    delays = fill(agent, numbers, work / "quick")
    assert IS_SANITIZED or delays[len(delays) * 3 // 4] < 0.5, delays

    def of_blocked(name, **labels):
        return value(agent, name, pipeline=blocked_name, flusher="flusher_stdout", **labels)

    offered = of_blocked("flusher_in_records_total")
    dropped = of_blocked("flusher_dropped_records_total", reason="queue")
    assert offered == 2 * len(numbers) and 0 < dropped < offered
    assert of_blocked("flusher_queue_bytes") > 4 << 20
    began = time.monotonic()
    stderr = agent.stop()
    assert time.monotonic() - began < 5
    assert_each_once(lines_of(work / "quick"), numbers)
    assert re.search(rf"{blocked_name}: flusher_stdout: \d+ records dropped", stderr), stderr
    piped = os.read(read_end, 1 << 20)
    os.close(read_end)
    written = piped.count(b"\n")
    told = sum(map(int, re.findall(r"flusher_stdout: (\d+) records dropped", stderr)))
    waiting = sum(map(int, re.findall(r"flusher_stdout: (\d+) records wait", stderr)))
    assert told + written + waiting == offered, (told, written, waiting, offered)
    assert re.search(rf" 0 lost, {told} dropped", stderr), stderr


def test_blocked_flusher_that_wants_little(start_agent, work):
    """Its queue never fills; the ring is not kept for it while all others need it."""
    first = only_storm({"field": "arguments", "prefix": numbered(1) + " "})
    (work / "p.yaml").write_text(pipeline(flusher("stdout", OnlyStdout="true"), processors=[first],
                                          MaxArgumentBytes="128KiB"))
    (work / "q.yaml").write_text(pipeline(work / "quick", processors=[only_storm()]))
    agent, read_end = blocked_stdout(start_agent, work / "p.yaml", work / "q.yaml", options=["--ring-size", "1MiB"])
    agent.run([agent.path("tiny"), numbered(1), "x" * 100_000])  # more than what a pipe takes
    for first in range(2, 3002, 300):
        run_storm(agent, first, first + 299)
        wait_for_marker(agent, work / "quick", first + 299)
    written = []
    reader = threading.Thread(target=lambda: written.append(os.fdopen(read_end, "rb").read()))
    reader.start()
    stderr = agent.stop()
    reader.join()
    assert re.search(" 0 lost, 0 dropped", stderr), stderr
    assert_each_once(lines_of(work / "quick"), range(1, 3002))
    assert markers(written[0].splitlines()) == {"execve": [1], "exit": [1]}


def test_blocked_flusher_goes_on(start_agent, work):
    """Once somebody reads again, it is quick again, and what was queued is there in order."""
    (work / "p.yaml").write_text(pipeline(flusher("stdout", OnlyStdout="true"), work / "quick",
                                          processors=[only_storm()]))
    agent, read_end = blocked_stdout(start_agent, work / "p.yaml")
    run_storm(agent, 1, 1000)
    wait_for_marker(agent, work / "quick", 1000)
    reader = subprocess.Popen(["cat"], stdin=read_end, stdout=open(work / "piped", "wb"))
    os.close(read_end)
    wait_for_marker(agent, work / "piped", 1000)
    run_storm(agent, 1001, 1100)
    wait_for_marker(agent, work / "piped", 1100)
    agent.stop()
    reader.wait(10)
    assert_each_once(lines_of(work / "piped"), range(1, 1101))
    assert [r["exec_id"] for r in records_of(work / "piped")] == [r["exec_id"] for r in records_of(work / "quick")]


class HungDisk:
    """A disk of its own; while it hangs, whoever writes there waits in the kernel."""

    def __init__(self, folder):
        self.folder, image = folder, folder.with_suffix(".image")
        folder.mkdir()
        with open(image, "wb") as f:
            f.truncate(32 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
        if subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=False).returncode:
            pytest.skip("no file can be mounted as a disk here")

    def __enter__(self):
        subprocess.run(["fsfreeze", "--freeze", str(self.folder)], check=True)

    def __exit__(self, *_):
        subprocess.run(["fsfreeze", "--unfreeze", str(self.folder)], check=True)


@pytest.fixture
def disk(work):
    made = HungDisk(work / "disk")
    yield made
    subprocess.run(["umount", "--lazy", str(made.folder)], check=True)


def test_disk_that_hangs_blocks_nobody(start_agent, work, disk):
    """The reader itself writes to disks. When one hangs the others go on, and all of them have everything."""
    for name, path in ("a", disk.folder / "a"), ("b", work / "b"):
        (work / f"{name}.yaml").write_text(pipeline(path, processors=[only_storm()]))
    agent = start(start_agent, work / "a.yaml", work / "b.yaml")
    for first in 1, 201, 401:
        run_storm(agent, first, first + 99)
        wait_for_marker(agent, disk.folder / "a", first + 99)
        with disk:
            run_storm(agent, first + 100, first + 199)
            wait_for_marker(agent, work / "b", first + 199)
        wait_for_marker(agent, disk.folder / "a", first + 199)
    stderr = agent.stop()
    assert re.search(" 0 lost, 0 dropped", stderr), stderr
    assert_each_once(lines_of(work / "b"), range(1, 601))
    assert lines_of(disk.folder / "a") == lines_of(work / "b")


# Files and folders

def test_config_twice_and_once_more(start_agent, work):
    """A file, a folder with that file in it, and the folder once more by another path: each pipeline once."""
    folder = work / "pipelines.d"
    folder.mkdir()
    (folder / "a.yaml").write_text(pipeline(work / "a", processors=[only_storm()]))
    (folder / "b.yml").write_text(pipeline(work / "b", processors=[only_storm()]))
    (folder / "c.json").write_text(pipeline(work / "c", processors=[only_storm()]))
    (folder / "d.yaml.bak").write_text("enable: [")
    (folder / ".e.yaml").write_text("enable: [")
    (folder / "f.d").mkdir()
    (folder / "f.d" / "f.yaml").write_text("enable: [")
    (work / "other.yaml").write_text(pipeline(work / "other", processors=[only_storm()]))
    agent = start(start_agent, folder / "b.yml", folder, work / "pipelines.d" / ".." / "pipelines.d",
                  work / "other.yaml")
    names = sorted(p["name"] for p in status(agent)["agent"]["pipelines"])
    assert names == ["a", "b", "c", "other"]
    run_storm(agent, 1, 100)
    for name in names:
        wait_for_marker(agent, work / name, 100)
    stderr = agent.stop()
    assert "error" not in stderr and "warning" not in stderr
    for name in names:
        assert_each_once(lines_of(work / name), range(1, 101))


def test_broken_file_among_good_ones(start_agent, work):
    folder = work / "pipelines.d"
    folder.mkdir()
    (folder / "1.yaml").write_text(pipeline(work / "one", processors=[only_storm()]))
    (folder / "2.yaml").write_text("enable: true\ninputs:\n  - Type: input_process_security\nflushers:\n"
                                   f"  - Type: flusher_file\n    FilPath: {work}/two\n")
    (folder / "3.yaml").write_text(pipeline(work / "three", processors=[only_storm()]))
    (folder / "4.yaml").symlink_to("nowhere")
    agent = start(start_agent, folder)
    run_storm(agent, 1, 100)
    for name in ("one", "three"):
        wait_for_marker(agent, work / name, 100)
    stderr = agent.stop()
    assert re.search(r"2\.yaml:6:5: .*FilPath.*FilePath", stderr), stderr
    assert re.search(r"4\.yaml.*No such file", stderr), stderr
    assert "1.yaml" not in stderr and "3.yaml" not in stderr
    for name in ("one", "three"):
        assert_each_once(lines_of(work / name), range(1, 101))
    assert not (work / "two").exists()


def test_two_on_one_file(start_agent, work):
    (work / "a.yaml").write_text(pipeline(work / "out", processors=[only_storm()]))
    (work / "b.yaml").write_text(pipeline(work / "." / "out", CallNames=["exit"]))
    agent = start(start_agent, work / "a.yaml", work / "b.yaml")
    assert re.search(r"b\.yaml:\d+:\d+: .*flushers\[0\].*out' is written by the pipeline 'a' already", agent.stderr())
    run_storm(agent, 1, 10)
    wait_for_marker(agent, work / "out", 10)
    agent.stop()
    assert_each_once(lines_of(work / "out"), range(1, 11))


def test_folder_without_pipelines(binary, work, needs_root):
    (work / "empty").mkdir()
    done = call(binary, work / "empty")
    assert done.returncode == 1 and "ready" not in done.stderr.split("\n")
    assert re.search(r"empty: warning: there is no pipeline in this folder", done.stderr), done.stderr
    assert "no pipeline to run" in done.stderr


def test_folder_without_pipelines_besides_a_file(start_agent, work):
    (work / "empty").mkdir()
    (work / "p.yaml").write_text(pipeline(work / "out"))
    agent = start(start_agent, work / "empty", work / "p.yaml")
    assert "there is no pipeline in this folder" in agent.stop()


def test_no_enabled_pipeline(binary, work, needs_root):
    (work / "d").mkdir()
    (work / "d" / "a.yaml").write_text(pipeline(work / "a", enable=False))
    (work / "d" / "b.yaml").write_text(pipeline(work / "b", enable=False))
    done = call(binary, work / "d")
    assert done.returncode == 1 and "ready" not in done.stderr.split("\n")
    assert "a.yaml" in done.stderr and "nothing is recorded" in done.stderr
    assert "no pipeline to run" in done.stderr
    assert not (work / "a").exists()


def test_flusher_that_cannot_start(start_agent, work):
    """A pipeline whose file cannot be opened is named; the others run."""
    (work / "file").write_text("")
    (work / "a.yaml").write_text(pipeline(work / "file" / "a"))
    (work / "b.yaml").write_text(pipeline(work / "b", processors=[only_storm()]))
    agent = start(start_agent, work / "a.yaml", work / "b.yaml")
    run_storm(agent, 1, 10)
    wait_for_marker(agent, work / "b", 10)
    assert [p["name"] for p in status(agent)["agent"]["pipelines"]] == ["b"]
    stderr = agent.stop()
    assert re.search(r"cannot start pipeline 'a': Not a directory", stderr), stderr


# What was there before

def test_snapshot(start_agent, work):
    """Each process that runs, once, with the ids of what comes later; by a pipeline that asks for it only."""
    (work / "a.yaml").write_text(pipeline(work / "a", Snapshot=True))
    (work / "b.yaml").write_text(pipeline(work / "b"))
    hold = subprocess.Popen([shutil.which("sleep"), "60", ], stdin=subprocess.DEVNULL)
    before = {int(p) for p in os.listdir("/proc") if p.isdigit()}
    agent = start(start_agent, work / "a.yaml", work / "b.yaml")
    after = {int(p) for p in os.listdir("/proc") if p.isdigit()}
    hold.kill()
    hold.wait()
    run_storm(agent, 1, 1)
    wait_for_marker(agent, work / "a", 1)
    wait_for_marker(agent, work / "b", 1)
    agent.stop()
    snapshot = [r for r in records_of(work / "a") if r["call_name"] == "snapshot"]
    pids = [int(r["pid"]) for r in snapshot]
    assert len(set(pids)) == len(pids), "each once"

    def is_kernel_thread(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                return int(f.read().rsplit(")", 1)[1].split()[6]) & 0x200000
        except (FileNotFoundError, ProcessLookupError):
            return True  # or gone: then nobody knows

    missing = {p for p in before & after - {hold.pid, agent.pid} if not is_kernel_thread(p)} - set(pids)
    assert not missing, missing
    assert agent.pid not in pids, "ExcludeSelf"
    assert not [p for p in pids if os.path.exists(f"/proc/{p}") and p in before and is_kernel_thread(p)]
    (mine,) = [r for r in snapshot if r["pid"] == str(hold.pid)]
    (its_exit,) = [r for r in records_of(work / "a") if r["pid"] == str(hold.pid) and r["call_name"] == "exit"]
    assert its_exit["exit_signal"] == "SIGKILL" and mine["arguments"] == "60"
    same = set(mine) - {"call_name", "__time__"}
    assert {k: mine[k] for k in same} == {k: its_exit[k] for k in same}
    assert mine["parent.pid"] == str(os.getpid())
    (parent,) = [r for r in snapshot if r["pid"] == str(os.getpid())]
    assert parent["exec_id"] == mine["parent.exec_id"]
    (in_b,) = [r for r in records_of(work / "b") if r["pid"] == str(hold.pid)]
    assert in_b["exec_id"] == mine["exec_id"] and in_b["call_name"] == "exit"
    assert not [r for r in records_of(work / "b") if r["call_name"] == "snapshot"]
    first_live = next(i for i, r in enumerate(records_of(work / "a")) if r["call_name"] != "snapshot")
    assert all(r["call_name"] != "snapshot" for r in records_of(work / "a")[first_live:]), "snapshot first"


def test_snapshot_with_self(start_agent, work):
    (work / "a.yaml").write_text(pipeline(work / "a", Snapshot=True, ExcludeSelf=False))
    (work / "b.yaml").write_text(pipeline(work / "b", Snapshot=True))
    agent = start(start_agent, work / "a.yaml", work / "b.yaml")
    itself = b'"pid":"%d"' % agent.pid
    wait_until(lambda: b"snapshot" in latest(work / "b") and itself in latest(work / "a"), 10, agent.stderr)
    agent.stop()
    a = [r for r in records_of(work / "a") if r["pid"] == str(agent.pid)]
    assert [r["call_name"] for r in a] == ["snapshot"] and a[0]["binary"] == agent.popen.args[0]
    assert not [r for r in records_of(work / "b") if r["pid"] == str(agent.pid)]
    assert [r["pid"] for r in records_of(work / "b") if r["call_name"] == "snapshot"] == \
        [r["pid"] for r in records_of(work / "a") if r["call_name"] == "snapshot" and r["pid"] != str(agent.pid)]


def test_snapshot_is_filtered_like_others(start_agent, work):
    (work / "a.yaml").write_text(pipeline(
        work / "a", Snapshot=True, Fields=["ktime"], MaxArgumentBytes="10",
        processors=[{"Type": "processor_filter", "Include": {"field": "call_name", "equals": "snapshot"}}]))
    hold = subprocess.Popen([shutil.which("sleep"), "60", f"0.{'0' * 40}"])
    (work / "b.yaml").write_text(pipeline(work / "b", processors=[only_storm()]))
    agent = start(start_agent, work / "a.yaml", work / "b.yaml")
    run_storm(agent, 1, 1)
    wait_for_marker(agent, work / "b", 1)
    hold.kill()
    hold.wait()
    agent.stop()
    records = records_of(work / "a")
    assert records and {r["call_name"] for r in records} == {"snapshot"}
    (mine,) = [r for r in records if r["pid"] == str(hold.pid)]
    assert mine["arguments.truncated"] == "true" and "ktime" in mine


# Environment

def variables(record):
    return [v.decode() for v in parse_arguments(record["environment"])] if "environment" in record else None


def test_environment(start_agent, work):
    """Named variables, in the order in which the process has them; in the records of who asks."""
    (work / "a.yaml").write_text(pipeline(work / "a", Environment=["LD_PRELOAD", "FOO", "UNSET", "EMPTY"],
                                          processors=[only_storm()]))
    (work / "b.yaml").write_text(pipeline(work / "b", processors=[only_storm()]))
    (work / "c.yaml").write_text(pipeline(work / "c", Environment=["HOME"], processors=[only_storm()]))
    agent = start(start_agent, *(work / f"{x}.yaml" for x in "abc"))

    def run(number, *arguments, **env):
        agent.run([agent.path("tiny"), numbered(number), *arguments], env=env)

    run(1, FOO='two words and "quotes"', LD_PRELOAD="/x.so", HOME="/root", FOOT="no", BARFOO="no")
    run(2, HOME="/root")
    run(3, EMPTY="", FOO="a=b\nc", OTHER="FOO=x")
    for path in "abc":
        wait_for_marker(agent, work / path, 3)
    agent.stop()
    a, b, c = (records_of(work / x) for x in "abc")
    assert [variables(r) for r in a] == 2 * [['FOO=two words and "quotes"', "LD_PRELOAD=/x.so"]] + 2 * [None] + \
        2 * [["EMPTY=", "FOO=a=b\nc"]]
    assert len(b) == 6 and not [r for r in b if "environment" in r]
    assert [variables(r) for r in c] == 4 * [["HOME=/root"]] + 2 * [None]


def test_huge_environment(start_agent, work):
    """The variable is at the end of 200 KiB; argv is cut, and the environment behind it is still there."""
    (work / "a.yaml").write_text(pipeline(work / "a", Environment=["LAST"], MaxArgumentBytes="1KiB",
                                          processors=[only_storm()]))
    (work / "b.yaml").write_text(pipeline(work / "b", processors=[only_storm()]))
    agent = start(start_agent, work / "a.yaml", work / "b.yaml")
    filler = {f"V{i}": "v" * 2000 for i in range(100)}
    agent.run([agent.path("tiny"), numbered(1), "x" * 100_000], env={**filler, "LAST": "here"})
    agent.run([agent.path("tiny"), numbered(2)], env={**filler, "LAST": "z" * 50_000})
    agent.run([agent.path("tiny"), numbered(3), "x" * 2000], env={"LAST": "small"})
    many = {f"W{i}": "w" * 2000 for i in range(200)}
    agent.run([agent.path("tiny"), numbered(4)], env={"LAST": "first", **many, "LAST2": "x"})
    for path in "ab":
        wait_for_marker(agent, work / path, 4)
    agent.stop()
    a, b = records_of(work / "a"), records_of(work / "b")
    assert [variables(r) for r in a] == [x for x in (["LAST=here"], ["LAST=" + "z" * 50_000], ["LAST=small"],
                                                     ["LAST=first"]) for _ in range(2)]
    assert [r.get("arguments.truncated") for r in a] == ["true", "true", None, None, "true", "true", None, None]
    assert len(b) == 8 and not [r for r in b if "environment" in r]
    assert [len(r["arguments"]) for r in b[0:2]] == 2 * [32 * 1024 - len(agent.path("tiny")) - 1], b[0].keys()


# What it says of itself, against what is in the files

def test_status_agrees_with_the_files(start_agent, work):
    (work / "all.yaml").write_text(pipeline(work / "all"))
    (work / "some.yaml").write_text(pipeline(
        work / "some", flusher("blackhole"),
        processors=[only_storm({"field": "call_name", "equals": "exit"})]))
    agent = start(start_agent, work / "all.yaml", work / "some.yaml")
    run_storm(agent, 1, 2000)
    wait_for_marker(agent, work / "all", 2000)
    wait_for_marker(agent, work / "some", 2000)
    page = run_status(agent)
    assert page.returncode == 0 and "healthy" in page.stdout, page
    wait_until(lambda: value(agent, "records_total", call="exit") >= 2000, 5, "numbers, once a second")
    stable = status(agent)
    agent.stop()
    numbers = {(m["name"].removeprefix("proctrail_"), *sorted((m.get("labels") or {}).values())): m
               for m in stable["metrics"]}

    def of(name, *labels):
        metric = numbers[(name, *sorted(labels))]
        return metric["count"] if "count" in metric else metric["value"]

    for name, flushers in (("all", ["flusher_file"]), ("some", ["flusher_file", "flusher_blackhole"])):
        n_in, n_out = of("pipeline_in_records_total", name), of("pipeline_out_records_total", name)
        assert n_in == n_out + of("pipeline_filtered_records_total", name) + of("pipeline_failed_records_total", name)
        for one in flushers:
            assert of("flusher_in_records_total", name, one) == n_out
            delivered = of("flusher_delivered_records_total", name, one)
            assert delivered + of("flusher_dropped_records_total", name, one, "queue") + \
                of("flusher_dropped_records_total", name, one, "write") == n_out
            assert of("flusher_latency_seconds", name, one) == delivered
            assert of("flusher_delivered_bytes_total", name, one) == of("pipeline_out_bytes_total", name)
    assert of("pipeline_out_records_total", "some") == 2000 == len(lines_of(work / "some"))
    assert of("pipeline_out_bytes_total", "some") == (work / "some").stat().st_size
    assert len(lines_of(work / "all")) >= of("pipeline_out_records_total", "all") >= 4000


def test_metrics_are_clean(start_agent, work):
    """While a storm goes on, pages that a scraper takes whole."""
    (work / "a.yaml").write_text(pipeline(work / "a"))
    (work / "b.yaml").write_text(pipeline(work / "b", flusher("blackhole")))
    agent = start(start_agent, work / "a.yaml", work / "b.yaml")
    running = storm(agent, 1, 2000)
    pages = []
    while running.poll() is None:
        pages.append(get(agent, "/metrics"))
        json.loads(get(agent, "/status"))
        time.sleep(0.05)
    pages.append(get(agent, "/metrics"))
    agent.stop()
    assert len(pages) > 2

    def counters(page):
        return {key: float(number) for key, number in re.findall(r"^(\S+_total\S*(?:\{[^}]*\})?) (\S+)$", page, re.M)}

    for earlier, later in zip(pages, pages[1:]):
        assert not {k for k, v in counters(earlier).items() if counters(later)[k] < v}, "a counter went back"
    for page in pages:
        keys = [line.rsplit(" ", 1)[0] for line in page.splitlines() if not line.startswith("#")]
        assert len(set(keys)) == len(keys), "a series came twice"
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    done = subprocess.run(["promtool", "check", "metrics"], input=pages[-1], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
