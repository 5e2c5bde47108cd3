# SPDX-License-Identifier: Apache-2.0
"""What an agent takes that has nothing to do, on a machine with a thousand processes more."""
import subprocess
import time
from pathlib import Path

import pytest

import harness
from harness import wait_until

MIB = 1 << 20
PROCESSES = 1000
RESIDENT_MAX = 24 * MIB  # the ring of 16 MiB, mapped once, is in it
OF_A_PROCESS = 1024  # more than what the table takes of one that others have started meanwhile

# What only other commands need, or nobody: each would come with libraries of its own.
UNWANTED = ["libcurl", "libcrypto", "libsystemd", "libldap"]


@pytest.fixture
def crowd(workloads):
    """Processes that wait until the test is over."""
    command = [str(workloads / "crowd"), str(PROCESSES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_until(lambda: len(children.read_text().split()) == PROCESSES, 30, "the crowd is not there")
        yield process
        process.stdin.close()


def above_the_crowd(agent):
    """What is resident, without what processes take that are none of the test's."""
    time.sleep(0.3)
    others = sum(entry.name.isdigit() for entry in Path("/proc").iterdir()) - PROCESSES
    return agent.rss_bytes() - others * OF_A_PROCESS


@pytest.mark.skipif(harness.IS_SANITIZED, reason="built with sanitizers, which take memory of their own")
def test_resident(crowd, start_agent):
    agent = start_agent()
    agent.fence()
    resident = min(above_the_crowd(agent) for _ in range(10))
    maps = Path(f"/proc/{agent.pid}/maps").read_text()
    agent.stop()
    assert resident <= RESIDENT_MAX, f"{resident / MIB:.1f} MiB"
    assert [name for name in UNWANTED if name in maps] == []
