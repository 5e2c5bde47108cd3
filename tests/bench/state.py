# SPDX-License-Identifier: Apache-2.0
"""What the agent keeps, and what that costs: the memory of its table, and the journal on its tmpfs."""
import fed
from collectors import Agent, status_bytes
from figures import crowd, running
from stats import Samples
from storms import end_storm, settle, start_storm

MIB = 1 << 20


def resident(tools, work, processes):
    """(RSS, anonymous part) of the agent beside processes that are there, after a storm."""
    with crowd(tools, processes, target=tools.sleeper), running(Agent(tools), work) as agent:
        end_storm(start_storm(tools, n=5000))
        settle(agent)
        return status_bytes(agent.popen.pid, "VmRSS"), status_bytes(agent.popen.pid, "RssAnon")


def memory(tools, work, repeats, processes=(1_000, 100_000)):
    """Beside 1,000 processes; and by what was fed, which takes less time and as much memory."""
    rss, anon = resident(tools, work, 1_000)
    found = {"RSS with 1000 processes": (Samples([rss / MIB]), "MiB"),
             "anonymous part with 1000": (Samples([anon / MIB]), "MiB")}
    anonymous = []
    for n in processes:
        _, rss, anon = fed.beside_processes(tools, work, 1_000, n)
        anonymous.append(anon)
        found[f"RSS with {n} that were fed"] = (Samples([rss / MIB]), "MiB")
    each = (anonymous[-1] - anonymous[0]) / (processes[-1] - processes[0])
    found["a further process, its texts included"] = (Samples([each]), "bytes")
    found["a further process, above its texts"] = (Samples([each - fed.text_bytes(tools)]), "bytes")
    return found


def custody(tools, work, repeats, n=40_000, warm_n=30_000):
    """
    What custody and the journal cost: the agent with its state, and without (neither journal nor marks nor
    backlogs), in turn; the difference within each pair. Both files of the journal have been written once
    before (warm_n): they are kept, and their pages cost nothing any more.
    """
    kinds = {"with": Agent(tools), "without": Agent(tools, name="no state", options=["--state-directory", "none"])}
    costs = {name: Samples() for name in kinds}
    for i in range(2 * repeats):
        for name in sorted(kinds, reverse=bool(i % 2)):
            costs[name].append(fed.cost(kinds[name], work, n, warm_n=warm_n))
    difference = Samples(a - b for a, b in zip(costs["with"], costs["without"]))
    return {"custody and journal": (difference, "us an exec"),
            **{f"agent {name} them": (samples, "us an exec") for name, samples in costs.items()}}
