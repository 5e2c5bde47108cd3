# SPDX-License-Identifier: Apache-2.0
"""
Files of pipelines change while the agent runs: each change is live within one second, what does not change is
not touched, and no record is lost or comes twice by it.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import IS_SANITIZED, parse_arguments, wait_until
from pipelines import (assert_each_once, flusher, get, lines_of, markers, numbered, only_storm, pipeline, records_of,
                       rolled, run_storm, start, status, to_file, value, wait_for_marker)

LIVE_S = 5 if IS_SANITIZED else 1
BROKEN = "enable: true\ninputs:\n  - Type: input_process_security\nflushers:\n  - Type: flusher_fiel\n"
SUMMARY = re.compile(r"(\d+) records, (\d+) lost, (\d+) dropped")


def ours(path, **options):
    """A pipeline of this test's programs to one file."""
    return pipeline(path, processors=[only_storm()], **options)


def names(agent):
    return sorted(p["name"] for p in status(agent)["agent"]["pipelines"])


def reloads(agent):
    """How many have been applied, and how many were refused in part."""
    return value(agent, "reloads_total", outcome="applied"), value(agent, "reloads_total", outcome="partly_refused")


class Changed:
    """Around a change of the files, all of which must be live within the second: as one reload or a few."""

    def __init__(self, agent, outcome="applied"):
        self.agent, self.column = agent, ["applied", "partly_refused"].index(outcome)

    def __enter__(self):
        self.before = reloads(self.agent)

    def __exit__(self, kind, *_):
        if kind:
            return
        wait_until(lambda: reloads(self.agent)[self.column] > self.before[self.column], LIVE_S,
                   lambda: f"a reload; stderr:\n{self.agent.stderr()}")
        assert reloads(self.agent)[1 - self.column] == self.before[1 - self.column], self.agent.stderr()


