# SPDX-License-Identifier: Apache-2.0
"""Containers of real runtimes: every record has the right names, from the first one on."""
import pytest

import runtimes
from harness import wait_until

N_SHORT = 100
CALLS = ["execve", "exit"]
RUNTIMES = [runtimes.Docker, runtimes.Podman]


@pytest.fixture(scope="module", params=RUNTIMES, ids=lambda runtime: runtime.name)
def runtime(request):
    """One of them, with a daemon of its own."""
    why = request.param.missing()
    if why:
        pytest.skip(why)
    with request.param() as started:
        yield started


def by_files(runtime):
    """Settings of an agent that reads what this runtime has written, and asks nobody."""
    root = runtime.roots["data" if runtime.name == "docker" else "graph"]
    return ["--container-sources", "files", f"--{runtime.name}-roots", root]


def records_of(agent, containers):
    wanted = set(containers)
    return [r for r in agent.records() if r.get("container.id") in wanted]


def assert_names(record, runtime, name):
    seen = {key: record.get(f"container.{key}") for key in ("name", "image.id", "image.name", "runtime")}
    assert seen == {"name": name, "image.id": runtime.image_id, "image.name": runtime.image, "runtime": runtime.name}


def wait_for_exits(agent, containers, program="sleep"):
    """The end of each container's own program is there, and so is all that came before it."""
    def ended():
        return {r["container.id"] for r in records_of(agent, containers)
                if r["call_name"] == "exit" and r["binary"].endswith(program)}

    wait_until(lambda: ended() == set(containers), 20, lambda: set(containers) - ended())
    agent.fence()


def test_containers_that_live_50_ms(start_agent, runtime):
    """
    Many at a time: all records of all of them, the runtime's own steps inside included. The wait is longer than the
    default, since a slow machine that starts so many at once has no time for anybody.
    """
    agent = start_agent(options=[*by_files(runtime), "--container-wait", "2s"], calls=CALLS, fields="extended")
    containers = runtime.run_many("short", ["/bin/sleep", "0.05"], N_SHORT)
    names = {container: f"short{i}" for i, container in enumerate(containers)}
    wait_for_exits(agent, containers)
    seen = records_of(agent, containers)
    for record in seen:
        assert_names(record, runtime, names[record["container.id"]])
    for call in CALLS:
        own = [r["container.id"] for r in seen if r["call_name"] == call and r["binary"] == "/bin/sleep"]
        assert sorted(own) == sorted(containers)
    assert not [r for r in agent.records() if r["call_name"] in ("container", "lost")]
    agent.stop()
    for container in containers:
        runtime.remove(container)


def test_a_container_that_removes_itself(start_agent, runtime):
    """Its files go when it ends, before anybody could ask for them then."""
    agent = start_agent(options=by_files(runtime), calls=CALLS, fields="extended")
    containers = [runtime.run(f"gone{i}", ["/bin/true"]) for i in range(5)]
    for container in containers:
        runtime.wait(container)
        runtime.remove(container)
    wait_for_exits(agent, containers, "true")
    for record in records_of(agent, containers):
        assert_names(record, runtime, f"gone{containers.index(record['container.id'])}")
