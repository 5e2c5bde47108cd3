# SPDX-License-Identifier: Apache-2.0
"""The command line, the log, and how the agent starts and ends."""
import fcntl
import json
import os
import re
import select
import signal
import socket
import subprocess

import pytest

from harness import SPEC_KEYS, wait_until


def call(binary, *arguments, **kwargs):
    return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=10, check=False,
                          stdin=subprocess.DEVNULL, **kwargs)


def test_fields_one_a_line(binary):
    done = call(binary, "fields")
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert [n for n in names if n in SPEC_KEYS] == [k for k in SPEC_KEYS if not k.startswith("__tag__")]
    assert all(len(line.split()) >= 4 for line in lines)


def test_fields_as_json(binary):
    fields = json.loads(call(binary, "fields", "--json").stdout)
    assert [f["name"] for f in fields] == [line.split()[0] for line in call(binary, "fields").stdout.splitlines()]
    assert all(f["type"] and f["doc"].endswith(".") for f in fields)


def test_records_have_the_fields_in_the_order_of_the_table(extended, binary):
    order = [f["name"] for f in json.loads(call(binary, "fields", "--json").stdout)]
    done = extended.run([extended.path("storm"), extended.path("tiny"), "1", "2"])
    for record in extended.of(done.pid) + extended.of_parent(done.pid):
        assert [k for k in order if k in record] == list(record)
        lists = [k for k, v in record.items() if not isinstance(v, str)]
        assert lists == ["argv", "__time__"]


def test_extended_fields_are_all_there_when_they_apply(extended, binary):
    fields = json.loads(call(binary, "fields", "--json").stdout)
    execve, exit_ = extended.of(extended.run("tiny").pid)[1:]
    only_exit = {"exit_code", "exit_tid", "duration_ns", "cpu.user_ns", "cpu.system_ns", "memory.peak_bytes"}
    only_where_so = {"exit_signal", "interpreter", "container.id", "parent.container.id", "environment"} | \
        {f["name"] for f in fields if f["type"] == "boolean"} | \
        {f["name"] for f in fields if f["name"].startswith(("container.", "k8s.", "lost."))}
    names = {f["name"] for f in fields} - only_where_so
    assert names - only_exit <= set(execve), names - only_exit - set(execve)
    assert names <= set(exit_), names - set(exit_)


@pytest.mark.parametrize("arguments", [[], ["rnu"], ["run", "--confg", "x"], ["run", "--config"], ["record"],
                                       ["run", "extra"], ["run", "--log-format", "xml"], ["fields", "--jsno"]])
def test_wrong_usage_is_explained(binary, arguments):
    done = call(binary, *arguments)
    assert done.returncode not in (0, -6, -11) and done.stdout == ""
    assert "proctrail" in done.stderr or "usage" in done.stderr.lower()
    assert "ready" not in done.stderr.split("\n")


@pytest.mark.parametrize("arguments, said", [
    (["run", "--ring-size", "5"], "run: --ring-size: expected a size from 256KiB to 1GiB, not '5'"),
    (["detach", "--instance", "a/b"], "detach: --instance: expected 1 to 64 letters, digits, '-', '_' or '.', not 'a/b'"),
    (["status", "--instance", "a/b"], "status: --instance: expected 1 to 64 letters, digits, '-', '_' or '.', not 'a/b'"),
    (["doctor", "--socket", "x"], "doctor: --socket: expected an absolute path or none, not 'x'"),
    (["containers", "--podman", "none", "--docker", "x"], "containers: --docker: expected an absolute path, not 'x'"),
])
def test_wrong_setting_is_told_by_its_flag(binary, arguments, said):
    done = call(binary, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"proctrail {said}\nSee proctrail {arguments[0]} --help\n"


def test_wrong_setting_in_the_file_is_no_wrong_usage(binary, work):
    (work / "agent.yaml").write_text("RingSize: 5\n")
    for command in ("run", "doctor", "containers"):
        done = call(binary, command, "--agent-config", work / "agent.yaml")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"{work}/agent.yaml:1:11: RingSize: expected a size from 256KiB to 1GiB, not '5'\n"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["record", "--help"], ["fields", "--help"]])
def test_help(binary, arguments):
    done = call(binary, *arguments)
    assert done.returncode == 0 and "usage" in done.stdout.lower() and done.stderr == ""


def test_version(binary):
    done = call(binary, "--version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+", done.stdout)


def test_embedded_pipeline_prints_records_and_nothing_else(start_agent):
    agent = start_agent(config=None)
    done = agent.run([agent.path("tiny"), "x"])
    execve, exit_ = agent.of(done.pid)
    assert [execve["call_name"], exit_["call_name"]] == ["execve", "exit"]
    assert set(exit_) <= set(SPEC_KEYS)
    assert isinstance(execve["__time__"], str)
    agent.stop(signal.SIGINT)
    assert all(json.loads(line) for line in agent.stdout_path.read_text().splitlines())


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_one_line_of_summary(start_agent, sig):
    agent = start_agent()
    agent.run("tiny")
    agent.fence()
    n_records = len(agent.records())
    lines = agent.stop(sig).strip().split("\n")
    assert "ready" in lines
    summary = lines[lines.index("ready") + 1:]
    assert len(summary) == 1, summary
    n_records = len(agent.records())
    assert re.search(rf"\b{n_records}\b", summary[0]) and "lost" in summary[0], (n_records, summary)


def test_what_happened_before_the_end_is_delivered(start_agent):
    agent = start_agent()
    done = agent.run([agent.path("storm"), agent.path("tiny"), "1", "3000"], check=0)
    agent.stop()  # no fence: what is in the ring has to be drained
    mine = [r["call_name"] for r in agent.records() if r.get("parent.pid") == str(done.pid)]
    assert (mine.count("execve"), mine.count("exit")) == (3000, 3000)