def replace(path, text):
    """At once, by rename(2)."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.rename(path)


class ConfigMap:
    """A folder as Kubernetes mounts one: all its files change at once, by one rename of a link."""

    def __init__(self, folder, files):
        self.folder, self.n = folder, 0
        folder.mkdir()
        self.update(files)
        for name in files:
            (folder / name).symlink_to(f"..data/{name}")

    def update(self, files):
        self.n += 1
        version = self.folder / f"..version_{self.n}"
        version.mkdir()
        for name, text in files.items():
            (version / name).write_text(text)
        (self.folder / "..data_tmp").symlink_to(version.name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")
        if self.n > 1:
            shutil.rmtree(self.folder / f"..version_{self.n - 1}")


@pytest.fixture
def folder(work):
    path = work / "pipelines.d"
    path.mkdir()
    return path


def test_life_of_a_pipeline(start_agent, work, folder):
    """Added, changed, disabled, enabled, renamed, replaced, removed; another one goes on through all of it."""
    (folder / "steady.yaml").write_text(ours(work / "steady"))
    agent = start(start_agent, folder)
    b, c = folder / "b.yaml", folder / "c.yaml"
    n, steady = 0, 0

    def step(change, expected, running):
        """After a change: 20 programs, and where they are to be found."""
        nonlocal n, steady
        with Changed(agent):
            change()
        assert names(agent) == sorted(["steady", *running])
        run_storm(agent, n + 1, n + 20)
        for path in ["steady", *([expected] if expected else [])]:
            wait_for_marker(agent, work / path, n + 20)
        now = value(agent, "pipeline_out_records_total", pipeline="steady")
        assert now == steady + 40, "its counters have not begun anew"
        n, steady = n + 20, now

    step(lambda: b.write_text(ours(work / "1")), "1", ["b"])
    step(lambda: b.write_text(ours(work / "2")), "2", ["b"])
    step(lambda: b.write_text(ours(work / "2", CallNames=["exit"], Fields=["ktime"])), "2", ["b"])
    step(lambda: b.write_text(ours(work / "2", enable=False)), None, [])
    step(lambda: b.write_text(ours(work / "2", Environment=["FOO"])), "2", ["b"])
    step(lambda: b.rename(c), "2", ["c"])
    step(lambda: replace(c, ours(work / "3")), "3", ["c"])
    step(c.unlink, None, [])
    step(lambda: os.link(shutil.copy(work / "pipelines.d" / "steady.yaml", work / "s.yaml"), c) or
         replace(c, ours(work / "4")), "4", ["c"])
    step(c.unlink, None, [])
    (work / "elsewhere.yaml").write_text(ours(work / "5"))
    step(lambda: c.symlink_to("../elsewhere.yaml"), "5", ["c"])
    step(lambda: (c.unlink(), b.symlink_to("../elsewhere.yaml")), "5", ["b"])
    stderr = agent.stop()
    assert_each_once(lines_of(work / "steady"), range(1, n + 1))
    assert_each_once(lines_of(work / "1"), range(1, 21))
    assert_each_once([x for x in lines_of(work / "2") if b'"ktime"' not in x],
                     [*range(21, 41), *range(81, 121)])
    assert_each_once([x for x in lines_of(work / "2") if b'"ktime"' in x], range(41, 61), ["exit"])
    assert_each_once(lines_of(work / "3"), range(121, 141))
    assert_each_once(lines_of(work / "4"), range(161, 181))
    assert_each_once(lines_of(work / "5"), range(201, 241))
    for word in ("begun", "changed", "ended"):
        assert re.search(rf"pipeline 'b' has {word}", stderr), stderr
    assert "'steady'" not in stderr


def test_config_map(start_agent, work):
    """Two files at once; and one that is given by its own path."""
    files = {"a.yaml": ours(work / "a1"), "b.yaml": ours(work / "b1")}
    both, single = ConfigMap(work / "both", files), ConfigMap(work / "single", {"c.yaml": ours(work / "c1")})
    agent = start(start_agent, work / "both", work / "single" / "c.yaml")
    assert names(agent) == ["a", "b", "c"], "each once"
    run_storm(agent, 1, 20)
    with Changed(agent):
        both.update({"a.yaml": ours(work / "a2"), "b.yaml": ours(work / "b2")})
    run_storm(agent, 21, 40)
    with Changed(agent):
        single.update({"c.yaml": ours(work / "c2")})
    run_storm(agent, 41, 60)
    for path in ("a2", "b2", "c2"):
        wait_for_marker(agent, work / path, 60)
    agent.stop()
    for path, numbers in (("a1", range(1, 21)), ("a2", range(21, 61)), ("b1", range(1, 21)), ("b2", range(21, 61)),
                          ("c1", range(1, 41)), ("c2", range(41, 61))):
        assert_each_once(lines_of(work / path), numbers)


WRONG = {
    "unknown flusher": (BROKEN, r"p\.yaml:5:11: .*flusher_fiel.*flusher_file"),
    "no YAML": ("enable: [", r"p\.yaml:\d+:\d+: "),
    "empty": ("", r"p\.yaml"),
    "processor that compiles nothing": (pipeline("/nonexistent/x", processors=[
        {"Type": "processor_filter", "Include": {"field": "binary", "regex": "("}}]), r"p\.yaml:\d+:\d+: .*regex"),
    "file that cannot be made": (pipeline("/proc/no/such"), r"'.*p\.yaml' cannot start"),
}


def test_wrong_file_leaves_what_runs(start_agent, work, folder):
    """It says why, at the place; what is written back as it was is no change."""
    good = ours(work / "p")
    (folder / "p.yaml").write_text(good)
    (folder / "other.yaml").write_text(ours(work / "other1"))
    agent = start(start_agent, folder)
    n = 0
    for text, message in WRONG.values():
        said = len(agent.stderr())
        with Changed(agent, "partly_refused"):
            (folder / "p.yaml").write_text(text)
        assert re.search(message, agent.stderr()[said:]), agent.stderr()[said:]
        assert re.search(r"p\.yaml'.* goes on", agent.stderr()[said:]), agent.stderr()[said:]
        run_storm(agent, n + 1, n + 10)
        n += 10
    with Changed(agent, "partly_refused"):
        (folder / "other.yaml").write_text(ours(work / "other2"))
    with Changed(agent):
        (folder / "p.yaml").write_text("# as before\n" + good)
    run_storm(agent, n + 1, n + 10)
    wait_for_marker(agent, work / "p", n + 10)
    wait_for_marker(agent, work / "other2", n + 10)
    assert value(agent, "pipeline_out_records_total", pipeline="p") == 2 * (n + 10), "it is the same as ever"
    with Changed(agent):
        (folder / "p.yaml").unlink()
    assert names(agent) == ["other"]
    stderr = agent.stop()
    assert "pipeline 'p' has changed" not in stderr and "pipeline 'other' has changed" in stderr
    assert_each_once(lines_of(work / "p"), range(1, n + 11))
    assert_each_once(lines_of(work / "other1"), range(1, n + 1))
    assert_each_once(lines_of(work / "other2"), range(n + 1, n + 11))


def test_wrong_file_that_is_new(start_agent, work, folder):
    (folder / "p.yaml").write_text(ours(work / "p"))
    agent = start(start_agent, folder)
    with Changed(agent, "partly_refused"):
        (folder / "new.yaml").write_text(BROKEN)
    assert re.search(r"new\.yaml:5:11: ", agent.stderr()) and names(agent) == ["p"]
    with Changed(agent):
        (folder / "new.yaml").write_text(ours(work / "new"))
    run_storm(agent, 1, 10)
    for path in ("p", "new"):
        wait_for_marker(agent, work / path, 10)
    agent.stop()
    for path in ("p", "new"):
        assert_each_once(lines_of(work / path), range(1, 11))


@pytest.mark.parametrize("newcomer", ["changed file before it", "new file before it", "new file behind it"])
def test_file_that_another_writes(start_agent, work, folder, newcomer):
    """Who has a file keeps it, wherever the names stand in order; the other is refused and named."""
    (folder / "b.yaml").write_text(ours(work / "b"))
    if newcomer == "changed file before it":
        (folder / "a.yaml").write_text(ours(work / "a"))
    agent = start(start_agent, folder)
    thief = folder / ("c.yaml" if newcomer == "new file behind it" else "a.yaml")
    with Changed(agent, "partly_refused"):
        thief.write_text(ours(work / "b"))
    assert re.search(r"'[^']*/b' is written by the pipeline '[ab]' already", agent.stderr()), agent.stderr()
    run_storm(agent, 1, 20)
    wait_for_marker(agent, work / "b", 20)
    agent.stop()
    assert_each_once(lines_of(work / "b"), range(1, 21))
    if newcomer == "changed file before it":
        assert_each_once(lines_of(work / "a"), range(1, 21))


def test_two_exchange_their_files(start_agent, work):
    files = {"a.yaml": ours(work / "x", CallNames=["execve"]), "b.yaml": ours(work / "y", CallNames=["exit"])}
    folder = ConfigMap(work / "d", files)
    agent = start(start_agent, work / "d")
    run_storm(agent, 1, 20)
    with Changed(agent):
        folder.update({"a.yaml": ours(work / "y", CallNames=["execve"]),
                       "b.yaml": ours(work / "x", CallNames=["exit"])})
    run_storm(agent, 21, 40)
    wait_for_marker(agent, work / "x", 40)
    wait_for_marker(agent, work / "y", 40, "execve")
    agent.stop()
    assert markers(lines_of(work / "x")) == {"execve": [*range(1, 21)], "exit": [*range(21, 41)]}
    assert markers(lines_of(work / "y")) == {"exit": [*range(1, 21)], "execve": [*range(21, 41)]}


def test_file_behind_a_link(start_agent, work):
    """The link is what was named; it is followed where it leads, and when it leads elsewhere."""
    for name in ("real", "links"):
        (work / name).mkdir()
    (work / "real" / "1.yaml").write_text(ours(work / "1"))
    (work / "real" / "2.yaml").write_text(ours(work / "2"))
    (work / "links" / "p.yaml").symlink_to("../real/1.yaml")
    agent = start(start_agent, work / "links" / "p.yaml")
    with Changed(agent):
        (work / "real" / "1.yaml").write_text(ours(work / "3"))
    run_storm(agent, 1, 10)
    with Changed(agent):
        (work / "links" / "new").symlink_to("../real/2.yaml")
        (work / "links" / "new").rename(work / "links" / "p.yaml")
    run_storm(agent, 11, 20)
    with Changed(agent):
        (work / "real" / "2.yaml").write_text(ours(work / "4"))
    run_storm(agent, 21, 30)
    wait_for_marker(agent, work / "4", 30)
    agent.stop()
    for path, numbers in (("3", range(1, 11)), ("2", range(11, 21)), ("4", range(21, 31))):
        assert_each_once(lines_of(work / path), numbers)


def test_none_is_left_for_a_while(start_agent, work, folder):
    """The agent waits for the next."""
    (folder / "p.yaml").write_text(ours(work / "p"))
    agent = start(start_agent, folder)
    run_storm(agent, 1, 10)
    wait_for_marker(agent, work / "p", 10)
    with Changed(agent):
        (folder / "p.yaml").unlink()
    assert "no pipeline runs any more" in agent.stderr() and names(agent) == []
    run_storm(agent, 11, 20)
    with Changed(agent):
        (folder / "p.yaml").write_text(ours(work / "p"))
    run_storm(agent, 21, 30)
    wait_for_marker(agent, work / "p", 30)
    agent.stop()
    assert_each_once(lines_of(work / "p"), [*range(1, 11), *range(21, 31)])


def test_folder_is_made_anew(start_agent, work, folder):
    (folder / "p.yaml").write_text(ours(work / "1"))
    agent = start(start_agent, folder)
    with Changed(agent):
        (work / "next").mkdir()
        (work / "next" / "p.yaml").write_text(ours(work / "2"))
        folder.rename(work / "before")
        (work / "next").rename(folder)
    with Changed(agent):
        (folder / "p.yaml").write_text(ours(work / "3"))
    run_storm(agent, 1, 10)
    wait_for_marker(agent, work / "3", 10)
    agent.stop()


def test_folder_behind_a_link(start_agent, work):
    """How many roll out: versions side by side, and a link to the one that counts."""
    for n in (1, 2):
        (work / f"v{n}").mkdir()
        (work / f"v{n}" / "p.yaml").write_text(ours(work / str(n)))
    (work / "current").symlink_to("v1")
    agent = start(start_agent, work / "current")
    with Changed(agent):
        (work / "next").symlink_to("v2")
        (work / "next").rename(work / "current")
    run_storm(agent, 1, 10)
    wait_for_marker(agent, work / "2", 10)
    with Changed(agent):
        (work / "v2" / "p.yaml").write_text(ours(work / "3"))
    run_storm(agent, 11, 20)
    wait_for_marker(agent, work / "3", 20)
    agent.stop()


def test_other_files_are_no_changes(start_agent, work):
    """Configuration, records and whatever else in one folder that never rests; a change is live all the same."""
    (work / "p.yaml").write_text(ours(work / "1"))
    (work / "q.yaml").write_text(BROKEN)
    agent = start(start_agent, work / "p.yaml")
    done = threading.Event()

    def make_noise():
        while not done.wait(0.02):
            (work / "noise").write_text("x")
            (work / "q.yaml").write_text(BROKEN)
            (work / "noise").unlink()

    noise = threading.Thread(target=make_noise)
    noise.start()
    try:
        time.sleep(1)  # of noise
        assert reloads(agent) == (0, 0)
        with Changed(agent):
            (work / "p.yaml").write_text(ours(work / "2"))
    finally:
        done.set()
        noise.join()
    run_storm(agent, 1, 10)
    wait_for_marker(agent, work / "2", 10)
    agent.stop()


def test_change_without_end(start_agent, work, folder):
    """One file is written all the time; it does not keep another's change waiting."""
    (folder / "p.yaml").write_text(ours(work / "1"))
    (folder / "busy.yaml").write_text(ours(work / "busy"))
    agent = start(start_agent, folder)
    done = threading.Event()

    def make_noise():
        while not done.wait(0.02):
            replace(folder / "busy.yaml", ours(work / "busy"))

    noise = threading.Thread(target=make_noise)
    noise.start()
    try:
        with Changed(agent):
            replace(folder / "p.yaml", ours(work / "2"))
    finally:
        done.set()
        noise.join()
    agent.stop()


