# SPDX-License-Identifier: Apache-2.0
"""
What the reader alone costs: the records of a storm are put into its ring (feed.c) at a rate of our choice, by
somebody else, so that it does not matter how quick this machine is at starting processes.
"""
from collectors import Agent, Floor, status_bytes
from figures import running
from stats import Samples
from storms import calibrate, end_storm, measure, settle, start_feed

FULL = 16_000  # execs a second
WARM = 20_000  # execs before what counts: what both keep to themselves is there then, and costs no pages


def cost(collector, work, n, rate=FULL, **how):
    """The CPU time of an exec, in us. A record that was not written, or twice, is no figure but an error."""
    result = measure(collector, work, kind="feed", n=n, rate=rate, **how)
    if result["lost"] or result["doubled"]:
        raise RuntimeError(f"{collector.name}: {result['lost']} of {n} lost, {result['doubled']} twice")
    return result["cpu"] / 1e3


def pair(found, label, agent, floor, repeats, work, **how):
    """Each in turn, and the ratio within each pair."""
    names = {agent: f"{label}: agent", floor: f"{label}: floor"}
    for i in range(repeats):
        costs = {c: cost(c, work, **how) for c in ((agent, floor) if i % 2 == 0 else (floor, agent))}
        for collector, us in costs.items():
            found.setdefault(names[collector], (Samples(), "us an exec"))[0].append(us)
        found.setdefault(f"{label}: agent x floor", (Samples(), ""))[0].append(costs[agent] / costs[floor])


def beside_floor(tools, work, repeats):
    found = {}
    pad = calibrate(tools, work, kind="feed")
    pair(found, "at full speed", Agent(tools), Floor(tools, pad), 2 * repeats + 1, work, n=20_000,
         warm_n=WARM)
    pair(found, "1000 execs/s", Agent(tools), Floor(tools, pad), repeats, work, n=3_000, rate=1_000, warm_n=WARM)
    return found


def beside_processes(tools, work, n, staying):
    """(us an exec, RSS, its anonymous part) where the agent knows so many processes that do nothing."""
    with running(Agent(tools), work) as agent:
        if staying:
            end_storm(start_feed(agent, n=0, staying=staying, rate=FULL))
            settle(agent)
        end_storm(start_feed(agent, n=500, rate=FULL))  # a state that their journal is due is written by then
        settle(agent)
        before = agent.cpu_ns()
        end_storm(start_feed(agent, n=n, rate=FULL))
        settle(agent)
        us = (agent.cpu_ns() - before) / n / 1e3
        return us, status_bytes(agent.popen.pid, "VmRSS"), status_bytes(agent.popen.pid, "RssAnon")


def text_bytes(tools):
    """What the texts of one such process take: its program, its directory, its name."""
    target, directory = tools.names[1].decode(), f"/var/{tools.directory.name}"
    return len(f"{directory}/./{target}") + len(directory) + len(target) + 1
