# SPDX-License-Identifier: Apache-2.0
"""What is an execve, a clone and an exit, and whose child a process is."""
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from harness import SPEC_KEYS, exec_id_parts, marker, matches, stat_of, wait_until

PF_KTHREAD = 0x00200000


def in_order(keys, order):
    return list(keys) == [k for k in order if k in keys]


def test_exec_and_exit_are_one_record_each_with_the_same_id(agent):
    before = time.time()
    done = agent.run([agent.path("tiny"), "hello"])
    execve, exit_ = agent.of(done.pid)
    after = time.time()
    assert [execve["call_name"], exit_["call_name"]] == ["execve", "exit"]
    assert execve["exec_id"] == exit_["exec_id"]
    assert execve["binary"] == agent.path("tiny") and execve["arguments"] == "hello"
    assert execve["cwd"] == str(agent.directory)
    assert execve["parent.pid"] == str(os.getpid())
    assert execve["event_type"] == exit_["event_type"] == "kprobe"
    assert exit_["exit_code"] == "0" and exit_["exit_tid"] == str(done.pid)
    assert int(before) <= execve["__time__"] <= exit_["__time__"] <= after + 1


def test_records_have_exactly_the_keys_of_the_spec_in_its_order(agent):
    done = agent.run("tiny")
    execve, exit_ = agent.of(done.pid)
    optional = {k for k in SPEC_KEYS if k.startswith(("container.", "k8s.", "__tag__", "exit_"))}
    optional |= {"core_dumped", "arguments.truncated", "cwd.truncated"}
    required = [k for k in SPEC_KEYS if k not in optional]
    assert [k for k in execve if k not in ("container.id",)] == required
    time_at = len(required) - 1
    with_exit = required[:time_at] + ["exit_code", "exit_tid"] + required[time_at:]
    assert [k for k in exit_ if k not in ("container.id",)] == with_exit


def test_every_record_is_compact_and_all_values_are_strings(agent):
    agent.run("tiny")
    agent.fence()
    for line in agent.out_path.read_bytes().split(b"\n")[:-1]:
        record = json.loads(line)
        assert line.decode() == json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        assert isinstance(record.pop("__time__"), int)  # a string from flusher_stdout only
        assert all(isinstance(v, str) for v in record.values()), record
        assert set(record) <= set(SPEC_KEYS), set(record) - set(SPEC_KEYS)
        assert in_order(record, SPEC_KEYS), list(record)


def test_exec_id_names_node_start_and_pid(agent):
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    running = agent.start([agent.path("hold")])
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    node, ktime, pid = exec_id_parts(agent.one(running.pid, "execve")["exec_id"])
    assert node == os.uname().nodename and pid == running.pid
    assert before < ktime < after
    ticks = ktime * os.sysconf("SC_CLK_TCK") // 10**9
    assert abs(ticks - int(stat_of(running.pid)[19])) <= 1


@pytest.mark.parametrize("workload", ["vfork_exec", "spawn"])
def test_child_by_vfork_and_by_posix_spawn(extended, workload):
    extended.run_and_check(workload, extended.path("tiny"))


def test_fork_without_exec_inherits_the_program_under_a_new_id(extended):
    records = extended.run_and_check("fork_only")
    parent, clone, child_exit, parent_exit = records
    assert clone["exec_id"] == child_exit["exec_id"] != parent["exec_id"]
    assert clone["parent.exec_id"] == parent["exec_id"] == parent_exit["exec_id"]


def test_clone_and_the_execve_that_follows_have_different_ids(extended):
    parent, clone, execve, exit_, _ = extended.run_and_check("vfork_exec", extended.path("tiny"))
    assert clone["exec_id"] != execve["exec_id"] == exit_["exec_id"]
    assert clone["parent.exec_id"] == execve["parent.exec_id"] == parent["exec_id"]


def test_no_clone_records_unless_asked(agent):
    agent.run("fork_only", check=0)
    agent.fence()
    assert {r["call_name"] for r in agent.records()} == {"execve", "exit"}


