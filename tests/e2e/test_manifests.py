# SPDX-License-Identifier: Apache-2.0
"""
The manifests hold what docs/guide/kubernetes.md and the program say: rendered by kubectl, and the agent run with what
they give it.
"""
import json
import os
import re
import subprocess
import time

import pytest
import yaml

import harness
import manifests
from harness import marker, wait_until
from kube_api import KubeApi
from kube_follow import TOLD_S, Follow, controlled, owned_by, owner, pod

GUIDE = (harness.REPO / "docs" / "guide" / "kubernetes.md").read_text()
BOTH = ["base", "overlays/example"]


@pytest.mark.parametrize("what", BOTH)
def test_objects(what):
    kinds = sorted(kind for kind, _ in manifests.render(what))
    assert kinds == ["ClusterRole", "ClusterRoleBinding", "ConfigMap", "ConfigMap", "DaemonSet", "Namespace",
                     "ServiceAccount"]
    of_namespace = [t for (kind, _), t in manifests.render(what).items()
                    if kind not in ("ClusterRole", "ClusterRoleBinding", "Namespace")]
    assert {t["metadata"]["namespace"] for t in of_namespace} == {"proctrail"}


@pytest.mark.parametrize("what", BOTH)
def test_least_privilege(what):
    spec, container = manifests.pod_spec(what), manifests.container(what)
    context = container["securityContext"]
    assert spec["hostPID"] is True
    assert not spec.get("hostNetwork") and not spec.get("hostIPC")
    assert context["privileged"] is False and context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"]["drop"] == ["ALL"]
    assert not any(env.get("valueFrom", {}).get("secretKeyRef") for env in container["env"])


def test_capabilities_are_those_that_doctor_names(binary, needs_root):
    done = subprocess.run([binary, "doctor", "--json"], capture_output=True, text=True, timeout=60)
    named = {c["name"] for c in json.loads(done.stdout)["checks"] if c["name"].startswith("CAP_")}
    assert {f"CAP_{n}" for n in manifests.capabilities()} == named - {"CAP_SYS_RESOURCE"}
    for name in manifests.capabilities():
        assert f"| `CAP_{name}` |" in GUIDE, f"{name} is not explained"


@pytest.mark.parametrize("what", BOTH)
def test_every_path_of_the_host_is_explained(what):
    spec, container = manifests.pod_spec(what), manifests.container(what)
    mounts = {m["name"]: m for m in container["volumeMounts"]}
    for volume in spec["volumes"]:
        if "hostPath" not in volume:
            continue
        path, mount = volume["hostPath"]["path"], mounts[volume["name"]]
        assert re.search(rf"^\| `{re.escape(path)}` \| `{re.escape(mount['mountPath'])}` \|", GUIDE, re.M), path
        is_written = path in ("/run/proctrail", "/sys/fs/bpf", "/var/log/proctrail")
        assert mount.get("readOnly", False) is not is_written, path
        # What is mounted below may go on the host, and must not be held here.
        if path in ("/run", "/var/lib"):
            assert mount["mountPropagation"] == "HostToContainer"
        if mount["mountPath"].startswith("/host"):
            assert mount["mountPath"] == "/host" + path
    assert set(mounts) == {v["name"] for v in spec["volumes"]}


def test_node_is_named_by_kubernetes():
    container = manifests.container()
    assert {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}} in container["env"]
    assert "--node-name=$(NODE_NAME)" in container["args"]


