# SPDX-License-Identifier: Apache-2.0
"""200,000 execs: nothing is lost, nothing comes twice, and the agent does not grow."""
import re
import subprocess

import pytest

import harness
from harness import wait_until

MIB = 1 << 20
FIRST, ALL = 20_000, 200_000


def markers(path):
    """How often each marker has an execve record, read line by line."""
    seen = bytearray(ALL + 1)
    exits = bytearray(ALL + 1)
    with open(path, "rb") as f:
        for line in f:
            found = re.search(rb'/tiny","arguments":"marker-(\d+)"', line)
            if found:
                number = int(found[1])
                if b'"call_name":"execve"' in line:
                    seen[number] += 1
                elif b'"call_name":"exit"' in line:
                    exits[number] += 1
    return seen, exits


@pytest.mark.slow
def test_soak(start_agent):
    agent = start_agent()

    def storm(first, last):
        subprocess.run([agent.path("storm"), agent.path("tiny"), str(first), str(last)], check=True, timeout=300,
                       stdout=subprocess.DEVNULL, cwd=agent.directory)
        wait_until(lambda: is_out(last), 30, f"marker {last}")

    def is_out(number):
        with open(agent.out_path, "rb") as f:
            f.seek(max(0, f.seek(0, 2) - (1 << 20)))
            return re.search(rb'"arguments":"marker-%d"[^\n]*"call_name":"exit"[^\n]*\n' % number, f.read())

    storm(1, FIRST)
    early = agent.rss_bytes()
    storm(FIRST + 1, ALL)
    late = agent.rss_bytes()
    stderr = agent.stop()
    seen, exits = markers(agent.out_path)
    assert seen[1:] == bytes([1]) * ALL, f"missing {seen[1:].count(0)}, twice {sum(n > 1 for n in seen)}\n{stderr}"
    assert exits[1:] == bytes([1]) * ALL
    if harness.IS_SANITIZED:
        return
    assert late - early <= MIB, f"{early / MIB:.2f} MiB after {FIRST}, {late / MIB:.2f} MiB after {ALL}"
    assert late <= 48 * MIB, f"{late / MIB:.1f} MiB"
