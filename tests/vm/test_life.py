# SPDX-License-Identifier: Apache-2.0
"""
What must not be done to the machine of the tests, and what must work on every kernel: a kill -9 and the next start,
the wall clock set forward and back, a processor that is unplugged. Nothing is missing, doubled, or out of order.
"""
import json
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent

KERNELS = ["6.1", "6.12"]
HOOKS = ["btf", "raw"]
ALL = 140
GUEST_S = 300
DAY = 86400


@pytest.fixture(scope="session", params=KERNELS)
def lives(request, tmp_path_factory):
    """The folder that the guest with this kernel left."""
    out = tmp_path_factory.mktemp("lives")
    done = subprocess.run([REPO / "tools/vm-run", "--kernel", request.param, "--timeout", str(GUEST_S), "--cpus", "2",
                           "--file", HERE / "life.sh", "--output", out, "life.sh", *HOOKS],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout
    return out


@pytest.fixture(params=HOOKS)
def life(request, lives):
    return lives / request.param


def numbered(folder, call):
    """[(number, record)] of the numbered programs, in order; those that came twice by their __seq__ once."""
    ret, seqs = [], set()
    for line in (folder / "records").read_text().splitlines():
        record = json.loads(line)
        match = re.fullmatch(r"true number-(\d+)", record.get("arguments", ""))
        if match and record["call_name"] == call and record["__seq__"] not in seqs:
            seqs.add(record["__seq__"])
            ret.append((int(match[1]), record))
    return ret


def test_everything_once_and_in_order(life):
    for call in ("execve", "exit"):
        assert [number for number, _ in numbered(life, call)] == list(range(1, ALL + 1)), call


def test_nothing_lost(life):
    assert '"call_name":"lost"' not in (life / "records").read_text()


def test_second_life_takes_over(life):
    assert "taking over" in (life / "stderr.2").read_text()
    assert "proctrail" not in (life / "pins").read_text(), "a stop lets go of everything"


def test_records_follow_the_wall_clock(life):
    time_of = {number: int(record["__time__"]) for number, record in numbered(life, "execve")}
    assert DAY <= time_of[80] - time_of[60] < DAY + 60
    assert -DAY - 3600 <= time_of[100] - time_of[80] < -DAY - 3600 + 60
    assert 0 <= time_of[140] - time_of[100] < 120


def test_ids_do_not_follow_the_wall_clock(life):
    exits = {number: record["exec_id"] for number, record in numbered(life, "exit")}
    execs = {number: record["exec_id"] for number, record in numbered(life, "execve")}
    assert exits == execs
