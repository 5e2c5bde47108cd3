# SPDX-License-Identifier: Apache-2.0
"""The container runtimes that the tests start, and what `proctrail containers` learns from them."""
import json
import subprocess

import pytest

import harness
import runtimes

ANSWER_S = 20


@pytest.fixture(scope="module", params=[runtimes.Docker, runtimes.Podman], ids=lambda runtime: runtime.name)
def runtime(request):
    """One of them, with a daemon of its own."""
    why = request.param.missing()
    if why:
        pytest.skip(why)
    with request.param() as started:
        yield started


def ask(binary, *options):
    """What `proctrail containers` prints: {id: container}, {source: state}."""
    done = subprocess.run([binary, "containers", *map(str, options)], timeout=ANSWER_S, stdout=subprocess.PIPE,
                          check=True)
    lines = [json.loads(line, object_pairs_hook=harness.strict_object) for line in done.stdout.splitlines()]
    return ({line["container.id"]: line for line in lines if "container.id" in line},
            {line["source"]: line for line in lines if "source" in line})


def only(runtime):
    """Options that let no other runtime of this machine answer."""
    return [f"--{name}={runtime.socket if name == runtime.name else 'none'}" for name in ("docker", "podman")]


def test_what_is_known(runtime, binary):
    labels = {"io.kubernetes.pod.name": "web-1", "io.kubernetes.pod.namespace": "shop",
              "io.kubernetes.container.name": "main"}
    container = runtime.run("known", ["/bin/sleep", "600"], labels=labels)
    waiting = runtime.create("waiting", ["/bin/true"], privileged=True)
    seconds, _, fraction = runtime.inspect(container)["State"]["StartedAt"].rstrip("Z").partition(".")
    containers, sources = ask(binary, *only(runtime), "--wait=10")
    assert sources == {runtime.name: {"source": runtime.name, "status": "ready", "items": len(containers),
                                      "failures": 0}}
    known = containers[container]
    expected = {"container.id": container, "container.name": "known", "container.runtime": runtime.name,
                "container.image.id": runtime.image_id, "container.image.name": runtime.image,
                "container.image.tag": "1", "container.start_time": f"{seconds}.{fraction:0<9}Z", "k8s.pod.name": "web-1",
                "k8s.namespace": "shop", "k8s.container.name": "main", "sources": [runtime.name]}
    assert harness.matches(known, expected), harness.difference(known, expected)
    assert containers[waiting]["container.privileged"] == "true"
    assert "container.start_time" not in containers[waiting]
    runtime.remove(container)
    runtime.remove(waiting)
    assert not {container, waiting} & set(ask(binary, *only(runtime), "--wait=10")[0])


def test_podman_at_docker_s_place(runtime, binary):
    """Podman may answer where Docker is looked for: it is told apart by what it says."""
    container = runtime.run("place", ["/bin/sleep", "600"])
    containers, _ = ask(binary, f"--docker={runtime.socket}", "--podman=none", "--wait=10")
    assert containers[container]["container.runtime"] == runtime.name
    assert containers[container]["sources"] == ["docker"]


def test_no_runtime(binary, work):
    containers, sources = ask(binary, f"--docker={work}/no.sock", f"--podman={work}/no.sock")
    assert not containers
    assert [source["status"] for source in sources.values()] == ["off", "off"]


def test_a_container_lives_and_goes(runtime):
    container = runtime.run("lives", ["/bin/sleep", "600"])
    seen = runtime.inspect(container)
    runtime.exec(container, ["/bin/touch", "/tmp/x"])
    runtime.remove(container)
    assert (seen["Name"], seen["Image"]) == ("/lives", runtime.image_id)
    assert seen["Config"]["Image"] == runtime.image


def test_many_at_a_time(runtime):
    containers = runtime.run_many("many", ["/bin/sleep", "0.05"], 8)
    assert len(set(containers)) == 8 and all(len(c) == 64 for c in containers)
    assert [runtime.wait(c) for c in containers] == [0] * 8


@pytest.mark.parametrize("kind", [runtimes.Docker, runtimes.Podman], ids=lambda runtime: runtime.name)
def test_nothing_is_left(kind):
    if kind.missing():
        pytest.skip(kind.missing())
    with kind() as started:
        folder = started.folder
        started.exec(started.run("left", ["/bin/sleep", "600"]), ["/bin/true"])
        assert runtimes.mounts_below(folder) and runtimes.processes_with(str(folder))
    assert not folder.exists() and not runtimes.mounts_below(folder) and not runtimes.processes_with(str(folder))
