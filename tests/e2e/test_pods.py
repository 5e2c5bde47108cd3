# SPDX-License-Identifier: Apache-2.0
"""
Records of containers in pods: control groups as kubelet makes them, and an API server that knows the pods. Where no
runtime has made them, whatever their records say of Kubernetes comes from the API server and the groups' paths.
"""
import secrets
import subprocess
from contextlib import contextmanager

import pytest

from cgroups import cgroups, entering, hierarchies, roots
from containerd import Containerd
from harness import marker, wait_until
from kube_api import Answer, KubeApi, always, status
from kube_follow import controlled, id_of, owned_by, owner, pod

K8S = ["k8s.namespace", "k8s.pod.name", "k8s.container.name", "k8s.workload.name", "k8s.workload.kind"]
PATHS = {
    "cgroupfs": "/kubepods/besteffort/pod{uid}/{id}",
    "guaranteed": "/kubepods/pod{uid}/{id}",
    "systemd": "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid_}.slice/cri-containerd-{id}.scope",
}


@pytest.fixture
def api():
    with KubeApi(token=None) as api:
        yield api


@pytest.fixture
def start(start_agent, api, work):
    """A function that starts an agent that watches the node's pods."""
    def start(*options, **kwargs):
        agent = start_agent(options=["--container-sources", "kubernetes", "--kubernetes", "api", "--kubernetes-server",
                                     api.url, "--kubernetes-node", "node-1", *options],
                            calls=["execve", "exit"], **kwargs)
        wait_until(lambda: api.n_watches == 1, 20, agent.stderr)
        return agent

    return start


@contextmanager
def in_pod(thing, agent, shape="cgroupfs", uid=None, id_=None):
    """Runs a program in the pod's first container; yields a function that does."""
    uid = uid or thing["metadata"]["uid"]
    path = PATHS[shape].format(uid=uid, uid_=uid.replace("-", "_"), id=id_ or id_of(thing))
    with cgroups(path, hierarchies()["hybrid"]) as files:
        yield lambda: agent.run([agent.path("tiny"), marker()], preexec_fn=entering(files, roots()))


def k8s_of(record):
    return {key: record.get(key) for key in K8S}


@pytest.mark.parametrize("shape", PATHS)
def test_first_record_has_all_that_is_known(api, start, shape):
    set_ = api.put(controlled("ReplicaSet", "web-5d8", owner("Deployment", "web")))
    thing = api.put(pod("web-5d8-x2k", by=owned_by(set_), labels={"pod-template-hash": "5d8"}))
    agent = start()
    with in_pod(thing, agent, shape) as run:
        for record in agent.of(run().pid):
            assert k8s_of(record) == {"k8s.namespace": "shop", "k8s.pod.name": "web-5d8-x2k",
                                      "k8s.container.name": "web", "k8s.workload.name": "web",
                                      "k8s.workload.kind": "deployment"}, record["call_name"]
            assert record["container.id"] == id_of(thing)
            assert record["container.image.name"] == "localhost/shop/web:1.2"
    agent.stop()


@pytest.mark.parametrize("shape", PATHS)
def test_pod_that_does_not_list_the_container_yet(api, start, shape):
    """As each pod is when its container starts: that it is of the pod says its control group alone."""
    set_ = api.put(controlled("ReplicaSet", "web-5d8", owner("Deployment", "web")))
    thing = pod("web-5d8-x2k", by=owned_by(set_), labels={"pod-template-hash": "5d8", "team": "a"})
    id_ = id_of(thing)
    statuses = thing["status"].pop("containerStatuses")
    api.put(thing)
    agent = start(fields="extended")
    with in_pod(thing, agent, shape, id_=id_) as run:
        records = agent.of(run().pid)
        assert [r["call_name"] for r in records] == ["execve", "exit"]
        for record in records:
            assert k8s_of(record) == {"k8s.namespace": "shop", "k8s.pod.name": "web-5d8-x2k",
                                      "k8s.container.name": None, "k8s.workload.name": "web",
                                      "k8s.workload.kind": "deployment"}, record["call_name"]
            assert (record["container.id"], record["k8s.pod.uid"]) == (id_, thing["metadata"]["uid"])
            assert record["k8s.pod.labels"] == "pod-template-hash=5d8 team=a"
        thing["status"]["containerStatuses"] = statuses
        api.put(thing)
        wait_until(lambda: [r for r in agent.records() if r["call_name"] == "container"
                            and r["container.id"] == id_ and r.get("k8s.container.name") == "web"], 20, agent.stderr)
        assert agent.of(run().pid, "execve")[0]["k8s.container.name"] == "web"
    agent.stop()


def test_pod_uid_without_anybody_to_ask(start_agent):
    thing = pod("web-1")
    agent = start_agent(options=["--container-sources", "none"], fields="extended")
    with in_pod(thing, agent, "systemd") as run:
        assert agent.of(run().pid, "execve")[0]["k8s.pod.uid"] == thing["metadata"]["uid"]
    agent.stop()


