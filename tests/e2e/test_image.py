# SPDX-License-Identifier: Apache-2.0
"""
The image of packaging/docker: built by a real engine from what the build's last step makes of this machine's program
(no registry is asked), and run as the DaemonSet runs it: its arguments, mounts, capabilities and limits.
"""
import json
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

import harness
import manifests
from harness import marker, wait_until
from runtimes import Docker, Podman

DOCKER = manifests.PACKAGING / "docker"
NAME = "localhost/proctrail:test"
RUN_S = 30


@pytest.fixture(scope="module")
def rootfs(session_dir, binary):
    """The file system of the image, as the Dockerfile's build makes it."""
    path = session_dir / "rootfs"
    subprocess.run([DOCKER / "make-rootfs", binary, path], check=True, timeout=60, stdout=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module")
def image(session_dir, rootfs):
    """An archive: by the Dockerfile, but for what its first stage would fetch from the network."""
    why = Docker.missing() or (None if shutil.which("docker") else "docker's client is missing (tools/deps test)")
    if why:
        pytest.skip(why)
    context = session_dir / "context"
    context.mkdir()
    shutil.copytree(rootfs, context / "rootfs", symlinks=True)
    text = (DOCKER / "Dockerfile").read_text()
    first, last = re.fullmatch(r"(.*?)(^FROM scratch$.*)", text, re.S | re.M).groups()
    assert "make-rootfs /build/proctrail /rootfs" in first
    (context / "Dockerfile").write_text(f"FROM scratch AS build\nCOPY rootfs /rootfs\n{last}")
    with Docker() as docker:
        for words in (["build", "--network", "none", "--tag", NAME, context],
                      ["save", "--output", session_dir / "image.tar", NAME]):
            subprocess.run(["docker", "--host", f"unix://{docker.socket}", *words], check=True, timeout=RUN_S,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "DOCKER_BUILDKIT": "0"})
    return session_dir / "image.tar"


@pytest.fixture(scope="module")
def engine(image):
    """What runs it. (Debian's Docker, 20.10, does not know CAP_BPF by its name.)"""
    if Podman.missing():
        pytest.skip(Podman.missing())
    with Podman() as podman:
        podman.cli("load", "--input", str(image))
        yield podman


def as_the_daemonset(work, pid):
    """The options of `docker run` that come to the same."""
    spec, container = manifests.pod_spec(), manifests.container()
    assert spec["hostPID"]
    options = ["--pull", "never", "--pid", pid, "--network", "none", "--read-only", "--user", "0", "--cgroupns", "private",
               "--security-opt", "no-new-privileges", "--cap-drop", "ALL",
               "--security-opt", f"seccomp={container['securityContext']['seccompProfile']['type'].lower()}",
               "--memory", container["resources"]["limits"]["memory"].removesuffix("i").lower()]
    options += [word for name in manifests.capabilities() for word in ("--cap-add", name)]
    sources = {v["name"]: v for v in spec["volumes"]}
    for mount in container["volumeMounts"]:
        source = sources[mount["name"]].get("hostPath", {}).get("path") or str(work / mount["name"])
        options += ["--mount", f"type=bind,source={source},target={mount['mountPath']}" +
                    (",readonly" if mount.get("readOnly") else "") +
                    (",bind-propagation=rslave" if "mountPropagation" in mount else "")]
    return options


class Agent:
    """In a container."""

    def __init__(self, engine, work, *arguments, pid="host"):
        for name, file in (("agent", "agent.yaml"), ("pipelines", "processes.yaml")):
            (work / name).mkdir(exist_ok=True)
            (work / name / file).write_text(manifests.config(f"proctrail-{name}", file))
        Path("/run/proctrail").mkdir(exist_ok=True)
        command = [a.replace("$(NODE_NAME)", "node-1") for a in manifests.container()["args"]]
        self.engine, self.instance = engine, f"image-{secrets.token_hex(4)}"
        self.id = engine.cli("run", "--detach", *as_the_daemonset(work, pid), NAME, *command, "--instance", self.instance,
                             *arguments).split()[-1]

    def log(self):
        """Both of its outputs."""
        return subprocess.run(["podman", "logs", self.id], env={**os.environ, **self.engine.environment()}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_S).stdout

    def records(self):
        """What stands on its standard output in whole lines; the last may be in the middle of being written."""
        return [json.loads(line) for line in self.engine.cli("logs", self.id).split("\n")[:-1]]

    def wait_ready(self):
        def is_ready():
            assert self.inspect()["State"]["Running"], self.log()
            return "ready" in self.log().splitlines()

        wait_until(is_ready, RUN_S, self.log)

    def exec(self, *command):
        return self.engine.cli("exec", self.id, *command)

    def inspect(self):
        return json.loads(self.engine.cli("inspect", self.id))[0]

    def stop(self):
        self.engine.cli("stop", "--time", "15", self.id)
        return self.inspect()["State"]["ExitCode"]

    def remove(self):
        self.engine.cli("rm", "--force", "--time", "0", self.id)
        harness.remove_instance(self.instance)