@pytest.mark.parametrize("what", BOTH)
def test_configuration_is_right(what, binary, work):
    (work / "host").mkdir()
    (work / "pipeline.yaml").write_text(manifests.config("proctrail-pipelines", "processes.yaml", what))
    done = subprocess.run([binary, "check", work / "pipeline.yaml"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    settings = manifests.config("proctrail-agent", "agent.yaml", what)
    keys = yaml.safe_load(settings)
    assert keys["HostRoot"] == "/host" and keys["KeepOnStop"] is True
    (work / "agent.yaml").write_text(settings.replace("/host", str(work / "host")))
    replay = subprocess.run([binary, "run", "--agent-config", work / "agent.yaml", "--replay",
                             harness.REPO / "tests" / "data" / "golden.rec"], capture_output=True, text=True, timeout=60)
    assert replay.returncode == 0, replay.stderr
    # The ring, which the kernel charges to the container, the rest of the agent, and some air.
    limit = manifests.container(what)["resources"]["limits"]["memory"]
    mib = {key: int(keys.get(key, default).removesuffix("MiB"))
           for key, default in (("MaxMemory", "128MiB"), ("RingSize", "16MiB"))}
    assert int(limit.removesuffix("Mi")) >= mib["MaxMemory"] + mib["RingSize"] + 32


def test_upgrade_keeps_what_is_recorded():
    """One agent after the other, with what outlives it on the host."""
    strategy = manifests.only("DaemonSet")["spec"]["updateStrategy"]
    assert strategy["type"] == "RollingUpdate" and strategy["rollingUpdate"]["maxSurge"] == 0
    assert manifests.pod_spec()["terminationGracePeriodSeconds"] > harness.STOP_S
    paths = {v["hostPath"]["path"] for v in manifests.pod_spec()["volumes"] if "hostPath" in v}
    assert {"/run/proctrail", "/sys/fs/bpf"} <= paths


def test_role_allows_what_the_agent_asks_for_and_nothing_else(work):
    """By what it really asks an API server for."""
    allowed = {(group, resource, verb) for rule in manifests.only("ClusterRole")["rules"]
               for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]}
    build = os.environ.get("PROCTRAIL_BUILD", harness.REPO / "build")
    with KubeApi(token=None) as api:
        set_ = api.put(controlled("ReplicaSet", "web-1", owner("Deployment", "web")))
        job = api.put(controlled("Job", "job-1", owner("CronJob", "job", "batch/v1"), "batch/v1"))
        api.put(pod("a", by=owned_by(set_)))
        api.put(pod("b", by=owned_by(job)))
        source = Follow(f"{build}/tests/kube/kube_follow", mode="api", server=api.url)
        try:
            source.pod("a", kind="deployment")
            source.pod("b", kind="cronjob")
            wait_until(lambda: api.n_watches, TOLD_S, "a watch")
        finally:
            source.kill()
        asked = {verb_of(request) for request in api.requests}
    assert asked == allowed


def verb_of(request):
    """(group, resource, verb) as the API server sees a GET."""
    parts = request["path"].strip("/").split("/")
    group = "" if parts[0] == "api" else parts[1]
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[0] == "namespaces":
        rest = rest[2:]
    if len(rest) > 1:
        return group, rest[0], "get"
    return group, rest[0], "watch" if "watch" in request["query"] else "list"


# With these capabilities, and no others


@pytest.fixture
def hidden_passwd(work):
    """A passwd file of the host that its owner alone may read, who is not root."""
    etc = work / "host" / "etc"
    etc.mkdir(parents=True)
    (etc / "passwd").write_text("hidden:x:0:0::/root:/bin/sh\n")
    (etc / "passwd").chmod(0o600)
    os.chown(etc / "passwd", 65534, 65534)
    return work / "host"


def test_the_agent_needs_no_other_capability(start_agent, hidden_passwd):
    """Records, names of users, a life after the next: the gap between them is recorded."""
    prefix = manifests.with_capabilities(manifests.capabilities())
    agent = start_agent(prefix=prefix, options=["--host-root", hidden_passwd, "--keep-on-stop", "true"])
    status = harness.status_of(agent.pid)
    assert bin(int(status["CapBnd"], 16)).count("1") == len(manifests.capabilities())
    assert agent.one(agent.run("tiny").pid, "execve")["user"] == "hidden"
    agent.stop()
    between = agent.run([agent.path("tiny"), marker()])
    agent.start_again()
    assert agent.one(between.pid, "execve")["user"] == "hidden"
    assert not any(r["call_name"] == "lost" for r in agent.records())
    assert "cannot" not in agent.stderr()


@pytest.mark.parametrize("name", ["BPF", "PERFMON"])
def test_without_it_nothing_works(binary, needs_root, instance, name):
    assert name in manifests.capabilities()
    others = [n for n in manifests.capabilities() if n != name]
    done = subprocess.run([*manifests.with_capabilities(others), binary, "run", "--instance", instance],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "the kernel refuses BPF" in done.stderr


def test_without_dac_read_search_files_of_others_are_closed(start_agent, hidden_passwd):
    others = [n for n in manifests.capabilities() if n != "DAC_READ_SEARCH"]
    agent = start_agent(prefix=manifests.with_capabilities(others), options=["--host-root", hidden_passwd])
    assert agent.one(agent.run("tiny").pid, "execve")["user"] == ""
    agent.kill()


def test_without_sys_ptrace_the_root_of_a_process_is_closed():
    """What names of users in a container are read through."""
    others = [n for n in manifests.capabilities() if n != "SYS_PTRACE"]
    target = subprocess.Popen(["setpriv", "--reuid", "65534", "--clear-groups", "sleep", "60"])
    try:
        wait_until(lambda: harness.status_of(target.pid)["Uid"].split()[0] == "65534", 5, "another user")
        for names, code in ((manifests.capabilities(), 0), (others, 1)):
            done = subprocess.run([*manifests.with_capabilities(names), "sh", "-c",
                                   f"cat /proc/{target.pid}/root/etc/passwd >/dev/null"], capture_output=True, timeout=20)
            assert (done.returncode != 0) == bool(code)
    finally:
        target.kill()
        target.wait()


def write_as_kubelet(folder, name, text):
    """A config map's volume: a file is a link through ..data, which is moved to another folder at once."""
    version = folder / f"..{time.time_ns()}"
    version.mkdir()
    (version / name).write_text(text)
    (folder / "..data_tmp").symlink_to(version.name)
    os.rename(folder / "..data_tmp", folder / "..data")
    if not (folder / name).is_symlink():
        (folder / name).symlink_to(f"..data/{name}")


def test_change_of_the_pipelines_is_live(start_agent, work):
    folder = work / "pipelines"
    folder.mkdir()
    pipeline = "enable: true\ninputs:\n  - Type: input_process_security\n    CallNames: [{}]\nflushers:\n" \
        f"  - Type: flusher_file\n    FilePath: {work}/records.jsonl\n    MaxFileSize: 0\n"
    write_as_kubelet(folder, "processes.yaml", pipeline.format("execve"))
    agent = start_agent(config=None, options=["--config", folder])
    agent.out_path = work / "records.jsonl"
    agent.run("tiny")
    write_as_kubelet(folder, "processes.yaml", pipeline.format("exit"))
    seen = wait_until(lambda: agent.run("tiny") and [r for r in agent.records() if r["call_name"] == "exit"], 10,
                      lambda: agent.stderr())
    assert seen
    agent.kill()