@pytest.mark.parametrize("calls", [["execve"], ["exit"], ["clone"], ["execve", "clone"]])
def test_only_the_calls_that_were_asked_for(start_agent, calls):
    agent = start_agent(calls=calls)
    agent.run_and_check("vfork_exec", agent.path("tiny"))
    assert {r["call_name"] for r in agent.records()} <= set(calls)
    agent.stop()


def test_threads_are_not_clones(extended):
    done = extended.run([extended.path("threads_exit"), "each", "16"])
    assert [r["call_name"] for r in extended.of(done.pid)] == ["clone", "execve", "exit"]
    assert not [r for r in extended.records() if r.get("parent.pid") == str(done.pid)]


def test_exec_again_in_the_same_pid_links_the_images(agent):
    one, two, three, exit_ = agent.run_and_check("exec_twice", "1")
    assert len({one["exec_id"], two["exec_id"], three["exec_id"]}) == 3
    assert two["parent.exec_id"] == one["exec_id"] and three["parent.exec_id"] == two["exec_id"]
    assert exit_["exec_id"] == three["exec_id"] and exit_["parent.exec_id"] == two["exec_id"]


@pytest.mark.parametrize("leader", ["with", "without"])
def test_exec_from_a_thread_keeps_the_pid_and_is_one_process(agent, leader):
    done = agent.run([agent.path("thread_exec"), leader])
    before, after, exit_ = agent.check(done.expected)
    assert after["pid"] == str(done.pid)
    assert after["parent.exec_id"] == before["exec_id"] != after["exec_id"] == exit_["exec_id"]


def test_child_made_with_clone_parent_is_a_sibling(agent):
    maker, execve, exit_, maker_exit, _ = agent.run_and_check("clone_parent", agent.path("tiny"))
    assert execve["parent.exec_id"] == maker["exec_id"] == exit_["parent.exec_id"]
    assert maker_exit["parent.exec_id"] == maker["exec_id"]


def forked_then_execed(agent):
    """A shell forks a child that waits and execs this program in its place; (shell, what lets the child go on)."""
    fifo = agent.directory / "fifo"
    os.mkfifo(fifo)
    running = agent.start(["/bin/sh", "-c", f"(read x < {fifo}; exec {agent.path('tiny')} child) & "
                           f"exec {agent.path('hold')} parent"])
    return running, lambda: fifo.write_text("x\n")


def test_parent_is_the_image_that_forked_not_the_one_it_became(agent):
    running, go_on = forked_then_execed(agent)
    shell, hold = agent.of(running.pid, "execve")
    go_on()
    wait_until(lambda: any(r["arguments"] == "child" and r["call_name"] == "exit" for r in agent.fence()), 10,
               "the child's exit")
    for record in [r for r in agent.records() if r["arguments"] == "child"]:
        assert record["parent.pid"] == hold["pid"] == shell["pid"]
        assert record["parent.exec_id"] == shell["exec_id"] != hold["exec_id"]
        assert record["parent.binary"] == "/bin/sh" and record["parent.arguments"] == shell["arguments"]


def test_parent_in_the_snapshot_is_the_image_that_forked(start_agent):
    first = start_agent(calls=["execve", "exit", "clone"])
    running, go_on = forked_then_execed(first)
    shell = first.of(running.pid, "execve")[0]
    clone = first.of_parent(running.pid)[0]
    first.stop()
    second = start_agent()
    go_on()
    wait_until(lambda: any(r["pid"] == clone["pid"] and r["call_name"] == "exit" for r in second.fence()), 10,
               "the child's exit")
    execve, exit_ = second.of(clone["pid"])
    assert execve["parent.exec_id"] == exit_["parent.exec_id"] == clone["parent.exec_id"] == shell["exec_id"]
    second.stop()


@pytest.mark.parametrize("adopter", ["init", "subreaper"])
def test_orphan_keeps_the_parent_that_forked_it(agent, adopter):
    running = agent.start([agent.path("orphan"), adopter, agent.path("tiny")])
    records = agent.check(running.end().expected)
    assert records[0]["parent.binary"] == agent.path("orphan")
    assert records[0]["parent.exec_id"] == records[1]["parent.exec_id"]