def test_json_log(start_agent):
    agent = start_agent(options=["--log-format", "json"], wait=False)

    def messages():
        lines = agent.stderr().split("\n")[:-1]
        return [json.loads(line)["msg"] for line in lines]

    wait_until(lambda: "ready" in messages(), 10, agent.stderr)
    agent.stop()
    assert messages().count("ready") == 1


def test_ready_comes_once_and_not_before_the_hooks(start_agent):
    agent = start_agent()
    done = agent.run("tiny")  # at once: it must be seen
    assert len(agent.of(done.pid)) == 2
    agent.stop()
    words = re.findall(r"\bready\b", agent.stderr().lower())
    assert words == ["ready"]


def test_service_manager_is_told(start_agent, work):
    path = str(work / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10)
        agent = start_agent(prefix=["env", f"NOTIFY_SOCKET={path}"])
        assert b"READY=1" in manager.recv(4096)
        agent.stop()


def test_reader_that_leaves_ends_the_agent(binary, work, needs_root, instance):
    err = work / "err"
    with open(err, "wb") as stderr:
        agent = subprocess.Popen([binary, "run", "--instance", instance], stdout=subprocess.PIPE, stderr=stderr,
                                 stdin=subprocess.DEVNULL)
        head = subprocess.Popen(["head", "-n1"], stdin=agent.stdout, stdout=subprocess.PIPE)
        agent.stdout.close()
        try:
            wait_until(lambda: "ready" in err.read_text().split("\n"), 10, err.read_text)

            def has_ended():
                subprocess.run(["/bin/true"], check=True)  # something to report
                return agent.poll() is not None

            wait_until(has_ended, 10, "the agent's end")
            assert json.loads(head.communicate(timeout=10)[0])
            assert agent.returncode not in (-6, -11)
        finally:
            for popen in (agent, head):
                popen.kill()
                popen.wait()


def test_blocked_pipe_does_not_stop_the_agent_from_ending(binary, work, workloads, needs_root, instance):
    err = work / "err"
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    with open(err, "wb") as stderr:
        agent = subprocess.Popen([binary, "run", "--instance", instance], stdout=write_end, stderr=stderr,
                                 stdin=subprocess.DEVNULL)
    os.close(write_end)
    try:
        wait_until(lambda: "ready" in err.read_text().split("\n"), 10, err.read_text)
        subprocess.run([workloads / "storm", workloads / "tiny", "1", "2000"], check=True, stdout=subprocess.DEVNULL)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(5) is not None
    finally:
        os.close(read_end)
        agent.kill()
        agent.wait()


def test_closed_standard_output_is_an_error(binary, needs_root, instance):
    """Otherwise the next thing that is opened, of the kernel or of another flusher, would be taken for it."""
    done = subprocess.run([binary, "run", "--instance", instance], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, timeout=10, check=False, preexec_fn=lambda: os.close(1))
    assert done.returncode == 1 and "ready" not in done.stderr.split("\n"), done.stderr
    assert "the standard output is not open for writing" in done.stderr


def test_closed_log_is_nobody_elses_file(binary, needs_root, instance):
    agent = subprocess.Popen([binary, "run", "--instance", instance], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             preexec_fn=lambda: os.close(2))

    def record_is_there():
        subprocess.run(["true"], check=True)  # on a machine where nothing happens there is no record either
        return select.select([agent.stdout], [], [], 0.1)[0]

    try:
        wait_until(record_is_there, 10, "a record")
        json.loads(agent.stdout.readline())
        assert os.readlink(f"/proc/{agent.pid}/fd/2") == "/dev/null"
    finally:
        agent.terminate()
        agent.communicate(timeout=10)
    assert agent.returncode == 0


def test_slow_reader_gets_everything(binary, work, workloads, needs_root, instance):
    err = work / "err"
    with open(err, "wb") as stderr:
        agent = subprocess.Popen([binary, "run", "--instance", instance], stdout=subprocess.PIPE, stderr=stderr,
                                 stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: "ready" in err.read_text().split("\n"), 10, err.read_text)
        storm = subprocess.run([workloads / "storm", workloads / "tiny", "1", "2000"], check=True,
                               stdout=subprocess.PIPE)
        pid = json.loads(storm.stdout)["pid"]
        got = []  # only now somebody reads
        while not got or (got[-1]["pid"], got[-1]["call_name"]) != (pid, "exit"):
            got.append(json.loads(agent.stdout.readline()))
        mine = [r["arguments"] for r in got if r.get("parent.pid") == pid and r["call_name"] == "exit"]
        assert mine == [f"marker-{i}" for i in range(1, 2001)]
        agent.send_signal(signal.SIGTERM)
        agent.communicate(timeout=5)
        assert agent.returncode == 0
    finally:
        agent.kill()
        agent.wait()


def test_without_privileges_it_says_what_is_missing(binary, needs_root):
    done = call("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", binary, "run")
    assert done.returncode not in (0, -6, -11) and done.stdout == ""
    assert re.search(r"root|CAP_BPF|privilege|permi", done.stderr, re.I), done.stderr
    assert len(done.stderr.strip().split("\n")) <= 3, f"more than anybody reads:\n{done.stderr}"
    assert "ready" not in done.stderr.split("\n")


def test_agent_ends_when_it_is_told_during_the_start(binary, needs_root, instance):
    agent = subprocess.Popen([binary, "run", "--instance", instance], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             stdin=subprocess.DEVNULL)
    agent.send_signal(signal.SIGTERM)
    agent.communicate(timeout=10)
    assert agent.returncode in (0, -signal.SIGTERM)
