# SPDX-License-Identifier: Apache-2.0
"""
What the reader alone costs: the records of a storm are put into its ring (feed.c) at a rate of our choice, by
somebody else, so that it does not matter how quick this machine is at starting processes, nor what else it does.
Each of the rows is the agent beside the floor, in turn; a ratio is taken within a pair.
"""
from collectors import Agent, Floor, status_bytes
from figures import MIB, running
from stats import Samples
from storms import calibrate, end_storm, measure, settle, start_feed

FULL = 16_000  # execs a second


def pair(found, label, agent, floor, repeats, work, **how):
    """Of each the CPU time of an exec, and the ratio."""
    name = f"{label}: " if label else ""
    for i in range(repeats):
        costs = {}
        for collector in (agent, floor) if i % 2 == 0 else (floor, agent):
            result = measure(collector, work, kind="feed", **how)
            if result["lost"] or result["doubled"]:
                raise RuntimeError(f"{collector.name}: {result['lost']} lost, {result['doubled']} twice")
            costs[collector] = result["cpu"] / 1e3
            found.setdefault(f"{name}{collector.name}", (Samples(), "us an exec"))[0].append(costs[collector])
        found.setdefault(f"{name}agent x floor", (Samples(), ""))[0].append(costs[agent] / costs[floor])


def beside_floor(tools, work, repeats, n=20_000):
    found = {}
    pad = calibrate(tools, work, kind="feed")
    pair(found, "", Agent(tools), Floor(tools, pad), 2 * repeats + 1, work, n=n, rate=FULL)
    return found


def at_a_rate(tools, work, repeats):
    found = {}
    pad = calibrate(tools, work, kind="feed")
    for rate in (100, 1_000, 5_000):
        pair(found, f"{rate} execs/s", Agent(tools), Floor(tools, pad), repeats, work, n=2 * rate, rate=rate)
    return found


def beside_processes(tools, work, n, staying):
    """(us an exec, RSS, its anonymous part) where the agent knows so many processes that do nothing."""
    with running(Agent(tools), work) as agent:
        if staying:
            end_storm(start_feed(agent, n=0, staying=staying, rate=2 * FULL))
            settle(agent)
        cpu = agent.cpu_ns()
        end_storm(start_feed(agent, n=n, rate=FULL))
        settle(agent)
        cpu = agent.cpu_ns() - cpu
        return cpu / n / 1e3, status_bytes(agent.popen.pid, "VmRSS"), status_bytes(agent.popen.pid, "RssAnon")


def by_processes(tools, work, repeats, n=10_000, counts=(10, 1_000, 10_000, 100_000)):
    """What an exec costs, and what a process takes: these stay, and have no texts but a directory and a program."""
    found, anonymous = {}, {}
    for staying in counts:
        results = [beside_processes(tools, work, n, staying) for _ in range(repeats)]
        found[f"{staying} processes"] = (Samples(cpu for cpu, _, _ in results), "us an exec")
        found[f"{staying} processes: RSS"] = (Samples(rss / MIB for _, rss, _ in results), "MiB")
        anonymous[staying] = Samples(anon for _, _, anon in results).median
    least, most = min(counts), max(counts)
    each = (anonymous[most] - anonymous[least]) / (most - least)
    target, cwd = tools.names[1].decode(), f"/var/{tools.directory.name}"
    found["a further process"] = (Samples([each]), "bytes")
    texts = len(f"{cwd}/./{target}") + len(cwd) + len(target) + 1
    found["a further process, above its texts"] = (Samples([each - texts]), "bytes")
    return found


def by_pipelines(tools, work, repeats, n=10_000):
    """The floor writes as much as all pipelines together, to one file."""
    found = {}
    for pipelines in (1, 2, 4, 8, 16):
        pad = calibrate(tools, work, times=pipelines, kind="feed")
        pair(found, f"{pipelines} pipelines", Agent(tools, pipelines=pipelines), Floor(tools, pad), repeats, work,
             n=n, rate=FULL)
    return found
