# SPDX-License-Identifier: Apache-2.0
"""--host-root: the host's files from within a container, and no agent where they are not those of the processes."""
import json
import subprocess

import pytest

UNSHARED = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


@pytest.fixture
def host(work):
    """A host's root with a passwd file of its own, in which root has another name."""
    (work / "host" / "etc").mkdir(parents=True)
    (work / "host" / "etc" / "passwd").write_text("hostess:x:0:0::/root:/bin/sh\n")
    return work / "host"


def test_names_of_users_are_the_hosts(start_agent, host):
    agent = start_agent(options=["--host-root", f"{host}/"])
    assert agent.one(agent.run("tiny").pid, "execve")["user"] == "hostess"
    agent.stop()


def test_it_refuses_to_run_outside_the_hosts_pid_namespace(binary, host, needs_root):
    done = subprocess.run([*UNSHARED, binary, "run", "--host-root", host], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and done.stdout == ""
    assert f"HostRoot '{host}' is for the host's pid namespace, and this is another one" in done.stderr
    assert "hostPID: true" in done.stderr


def test_without_it_another_pid_namespace_will_do(start_agent):
    agent = start_agent(prefix=UNSHARED)
    agent.kill()


def doctor(binary, prefix, etc):
    """What doctor says, by name, where /etc is another folder."""
    script = 'mount --bind "$1" /etc && exec "$2" doctor --json'
    done = subprocess.run([*prefix, "unshare", "--mount", "sh", "-c", script, "sh", etc, binary], capture_output=True,
                          text=True, timeout=30)
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_doctor_looks_below_it(binary, host, work, needs_root):
    (work / "etc" / "proctrail").mkdir(parents=True)
    (work / "etc" / "proctrail" / "agent.yaml").write_text(f"HostRoot: {host}\n")
    checks = doctor(binary, [], work / "etc")
    assert checks["names of users"]["text"] == f"{host}/etc/passwd"
    assert checks["pid namespace"]["finding"] == "ok"
    checks = doctor(binary, UNSHARED, work / "etc")
    assert checks["pid namespace"]["finding"] == "failure" and "hostPID" in checks["pid namespace"]["advice"]
