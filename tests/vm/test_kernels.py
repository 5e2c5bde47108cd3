# SPDX-License-Identifier: Apache-2.0
"""
The agent on the kernels that it must run on, with both kinds of hooks: it loads, and the records of each case of
workload.c are what the case says. One guest per kernel; what it leaves behind is judged here.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import difference, matches, strict_object  # noqa: E402

KERNELS = ["6.1", "6.12"]
HOOKS = ["btf", "raw"]
CASES = """end_of_child fork kill deep deeper gone script memfd long many leader crowd thread setuid setuid_file
    file_caps caps cgroup namespaces older""".split()
RAW_ARGS_MAX = 8192  # what raw tracepoints keep of argv
GUEST_S = 300
TICK_NS = 10_000_000


class Run:
    """What one agent left: its records, its stderr, and what the cases expect."""

    def __init__(self, folder, hooks):
        self.folder, self.hooks = folder, hooks
        self.stderr = (folder / "stderr").read_text(errors="backslashreplace")
        self.records = [json.loads(line, object_pairs_hook=strict_object)
                        for line in (folder / "records").read_text("utf-8").splitlines()]

    def expected(self, case):
        return [json.loads(line) for line in (self.folder / f"{case}.expected").read_text().splitlines()]

    def of(self, pid, call=None):
        return [r for r in self.records if r["pid"] == pid and call in (None, r["call_name"])]

    def check(self, case):
        """Exactly the expected records of each process, in this order; returns them."""
        expected = self.expected(case)
        assert expected, "the case expects nothing"
        for pid in {e["pid"] for e in expected}:
            want, got = [e for e in expected if e["pid"] == pid], self.of(pid)
            assert [g["call_name"] for g in got] == [w["call_name"] for w in want]
            for g, w in zip(got, want):
                assert matches(g, w), f"of {pid} (got, expected): {difference(g, w)}"
        return [g for e in expected[:1] for g in self.of(e["pid"])]


@pytest.fixture(scope="session")
def workload(tmp_path_factory):
    program = tmp_path_factory.mktemp("vm") / "workload"
    subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-static", "-pthread",
                    "-o", program, HERE / "workload.c"], check=True)
    return program


@pytest.fixture(scope="session", params=KERNELS)
def guest(request, workload, tmp_path_factory):
    """The folder that the guest with this kernel left."""
    out = tmp_path_factory.mktemp("out")
    done = subprocess.run([REPO / "tools/vm-run", "--kernel", request.param, "--timeout", str(GUEST_S), "--cpus", "2",
                           "--file", workload, "--file", HERE / "guest.sh", "--output", out, "guest.sh", *HOOKS],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    if done.returncode != 0:
        pytest.fail(f"Linux {request.param}: status {done.returncode}\n{done.stdout}", pytrace=False)
    return out


@pytest.fixture(scope="session", params=HOOKS)
def run(request, guest):
    return Run(guest / request.param, request.param)


@pytest.mark.parametrize("case", CASES)
def test_case(run, case):
    run.check(case)


def test_every_case_is_tested(run):
    left = {path.stem for path in run.folder.glob("*.expected")}
    assert left == {*CASES, "usage"}


def test_nothing_is_lost(run):
    assert " 0 lost" in run.stderr


def test_nothing_is_done_without(run):
    assert "failed to load" not in run.stderr  # libbpf's words, before the agent makes do with less


def test_order_is_that_of_the_log(run):
    """But for those of containers, which may wait for a name."""
    numbers = [int(r["__seq__"]) for r in run.records if "container.id" not in r]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("case, argv", [
    ("long", ["/bin/workload", "end", "0", "x" * 131000, "last"]),
    ("many", ["/bin/workload", "end", "0", *("%099d" % i for i in range(10000))]),
])
def test_long_arguments(run, case, argv):
    execve = run.check(case)[1]
    whole = b"\0".join(a.encode() for a in argv) + b"\0"
    if run.hooks == "btf":
        assert execve["argv"] == argv and execve["arguments"] == " ".join(argv[1:])
        assert "arguments.truncated" not in execve
        return
    kept = "\0".join(execve["argv"])
    assert execve["arguments.truncated"] == "true"
    assert RAW_ARGS_MAX - 1 <= len(kept) <= RAW_ARGS_MAX and whole.startswith(kept.encode())


def test_memfd_is_named(run):
    execve = run.check("memfd")[1]
    assert "memfd:proctrail-test" in execve["exe.path"] and "memfd:proctrail-test" in execve["binary"]


def test_bounding_set(run):
    all_caps = run.check("end_of_child")[1]["cap.bounding"].split()
    assert {"CAP_SYS_BOOT", "CAP_CHECKPOINT_RESTORE"} <= set(all_caps)
    dropped = run.check("caps")[1]["cap.bounding"].split()
    assert dropped == [c for c in all_caps if c != "CAP_SYS_BOOT"]


def test_usage_is_that_of_wait4(run):
    truth = run.expected("usage")[0]
    exit_, = run.of(truth["usage_of"], "exit")
    used = int(exit_["cpu.user_ns"]) + int(exit_["cpu.system_ns"])
    assert used > 400_000_000 and abs(used - truth["cpu_us"] * 1000) <= 2 * TICK_NS + used / 10
    assert truth["peak_bytes"] > 96 << 20
    assert abs(int(exit_["memory.peak_bytes"]) - truth["peak_bytes"]) <= truth["peak_bytes"] / 20
    assert int(exit_["duration_ns"]) >= 450_000_000  # three threads, one after the other, of 150 ms each
