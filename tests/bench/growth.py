# SPDX-License-Identifier: Apache-2.0
"""
Whether the cost of an event grows with what there is: control groups, processes, pipelines. The floor, which has no
tables, shows what the machine itself did in the meantime.
"""
import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import fed
from collectors import Agent, Floor
from stats import Samples
from storms import calibrate, measure

USER = 65534


def hierarchies():
    """(the unified hierarchy, that of the memory controller if it is one of its own)"""
    unified = memory = None
    for line in Path("/proc/mounts").read_text().splitlines():
        _, path, kind, options, *_ = line.split()
        if kind == "cgroup2":
            unified = Path(path)
        elif kind == "cgroup" and "memory" in options.split(","):
            memory = Path(path)
    return unified, memory


@contextmanager
def control_groups(work, n):
    """A folder with a link to each of n groups, named as those of containers, that anybody may use."""
    unified, memory = hierarchies()
    top, links = unified / f"bench-{os.getpid()}", work / "groups"
    groups = [top] + [top / f"docker-{hashlib.sha256(str(i).encode()).hexdigest()}.scope" for i in range(n)]
    links.mkdir()
    try:
        for i, group in enumerate(groups):
            group.mkdir()
            os.chown(group / "cgroup.procs", USER, USER)
            if i:
                (links / str(i - 1)).symlink_to(group)
        yield links, [path / "cgroup.procs" for path in (top, memory) if path]
    finally:
        shutil.rmtree(links)
        for group in reversed(groups):
            if group.exists():
                group.rmdir()


def joined(paths):
    """
    For the storm: it moves to where it may make children in those groups, and to the root of the memory
    controller, since the agent takes the container from there where it can.
    """
    def join():
        for path in paths:
            path.write_text("0")

    return join


def pair(tools, work, repeats, found, label, n=5_000, **how):
    pad = calibrate(tools, work)
    for _ in range(repeats):
        for collector in (Agent(tools), Floor(tools, pad)):
            cpu = measure(collector, work, n=n, **how)["cpu"] / 1e3
            found.setdefault(f"{label}: {collector.name}", (Samples(), "us an exec"))[0].append(cpu)


def by_control_groups(tools, work, repeats):
    """Each had an exec before: what a container costs once is in the row `containers`."""
    found = {}
    for n in (1, 10, 100, 1_000):
        with control_groups(work, n) as (links, procs):
            pair(tools, work, repeats, found, f"{n} control groups", groups=f"{links},{n}", prepare=joined(procs),
                 warm_n=n)
    return found


def by_processes(tools, work, repeats, n=20_000):
    """
    Such as were fed to it: the agent has them in its table, and the machine need not have them. Their state is written
    once in about as many execs as they are.
    """
    found = {}
    pad = calibrate(tools, work, kind="feed")
    for processes in (10, 1_000, 10_000, 100_000):
        label = f"{processes} processes"
        each = [fed.beside_processes(tools, work, max(n, processes), processes)[0] for _ in range(repeats)]
        found[f"{label}: agent"] = (Samples(each), "us an exec")
        found[f"{label}: floor"] = (Samples(fed.cost(Floor(tools, pad), work, n) for _ in range(repeats)), "us an exec")
    return found


def by_pipelines(tools, work, repeats, n=4_000):
    """
    The floor writes as much as all pipelines together, to one file. With more execs, the system begins to write
    that file back to the disk meanwhile, and has the writer wait.
    """
    found = {}
    for pipelines in (1, 2, 4, 8, 16):
        pad = calibrate(tools, work, times=pipelines, kind="feed")
        fed.pair(found, f"{pipelines} pipelines", Agent(tools, pipelines=pipelines), Floor(tools, pad), 2 * repeats + 1,
                 work, n=n, warm_n=2 * n)
    return found