def test_orphan_of_a_pid_namespace_keeps_the_parent_that_forked_it(agent):
    text = marker()
    agent.run(["unshare", "-pf", agent.path("orphan"), "init", agent.path("tiny"), text], check=0)
    found = [r for r in agent.fence() if r["arguments"] == "orphan" and text in r.get("parent.arguments", "")]
    assert [r["call_name"] for r in found] == ["execve", "exit"]
    grandparent = [r for r in agent.records() if r["call_name"] == "execve" and text in r["arguments"]
                   and r["binary"] == agent.path("orphan")]
    assert len(grandparent) == 1
    assert found[0]["parent.exec_id"] != grandparent[0]["exec_id"]  # the middle one was only forked
    assert found[0]["parent.pid"] != found[0]["pid"]


def test_failed_execs_are_no_events(agent):
    directory = agent.directory / "failures"
    directory.mkdir()
    agent.run_and_check("failed_execs", str(directory))
    assert not [r for r in agent.records() if "never" in r["arguments"] or "seen" in r["arguments"]]


def test_script_that_only_a_shell_can_run_is_no_exec(agent):
    script = agent.directory / "no-shebang"
    script.write_text("exit 6\n")
    script.chmod(0o755)
    done = agent.run(["/bin/bash", "-c", f"{script}; exit $?"], check=6)
    binaries = {r["binary"] for r in agent.of(done.pid)}
    assert binaries == {"/bin/bash"}
    assert not [r for r in agent.records() if r["binary"] == str(script)]
    children = [r for r in agent.records() if r.get("parent.pid") == str(done.pid)]
    assert [(r["call_name"], r["binary"], r["exit_code"]) for r in children] == [("exit", "/bin/bash", "6")]


def kernel_threads():
    ret = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                if int(stat_of(path.name)[6]) & PF_KTHREAD:
                    ret[path.name] = (path / "comm").read_text().strip()
            except OSError:
                pass
    return ret


def test_kernel_threads_are_not_reported(extended):
    directory = extended.directory / "mounted"
    directory.mkdir()
    image = extended.directory / "image"
    image.touch()
    os.truncate(image, 4 << 20)
    # mounting ext4 from a loop device starts kernel threads (jbd2, the loop's worker), unmounting ends them
    done = extended.run(["unshare", "-m", "sh", "-c",
                         f"mke2fs -qFj {image} && mount -o loop {image} {directory} && ls {directory} &&"
                         f" umount {directory}"])
    threads = kernel_threads()
    records = extended.fence()
    assert any(r["binary"].endswith("/mount") for r in records), done.stderr
    assert not [r for r in records if r["pid"] in threads and r["call_name"] != "exit"]
    names = ("kworker", "jbd2", "loop", "kthreadd", "ext4-")
    assert not [r for r in records if r["binary"] == "" or r["binary"].startswith(names)], done.stderr


def test_helper_started_by_the_kernel_is_reported_from_its_exec_on(extended):
    agent = extended
    core_pattern = Path("/proc/sys/kernel/core_pattern")
    helper, text = agent.path("tiny"), marker()
    before = core_pattern.read_text()
    try:
        core_pattern.write_text(f"|{helper} {text} %P")
        done = agent.run([agent.path("raise"), "11", "core"], check=139)
        if core_pattern.read_text().startswith("core"):
            pytest.skip("kernel.core_pattern cannot be set here")
    finally:
        core_pattern.write_text(before)

    def helper_records():
        return [r for r in agent.fence() if text in r["arguments"]]

    wait_until(lambda: len(helper_records()) == 2, 5, helper_records)
    execve, exit_ = helper_records()
    assert execve["binary"] == helper and execve["arguments"] == f"{text} {done.pid}"
    assert [r["call_name"] for r in agent.of(execve["pid"])] == ["execve", "exit"], "before it was a kernel thread"
    assert execve["uid"] == "0" and execve["exec_id"] == exit_["exec_id"]
    if "parent.pid" in execve:
        assert execve["parent.pid"] in kernel_threads(), execve
        assert not execve["parent.binary"].startswith("/") and execve["parent.arguments"] == ""


