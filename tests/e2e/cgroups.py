# SPDX-License-Identifier: Apache-2.0
"""Control groups of the tests, on machines with v1 hierarchies, with the unified one, and with both."""
import os
import time
from pathlib import Path

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