def test_sighup_reopens_and_reloads(start_agent, work):
    """The file behind a link in a folder is nothing that is watched; SIGHUP takes it."""
    (work / "real").mkdir()
    (work / "links").mkdir()
    (work / "real" / "p.yaml").write_text(ours(work / "p"))
    (work / "links" / "p.yaml").symlink_to(work / "real" / "p.yaml")
    (work / "other.yaml").write_text(ours(work / "other"))
    agent = start(start_agent, work / "links", work / "other.yaml")
    run_storm(agent, 1, 20)
    wait_for_marker(agent, work / "other", 20)
    (work / "other").rename(work / "other.moved")
    (work / "real" / "p.yaml").write_text(ours(work / "p2"))
    with Changed(agent):
        agent.popen.send_signal(signal.SIGHUP)
    wait_until((work / "other").exists, LIVE_S, agent.stderr)
    run_storm(agent, 21, 40)
    for path in ("p2", "other"):
        wait_for_marker(agent, work / path, 40)
    agent.stop()
    for path, numbers in (("p", range(1, 21)), ("p2", range(21, 41)), ("other.moved", range(1, 21)),
                          ("other", range(21, 41))):
        assert_each_once(lines_of(work / path), numbers)


def test_sighup_with_the_embedded_default(start_agent):
    """There is no file to load again."""
    agent = start(start_agent)
    with Changed(agent):
        agent.popen.send_signal(signal.SIGHUP)
    done = agent.run("tiny")
    agent.one(done.pid, "exit")
    agent.stop()


