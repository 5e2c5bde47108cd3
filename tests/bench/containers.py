# SPDX-License-Identifier: Apache-2.0
"""
What the names of containers cost. The same storm in containers that come up while the agent runs, once with their
runtime's files to read and once with nobody to ask: control groups and files are as Docker makes them, and a container
costs nothing but that. And containers of real runtimes that live for 50 ms, as the tests have them.
"""
import hashlib
import json
import os
import shutil
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from collectors import Agent
from growth import USER, hierarchies
from stats import Samples
from storms import end_storm, start_storm

SHAPES = ((100, 100), (1_000, 5))  # containers, and execs in each
REST_S = 0.5  # until the last record is out
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


sys.path.append(str(Path(__file__).resolve().parents[1] / "e2e"))
import containerd  # noqa: E402
import runtimes  # noqa: E402

RUNTIMES = {runtimes.Docker: ("docker", "data"), runtimes.Podman: ("podman", "graph"),
            containerd.Containerd: ("containerd", "state")}
WARM, REAL = 8, 20  # containers, before and in each round
AFTER_S = 1.5  # the last one is gone


def ids(n):
    return [hashlib.sha256(str(i).encode()).hexdigest() for i in range(n)]


def describe(root, name):
    """About as long as Docker's own."""
    folder = root / "containers" / name
    folder.mkdir(parents=True)
    networks = {"bridge": {"NetworkID": name, "EndpointID": name, "IPAddress": "172.17.0.2"}}
    config = {"StreamConfig": {}, "State": {"Running": False, "Pid": 0, "StartedAt": "0001-01-01T00:00:00Z"},
              "ID": name, "Created": "2026-01-01T00:00:00.000000000Z", "Path": "/docker-entrypoint.sh",
              "Args": ["nginx", "-g", "daemon off;"], "Image": f"sha256:{name}", "Name": f"/shop-{name[:8]}",
              "Config": {"Hostname": name[:12], "Image": "registry.example/shop/web:1.4.2",
                         "Env": [PATH, *(f"SETTING_{i}=value-{i}" for i in range(12))],
                         "Labels": {f"org.example.label-{i}": f"value {i}" for i in range(8)}},
              "NetworkSettings": {"Bridge": "", "SandboxID": name, "Ports": {}, "Networks": networks},
              "LogPath": str(folder / f"{name}-json.log"), "Driver": "overlay2", "OS": "linux", "MountPoints": {}}
    (folder / "config.v2.json").write_text(json.dumps(config))
    (folder / "hostconfig.json").write_text(json.dumps(
        {"NetworkMode": "default", "Privileged": False, "CapAdd": None, "Ulimits": [], "SecurityOpt": None,
         "MaskedPaths": ["/proc/kcore", "/proc/keys", "/sys/firmware"], "ReadonlyPaths": ["/proc/bus", "/proc/sys"]}))


@contextmanager
def coming_up(work, n):
    """(a folder for the storm, what makes the groups and is called when the agent runs)"""
    unified, memory = hierarchies()
    top, links = unified / "docker", work / "groups"
    groups = [top / name for name in ids(n)]
    had_top = top.exists()

    def make():
        top.mkdir(exist_ok=True)
        for i, group in enumerate(groups):
            group.mkdir()
            os.chown(group / "cgroup.procs", USER, USER)
            (links / str(i)).symlink_to(group)
        os.chown(top / "cgroup.procs", USER, USER)
        for path in filter(None, (top, memory)):
            (path / "cgroup.procs").write_text("0")

    links.mkdir()
    try:
        yield links, make
    finally:
        shutil.rmtree(links)
        for group in filter(os.path.exists, groups):
            group.rmdir()
        if not had_top:
            with suppress(OSError):  # somebody else's container is in there meanwhile
                top.rmdir()


def beside(ways, work, **how):
    """
    What each took of the CPU over one storm, in ns. Both run at once: whatever else goes on on the machine, both see.
    """
    try:
        for agent in ways:
            agent.start(work)
        before = [agent.cpu_ns() for agent in ways]
        end_storm(start_storm(ways[0].tools, **how))
        time.sleep(REST_S)
        return [agent.cpu_ns() - cpu for agent, cpu in zip(ways, before)]
    finally:
        for agent in ways:
            agent.stop()


def node_ns():
    """What all processes of the machine have taken, and the kernel's own work, in steps of 10 ms."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) * 10_000_000


def one_round(runtime, ways, name):
    """What each took of the CPU, then what the node did, in ns a container."""
    before = [agent.cpu_ns() for agent in ways] + [node_ns()]
    runtime.run_many(name, ["/bin/sleep", "0.05"], REAL)
    time.sleep(AFTER_S)
    after = [agent.cpu_ns() for agent in ways] + [node_ns()]
    return [(end - begin) / REAL for begin, end in zip(before, after)]


def beside_runtime(runtime, ways, work, repeats):
    """Rounds of that. The first containers make all pages that are needed, and are not counted."""
    try:
        for agent in ways:
            agent.start(work)
        runtime.run_many("warm", ["/bin/sleep", "0.05"], WARM)
        time.sleep(AFTER_S)
        for i in range(repeats):
            yield one_round(runtime, ways, f"job{i}-")
    finally:
        for agent in ways:
            agent.stop()


def real(tools, work, repeats, found):
    """Adds what the names cost with each runtime that is there."""
    for kind, (name, root) in RUNTIMES.items():
        if kind.missing():
            continue
        socket = "cri" if name == "containerd" else name
        with kind() as runtime:
            ways = [Agent(tools, name="named", options=[f"--{name}-roots", str(runtime.roots[root]),
                                                        f"--{socket}-sockets", str(runtime.socket)]),
                    Agent(tools, name="not named", options=["--container-sources", "none"])]
            for named, plain, node in beside_runtime(runtime, ways, work, repeats):
                for what, value, unit in (("named", named / 1e3, "us a container"),
                                          ("not named", plain / 1e3, "us a container"),
                                          ("more", (named / plain - 1) * 100, "%"),
                                          ("the node without them", (node - named - plain) / 1e6, "ms a container")):
                    label = f"{name}, {REAL} containers of 50 ms: {what}"
                    found.setdefault(label, (Samples(), unit))[0].append(value)


def containers(tools, work, repeats):
    root, found = work / "docker", {}
    for name in ids(max(n for n, _ in SHAPES)):
        describe(root, name)
    ways = [Agent(tools, name="named", options=["--container-sources", "files", "--docker-roots", str(root)]),
            Agent(tools, name="not named", options=["--container-sources", "none"])]
    for n, execs in SHAPES:
        label = f"{n} containers of {execs} execs"
        for i in range(repeats):
            order = ways[::1 if i % 2 else -1]
            with coming_up(work, n) as (links, make):
                took = beside(order, work, n=n * execs, groups=f"{links},{n}", prepare=make)
            cpu = {agent.name: ns for agent, ns in zip(order, took)}
            for name, ns in cpu.items():
                found.setdefault(f"{label}: {name}", (Samples(), "us an exec"))[0].append(ns / n / execs / 1e3)
            more = (cpu["named"] / cpu["not named"] - 1) * 100
            found.setdefault(f"{label}: more", (Samples(), "%"))[0].append(more)
    real(tools, work, repeats, found)
    return found
