# SPDX-License-Identifier: Apache-2.0
"""A storm beside a collector: what it cost whom, and what the collector saw of it."""
import json
import math
import os
import subprocess
import time
from collections import Counter

from collectors import Agent, Floor, knobs_of, renice, ring_of
from stats import Samples

QUIET_S = 0.15  # nothing more was written for so long: everything is out
CALIBRATION = 1000
WARM_RATE = 16_000  # execs a second


def storm_command(tools, n, workers=1, rate=0, arguments=0, kind="exec", user=65534, groups=None):
    command = [tools.storm, "-n", str(n), "-f", str(tools.first)]
    for flag, value, default in (("-w", workers, 1), ("-r", rate, 0), ("-a", arguments, 0), ("-k", kind, "exec"),
                                 ("-u", user, 65534), ("-g", groups, None)):
        command += [flag, str(value)] if value != default else []
    return [*command, tools.target]


def start_storm(tools, prepare=None, **how):
    """`prepare` is called in the child before it becomes the storm."""
    def begin():
        renice()
        if prepare:
            prepare()

    return subprocess.Popen(storm_command(tools, **how), stdout=subprocess.PIPE, cwd=tools.directory,
                            preexec_fn=begin)


def start_feed(collector, n, rate=0, staying=0):
    """The same records as of a storm, but nobody is started: they are put into the collector's ring."""
    tools, pid = collector.tools, collector.popen.pid
    storm, target = (name.decode() for name in tools.names)
    command = [tools.feed, "-n", str(n), "-f", str(tools.first), "-l", str(staying), "-s", storm, "-t", target,
               "-d", tools.directory.name, *(["-r", str(rate)] if rate else []),
               *([] if isinstance(collector, Floor) else ["-k", str(knobs_of(pid))]), str(ring_of(pid)),
               "floor" if isinstance(collector, Floor) else "agent"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=renice)


def end_storm(popen):
    out, _ = popen.communicate()
    if popen.returncode:
        raise RuntimeError(f"the storm ended with {popen.returncode}")
    return json.loads(out)


def settle(collector):
    """Waits until the collector has written all that it will."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_S:
        now = collector.written()
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(0.01)


def count_markers(collector, begin, n):
    """(lost, doubled) of the storm's markers."""
    first = collector.tools.first
    if not collector.marker:
        return 0, 0
    with open(collector.out, "rb") as f:
        f.seek(begin)
        seen = Counter(int(m) for m in collector.marker.findall(f.read()))
    ours = {m: count for m, count in seen.items() if first <= m < first + n}
    return n - len(ours), sum(count - 1 for count in ours.values())


def own_bytes(collector, begin):
    """(what was written of the storm, what was written), of what is lines of JSON."""
    own, total, names = 0, 0, collector.tools.names
    with open(collector.out, "rb") as f:
        f.seek(begin)
        for line in f:
            total += len(line)
            own += len(line) if any(name in line for name in names) else 0
    return own, total


def warm(collector, warm_n, kind, **how):
    """Execs that do not count, so that what it keeps to itself is there: memory, containers."""
    if warm_n and kind == "feed":
        end_storm(start_feed(collector, n=warm_n, rate=WARM_RATE))
    elif warm_n:
        end_storm(start_storm(collector.tools, kind=kind, **{**how, "n": warm_n}))
    settle(collector)


def run_beside(collector, work, during, kind="exec", warm_n=0, **how):
    """(the storm's own account, CPU of the collector, its peak, where its output stood before)"""
    try:
        collector.start(work)
        time.sleep(0.1)
        warm(collector, warm_n, kind, **how)
        os.sync()  # or who writes next waits for what is on its way to the disk
        begin, cpu = collector.written(), collector.cpu_ns()
        popen = start_feed(collector, **how) if kind == "feed" else start_storm(collector.tools, kind=kind, **how)
        if during:
            during(collector)
        storm = end_storm(popen)
        settle(collector)
        return storm, collector.cpu_ns() - cpu, collector.peak_bytes(), begin
    finally:
        collector.stop()


def measure(collector, work, *, n, during=None, **how):
    """
    One storm of n beside the collector; `during` is called with the collector while it runs. What the collector
    wrote of others in the meantime is left out, and the CPU time for it in proportion.
    """
    kind = how.get("kind", "exec")
    storm, cpu, peak, begin = run_beside(collector, work, during, n=n, **how)
    result = {"wall": storm["wall_ns"] / n, "storm_cpu": storm.get("cpu_ns", 0) / n, "cpu": cpu / n, "peak": peak,
              "bytes": (collector.written() - begin) / n}
    if isinstance(collector, (Agent, Floor)) and kind in ("exec", "fork", "feed"):
        own, total = own_bytes(collector, begin)
        result["bytes"], result["cpu"] = own / n, cpu / n * own / max(total, 1)
    if kind in ("exec", "feed"):
        result["lost"], result["doubled"] = count_markers(collector, begin, n)
    if isinstance(collector, Agent):
        result["dropped"] = collector.lost()
    return result


def line_lengths(collector):
    """Mean length of the storm's lines by call."""
    total, count = Counter(), Counter()
    with open(collector.out, "rb") as f:
        for line in f:
            if not any(name in line for name in collector.tools.names):
                continue
            call = line.split(b'"call_name":"', 1)[1].split(b'"', 1)[0].decode()
            total[call] += len(line)
            count[call] += 1
    return {call: total[call] / count[call] for call in count}


def calibrate(tools, work, times=1, **how):
    """What the floor has to add to each kind of line to write as much as the agent does, or so many times that."""
    lengths = []
    how["n"] = CALIBRATION
    how.pop("rate", None)
    for collector in (Agent(tools), Floor(tools)):
        measure(collector, work, **how)
        lengths.append(line_lengths(collector))
    agent, floor = lengths
    return tuple(round(times * agent.get(c, 0) - floor.get(c, 0)) if c in floor else 0
                 for c in ("clone", "execve", "exit"))


def rounds(collectors, work, pairs, longest_s=None, **how):
    """
    Each collector once in every round, in an order that turns from round to round, so that what else goes on
    on the machine meets all alike; after longest_s no further round is begun. {name: {metric: Samples}}
    """
    results = {c.name: {} for c in collectors}
    end = time.monotonic() + (longest_s or math.inf)
    for i in range(pairs):
        if i and time.monotonic() > end:
            break
        order = collectors[i % len(collectors):] + collectors[:i % len(collectors)]
        for collector in order if i % 2 == 0 else reversed(order):
            for metric, value in measure(collector, work, **how).items():
                results[collector.name].setdefault(metric, Samples()).append(value)
    return results