def test_snapshot_at_reload(start_agent, work, folder):
    """For a pipeline that begins, or begins to ask for it; not again for one that changes otherwise, or not at all."""
    hold = subprocess.Popen([shutil.which("sleep"), "60"])

    def snapshots(path):
        return [r for r in records_of(work / path) if r["call_name"] == "snapshot" and r["pid"] == str(hold.pid)]

    def step(n, change):
        with Changed(agent):
            change()
        run_storm(agent, n, n)
        for path in waits:
            wait_for_marker(agent, work / path, n)

    (folder / "old.yaml").write_text(pipeline(work / "old", Snapshot=True))
    agent, waits = start(start_agent, folder), ["old", "new"]
    step(1, lambda: (folder / "new.yaml").write_text(pipeline(work / "new", Snapshot=True)))
    assert len(snapshots("old")) == 1 and len(snapshots("new")) == 1
    step(2, lambda: (folder / "new.yaml").write_text(pipeline(work / "new", Snapshot=True, Fields=["ktime"])))
    assert len(snapshots("new")) == 1
    step(3, lambda: (folder / "new.yaml").write_text(pipeline(work / "new")))
    step(4, lambda: (folder / "new.yaml").write_text(pipeline(work / "new", Snapshot=True)))
    assert len(snapshots("new")) == 2
    waits = ["old"]
    step(5, lambda: (folder / "new.yaml").write_text(pipeline(work / "new", Snapshot=True, enable=False)))
    waits = ["old", "new"]
    step(6, lambda: (folder / "new.yaml").write_text(pipeline(work / "new", Snapshot=True)))
    assert len(snapshots("new")) == 3 and len(snapshots("old")) == 1
    hold.kill()
    hold.wait()
    run_storm(agent, 7, 7)
    for path in waits:
        wait_for_marker(agent, work / path, 7)
    agent.stop()
    ids = {r["exec_id"] for path in waits for r in records_of(work / path) if r["pid"] == str(hold.pid)}
    assert len(ids) == 1, "of all snapshots and of the exit"
    found = records_of(work / "new")
    pids = [r["pid"] for r in found if r["call_name"] == "snapshot"]
    assert len(pids) > 10 and str(agent.pid) not in pids