def test_static_pod(api, start):
    hash_ = secrets.token_hex(16)
    thing = api.put(pod("etcd-node-1", by=owner("Node", "node-1", "v1"), annotations={
        "kubernetes.io/config.mirror": hash_, "kubernetes.io/config.hash": hash_}))
    agent = start()
    with in_pod(thing, agent, uid=hash_) as run:
        record = agent.of(run().pid, "execve")[0]
        assert (record["k8s.pod.name"], record["k8s.workload.kind"]) == ("etcd-node-1", "pod")
    agent.stop()


def test_labels_and_chosen_annotations(api, start):
    thing = api.put(pod("web-1", labels={"team": "a b", "app": "web"}, annotations={"audit/level": "2", "other": "x"}))
    agent = start("--kubernetes-annotations", "audit/*", fields="extended")
    with in_pod(thing, agent) as run:
        record = agent.of(run().pid, "execve")[0]
        assert record["k8s.pod.labels"] == 'app=web "team=a b"'
        assert record["k8s.pod.annotations"] == "audit/level=2"
        assert record["k8s.pod.uid"] == thing["metadata"]["uid"]
    agent.stop()


def test_pod_that_the_api_server_tells_of_later(api, start):
    """The records are not held for longer than ContainerWait; a record `container` brings the rest."""
    thing = pod("late")
    agent = start()
    with in_pod(thing, agent) as run:
        first = agent.of(run().pid, "execve")[0]
        assert first["container.id"] == id_of(thing) and not first.get("k8s.pod.name")
        api.put(thing)
        told = wait_until(lambda: [r for r in agent.records() if r["call_name"] == "container"
                                   and r["container.id"] == id_of(thing) and r.get("k8s.pod.name")], 20, agent.stderr)
        assert told[-1]["k8s.pod.name"] == "late" and told[-1]["k8s.workload.kind"] == "pod"
        assert agent.of(run().pid, "execve")[0]["k8s.pod.name"] == "late"
    agent.stop()


def test_container_that_was_there_before_the_agent(api, start, workloads):
    thing = api.put(pod("older"))
    path = PATHS["cgroupfs"].format(uid=thing["metadata"]["uid"], id=id_of(thing))
    with cgroups(path, hierarchies()["hybrid"]) as files:
        popen = subprocess.Popen([workloads / "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 preexec_fn=entering(files, roots()))
        popen.stdout.readline()
        agent = start()
        popen.communicate()
        assert agent.one(popen.pid, "exit")["k8s.pod.name"] == "older"
        agent.stop()


def test_nothing_waits_for_an_api_server_that_is_away(start_agent):
    agent = start_agent(options=["--container-sources", "kubernetes", "--kubernetes", "api", "--kubernetes-server",
                                 "http://127.0.0.1:1", "--container-wait", "10s"])
    wait_until(lambda: "cannot follow the pods" in agent.stderr(), 20, agent.stderr)
    thing = pod("web-1")
    with in_pod(thing, agent) as run:
        record = agent.of(run().pid, "execve")[0]  # within 10 s, fence and all
        assert record["container.id"] == id_of(thing) and not record.get("k8s.pod.name")
    agent.stop()


def test_names_that_a_runtime_was_given_while_the_api_server_is_away(start_agent, api):
    """containerd's annotations name the pod and the container at once; the workload comes with the API server."""
    if Containerd.missing():
        pytest.skip(Containerd.missing())
    away = always(Answer(503, status(503, "ServiceUnavailable")))
    api.faults.append(away)
    thing = pod("web-5d8-x", by=owned_by(api.put(controlled("ReplicaSet", "web-5d8", owner("Deployment", "web")))))
    meta, text = thing["metadata"], marker()
    with Containerd() as containerd:
        agent = start_agent(options=["--containerd-roots", str(containerd.roots["state"]), "--cri-sockets",
                                     str(containerd.socket), "--kubernetes", "api", "--kubernetes-server", api.url,
                                     "--kubernetes-node", "node-1", "--container-wait", "5s"])
        sandbox = containerd.pod(meta["name"], namespace=meta["namespace"], uid=meta["uid"])
        command = ["/bin/sh", "-c", f"while :; do /bin/sleep 0.2; done; : {text}"]
        container = containerd.run("main", command, pod=sandbox)

        def programs():
            return [r for r in agent.records() if r["call_name"] == "execve" and r.get("container.id") == container]

        first = wait_until(lambda: [r for r in programs() if text in r["arguments"]], 20, agent.stderr)[0]
        assert [first.get(key) or None for key in K8S] == [meta["namespace"], meta["name"], "main", None, None]
        assert first["container.name"] == "main" and first["container.image.id"] == containerd.image_id
        api.put(thing)
        api.faults.remove(away)
        known = wait_until(lambda: [r for r in programs() if r.get("k8s.workload.name")], 60, agent.stderr)[0]
        assert [known[key] for key in K8S] == [meta["namespace"], meta["name"], "main", "web", "deployment"]
        assert any(r["call_name"] == "container" and r["container.id"] == container
                   and r["k8s.workload.kind"] == "deployment" for r in agent.records())
        agent.stop()
