# SPDX-License-Identifier: Apache-2.0
"""`uid` is the host's, `uid.container` what the process's own user namespace makes of it."""
import subprocess

import pytest

from harness import marker, status_of

FEW = [(500, 0, 1), (1000, 4000, 10)]
MANY = [(2 * i, 3000 + 10 * i, 1) for i in range(1, 100)] + [(7, 0, 1)]


def mapped(agent, uid, extents, *command, **kwargs):
    """Starts a command as `uid` in a new user namespace that has these ids: (inner, outer, count) each."""
    go = agent.directory / marker()
    subprocess.run(["mkfifo", "-m", "666", go], check=True)
    running = agent.start(["setpriv", f"--reuid={uid}", "--clear-groups", "unshare", "-U", "/bin/sh", "-c",
                           'echo there; read -r line < "$1"; shift; exec "$@"', "sh", go, *command], **kwargs)
    for name, ids in (("uid_map", extents), ("gid_map", [(0, 0, 1)])):
        if ids:
            with open(f"/proc/{running.pid}/{name}", "w") as f:
                f.write("".join("%d %d %d\n" % e for e in ids))
    go.write_text("go\n")
    running.lines.append(running.popen.stdout.readline())
    return running


def inner_of(agent, extents, uid, *command):
    text = marker()
    mapped(agent, uid, extents, *command, agent.path("hold"), text)
    record = agent.execve_with(text)
    assert record["uid"] == str(uid) == status_of(int(record["pid"]))["Uid"].split()[1]
    return record["uid.container"]


def test_no_namespace(extended):
    running = extended.start(["setpriv", "--reuid=3000", extended.path("hold")])
    assert extended.of(running.pid, "execve")[-1]["uid.container"] == "3000"


@pytest.mark.parametrize("uid,inner", [(0, "500"), (4000, "1000"), (4009, "1009"), (4010, ""), (3999, "")])
def test_few_ranges(extended, uid, inner):
    assert inner_of(extended, FEW, uid) == inner


@pytest.mark.parametrize("uid,inner", [(0, "7"), (3010, "2"), (3500, "100"), (3990, "198"), (3011, ""), (2999, ""),
                                       (3991, ""), (4000000, "")])
def test_many_ranges(extended, uid, inner):
    assert inner_of(extended, MANY, uid) == inner


def test_no_ranges(extended):
    assert inner_of(extended, [], 3000) == ""


def test_namespace_in_a_namespace(extended):
    assert inner_of(extended, FEW, 4003, "unshare", "-U", "--map-root-user") == "0"


def test_clones_and_exits_have_it_too(extended):
    text = marker()
    running = mapped(extended, 4004, FEW, "/bin/sh", "-c", f"{extended.path('hold')} {text}; exit")
    record = extended.execve_with(text)
    running.end()
    inner = {r["call_name"]: r["uid.container"] for r in extended.of(int(record["pid"]))}
    assert inner == {"clone": "1004", "execve": "1004", "exit": "1004"}