def test_environment_at_reload(start_agent, work, folder):
    """What is collected changes with what is asked for."""
    (folder / "p.yaml").write_text(ours(work / "1"))
    agent = start(start_agent, folder)
    for n, (path, options) in enumerate([("2", {"Environment": ["FOO"], "Fields": ["loginuid"]}), ("3", {}),
                                         ("4", {"MaxArgumentBytes": "100KiB", "Environment": ["BAR"]})], 1):
        with Changed(agent):
            (folder / "p.yaml").write_text(ours(work / path, **options))
        agent.run([agent.path("tiny"), numbered(n), "x" * 50_000], env={"FOO": "1", "BAR": "2"})
        wait_for_marker(agent, work / path, n)
    agent.stop()
    two, three, four = (records_of(work / x)[0] for x in "234")
    assert parse_arguments(two["environment"]) == [b"FOO=1"] and "loginuid" in two
    assert "environment" not in three and "loginuid" not in three and three["arguments.truncated"] == "true"
    assert parse_arguments(four["environment"]) == [b"BAR=2"] and len(four["arguments"]) > 50_000


def test_queue_of_the_old_version_is_delivered(start_agent, work):
    """Its reader was slow; what waits for it comes before what the new version has."""
    read_end, write_end = os.pipe()
    stdout = flusher("stdout", OnlyStdout="true")
    (work / "p.yaml").write_text(pipeline(stdout, processors=[only_storm()]))
    agent = start(start_agent, work / "p.yaml", preexec=lambda: os.dup2(write_end, 1))
    os.close(write_end)
    run_storm(agent, 1, 500)
    wait_until(lambda: value(agent, "pipeline_out_records_total", pipeline="p") == 1000, 10, agent.stderr)
    assert value(agent, "flusher_queue_bytes", pipeline="p") > 0
    with open(work / "out", "wb") as out:
        with Changed(agent):
            replace(work / "p.yaml", pipeline(stdout, processors=[only_storm()], Fields=["ktime"]))
            time.sleep(0.5)  # the old one is to end meanwhile, and waits
            cat = subprocess.Popen(["cat"], stdin=read_end, stdout=out)
    os.close(read_end)
    run_storm(agent, 501, 600)
    wait_for_marker(agent, work / "out", 600)
    stderr = agent.stop()
    assert cat.wait(10) == 0 and " records dropped" not in stderr
    assert SUMMARY.search(stderr).groups() == ("1200", "0", "0"), stderr
    lines = [x for x in lines_of(work / "out") if x.rstrip().endswith(b"}")]
    assert len(lines_of(work / "out")) - len(lines) <= 1, "what was half in the pipe was ended, and comes whole"
    assert_each_once(lines, range(1, 601))
    assert [b'"ktime"' in x for x in lines] == 1000 * [False] + 200 * [True]


