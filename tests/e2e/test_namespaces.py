# SPDX-License-Identifier: Apache-2.0
"""Namespaces, pids in them, control groups, and the containers that these tell of."""
import secrets
import subprocess

import pytest

from cgroups import ROOT, cgroups, entering, held_in, hierarchies, roots
from harness import marker, namespace_of, status_of

KINDS = ["mnt", "pid", "net", "user", "uts", "ipc", "cgroup"]
ID = secrets.token_hex(32)
OTHER = secrets.token_hex(32)


def check_namespaces(agent, pid):
    record = agent.of(pid, "execve")[-1]
    truth = {f"ns.{kind}": namespace_of(pid, kind) for kind in KINDS}
    truth["pid.container"] = status_of(pid)["NSpid"].split()[-1]
    assert {k: record.get(k) for k in truth} == truth
    return record


def test_namespaces_of_the_host(extended):
    running = extended.start([extended.path("hold")])
    record = check_namespaces(extended, running.pid)
    assert record["pid.container"] == record["pid"]


@pytest.mark.parametrize("option", ["-m", "-n", "-U", "-u", "-i", "-C"])
def test_new_namespace(extended, option):
    running = extended.start(["unshare", option, extended.path("hold")])
    record = check_namespaces(extended, running.pid)
    assert sum(record[f"ns.{kind}"] != namespace_of("self", kind) for kind in KINDS) == 1


def test_five_nested_pid_namespaces(extended):
    text = marker()
    running = extended.start(["unshare", "-pf"] * 5 + [extended.path("hold"), text])
    record = extended.execve_with(text)
    check_namespaces(extended, int(record["pid"]))
    assert record["pid.container"] == "1" and record["pid"] != "1"
    assert len(status_of(int(record["pid"]))["NSpid"].split()) >= 6
    running.end()
    assert [r["call_name"] for r in extended.of(int(record["pid"]))] == ["clone", "execve", "exit"]


def test_entering_the_namespaces_of_another(extended):
    text, inner_text = marker(), marker()
    extended.start(["unshare", "-pfmu", extended.path("hold"), text])
    first = extended.execve_with(text)
    extended.start(["nsenter", "-t", first["pid"], "-p", "-m", "-u", extended.path("hold"), inner_text])
    second = extended.execve_with(inner_text)
    check_namespaces(extended, int(second["pid"]))
    assert all(first[f"ns.{kind}"] == second[f"ns.{kind}"] for kind in KINDS)
    assert second["pid.container"] != second["pid"]


# Control groups


SHAPES = {
    "docker cgroupfs": "/docker/{id}",
    "docker systemd": "/system.slice/docker-{id}.scope",
    "containerd cgroupfs": "/kubepods/burstable/podd4b2a3c1-7b1e-4f6c-9a54-2f1f0c3c9b11/{id}",
    "containerd systemd": "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-{id}.scope",
    "cri-o cgroupfs": "/kubepods/besteffort/pod1-2/crio-{id}",
    "cri-o systemd": "/kubepods.slice/kubepods-pod3.slice/crio-{id}.scope",
    "podman cgroupfs": "/libpod_parent/libpod-{id}",
    "podman systemd": "/machine.slice/libpod-{id}.scope",
    "podman with a child": "/machine.slice/libpod-{id}.scope/container",
    "child of a container": "/docker/{id}/system.slice/some.service",
    "container in a container": "/docker/" + OTHER + "/docker/{id}",
}


