# SPDX-License-Identifier: Apache-2.0
"""
The rows that are no tables of storms: what the agent costs when nothing happens, how soon a record is out, what it
takes of memory and of time to start beside many processes, and what its programs cost in the kernel. Each gives
{name: (samples, unit)}.
"""
import ctypes
import json
import mmap
import os
import signal
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from collectors import Agent, Floor, fds_of, ring_of, status_bytes
from stats import Samples
from storms import end_storm, measure, settle, start_storm

MIB = 1 << 20
STALL_S = 0.5


@contextmanager
def setting(path, value):
    """A setting of the kernel, put back afterwards."""
    path = Path(path)
    before = path.read_text()
    path.write_text(str(value))
    try:
        yield
    finally:
        path.write_text(before)


@contextmanager
def room_for(n):
    """So many more processes and threads."""
    for name in ("pid_max", "threads-max"):
        path = Path("/proc/sys/kernel") / name
        if int(path.read_text()) < n + 10_000:
            with setting(path, n + 20_000), room_for(n):
                yield
            return
    yield


@contextmanager
def crowd(tools, processes, threads=0, target=None):
    """Processes that rest; with a target each has executed it."""
    with room_for(processes + threads):
        command = [tools.crowd, str(processes), str(threads), *([target] if target else [])]
        popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tools.directory)
        try:
            said = popen.stdout.readline()
            if said != b"there\n":
                raise RuntimeError(f"no crowd of {processes}: {said}")
            yield
        finally:
            popen.stdin.close()
            popen.wait()


@contextmanager
def running(collector, work):
    try:
        collector.start(work)
        time.sleep(0.2)
        settle(collector)
        yield collector
    finally:
        collector.stop()


def stall(collector):
    """The reader stands still in the middle of the storm."""
    if not collector.popen:
        return
    time.sleep(0.15)
    collector.popen.send_signal(signal.SIGSTOP)
    time.sleep(STALL_S)
    collector.popen.send_signal(signal.SIGCONT)


def idle(tools, work, repeats):
    """Share of a core while nothing happens (what the rest of the machine does is in it)."""
    found = {}
    for make in (Agent, Floor):
        share = Samples()
        with running(make(tools), work) as collector:
            time.sleep(1)
            for _ in range(repeats):
                begin, cpu = time.monotonic(), collector.cpu_ns()
                time.sleep(3)
                share.append((collector.cpu_ns() - cpu) / (time.monotonic() - begin) / 1e7)
            found[f"{collector.name} idle"] = (share, "% of a core")
    return found


def one_latency(tools, agent):
    """From before an exec until its records are in the file."""
    size = agent.written()
    begin = time.monotonic()
    os.waitpid(os.posix_spawn(str(tools.directory / tools.target), ["target", "latency"], {}), 0)
    while agent.written() == size:
        if time.monotonic() - begin > 5:
            raise RuntimeError("no record within 5 s")
        time.sleep(0.0002)
    return (time.monotonic() - begin) * 1e3


def latency(tools, work, repeats):
    found = {}
    with running(Agent(tools), work) as agent:
        for name, pause in (("after 1 s of rest", 1.0), ("after 50 ms", 0.05), ("at once", 0.0)):
            samples = Samples()
            for _ in range(4 * repeats):
                time.sleep(pause)
                samples.append(one_latency(tools, agent))
            found[f"a record is out, {name}"] = (samples, "ms")
    return found


def ready(tools, work, repeats, crowds=((1_000, 0), (10_000, 50_000))):
    found = {}
    for processes, threads in crowds:
        samples = Samples()
        with crowd(tools, processes, threads):
            for _ in range(repeats):
                with running(Agent(tools), work) as agent:
                    samples.append(agent.ready_s * 1e3)
        found[f"ready, {processes} processes, {threads} further threads"] = (samples, "ms")
    return found


def programs_of(pid):
    """{id: verified instructions} of the BPF programs that a process holds."""
    found = {}
    for text in fds_of(pid, "prog_id"):
        number = int(text["prog_id"])
        found[number] = max(found.get(number, 0), int(text.get("verified_insns", 0)))
    return found


