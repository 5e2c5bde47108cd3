# SPDX-License-Identifier: Apache-2.0
"""How a process ended: code, signal, core, which thread was last, and what it used."""
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness import wait_until

TICK_NS = 10_000_000  # a tick is 1 to 10 ms
OWN_WORK_NS = 5_000_000  # of the exit itself, after the record is made: it gives back the memory that was touched


@pytest.mark.parametrize("code", [0, 1, 42, 127, 128, 255, 256, 257])
def test_exit_code(agent, code):
    records = agent.run_and_check("exit_with", str(code))
    assert "exit_signal" not in records[-1] and "core_dumped" not in records[-1]


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGABRT", "SIGSEGV", "SIGHUP", "SIGPIPE"])
def test_exit_by_signal(agent, name):
    _, exit_ = agent.run_and_check("raise", str(int(signal.Signals[name])))
    assert exit_["exit_signal"] == name
    assert "core_dumped" not in exit_


def test_exit_by_realtime_signal(agent):
    _, exit_ = agent.run_and_check("raise", str(int(signal.SIGRTMIN) + 3))
    assert exit_["exit_code"] == str(128 + signal.SIGRTMIN + 3)
    assert exit_["exit_signal"]


def test_core_dump_is_told(agent):
    done = agent.run([agent.path("raise"), "11", "core"])
    _, exit_ = agent.check(done.expected)
    assert exit_["exit_signal"] == "SIGSEGV" and exit_["exit_code"] == "139"
    if not os.WCOREDUMP(done.status):
        pytest.skip("no core is dumped here")
    assert exit_["core_dumped"] == "true"


def test_caught_signal_is_no_signal(agent):
    _, exit_ = agent.run_and_check("catch_term")
    assert "exit_signal" not in exit_


def test_leader_that_leaves_first_does_not_end_the_process(agent):
    running = agent.start([agent.path("leader_exits")])
    stat = Path(f"/proc/{running.pid}/task/{running.pid}/stat")
    wait_until(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "Z", 5, "the leader's end")
    assert [r["call_name"] for r in agent.of(running.pid)] == ["execve"]
    expected = running.end().expected
    _, exit_ = agent.check(expected)
    assert exit_["exit_tid"] != exit_["pid"]
    assert exit_["exit_code"] == str(running.popen.returncode)


def test_64_threads_that_exit_at_once_are_one_exit(agent):
    for _ in range(10):
        agent.run_and_check("threads_exit", "each", "64")


def test_exit_group_of_a_thread_is_one_exit(agent):
    for _ in range(10):
        agent.run_and_check("threads_exit", "group", "64")


def test_killed_threads_are_one_exit(agent):
    running = agent.start([agent.path("hold")])
    os.kill(running.pid, signal.SIGKILL)
    running.end()
    execve, exit_ = agent.of(running.pid)
    assert (exit_["exit_code"], exit_["exit_signal"]) == ("137", "SIGKILL")


@pytest.mark.parametrize("threads", [0, 3])
def test_resource_usage_is_that_of_wait4(extended, threads):
    done = extended.run([extended.path("burn"), "60", "64", str(threads)], check=0)
    exit_ = extended.of(done.pid)[-1]
    user, system = int(exit_["cpu.user_ns"]), int(exit_["cpu.system_ns"])
    truth = (done.usage.ru_utime + done.usage.ru_stime) * 1e9
    slack = TICK_NS + OWN_WORK_NS + truth / 20
    assert truth - slack <= user + system <= truth + slack
    assert abs(user - done.usage.ru_utime * 1e9) <= slack + truth / 10
    assert abs(system - done.usage.ru_stime * 1e9) <= slack + truth / 10
    peak = done.usage.ru_maxrss * 1024
    assert abs(int(exit_["memory.peak_bytes"]) - peak) <= peak / 20
    assert peak > 64 << 20


def test_resource_usage_leaves_out_children(extended):
    # in a shell of a shell: the first one's peak is that of the memory that it shared with its parent before exec
    done = extended.run(["/bin/sh", "-c", f"/bin/sh -c '{extended.path('burn')} 200 32; exit 0'; exit 0"], check=0)
    (exit_,) = [r for r in extended.of_parent(done.pid) if r["call_name"] == "exit"]
    assert int(exit_["cpu.user_ns"]) + int(exit_["cpu.system_ns"]) < 100_000_000
    assert int(exit_["memory.peak_bytes"]) < 32 << 20


def test_duration_is_from_start_to_end(extended):
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    done = extended.run([extended.path("burn"), "120", "1"])
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    exit_ = extended.of(done.pid, "exit")[0]
    assert 120_000_000 <= int(exit_["duration_ns"]) <= after - before


def test_exit_of_a_process_that_is_older_than_the_agent(start_agent, workloads, work):
    old = subprocess.Popen([workloads / "hold", "old"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=work)
    try:
        assert old.stdout.readline()
        agent = start_agent(fields="extended")
        old.send_signal(signal.SIGTERM)
        old.wait(10)
        exit_ = agent.one(old.pid, "exit")
        assert exit_["binary"] == str(workloads / "hold") and exit_["arguments"] == "old"
        assert exit_["cwd"] == str(work)
        assert (exit_["exit_code"], exit_["exit_signal"]) == ("143", "SIGTERM")
        assert int(exit_["duration_ns"]) > 0 and int(exit_["memory.peak_bytes"]) > 0
        agent.stop()
    finally:
        old.kill()
        old.communicate()
