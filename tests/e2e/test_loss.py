# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost silently: generated = delivered + reported lost, for each type, against a witness."""
import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness import wait_until
from pipelines import get, wait_for_value
from trial import CALLS, SMALLEST_RING, Trial
from truth import Account, Told, exec_id

TAIL_S = 2  # until a loss behind which nothing comes is told
LOST_KEYS = ["lost.execve", "lost.exit", "lost.clone", "lost.other"]


def pipeline(path, **options):
    lines = [f"    {key}: {json.dumps(text)}" for key, text in options.items()]
    return "\n".join(["enable: true", "inputs:", "  - Type: input_process_security", *lines, "flushers:",
                      "  - Type: flusher_file", f"    FilePath: {path}", "    MaxFileSize: 0", ""])


@pytest.fixture
def small(start_agent):
    """An agent with the smallest ring."""
    return start_agent(fields="extended", calls=CALLS, options=SMALLEST_RING)


def storm(agent, n, *command):
    command = command or [agent.path("storm"), agent.path("tiny"), "1", str(n)]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL, cwd=agent.directory)


class Stopped:
    """The agent reads nothing inside of this."""

    def __init__(self, agent):
        self.agent = agent

    def __enter__(self):
        self.agent.popen.send_signal(signal.SIGSTOP)

    def __exit__(self, *_):
        self.agent.popen.send_signal(signal.SIGCONT)


def lost_records(path):
    return Told(path).lost


def account_of(agent, truth, begin, path=None):
    """What was told of all that has happened since `begin`."""
    return Trial(agent, truth, [path or agent.out_path], begin).account()


def test_witness_and_agent_agree_where_nothing_is_lost(start_agent, truth):
    agent = start_agent(fields="extended", calls=CALLS)
    agent.fence()
    begin = truth.now()
    storm(agent, 3000)
    storm(agent, 0, agent.path("forks"), "2000")
    storm(agent, 0, agent.path("threads_exit"), "each", "16")
    account = account_of(agent, truth, begin)
    account.check_nothing_missing()
    account.check_doubles(0)
    assert not account.told.lost
    assert account.generated["execve"] >= 3000 and account.generated["clone"] >= 5000


@pytest.mark.parametrize("workload", ["storm", "forks", "long_args"])
def test_every_lost_record_is_reported_by_type(small, truth, workload):
    small.fence()
    begin = truth.now()
    with Stopped(small):
        if workload == "storm":
            storm(small, 4000)
        elif workload == "forks":
            storm(small, 0, small.path("forks"), "4000")
        else:
            storm(small, 0, small.path("long_args"), small.path("tiny"), "200000", "300")
    account = account_of(small, truth, begin)
    assert account.missing["exit"] > 100, f"no storm: {account}"
    account.check_exact()
    account.check_doubles(0)


def test_losses_one_after_the_other_add_up(small, truth):
    small.fence()
    begin = truth.now()
    for _ in range(5):
        with Stopped(small):
            storm(small, 1000)
        storm(small, 300)
    account = account_of(small, truth, begin)
    account.check_exact()
    assert len(account.told.lost) >= 5


def test_a_lost_record_says_when_why_and_where(small):
    small.fence()
    before = time.time()
    with Stopped(small):
        storm(small, 3000)
    after = time.time()
    small.fence()  # it may be in the batch that the lost record ends
    small.fence()
    records = small.records()
    at = [i for i, r in enumerate(records) if r["call_name"] == "lost"]
    lost = max((records[i] for i in at), key=lambda r: int(r["lost.exit"]))
    assert lost["lost.reason"] == "ring_full" and lost["event_type"]
    since, until = lost["lost.since"], lost["lost.until"]
    assert all(re.fullmatch(r"\d+\.\d{9}", t) for t in (since, until)), lost
    assert before - 1 <= float(since) <= float(until) <= after + 3
    assert float(until) - float(since) > 0.001
    assert all(re.fullmatch(r"\d+", lost[k]) for k in LOST_KEYS if k in lost)
    assert not {"exec_id", "pid", "binary"} & set(lost)
    assert 0 < records.index(lost) < len(records) - 1, "it stands where the records are missing"


def test_a_loss_is_in_every_pipeline_and_in_the_metrics(start_agent, work, truth):
    paths = {
        "all": pipeline(work / "all.out", CallNames=CALLS, Fields="extended"),
        "execve": pipeline(work / "execve.out", CallNames=["execve"]),
        "none": pipeline(work / "none.out").replace(
            "flushers:", "processors:\n  - Type: processor_filter\n"
                         "    Include: {field: pid, equals: '0'}\nflushers:"),
    }
    (work / "p").mkdir()
    for name, text in paths.items():
        (work / "p" / f"{name}.yaml").write_text(text)
    agent = start_agent(config=None, options=["--config", work / "p", *SMALLEST_RING])
    agent.out_path, agent.calls = work / "all.out", CALLS
    agent.fence()
    begin = truth.now()
    with Stopped(agent):
        storm(agent, 3000)
    account = account_of(agent, truth, begin)
    account.check_exact()
    told = {}
    for name in paths:
        wait_until(lambda n=name: lost_records(work / f"{n}.out"), 5, f"the loss in {name}")
        lost = lost_records(work / f"{name}.out")
        told[name] = [{k: v for k, v in r.items() if k.startswith("lost.")} for r in lost]
    assert told["all"] == told["execve"] == told["none"]
    assert (work / "none.out").read_bytes().count(b"\n") == len(told["none"]), "and nothing else passes"
    for call in CALLS:
        wait_for_value(agent, "lost_records_total", account.told.lost_of(call), type=call)
    assert "lost" in get(agent, "/metrics")