def test_process_older_than_the_agent_is_a_full_parent(start_agent, workloads, work):
    shell = subprocess.Popen(["/bin/sh"], stdin=subprocess.PIPE, cwd=work)
    try:
        agent = start_agent()
        shell.communicate(f"{workloads}/tiny child; exit 5\n".encode(), timeout=10)
        (execve,) = [r for r in agent.fence() if r["call_name"] == "execve"
                     and r.get("parent.pid") == str(shell.pid)]
        assert execve["arguments"] == "child"
        assert execve["parent.arguments"] == "" and execve["parent.cwd"] == str(work)
        (exit_,) = agent.of(shell.pid)
        assert matches(exit_, {"call_name": "exit", "exit_code": "5", "exec_id": execve["parent.exec_id"],
                               "binary": execve["parent.binary"], "cwd": str(work), "uid": "0", "user": "root"})
        assert exit_["binary"] == os.path.realpath("/bin/sh")
        assert exit_["parent.pid"] == str(os.getpid())
        agent.stop()
    finally:
        shell.kill()
        shell.wait()


def test_leader_that_left_before_the_agent_came(start_agent, workloads, work):
    """Its main thread has neither directory nor memory any more: a thread that lives on has."""
    mark = marker()
    popen = subprocess.Popen([workloads / "leader_exits", mark], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=work)
    try:
        stat = Path(f"/proc/{popen.pid}/task/{popen.pid}/stat")
        wait_until(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "Z", 5, "the leader's end")
        agent = start_agent()
        popen.communicate(timeout=10)
        agent.fence()
        [exit_] = [r for r in agent.records() if r["pid"] == str(popen.pid)]
        assert matches(exit_, {"call_name": "exit", "exit_code": str(popen.returncode), "arguments": mark,
                               "binary": str(workloads / "leader_exits"), "cwd": str(work)})
        agent.stop()
    finally:
        popen.kill()
        popen.wait()


def test_thousand_processes_at_start_each_exit_once(start_agent, workloads, work):
    crowd = subprocess.Popen([workloads / "crowd", "1000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             cwd=work)
    try:
        expected = [json.loads(crowd.stdout.readline()) for _ in range(1001)]
        began = time.monotonic()
        agent = start_agent()
        assert time.monotonic() - began < 5
        crowd.communicate(timeout=30)
        agent.fence()
        by_pid = {}
        for record in agent.records():
            by_pid.setdefault(record["pid"], []).append(record)
        for want in expected:
            got = by_pid[want["pid"]]
            assert len(got) == 1 and matches(got[0], want), (got, want)
            assert got[0]["binary"] == str(workloads / "crowd") and got[0]["arguments"] == "1000"
        agent.stop()
    finally:
        crowd.kill()
        crowd.wait()


def test_start_in_a_fork_storm_has_no_duplicate_and_no_hole(start_agent, workloads, work):
    storm = subprocess.Popen([workloads / "storm", workloads / "tiny", "1", "20000"], cwd=work,
                             stdout=subprocess.DEVNULL)
    try:
        agent = start_agent()
        storm.wait(60)
        agent.fence()
    finally:
        storm.kill()
        storm.wait()
    execs, exits = [], []
    for record in agent.records():
        if record.get("parent.pid") == str(storm.pid):
            (execs if record["call_name"] == "execve" else exits).append(record)
    numbers = [int(r["arguments"].split("-")[1]) for r in execs]
    assert numbers == list(range(numbers[0], 20001)), "execs twice, missing or out of order"
    ids = [r["exec_id"] for r in exits]
    assert len(set(ids)) == len(ids), "an exit came twice"
    assert {r["exec_id"] for r in execs} <= set(ids)
    assert len(exits) - len(execs) <= 2  # those that ran while the agent started
    assert len([r for r in agent.records() if r["pid"] == str(storm.pid)]) == 1
    agent.stop()


def test_twenty_thousand_short_processes_are_all_there(agent):
    done = agent.run([agent.path("storm"), agent.path("tiny"), "1", "20000"], check=0)
    agent.fence()
    mine = [r for r in agent.records() if r.get("parent.pid") == str(done.pid)]
    for call in ("execve", "exit"):
        got = [r["arguments"] for r in mine if r["call_name"] == call]
        assert got == [f"marker-{i}" for i in range(1, 20001)]
    assert len({r["exec_id"] for r in mine}) == 20000
    assert all(r["parent.binary"] == agent.path("storm") for r in mine)