def test_way_out_of_a_blocked_pipeline(start_agent, work):
    """The only flusher is stuck, and the file says something else now."""
    read_end, write_end = os.pipe()
    stuck = flusher("stdout", OnlyStdout="true")
    (work / "p.yaml").write_text(pipeline(stuck, Fields="extended", processors=[only_storm()]))
    agent = start(start_agent, work / "p.yaml", preexec=lambda: os.dup2(write_end, 1))
    os.close(write_end)
    run_storm(agent, 1, 3000)
    wait_until(lambda: value(agent, "flusher_queue_bytes", pipeline="p") >= 4 << 20, 10, agent.stderr)
    replace(work / "p.yaml", ours(work / "out"))
    wait_until((work / "out").exists, 5, lambda: f"the new version; stderr:\n{agent.stderr()}")
    run_storm(agent, 3001, 3100)
    wait_for_marker(agent, work / "out", 3100)
    stderr = agent.stop()
    os.close(read_end)
    assert re.search(r"p: flusher_stdout: [1-9]\d* records wait in ", stderr), stderr
    assert SUMMARY.search(stderr).groups()[1:] == ("0", "0"), stderr
    got = markers(lines_of(work / "out"))["exit"]
    assert got == [*range(got[0], 3101)] and got[0] <= 3001