def test_a_loss_at_the_tail_is_told_though_nothing_follows(small, truth):
    """The storm ends, the agent goes on: no process of ours runs, and the loss has to come out."""
    small.fence()
    begin = truth.now()
    with Stopped(small):
        storm(small, 3000)
        end = truth.now()
    time_at = time.monotonic()
    wait_until(lambda: lost_records(small.out_path), TAIL_S + 1, "the lost record")
    assert time.monotonic() - time_at <= TAIL_S
    wait_until(lambda: Account(truth.events(begin, end), Told(small.out_path)).missing["exit"]
               <= Told(small.out_path).lost_of("exit"), TAIL_S, "all of the loss")
    account_of(small, truth, begin).check_exact()


def test_long_arguments_are_cut_before_a_record_is_dropped(small):
    """What is free would not take the arguments, but it takes the record."""
    small.fence()
    with Stopped(small):
        storm(small, 0, small.path("long_args"), small.path("tiny"), "30000", "25")
    records = small.fence()
    long = [r for r in records if r["call_name"] == "execve" and r["arguments"][:20] == "b" * 20]
    assert len(long) == 25, "none of them is lost"
    assert long[0].get("arguments.truncated") != "true" == long[-1].get("arguments.truncated")


def test_table_is_right_after_a_gap(small):
    """Parents right, what ended unseen has ended, and nothing that lives was ended."""
    living = small.start([small.path("hold"), "lives"])
    ends = [small.start([small.path("hold"), f"ends-{i}"]) for i in range(3)]
    small.fence()
    started = []
    with Stopped(small):
        storm(small, 3000)
        for workload in ends:
            workload.end()
        unseen = small.start([small.path("hold"), "born unseen"])
        started.append(unseen)
    small.fence()

    def inferred():
        return [r for r in small.records() if r.get("inferred") == "true"]

    wait_until(lambda: len(inferred()) >= 3, 5, lambda: f"inferred exits: {inferred()}")
    for workload in ends:
        exits = [r for r in small.records() if r.get("pid") == str(workload.pid) and r["call_name"] == "exit"]
        execs = [r for r in small.records() if r.get("pid") == str(workload.pid) and r["call_name"] == "execve"]
        assert len(exits) == 1 and exits[0]["inferred"] == "true" and not exits[0].get("exit_code")
        assert exits[0]["exec_id"] == execs[0]["exec_id"] and exits[0]["binary"] == small.path("hold")
    alive = {str(living.pid), str(unseen.pid)}
    assert not [r for r in small.records() if r["call_name"] == "exit" and r.get("pid") in alive]
    for workload in (living, unseen):
        assert workload.end()
    exits = {r.get("pid"): r for r in small.fence() if r["call_name"] == "exit"}
    assert all("inferred" not in exits[pid] for pid in alive)
    assert exits[str(unseen.pid)]["binary"] == small.path("hold"), "the pass has told of who was born unseen"
    assert exits[str(unseen.pid)]["parent.pid"] == exits[str(living.pid)]["parent.pid"]


def test_pids_that_come_again_in_a_gap_have_the_right_parent(small, truth):
    """A storm of children of children, most of it lost: whose child each is that was delivered."""
    small.fence()
    begin = truth.now()
    script = "i=0; while [ $i -lt 400 ]; do (tiny; tiny) & i=$((i+1)); done; wait".replace("tiny", small.path("tiny"))
    with Stopped(small):
        subprocess.run(["/bin/sh", "-c", script], check=True, timeout=60)
    subprocess.run(["/bin/sh", "-c", script], check=True, timeout=60)
    account_of(small, truth, begin).check_exact()
    events = truth.events(begin, truth.now())
    parents = {event.id.decode(): str(event.parent) for event in events if event.call == "clone"}
    checked = 0
    for record in small.records():
        parent = parents.get(record.get("exec_id")) if record["call_name"] == "clone" else None
        if parent and record.get("parent.pid"):
            assert record["parent.pid"] == parent, record
            checked += 1
    assert checked > 100


def test_an_id_is_what_the_witness_says(start_agent, truth):
    agent = start_agent(fields="extended", calls=CALLS)
    agent.fence()
    begin = truth.now()
    done = agent.run("exec_twice", check=None)
    agent.fence()
    mine = [e for e in truth.events(begin, truth.now()) if e.pid == done.pid and e.call == "execve"]
    told = [r["exec_id"].encode() for r in agent.of(done.pid, "execve")]
    assert told == [exec_id(truth.node, e.start, e.count, e.pid) for e in mine] and len(told) >= 2


def test_production_has_no_crash_points(binary):
    text = Path(binary).read_bytes()
    for name in (b"PROCTRAIL_FAULT", b"fault_pass", b"journal_middle", b"output_middle"):
        assert name not in text, name


def test_faults_are_in_the_build_for_them(faulty_binary):
    assert b"PROCTRAIL_FAULT" in Path(faulty_binary).read_bytes()