@pytest.mark.parametrize("kind", ["v1", "v2", "hybrid"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_container_id(agent, shape, kind):
    with held_in(agent, shape.format(id=ID), kind) as running:
        assert agent.one(running.pid, "execve").get("container.id") == ID
        running.end()
    execve, exit_ = agent.of(running.pid)
    assert exit_["container.id"] == ID
    keys = list(execve)
    assert keys.index("cap.inheritable") < keys.index("container.id") < keys.index("parent.exec_id")


@pytest.mark.parametrize("path", [
    "/default/plain1", f"/docker/{ID[:63]}", f"/docker/{ID}0", f"/docker/{ID[:-1]}g", f"/docker/{ID[:12]}",
    "/user.slice/user-1000.slice/session-1.scope", f"/machine.slice/libpod-conmon-{ID}.scope",
])
def test_group_that_is_no_container(agent, path):
    with held_in(agent, path) as running:
        record = agent.one(running.pid, "execve")
        assert "container.id" not in record


def test_group_that_is_older_than_the_agent(start_agent):
    with cgroups(f"/docker/{ID}", hierarchies()["hybrid"]) as files:
        agent = start_agent(fields="extended")
        running = agent.start([agent.path("hold")], preexec_fn=entering(files, roots()))
        try:
            assert agent.one(running.pid, "execve").get("container.id") == ID
        finally:
            running.kill()
        agent.stop()


def test_process_in_a_container_that_is_older_than_the_agent(start_agent, workloads):
    with cgroups(f"/docker/{ID}", hierarchies()["hybrid"]) as files:
        shell = subprocess.Popen(["/bin/sh"], stdin=subprocess.PIPE, preexec_fn=entering(files, roots()))
        try:
            agent = start_agent(fields="extended")
            shell.communicate(f"{workloads}/tiny; exit 0\n".encode(), timeout=10)
            (record,) = [r for r in agent.fence() if r["call_name"] == "execve"
                         and r.get("parent.pid") == str(shell.pid)]
            assert record["container.id"] == record["parent.container.id"] == ID
            assert agent.one(shell.pid, "exit")["container.id"] == ID
            agent.stop()
        finally:
            shell.kill()
            shell.wait()


def test_container_of_the_parent(extended):
    with cgroups(f"/docker/{ID}", hierarchies()["hybrid"]) as files:
        text = marker()
        done = extended.run(["/bin/sh", "-c", f"{extended.path('tiny')} {text}; exit 0"],
                            preexec_fn=entering(files, roots()))
        (record,) = [r for r in extended.of_parent(done.pid) if r["call_name"] == "execve"]
    assert record["parent.container.id"] == record["container.id"] == ID


def test_containers_that_live_for_a_moment(agent):
    """Made, entered, left and removed before anybody could look anything up."""
    ids = [secrets.token_hex(32) for _ in range(20)]
    pids = []
    for each in ids:
        with cgroups(f"/docker/{each}", hierarchies()["hybrid"]) as files:
            pids.append(agent.run("tiny", preexec_fn=entering(files, roots())).pid)
    for each, pid in zip(ids, pids):
        assert agent.one(pid, "exit")["container.id"] == each
        assert {r.get("container.id") for r in agent.records() if r["pid"] == str(pid)} == {each}


def test_cgroup_id_is_the_inode_of_the_directory(extended):
    with held_in(extended, "/proctrail-test", "v2") as running:
        (directory,) = [ROOT / n / "proctrail-test" for n in hierarchies()["v2"]]
        record = extended.of(running.pid, "execve")[0]
        assert record["cgroup.id"] == str(directory.stat().st_ino)
        assert "container.id" not in record


def test_group_of_an_older_process_from_another_cgroup_namespace(start_agent, workloads, work):
    """As in a container: what the agent sees of the hierarchies begins at its own group, but for the host's mount."""
    where = hierarchies()["hybrid"]
    with cgroups(f"/docker/{ID}", where) as files, cgroups(f"/docker/{OTHER}", where) as own:
        popen = subprocess.Popen([workloads / "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 preexec_fn=entering(files, roots()))
        popen.stdout.readline()
        entered = " && ".join(f"echo 0 >{path}" for path in own)
        host = work / "host"
        host.mkdir()
        script = f"mount --rbind /sys/fs/cgroup {host}; " + "umount -l /sys/fs/cgroup; " + \
                 "mkdir -p /sys/fs/cgroup 2>/dev/null; exec \"$@\""
        agent = start_agent(prefix=["sh", "-c", f"{entered} && exec unshare --cgroup --mount sh -c '{script}' sh \"$@\"",
                                    "sh"])
        popen.stdin.close()
        popen.wait()
        try:
            assert agent.one(popen.pid, "exit")["container.id"] == ID
        finally:
            agent.kill()
