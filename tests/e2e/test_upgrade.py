# SPDX-License-Identifier: Apache-2.0
"""Another build takes over under load: nothing is missing, nothing comes twice that cannot be told."""
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import wait_until
from trial import CALLS, FIELDS, Trial

STORM = 2000


@pytest.fixture
def trial(start_agent, truth):
    def begin(**kwargs):
        return Trial(start_agent(fields=kwargs.pop("fields", FIELDS), calls=CALLS,
                                 options=["--keep-on-stop", "true", *kwargs.pop("options", [])], **kwargs), truth)

    return begin


def generations(agent):
    return sorted(p.name for p in Path("/sys/fs/bpf/proctrail", agent.instance).iterdir() if p.is_dir())


@pytest.mark.parametrize("how", ["killed", "in order"])
@pytest.mark.parametrize("ring", ["same", "8MiB", "32MiB"])
def test_a_new_build_takes_over_under_load(trial, faulty_binary, how, ring):
    t = trial()
    before = generations(t.agent)
    t.storm(STORM, background=True)
    time.sleep(0.03)
    if how == "killed":
        t.agent.die()
    else:
        t.agent.stop()
    t.agent.start_again(*([] if ring == "same" else ["--ring-size", ring]), binary=faulty_binary)
    t.storm(300)
    t.check_all_told()
    wait_until(lambda: len(generations(t.agent)) == 1, 5, lambda: f"one generation: {generations(t.agent)}")
    assert len(before) == 1 and generations(t.agent) != before


def test_upgrades_one_after_the_other_under_a_storm_that_does_not_end(trial, binary, faulty_binary):
    t = trial()
    is_over = threading.Event()

    def load():
        while not is_over.is_set():
            t.storm(200)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for i, program in enumerate([faulty_binary, binary, faulty_binary, binary]):
            time.sleep(0.05)
            if i % 2:
                t.agent.die()
            else:
                t.agent.stop()
            t.agent.start_again(binary=program)
    finally:
        is_over.set()
        thread.join()
    t.check_all_told(crashes=2)


def test_records_of_twins_are_one(trial, faulty_binary):
    """While both generations are attached every event is in the ring twice; it is told once."""
    t = trial()
    t.storm(STORM, background=True)
    t.agent.stop()
    t.agent.start_again(binary=faulty_binary)
    account = t.check_all_told(crashes=0)
    assert not account.doubles


def test_an_upgrade_keeps_ids_and_the_dead_parents_details(trial, faulty_binary):
    agent = trial().agent
    fifo = agent.directory / "fifo"
    subprocess.run(["mkfifo", fifo], check=True)
    script = f"{agent.path('hold')} stays < {fifo} > /dev/null & exec sleep 0.2"
    shell = subprocess.Popen(["/bin/sh", "-c", script], cwd=agent.directory)
    with open(fifo, "wb"):
        assert shell.wait(5) == 0
        before = wait_until(lambda: [r for r in agent.fence() if r["call_name"] == "execve"
                                     and r["arguments"] == "stays"], 5, "its execve")[0]
        agent.stop()
        agent.start_again(binary=faulty_binary)
    after = wait_until(lambda: [r for r in agent.fence() if r.get("pid") == before["pid"]
                                and r["call_name"] == "exit"], 5, "its exit")[0]
    for key in ("exec_id", "parent.exec_id", "parent.binary", "parent.arguments", "binary", "arguments"):
        assert after[key] == before[key], key


def test_a_smaller_ring_takes_over_what_waits_in_the_larger(trial):
    t = trial()
    t.agent.die()
    t.storm(STORM)
    t.agent.start_again("--ring-size", "1MiB")
    account = t.check_all_told()
    assert account.generated["execve"] >= STORM


def test_killed_while_it_takes_over(trial, faulty_binary):
    """Two generations, or two rings, may be pinned then; the next agent sorts it out."""
    t = trial()
    for i in range(6):
        t.storm(300, background=True)
        t.agent.die()
        t.agent.start_again("--ring-size", ["4MiB", "16MiB"][i % 2], binary=faulty_binary, wait=False)
        time.sleep(0.04 * i)
    t.agent.die()
    t.agent.start_again()
    t.storm(100)
    t.check_all_told(crashes=7)
    wait_until(lambda: len(generations(t.agent)) == 1, 5, lambda: f"one generation: {generations(t.agent)}")
