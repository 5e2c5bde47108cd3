# SPDX-License-Identifier: Apache-2.0
"""The journal: damaged, cut, gone or not to be written, the agent starts, says what that costs, and loses nothing."""
import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from harness import marker, wait_until
from pipelines import value
from trial import CALLS, FIELDS, Trial

LOST_KEYS = ["lost.execve", "lost.exit", "lost.clone", "lost.other"]


@pytest.fixture
def trial(start_agent, truth):
    def begin(**kwargs):
        return Trial(start_agent(fields=FIELDS, calls=CALLS, **kwargs), truth)

    return begin


def folder_of(agent):
    return Path("/run/proctrail", agent.instance)


def flip(path):
    data = bytearray(path.read_bytes())
    rng = random.Random(1)
    for _ in range(100):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def cut_to_nothing(path):
    os.truncate(path, 0)


def remove(path):
    path.unlink()


def folder(path):
    path.unlink()
    path.mkdir()


def noise(path):
    path.write_bytes(os.urandom(10000))


def make_link(path):
    """Nobody but root can do this; it is not followed all the same."""
    path.unlink()
    path.symlink_to("/etc/passwd")


DAMAGES = [flip, cut, cut_to_nothing, remove, folder, noise, make_link]


# What waits for a name is in the journal alone, and others' containers come and go beside a test.
NOTHING_WAITS = ["--container-wait", "0s"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_journal(trial, damage):
    """Ids of what lives are the same even so: they come from the kernel."""
    passwd = Path("/etc/passwd").read_bytes()
    t = trial(options=NOTHING_WAITS)
    agent = t.agent
    hold = agent.start([agent.path("hold"), marker()])
    before = [r for r in agent.of(hold.pid) if r["call_name"] == "execve"][0]
    t.storm(300)
    agent.die()
    damage(folder_of(agent) / "journal")
    t.storm(100)
    agent.start_again()
    hold.end()
    account = t.account_once()
    account.check_nothing_missing()
    account.check_doubles(10 * 2048)
    assert not [r for r in account.told.lost if any(r.get(key, "0") != "0" for key in LOST_KEYS)], account.told.lost
    assert Path("/etc/passwd").read_bytes() == passwd
    exits = [r for r in agent.records() if r.get("pid") == str(hold.pid) and r["call_name"] == "exit"]
    assert {r["exec_id"] for r in exits} == {before["exec_id"]} and exits[0]["parent.exec_id"] == before["parent.exec_id"]
    if damage is not cut:  # a torn end is what a kill leaves
        assert re.search(r"level=(warning|error).*journal", agent.stderr()), agent.stderr()


@pytest.mark.parametrize("name", ["custody", "journal", "backlog"])
@pytest.mark.parametrize("damage", [flip, remove, folder])
def test_damaged_state_never_stops_the_agent(trial, name, damage):
    t = trial(options=NOTHING_WAITS)
    t.storm(200)
    t.agent.die()
    path = folder_of(t.agent) / name
    if path.is_dir():
        shutil.rmtree(path)
        path.write_bytes(b"not a folder")
    damage(path)
    t.agent.start_again()
    t.storm(200)
    account = t.account_once()
    account.check_nothing_missing()
    account.check_doubles(10 * 2048)


def test_the_whole_folder_is_gone(trial):
    t = trial(options=NOTHING_WAITS)
    t.storm(200)
    t.agent.die()
    subprocess.run(["rm", "-r", folder_of(t.agent)], check=True)
    t.storm(200)
    t.agent.start_again()
    t.account().check_nothing_missing()


def test_folder_is_removed_while_the_agent_runs(trial):
    t = trial(options=NOTHING_WAITS)
    subprocess.run(["rm", "-r", folder_of(t.agent)], check=True)
    t.storm(500)
    t.check_all_told(crashes=0)
    t.agent.die()
    t.agent.start_again()
    t.storm(100)
    t.account().check_nothing_missing()


def test_journal_of_another_boot_is_not_folded(trial):
    t = trial(options=NOTHING_WAITS)
    t.storm(100)
    t.agent.die()
    path = folder_of(t.agent) / "journal"
    data = bytearray(path.read_bytes())
    boot = bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", ""))
    at = data.find(boot)
    assert 0 < at < 64, "the header names the boot"
    data[at] ^= 1
    path.write_bytes(data)
    t.agent.start_again()
    t.account().check_nothing_missing()


def test_modes(start_agent):
    agent = start_agent()
    assert folder_of(agent).stat().st_mode & 0o777 == 0o700
    for path in folder_of(agent).rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    pins = Path("/sys/fs/bpf/proctrail", agent.instance)
    assert pins.stat().st_mode & 0o777 == 0o700


def crowd_for_a_while(n):
    """Longer than the agent takes from one look at the ring to the next: these are in the journal, one by one."""
    crowd = [subprocess.Popen(["/bin/sleep", "600"], cwd="/") for _ in range(n)]
    time.sleep(0.2)
    for popen in crowd:
        popen.kill()
    for popen in crowd:
        popen.wait()


def test_a_storm_leaves_no_records_in_the_journal(trial):
    """Who came and went between two looks at the ring has left nothing; whoever is there is known to the next life."""
    t = trial()
    agent = t.agent
    hold = agent.start([agent.path("hold"), marker()])
    before = [r for r in agent.of(hold.pid) if r["call_name"] == "execve"][0]
    bytes_before = value(agent, "journal_size_bytes")
    t.storm(3000)
    t.fence()
    grown = value(agent, "journal_size_bytes") - bytes_before
    assert grown / 3000 < 150, "16 bytes each, and the records of whoever was there at the end of a look"
    agent.die()
    t.storm(300)
    agent.start_again()
    t.check_all_told()
    hold.end()
    exits = [r for r in agent.fence() if r.get("pid") == str(hold.pid) and r["call_name"] == "exit"]
    assert [r["exec_id"] for r in exits] == [before["exec_id"]]


def test_journal_is_compacted(trial):
    """It is written anew when it outgrows its limit; the table survives that, too."""
    t = trial(options=["--journal-size", "1MiB"])
    agent = t.agent
    hold = agent.start([agent.path("hold"), marker()])
    before = [r for r in agent.of(hold.pid) if r["call_name"] == "execve"][0]
    n = 0
    while n < 6 or value(agent, "journal_rewrites_total") < 3:  # the first one began it
        n += 1
        assert n <= 30
        crowd_for_a_while(400)
        t.fence()
        assert (folder_of(agent) / "journal").stat().st_size <= 2 << 20
    agent.die()
    agent.start_again()
    hold.end()
    after = wait_until(lambda: [r for r in agent.fence() if r.get("pid") == str(hold.pid) and r["call_name"] == "exit"],
                       5, "the exit")[0]
    for key in ("exec_id", "parent.exec_id", "parent.binary", "parent.arguments", "binary", "arguments"):
        assert after[key] == before[key], key
