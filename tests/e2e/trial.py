# SPDX-License-Identifier: Apache-2.0
"""
An agent under a witness's eyes, which may crash, be stopped, and be started again as often as one likes; in the
end all that happened since the trial's beginning must have been told. Used by the tests of crashes and by
tests/faults.
"""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import harness
from harness import marker, wait_until
from truth import Account, Told

CALLS = ["execve", "exit", "clone"]
FIELDS = ["__seq__"]  # of the extended ones: what tells a double
BATCH = 2048  # records that a crash may repeat, for each flusher
SMALLEST_RING = ["--ring-size", "256KiB"]
TAIL = 1 << 20
ACCOUNTS = 8
LOSS_TOLD_S = 1.5  # until a loss behind which nothing comes is told
NAMED_S = 2.0  # until a record of somebody else's container is out, which may have waited for its name


def crash_points():
    """The names of all points at which the agent may be made to die: every FAULT("...") of its source."""
    names = set()
    for path in (harness.REPO / "src").rglob("*.[ch]"):
        names |= set(re.findall(r'\bFAULT(?:_SHORT)?\("(\w+)"', path.read_text()))
    return sorted(names)


def is_told(paths, text):
    """Whether the exit of a program with this argument is at the end of one of these files."""
    pattern = re.compile(rb'"arguments":"%s[" ][^\n]*"call_name":"exit"[^\n]*\n' % text.encode())
    for path in paths:
        if os.path.exists(path):
            with open(path, "rb") as f:
                f.seek(max(0, f.seek(0, 2) - TAIL))
                if pattern.search(f.read()):
                    return True
    return False


class Trial:
    """
    From its making on, or from `begin` on, when nothing had been lost yet, everything must be told in `paths` (the
    agent's output).
    """

    def __init__(self, agent, truth, paths=None, begin=None):
        self.agent, self.truth = agent, truth
        self.paths = paths or [agent.out_path]
        self.storms, self.n_lost = [], 0
        self.fence()
        self.begin = begin
        if begin is None:
            self.begin_anew()

    def begin_anew(self):
        """What others' storms have made it lose before does not count."""
        for _ in range(ACCOUNTS):
            self.begin = self.truth.now()
            before, self.n_lost = self.n_lost, len(Told(*self.paths).lost)
            if self.n_lost == before:
                break
            time.sleep(LOSS_TOLD_S)
            self.fence()

    def fence(self):
        """Waits until everything that has happened is in the output. (The fence itself may be lost: then another.)"""
        fences, put_at = [], 0

        def is_out():
            nonlocal put_at
            assert self.agent.popen.poll() is None, \
                f"the agent has ended with {self.agent.popen.returncode}:\n{self.agent.stderr()}"
            if not fences or time.monotonic() - put_at > harness.FENCE_S:
                fences.append(marker())
                subprocess.run([self.agent.path("tiny"), fences[-1]], check=True)
                put_at = time.monotonic()
            return any(is_told(self.paths, text) for text in fences)

        wait_until(is_out, harness.RECORD_S * 2, lambda: f"the fence's record; stderr:\n{self.agent.stderr()}")

    def storm(self, n, background=False, enter=None):
        """n programs by vfork, exec and exit, at full speed; enter() is called in the process that makes them."""
        popen = subprocess.Popen([self.agent.path("storm"), self.agent.path("tiny"), "1", str(n)],
                                 stdout=subprocess.DEVNULL, cwd="/", preexec_fn=enter)
        if background:
            self.storms.append(popen)
            return popen
        assert popen.wait(harness.WORKLOAD_S) == 0
        return None

    def end_storms(self):
        while self.storms:
            assert self.storms.pop().wait(harness.WORKLOAD_S) == 0

    def wait_for_death(self, seconds):
        """Whether the agent dies by itself within that time; it must be by SIGKILL, which is what crash points do."""
        try:
            status = self.agent.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        assert status == -signal.SIGKILL, f"the agent ended with {status}:\n{self.agent.stderr()}"
        return True

    def wait_for_death_or_ready(self):
        """Whether the agent died before it was ready, however long it takes to start."""
        wait_until(lambda: self.agent.popen.poll() is not None or "ready" in self.agent.stderr().splitlines(),
                   harness.READY_S, lambda: f"ready; stderr so far:\n{self.agent.stderr()}")
        return self.agent.popen.poll() is not None

    def account_once(self):
        """What was told of all that has happened so far. The agent must be alive."""
        self.end_storms()
        end = self.truth.now()
        self.fence()
        events, until = self.truth.events(self.begin, end), time.monotonic() + NAMED_S
        while True:
            told = Told(*(p for p in self.paths if Path(p).exists()))
            told.lost = told.lost[self.n_lost:]
            account = Account(events, told, self.agent.pids)
            if account.is_all_told() or time.monotonic() > until:
                return account
            time.sleep(0.1)

    def account(self, over=0):
        """
        The same, to be exact. Where others lose records just now, by a storm of their own, it is taken once more:
        its end must be where nothing is lost.
        """
        for _ in range(ACCOUNTS):
            account = self.account_once()
            if account.is_exact(over):
                break
            time.sleep(0.5)
        return account

    def check_all_told(self, crashes=1):
        """Nothing is missing, nothing is torn, and doubles are few and recognisable."""
        account = self.account()
        account.check_nothing_missing()
        account.check_doubles(crashes * BATCH)
        assert not [r for r in account.told.lost if any(r.get(f"lost.{c}", "0") != "0" for c in CALLS)], \
            account.told.lost
        return account