def program_infos(tools, ids):
    out = subprocess.run([tools.bpftool, "prog", "show", "-j"], capture_output=True, check=True).stdout
    return {p["id"]: p for p in json.loads(out) if p["id"] in ids}


def kernel_costs(tools, collector, work, n):
    """Each program's figures, and the sum of one run of each."""
    with running(collector, work):
        verified = programs_of(collector.popen.pid)
        before = program_infos(tools, verified)
        end_storm(start_storm(tools, n=n))
        settle(collector)
        after = program_infos(tools, verified)
    found, total = {}, 0
    for number, info in sorted(after.items(), key=lambda item: item[1]["name"]):
        runs = info.get("run_cnt", 0) - before[number].get("run_cnt", 0)
        if not runs:
            continue
        ns = info["run_time_ns"] - before[number].get("run_time_ns", 0)
        total += ns / runs if runs > n / 2 else 0  # control groups are not made at each exec
        found[f"{collector.name}: {info['name']}"] = (Samples([ns / runs]), (
            f"ns a run, {info['bytes_jited']} bytes of code, {info['bytes_xlated'] // 8} instructions, "
            f"{verified[number]} verified, {info.get('recursion_misses', 0)} recursion misses"))
    return found, total


def kernel(tools, work, repeats, n=10_000):
    """By the kernel's own statistics, which cost some 20 ns a run themselves."""
    found, sums = {}, {}
    with setting("/proc/sys/kernel/bpf_stats_enabled", 1):
        for _ in range(repeats):
            for make in (Agent, Floor):
                collector = make(tools)
                figures, total = kernel_costs(tools, collector, work, n)
                for name, (samples, unit) in figures.items():
                    found.setdefault(name, (Samples(), unit))[0].extend(samples)
                sums.setdefault(collector.name, Samples()).append(total)
    return {**found, **{f"{name}: fork + exec + exit": (samples, "ns") for name, samples in sums.items()}}


def loss_of_stall(tools, work, repeats, n=40_000, rate=35_000):
    """A stall of half a second with the default ring, while it is fed as fast as any storm was on two CPUs."""
    found = {}
    for make in (Agent, Floor):
        runs = [measure(make(tools), work, kind="feed", n=n, rate=rate, during=stall) for _ in range(repeats)]
        name = make(tools).name
        found[f"{name}: lost of {n}"] = (Samples(r["lost"] for r in runs), "execs")
        found[f"{name}: rate"] = (Samples(1e9 / r["wall"] for r in runs), "execs/s")
    return found


BPF_MAP_GET_FD_BY_ID, SYS_BPF = 14, {"x86_64": 321, "aarch64": 280}[os.uname().machine]


def ring_position(pid):
    """How many bytes were ever put into the ring that a process reads: its second page says so."""
    attributes = struct.pack("<III", ring_of(pid), 0, 0)
    fd = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, BPF_MAP_GET_FD_BY_ID, attributes, len(attributes))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "no access to the ring")
    page = os.sysconf("SC_PAGESIZE")
    with mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ, offset=page) as producer:
        position = struct.unpack("<Q", producer[:8])[0]
    os.close(fd)
    return position


def ring_bytes(collector, work, n=3_000):
    """Bytes of the ring that a fork, an exec and an exit take."""
    with running(collector, work):
        before = ring_position(collector.popen.pid)
        end_storm(start_storm(collector.tools, n=n))
        return (ring_position(collector.popen.pid) - before) / n


def sizing(tools, work, repeats):
    """How much of the ring an exec takes (what others do can only add to that), and what a rate of them costs."""
    found = {}
    for make in (Agent, Floor):
        least = min(ring_bytes(make(tools), work) for _ in range(repeats))
        found[f"{make(tools).name}: fork + exec + exit"] = (Samples([least]), "bytes of the ring")
    for rate in (10, 100, 1_000, 5_000, 10_000):
        share = Samples()
        for _ in range(repeats):
            result = measure(Agent(tools), work, kind="feed", n=max(20, 2 * rate), rate=rate)
            share.append(result["cpu"] * rate / 1e7)
        found[f"{rate} execs/s"] = (share, "% of a core")
    return found
