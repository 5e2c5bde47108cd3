# SPDX-License-Identifier: Apache-2.0
"""The container runtimes that the tests start, and what `proctrail containers` learns from them."""
import json
import subprocess

import pytest

import harness
import runtimes
from containerd import Containerd

KINDS = [runtimes.Docker, runtimes.Podman, Containerd]  # as the fixture `runtime` gives them
DOCKER_LIKE = KINDS[:2]
SOURCES = {"docker": "docker", "podman": "podman", "containerd": "cri"}  # which of ours asks it
ANSWER_S = 20


def each_of(name, kinds):
    """Marks a test: once for each of these runtimes."""
    return pytest.mark.parametrize(name, kinds, ids=[kind.name for kind in kinds], indirect=name == "runtime")


def ask(binary, *options):
    """What `proctrail containers` prints: {id: container}, {source: state}."""
    done = subprocess.run([binary, "containers", *map(str, options)], timeout=ANSWER_S, stdout=subprocess.PIPE,
                          check=True)
    lines = [json.loads(line, object_pairs_hook=harness.strict_object) for line in done.stdout.splitlines()]
    return ({line["container.id"]: line for line in lines if "container.id" in line},
            {line["source"]: line for line in lines if "source" in line})


def only(runtime):
    """Options that let no other runtime of this machine answer."""
    own = SOURCES[runtime.name]
    return ["--sources=docker,podman,cri",
            *(f"--{name}={runtime.socket if name == own else 'none'}" for name in SOURCES.values())]


def check(known, expected):
    assert harness.matches(known, expected), harness.difference(known, expected)


def test_what_is_known(runtime, binary):
    container = runtime.run("known", ["/bin/sleep", "600"])
    containers, sources = ask(binary, *only(runtime), "--wait=10")
    own = SOURCES[runtime.name]
    assert {name: state["status"] for name, state in sources.items()} == {
        name: "ready" if name == own else "off" for name in ["files", "docker", "podman", "cri", "kubernetes"]}
    assert sources[own] == {"source": own, "status": "ready", "wanted": True, "looked_for": [str(runtime.socket)],
                            "found": [str(runtime.socket)], "items": len(containers), "failures": 0}
    check(containers[container], {
        "container.id": container, "container.name": "known", "container.runtime": runtime.name,
        "container.image.id": runtime.image_id, "container.image.name": runtime.image, "container.image.tag": "1",
        "container.start_time": runtime.started(container), "container.privileged": None, "sources": [own]})
    runtime.remove(container)
    assert container not in ask(binary, *only(runtime), "--wait=10")[0]


def test_a_container_that_waits(runtime, binary):
    """It is known before its first process; what it will be allowed is known, too."""
    options = {} if runtime.name == "containerd" else {"privileged": True}
    container = runtime.create("waits", ["/bin/true"], **options)
    known = ask(binary, *only(runtime), "--wait=10")[0][container]
    check(known, {"container.name": "waits", "container.start_time": None,
                  "container.privileged": "true" if options else None})
    runtime.remove(container)


@each_of("runtime", DOCKER_LIKE)
def test_labels_of_a_pod(runtime, binary):
    """Docker's containers have their pod's names as labels."""
    labels = {"io.kubernetes.pod.name": "web-1", "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "u"}
    main = runtime.run("pod", ["/bin/sleep", "600"], labels={**labels, "io.kubernetes.container.name": "main"})
    pause = runtime.run("pause", ["/bin/sleep", "600"], labels={**labels, "io.kubernetes.container.name": "POD"})
    containers, _ = ask(binary, *only(runtime), "--wait=10")
    pod = {"k8s.pod.name": "web-1", "k8s.namespace": "shop", "k8s.pod.uid": "u"}
    check(containers[main], {**pod, "k8s.container.name": "main", "container.sandbox": None})
    check(containers[pause], {**pod, "k8s.container.name": None, "container.sandbox": "true"})
    runtime.remove(main)
    runtime.remove(pause)


@each_of("runtime", [Containerd])
@pytest.mark.parametrize("kubelet", [True, False], ids=["with kubelet's labels", "without"])
def test_pods(runtime, binary, kubelet):
    pod = runtime.pod("web-7d9c5b-abcde", namespace="shop", kubelet=kubelet)
    container = runtime.run("main", ["/bin/sleep", "600"], pod=pod)
    containers, _ = ask(binary, *only(runtime), "--wait=10")
    names = {"k8s.pod.name": "web-7d9c5b-abcde", "k8s.namespace": "shop",
             "k8s.pod.uid": pod.config.metadata.uid, "container.runtime": "containerd"}
    check(containers[container], {**names, "container.name": "main", "container.sandbox": None,
                                  "k8s.container.name": "main" if kubelet else None})
    check(containers[pod.id], {**names, "container.name": "web-7d9c5b-abcde", "container.sandbox": "true",
                               "k8s.container.name": None, "container.image.id": None})
    runtime.remove(container)
    runtime.remove_pod(pod)
    assert pod.id not in ask(binary, *only(runtime), "--wait=10")[0]


@each_of("runtime", DOCKER_LIKE)
def test_podman_at_docker_s_place(runtime, binary):
    """Podman may answer where Docker is looked for: it is told apart by what it says."""
    container = runtime.run("place", ["/bin/sleep", "600"])
    containers, _ = ask(binary, f"--docker={runtime.socket}", "--podman=none", "--cri=none", "--wait=10")
    assert containers[container]["container.runtime"] == runtime.name
    assert containers[container]["sources"] == ["docker"]


def test_no_runtime(binary, work):
    containers, sources = ask(binary, f"--docker={work}/no.sock", f"--podman={work}/no.sock", f"--cri={work}/no.sock")
    assert not containers
    for name in ("docker", "podman", "cri"):
        assert sources[name] == {"source": name, "status": "off", "wanted": True, "looked_for": [f"{work}/no.sock"],
                                 "found": [], "items": 0, "failures": 0}


@each_of("runtime", [runtimes.Docker])
def test_containerd_without_cri(runtime, binary):
    """Docker's own containerd: there is somebody, who does not speak CRI."""
    own = runtime.roots["exec"] / "containerd" / "containerd.sock"
    assert own.is_socket()
    _, sources = ask(binary, "--docker=none", "--podman=none", f"--cri={own}")
    assert sources["cri"] == {"source": "cri", "status": "off", "wanted": True, "looked_for": [str(own)],
                              "found": [str(own)], "items": 0, "failures": 0}


def test_a_container_lives_and_goes(runtime):
    container = runtime.run("lives", ["/bin/sleep", "600"])
    runtime.exec(container, ["/bin/touch", "/tmp/x"])
    assert runtime.started(container)
    runtime.remove(container)


def test_many_at_a_time(runtime):
    containers = runtime.run_many("many", ["/bin/sleep", "0.05"], 8)
    assert len(set(containers)) == 8 and all(len(c) == 64 for c in containers)
    assert [runtime.wait(c) for c in containers] == [0] * 8


@each_of("kind", KINDS)
def test_nothing_is_left(kind):
    if kind.missing():
        pytest.skip(kind.missing())
    with kind() as started:
        folder = started.folder
        started.exec(started.run("left", ["/bin/sleep", "600"]), ["/bin/true"])
        assert runtimes.mounts_below(folder) and runtimes.processes_with(str(folder))
    assert not folder.exists() and not runtimes.mounts_below(folder) and not runtimes.processes_with(str(folder))
