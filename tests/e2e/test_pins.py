# SPDX-License-Identifier: Apache-2.0
"""What is pinned, where it is, and what the agent does where nothing can be."""
import os
import stat
from pathlib import Path

import pytest

from harness import new_instance, remove_instance

BPFFS = Path("/sys/fs/bpf")
PARTS = {"ring", "knobs", "streams", "claim", "exit", "exec", "cgroup", "fork"}
WITHOUT = "nothing is pinned below"


def in_own_mounts(script):
    """A prefix that runs the agent in a mount namespace of its own, after this script."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script + '\nexec "$@"', "sh"]


def pins_of(pid, instance):
    """The folder of an instance as the process sees it."""
    return Path(f"/proc/{pid}/root", *(BPFFS / "proctrail" / instance).parts[1:])


def run_one(agent):
    assert agent.one(agent.run("tiny").pid, "execve")


def test_all_parts_are_pinned_for_the_agent_alone(start_agent):
    agent = start_agent()
    folder = BPFFS / "proctrail" / agent.instance
    generation, = folder.iterdir()
    assert {p.name for p in generation.iterdir()} == PARTS
    for path in (folder.parent, folder, generation):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
        assert path.stat().st_uid == os.geteuid()
    agent.stop()
    assert not folder.exists()


def test_bpffs_is_mounted_where_it_is_not(start_agent):
    agent = start_agent(prefix=in_own_mounts("! mountpoint -q /sys/fs/bpf || umount -l /sys/fs/bpf"))
    assert "mounted bpffs on /sys/fs/bpf" in agent.stderr()
    assert [p.name for p in pins_of(agent.pid, agent.instance).iterdir()] == ["g1"]
    run_one(agent)
    assert WITHOUT not in agent.stop()


@pytest.mark.parametrize("script", [
    "mount -t tmpfs none /sys/fs",  # there is nowhere to mount it
    "mount -t bpf -o ro none /sys/fs/bpf",
    "mount -t bpf none /sys/fs/bpf; mkdir /sys/fs/bpf/proctrail; chown 1 /sys/fs/bpf/proctrail",
], ids=["no place", "read-only", "another's folder"])
def test_the_agent_runs_without_pins_and_says_once_what_that_costs(start_agent, script):
    agent = start_agent(prefix=in_own_mounts(script))
    run_one(agent)
    stderr = agent.stop()
    warnings = [line for line in stderr.splitlines() if "level=warning" in line]
    assert len(warnings) == 1, stderr
    assert WITHOUT in warnings[0] and "will be missing" in warnings[0]


def test_pins_elsewhere_must_be_on_bpffs(start_agent, work):
    agent = start_agent(options=["--pin-directory", work / "pins"])
    run_one(agent)
    assert "it is not on bpffs" in agent.stop()


def test_no_pins_unless_wanted(start_agent):
    agent = start_agent(options=["--pin-directory", "none"])
    assert not (BPFFS / "proctrail" / agent.instance).exists()
    run_one(agent)
    assert "level=warning" not in agent.stop()


def test_a_damaged_folder_is_repaired(start_agent):
    """Names that no agent gives, and a generation of which only the folder is left, are in nobody's way."""
    instance = new_instance()
    folder = BPFFS / "proctrail" / instance
    try:
        for name in ("g1", "g7/other", "notes"):
            (folder / name).mkdir(parents=True)
        agent = start_agent(options=["--instance", instance])
        assert {p.name for p in folder.iterdir()} == {"g8", "notes"}
        run_one(agent)
        agent.stop()
    finally:
        remove_instance(instance)


def test_numbers_of_generations_wrap(start_agent):
    instance = new_instance()
    folder = BPFFS / "proctrail" / instance
    try:
        (folder / "g65535").mkdir(parents=True)
        agent = start_agent(options=["--instance", instance])
        assert [p.name for p in folder.iterdir()] == ["g1"]
        agent.die()
        agent.start_again()
        run_one(agent)
        agent.stop()
    finally:
        remove_instance(instance)