def test_memory_is_shared_out_anew(start_agent, work, folder):
    """More flushers that nobody takes from than at the start: all their queues together keep within MaxMemory."""
    read_end, write_end = os.pipe()
    stuck = pipeline(flusher("stdout", OnlyStdout="true"), Fields="extended", processors=[only_storm()])
    (folder / "p1.yaml").write_text(stuck)
    agent = start(start_agent, folder, preexec=lambda: os.dup2(write_end, 1),
                  options=["--max-memory", "48MiB", "--ring-size", "1MiB", "--journal-size", "1MiB"])
    os.close(write_end)

    def waiting(name):
        return value(agent, "flusher_queue_bytes", pipeline=name)

    run_storm(agent, 1, 300)
    wait_until(lambda: value(agent, "pipeline_out_records_total", pipeline="p1") == 600, 10, agent.stderr)
    assert 5 << 18 < waiting("p1") < 5 << 19
    with Changed(agent):
        for i in range(2, 9):
            (folder / f"p{i}.yaml").write_text(stuck)
    wait_until(lambda: names(agent) == [f"p{i}" for i in range(1, 9)], LIVE_S, agent.stderr)
    run_storm(agent, 301, 1300)
    wait_until(lambda: all(waiting(f"p{i}") >= 1 << 19 for i in range(2, 9)), 10, agent.stderr)
    time.sleep(0.2)
    assert all(waiting(f"p{i}") <= 1 << 20 for i in range(2, 9)), "27 MiB are left, a quarter of it for eight"
    assert waiting("p1") < 3 << 20, "it has had no room since"
    for i in range(2, 9):
        (folder / f"p{i}.yaml").unlink()
    wait_until(lambda: names(agent) == ["p1"], 30, agent.stderr)  # each gives up on the one stdout
    run_storm(agent, 1301, 1700)
    wait_until(lambda: waiting("p1") > 3 << 20, 10, agent.stderr)
    agent.die()
    os.close(read_end)


class Storms(threading.Thread):
    """Programs in small parts, some hundred a second, until they are told to stop."""

    def __init__(self, agent):
        super().__init__()
        self.agent, self.last, self.is_over = agent, 0, threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.is_over.wait(0.1):
                run_storm(self.agent, self.last + 1, self.last + 30)
                self.last += 30
        except BaseException as e:  # pylint: disable=broad-exception-caught
            self.error = e

    def end(self):
        self.is_over.set()
        self.join()
        assert not self.error, self.error


@pytest.mark.slow
def test_two_hundred_reloads_under_a_storm(start_agent, work):
    """
    Every fourth has a file that is wrong. One pipeline never changes, one changes file, fields and limits, and
    two change roles and files, so that each record is one's or the other's.
    """
    roles = [("x", ["execve"]), ("y", ["exit"])]
    wander = [to_file(work / "w0", MaxFileSize="256KiB", MaxFiles=1000), to_file(work / "w1", MaxFileSize=0),
              to_file(work / "w0", MaxFileSize="256KiB", MaxFiles=1000)]

    def files(i):
        (first, calls), (second, others) = roles[i % 2], roles[1 - i % 2]
        first, second = (first, second) if i % 4 < 2 else (second, first)
        return {
            "steady.yaml": ours(work / "steady") + "\n" * (i % 2),
            "first.yaml": ours(work / first, CallNames=calls),
            "second.yaml": ours(work / second, CallNames=others),
            "wander.yaml": BROKEN if i % 4 == 3 else pipeline(
                wander[i % 3], processors=[only_storm()], Fields=["spec", "extended", "argc"][i % 3],
                MaxArgumentBytes=["100", "32KiB", "1MiB"][i % 3]),
        }

    folder = ConfigMap(work / "d", files(0))
    agent = start(start_agent, work / "d")
    storms = Storms(agent)
    storms.start()
    try:
        for i in range(1, 201):
            with Changed(agent, "partly_refused" if i % 4 == 3 else "applied"):
                folder.update(files(i))
    finally:
        storms.end()
    n = storms.last
    wait_for_marker(agent, work / "steady", n)
    assert reloads(agent) == (150, 50)
    assert value(agent, "pipeline_out_records_total", pipeline="steady") == 2 * n, "it has never begun anew"
    page = json.loads(get(agent, "/status"))
    assert sorted(p["name"] for p in page["agent"]["pipelines"]) == ["first", "second", "steady", "wander"]
    stderr = agent.stop()
    assert SUMMARY.search(stderr).groups() == (str(6 * n), "0", "0"), stderr[-300:]
    assert " records dropped" not in stderr
    assert n > 2000
    assert_each_once(lines_of(work / "steady"), range(1, n + 1))
    assert_each_once(lines_of(work / "x", work / "y"), range(1, n + 1))
    assert_each_once(lines_of(work / "w0", work / "w1"), range(1, n + 1))
    assert len(rolled(work / "w0")) > 3
