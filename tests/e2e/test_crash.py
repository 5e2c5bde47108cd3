# SPDX-License-Identifier: Apache-2.0
"""The agent may die at any moment: nothing is missing, nothing is torn, doubles are few and recognisable."""
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

import harness
from harness import marker, matches, wait_until
from pipelines import wait_for_value
from trial import CALLS, FIELDS, SMALLEST_RING, Trial, crash_points

STORM = 1500


@pytest.fixture
def trial(start_agent, truth):
    """A function that starts an agent under the witness's eyes."""
    def begin(**kwargs):
        return Trial(start_agent(fields=kwargs.pop("fields", FIELDS), calls=CALLS, **kwargs), truth)

    return begin


def pins_of(agent):
    return sorted(Path("/sys/fs/bpf/proctrail", agent.instance).rglob("*"))


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.05, 0.1])
def test_kill_under_load(trial, after_s):
    t = trial()
    t.storm(STORM, background=True)
    time.sleep(after_s)
    t.agent.die()
    time.sleep(0.05)
    t.agent.start_again()
    account = t.check_all_told()
    assert account.generated["execve"] >= STORM


def test_many_kills_under_load(trial):
    t = trial()
    rng = random.Random(4)
    for _ in range(6):
        t.storm(STORM // 2, background=True)
        time.sleep(rng.random() * 0.1)
        t.agent.die()
        t.agent.start_again()
    t.check_all_told(crashes=6)


@pytest.mark.parametrize("point", crash_points())
def test_death_at_a_crash_point_under_load(trial, faulty_binary, point):
    """A point that this life does not pass is met by none of its deaths: then it is killed, later."""
    t = trial()
    t.agent.die()
    t.agent.start_again(binary=faulty_binary, env={"PROCTRAIL_FAULT": f"{point}:3"}, wait=False)
    t.storm(STORM, background=True)
    if not t.wait_for_death(2):
        t.agent.die()
    t.agent.start_again()
    t.storm(100)
    t.check_all_told(crashes=2)


@pytest.mark.parametrize("point", crash_points())
def test_death_at_a_crash_point_of_a_first_life(start_agent, faulty_binary, truth, point):
    """Armed from the first start: what is not pinned yet leaves nothing in the way of the next."""
    agent = start_agent(fields=FIELDS, calls=CALLS, wait=False)
    agent.die()
    harness.remove_instance(agent.instance)
    agent.start_again(binary=faulty_binary, env={"PROCTRAIL_FAULT": f"{point}:1"}, wait=False)
    for _ in range(20):
        subprocess.run([agent.path("tiny"), "meanwhile"], check=True)
        if agent.popen.poll() is not None:
            break
        time.sleep(0.05)
    agent.die()
    agent.start_again()
    t = Trial(agent, truth)
    t.storm(100)
    t.check_all_told()


def test_what_happened_while_no_agent_lived_comes_out_first_and_in_order(trial):
    t = trial()
    agent = t.agent
    agent.die()
    texts = [marker() for _ in range(200)]
    for text in texts:
        subprocess.run([agent.path("tiny"), text], check=True)
    agent.start_again()
    after = marker()
    subprocess.run([agent.path("tiny"), after], check=True)
    t.check_all_told()
    execs = [r for r in agent.records() if r["call_name"] == "execve"]
    mine = [r["arguments"] for r in execs if r["arguments"] in [*texts, after]]
    assert mine == [*texts, after]
    seqs = [int(r["__seq__"]) for r in execs]
    assert seqs == sorted(seqs), "the order of the ring goes on over the restart"


def test_ids_and_parents_are_after_a_crash_as_before(trial):
    t = trial()
    agent = t.agent
    hold = agent.start(["/bin/sh", "-c", f"{agent.path('hold')} child; :", "a-shell"])
    wait_until(lambda: [r for r in agent.fence() if r.get("parent.pid") == str(hold.pid)], 5, "the child")
    child = [r for r in agent.records() if r.get("parent.pid") == str(hold.pid) and r["call_name"] == "execve"][0]
    shell = agent.of(hold.pid, "execve")[-1]
    assert child["parent.exec_id"] == shell["exec_id"]
    agent.die()
    agent.start_again()
    done = agent.run([agent.path("tiny"), "after"])
    hold.end()
    exits = {r.get("pid"): r for r in agent.fence() if r["call_name"] == "exit"}
    for before in (child, shell):
        after = exits[before["pid"]]
        assert after["exec_id"] == before["exec_id"] and after["parent.exec_id"] == before["parent.exec_id"]
        same = [k for k in before if k.startswith(("parent.", "cap.", "cwd", "arguments", "binary", "uid", "user"))]
        assert {k: after[k] for k in same} == {k: before[k] for k in same}
    assert agent.of(done.pid, "execve")[0]["parent.pid"] == str(os.getpid())


class Orphan:
    """A program that lives on behind its parent, a shell that is known by its arguments and that leave() ends."""

    def __init__(self, agent):
        self.agent = agent
        self.paths = [agent.directory / name for name in ("child", "parent")]
        for path in self.paths:
            os.mkfifo(path)
        word = marker()
        script = f"{agent.path('hold')} of-{word} < {self.paths[0]} > /dev/null & read x < {self.paths[1]}; exit 3"
        self.shell = subprocess.Popen(["/bin/sh", "-c", script, word], cwd=agent.directory)
        self.child_input, self.shell_input = (open(path, "wb") for path in self.paths)
        self.record = wait_until(lambda: [r for r in agent.fence() if r["call_name"] == "execve"
                                          and r["arguments"] == f"of-{word}"], 5, "the child")[0]

    def leave(self):
        self.shell_input.close()
        assert self.shell.wait(5) == 3

    def end(self):
        """The record of the program's end."""
        self.child_input.close()
        return wait_until(lambda: [r for r in self.agent.fence() if r.get("pid") == self.record["pid"]
                                   and r["call_name"] == "exit"], 5, "the exit")[0]


@pytest.mark.parametrize("how", ["parent ends before", "parent ends meanwhile", "two crashes", "kept by a stop"])
def test_exit_of_who_ran_all_along_has_its_old_id_and_its_dead_parents_details(trial, how):
    agent = trial(options=["--keep-on-stop", "true"]).agent
    orphan = Orphan(agent)
    before = orphan.record
    assert before["parent.binary"] == "/bin/sh" and "exit 3" in before["parent.arguments"]
    if how != "parent ends meanwhile":
        orphan.leave()
    if how == "kept by a stop":
        agent.stop()
    agent.die()
    if how == "parent ends meanwhile":
        orphan.leave()
    agent.start_again()
    if how == "two crashes":
        agent.run("tiny")
        agent.die()
        agent.start_again()
    after = orphan.end()
    for key in ("exec_id", "parent.exec_id", "parent.pid", "parent.binary", "parent.arguments", "parent.cwd",
                "parent.uid", "binary", "arguments", "cwd"):
        assert after[key] == before[key], key
    assert after["exit_code"] == "0" and "inferred" not in after


def test_a_stop_lets_go_of_everything(start_agent):
    agent = start_agent()
    assert pins_of(agent), "while it runs, the pins are there"
    agent.run("tiny")
    agent.stop()
    assert not Path("/sys/fs/bpf/proctrail", agent.instance).exists()
    agent.start_again()
    done = agent.run("tiny")
    assert len(agent.of(done.pid)) == 2


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_keep_on_stop(trial, sig):
    t = trial(options=["--keep-on-stop", "true"])
    t.storm(300)
    t.agent.stop(sig)
    assert pins_of(t.agent)
    t.storm(300)
    t.agent.start_again()
    t.storm(100)
    t.check_all_told(crashes=0)


def test_detach_removes_what_a_dead_agent_left(trial, binary):
    agent = trial().agent
    done = subprocess.run([binary, "detach", "--instance", agent.instance], capture_output=True, text=True,
                          timeout=10, check=False)
    assert done.returncode != 0 and str(agent.pid) in done.stderr, f"of one that lives: {done}"
    assert pins_of(agent)
    agent.die()
    assert pins_of(agent)
    done = subprocess.run([binary, "detach", "--instance", agent.instance], capture_output=True, text=True,
                          timeout=10, check=False)
    assert done.returncode == 0, done.stderr
    assert not Path("/sys/fs/bpf/proctrail", agent.instance).exists()
    done = subprocess.run([binary, "detach", "--instance", agent.instance], capture_output=True, text=True,
                          timeout=10, check=False)
    assert done.returncode == 0, f"there is nothing to remove, which is what was asked for: {done}"


def test_a_second_agent_says_who_has_the_instance_and_leaves(start_agent, binary):
    agent = start_agent()
    second = subprocess.run([binary, "run", "--instance", agent.instance, "--control-socket", "none"],
                            capture_output=True, text=True, timeout=10, check=False)
    assert second.returncode not in (0, -6, -11)
    assert re.search(rf"\b{agent.pid}\b", second.stderr) and "--instance" in second.stderr, second.stderr
    assert "ready" not in second.stderr.split("\n")
    done = agent.run("tiny")
    assert len(agent.of(done.pid)) == 2, "the first is not disturbed"


def test_instances_live_side_by_side(start_agent):
    agents = [start_agent() for _ in range(3)]
    assert len({a.instance for a in agents}) == 3
    agents[1].die()
    done = agents[0].run("tiny")
    assert len(agents[0].of(done.pid)) == len(agents[2].of(done.pid)) == 2
    agents[2].stop()
    agents[1].start_again()
    assert len(agents[1].of(done.pid)) == 2


def test_a_ring_that_ran_full_while_no_agent_lived_is_reported(trial):
    t = trial(options=SMALLEST_RING)
    t.agent.die()
    t.storm(3000)
    t.agent.start_again()
    account = t.account()
    assert account.missing["exit"] > 100
    account.check_exact()


@pytest.mark.parametrize("gone", ["exec", "exit", "fork", "cgroup", "streams", "knobs", "ring", "all links"])
def test_pins_that_are_partly_gone_are_completed_or_replaced(trial, gone):
    """Whatever is missing of the pins, the agent starts, and says what may be missing of the records."""
    t = trial()
    agent = t.agent
    agent.die()
    wanted = ["exec", "exit", "fork", "cgroup"] if gone == "all links" else [gone]
    found = [p for p in pins_of(agent) if p.is_file() and p.name in wanted]
    assert len(found) == len(wanted), pins_of(agent)
    for pin in found:
        pin.unlink()
    for _ in range(20):
        subprocess.run([agent.path("tiny"), "unseen"], check=True)
    agent.start_again()
    account = t.account_once()
    if gone != "cgroup":
        assert account.told.lost, f"nobody says that something may be missing: {account}\n{agent.stderr()}"
    t = Trial(agent, t.truth)
    t.storm(200)
    t.check_all_told(crashes=0)


def test_foreign_pins_are_not_trusted(trial):
    """A ring of another kind under our names."""
    t = trial()
    agent = t.agent
    agent.die()
    for pin in [p for p in pins_of(agent) if p.is_file() and p.name in ("ring", "knobs")]:
        pin.unlink()
        kind = ["array", "key", "4", "value", "8"] if pin.name == "ring" else ["hash", "key", "8", "value", "16"]
        done = subprocess.run([harness.REPO / "tools" / "find-bpftool", "map", "create", pin, "type", *kind, "entries", "4", "name", "foreign"],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
    agent.start_again()
    done = agent.run("tiny")
    assert len([r for r in agent.of(done.pid) if r["call_name"] != "clone"]) == 2


def test_stopped_and_continued_agent_tells_all(trial):
    t = trial()
    t.storm(STORM, background=True)
    t.agent.popen.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    t.agent.popen.send_signal(signal.SIGCONT)
    t.check_all_told(crashes=0)


def test_no_record_twice_after_a_quiet_crash(trial):
    """Everything was in custody: nothing comes again."""
    t = trial()
    t.storm(300)
    t.fence()
    time.sleep(0.3)
    t.agent.die()
    t.agent.start_again()
    account = t.check_all_told()
    assert not account.doubles


def test_a_crash_costs_nothing_of_the_counters_of_loss(trial):
    """What was lost before the crash is told once, not again by the next life."""
    t = trial(options=SMALLEST_RING)
    t.agent.popen.send_signal(signal.SIGSTOP)
    t.storm(3000)
    t.agent.popen.send_signal(signal.SIGCONT)
    t.fence()
    time.sleep(0.3)
    t.agent.die()
    t.agent.start_again()
    t.storm(100)
    account = t.account()
    assert account.missing["exit"] > 100
    account.check_exact()


def test_metrics_count_what_was_lost(trial):
    t = trial(options=SMALLEST_RING)
    t.agent.popen.send_signal(signal.SIGSTOP)
    t.storm(3000)
    t.agent.popen.send_signal(signal.SIGCONT)
    account = t.account()
    account.check_exact()
    for call in CALLS:
        wait_for_value(t.agent, "lost_records_total", account.told.lost_of(call), type=call)
    assert matches(account.told.lost[0], {"lost.reason": "ring_full"})
