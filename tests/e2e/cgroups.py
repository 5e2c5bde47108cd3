# SPDX-License-Identifier: Apache-2.0
"""Control groups of the tests, on machines with v1 hierarchies, with the unified one, and with both."""
import os
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path("/sys/fs/cgroup")


class Cgroup:
    """A group of its own in each hierarchy that bounds or names processes. Removed by leave()."""

    def __init__(self, name):
        is_unified = (ROOT / "cgroup.controllers").exists()
        self.paths = {kind: ROOT / name if is_unified else ROOT / kind / name for kind in ("memory", "pids")}
        if is_unified:
            (ROOT / "cgroup.subtree_control").write_text("+pids +memory")
        else:
            self.paths = {kind: path for kind, path in self.paths.items() if path.parent.is_dir()}
        for path in self.paths.values():
            path.mkdir(exist_ok=True)

    def limit_processes(self, n):
        (self.paths["pids"] / "pids.max").write_text(str(n))

    def enter(self):
        """For preexec_fn: this process, and all that it makes."""
        for path in set(self.paths.values()):
            (path / "cgroup.procs").write_text(str(os.getpid()))

    def processes(self):
        return [pid for path in set(self.paths.values()) for pid in (path / "cgroup.procs").read_text().split()]

    def remove(self):
        end = time.monotonic() + 10
        for pid in self.processes():
            try:
                os.kill(int(pid), 9)
            except ProcessLookupError:
                pass
        while self.processes() and time.monotonic() < end:
            time.sleep(0.01)
        for path in set(self.paths.values()):
            path.rmdir()


@contextmanager
def cgroups(path, where):
    """Makes a control group in the given hierarchies; yields the files that a process enters them by."""
    made = []
    try:
        for hierarchy in where:
            directory = ROOT / hierarchy
            for part in path.strip("/").split("/"):
                directory /= part
                if not directory.exists():
                    directory.mkdir()
                    made.append(directory)
            if hierarchy == "cpuset":
                for name in ("cpuset.cpus", "cpuset.mems"):
                    (directory / name).write_text((ROOT / "cpuset" / name).read_text())
        yield [ROOT / hierarchy / path.strip("/") / "cgroup.procs" for hierarchy in where]
    finally:
        for directory in reversed(made):
            if not any(directory.glob("*/")):  # another test's groups may be below it by now
                directory.rmdir()


def hierarchies():
    unified = "unified" if (ROOT / "unified").is_dir() else "."
    v1 = [n for n in ("memory", "pids", "freezer", "systemd") if (ROOT / n).is_dir()]
    if not os.access(ROOT / unified / "cgroup.procs", os.W_OK):
        pytest.skip("control groups are not writable here")
    return {"v2": [unified], "v1": v1, "hybrid": [*v1, unified]}


def entering(files, leaving=()):
    def enter():
        for path in [*leaving, *files]:
            path.write_text("0")

    return enter


def roots():
    """To leave first: the group that the tests run in must not decide."""
    return [ROOT / n / "cgroup.procs" for n in hierarchies()["hybrid"]]


@contextmanager
def held_in(agent, path, kind="hybrid"):
    """A process in a control group; it has left when the block ends."""
    where = hierarchies()[kind]
    if not where:
        pytest.skip("no cgroup v1 hierarchy here")
    with cgroups(path, where) as files:
        running = agent.start([agent.path("hold")], preexec_fn=entering(files, roots()))
        try:
            yield running
        finally:
            running.kill()