@pytest.fixture
def start(engine, work):
    started = []

    def start(*arguments):
        started.append(Agent(engine, work, *arguments))
        started[-1].wait_ready()
        return started[-1]

    yield start
    for agent in started:
        agent.remove()


def run_marked():
    text = marker()
    process = subprocess.Popen(["/bin/true", text])
    process.wait()
    return text


def record_of(agent, text):
    return wait_until(lambda: [r for r in agent.records() if text in r.get("arguments", "")], RUN_S,
                      lambda: agent.log()[-2000:])[0]


def test_image_is_small_and_has_no_shell(rootfs):
    files = [p for p in rootfs.rglob("*") if p.is_file() and not p.is_symlink()]
    size = sum(p.stat().st_size for p in files)
    assert size < 48 * 1024 * 1024, f"{size / 1048576:.1f} MiB"
    assert not [p for p in files if p.name in ("sh", "bash", "dash", "busybox", "apt", "dpkg")]
    programs = [p.relative_to(rootfs) for p in files if os.access(p, os.X_OK) and ".so" not in p.name]
    assert programs == [Path("usr/sbin/proctrail")]


def test_processes_of_the_host_are_recorded(start):
    agent = start()
    record = record_of(agent, run_marked())
    assert record["call_name"] == "execve" and record["binary"].endswith("/true") and record["user"] == "root"
    node = harness.exec_id_parts(record["exec_id"])[0]
    assert node == "node-1"


def test_it_shows_how_it_does(start):
    agent = start()
    assert "node-1" in agent.exec("proctrail", "status", "--instance", agent.instance)
    checks = json.loads(agent.exec("proctrail", "doctor", "--json", "--instance", agent.instance))["checks"]
    # What an agent's settings file says is at another place here, and doctor reads the usual one.
    assert [c for c in checks if c["finding"] == "failure"] == []


def test_probes_are_answered(start):
    """Over the pod's own address: here from within its network namespace, by the program's own HTTP."""
    agent = start()
    pid = agent.inspect()["State"]["Pid"]
    container = manifests.container()
    port = {p["name"]: p["containerPort"] for p in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        get = container[probe]["httpGet"]
        script = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port[get['port']]}{get['path']}').status)"
        done = subprocess.run(["nsenter", "-t", str(pid), "-n", "/usr/bin/python3", "-c", script], text=True,
                              capture_output=True, timeout=RUN_S)
        assert done.stdout.strip() == "200", done.stderr


def test_container_that_was_there_before_it_is_known(start, engine):
    older = engine.run("older", ["/bin/sh", "-c", "sleep 600"])
    pid = engine.inspect(older)["State"]["Pid"]
    agent = start()
    engine.remove(older)
    record = wait_until(lambda: [r for r in agent.records() if r["pid"] == str(pid) and r["call_name"] == "exit"],
                        RUN_S, lambda: agent.log()[-2000:])[0]
    assert record["container.id"] == older


def test_upgrade_misses_nothing(start, engine, work):
    """The old container goes, a new one comes: what happens in between is recorded."""
    old = start()
    record_of(old, run_marked())
    assert old.stop() == 0
    text = run_marked()
    new = Agent(engine, work, "--instance", old.instance)
    new.instance = old.instance
    try:
        new.wait_ready()
        record_of(new, text)
        assert not [r for r in new.records() if r["call_name"] == "lost"]
    finally:
        new.remove()


def test_it_refuses_to_run_without_the_hosts_pids(engine, work):
    agent = Agent(engine, work, pid="private")
    try:
        wait_until(lambda: "hostPID: true" in agent.log(), RUN_S, agent.log)
        assert agent.engine.cli("wait", agent.id).strip() == "1"
    finally:
        agent.remove()
