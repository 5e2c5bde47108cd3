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


def by_socket(runtime):
    """Of one that asks the daemon and reads nothing."""
    return ["--container-sources", runtime.name, f"--{runtime.name}-sockets", runtime.socket]


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


@pytest.mark.parametrize("how", [by_files, by_socket])
def test_containers_that_live_50_ms(start_agent, runtime, how):
    """Many at a time: all records of all of them, the runtime's own steps inside included."""
    agent = start_agent(options=how(runtime), calls=CALLS, fields="extended")
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


def test_a_container_older_than_the_agent(start_agent, runtime):
    container = runtime.run("old", ["/bin/sleep", "600"])
    agent = start_agent(options=by_files(runtime), calls=CALLS, fields="extended")
    runtime.exec(container, ["/bin/true"])
    runtime.remove(container)
    wait_for_exits(agent, [container])
    seen = records_of(agent, [container])
    for record in seen:
        assert_names(record, runtime, "old")
    (own,) = [r for r in seen if r["binary"].endswith("/sleep")]
    (entered,) = [r for r in seen if r["binary"] == "/bin/true" and r["call_name"] == "execve"]
    assert (own["call_name"], "container.exec" in own, entered.get("container.exec")) == ("exit", False, "true")


def test_the_entry_and_who_comes_in(start_agent, runtime):
    agent = start_agent(options=by_files(runtime), calls=CALLS, fields="extended")
    container = runtime.run("entered", ["/bin/sh", "-c", "/bin/true; exec /bin/sleep 600"])
    runtime.exec(container, ["/bin/sh", "-c", "/bin/false; true"])
    runtime.remove(container)
    wait_for_exits(agent, [container])
    execs = [r for r in records_of(agent, [container]) if r["call_name"] == "execve" and "init" not in r["arguments"]]
    marks = [(r["binary"], r.get("container.entry"), r.get("container.exec")) for r in execs]
    assert marks == [("/bin/sh", "true", None), ("/bin/true", None, None), ("/bin/sleep", "true", None),
                     ("/bin/sh", None, "true"), ("/bin/false", None, "true")]
    assert execs[0]["pid"] == execs[2]["pid"]


def test_a_file_that_the_image_did_not_have(start_agent, runtime):
    agent = start_agent(options=by_files(runtime), calls=CALLS, fields="extended")
    container = runtime.run("wrote", ["/bin/sh", "-c", "/bin/cp /bin/busybox /tmp/busybox; /tmp/busybox true"])
    runtime.wait(container)
    wait_for_exits(agent, [container], "sh")
    seen = {r["binary"]: r.get("exe.upper") for r in records_of(agent, [container]) if r["call_name"] == "execve"}
    assert (seen["/bin/cp"], seen["/tmp/busybox"]) == (None, "true")
    runtime.remove(container)


def test_another_name(start_agent, runtime):
    """What the daemon says later replaces what the files said first."""
    agent = start_agent(options=[*by_files(runtime)[2:], "--container-sources", f"files,{runtime.name}",
                                 *by_socket(runtime)[2:]], calls=CALLS, fields="extended")
    container = runtime.run("before", ["/bin/sleep", "600"])
    runtime.exec(container, ["/bin/true"])
    runtime.rename(container, "after")

    def is_renamed():
        runtime.exec(container, ["/bin/true"])
        agent.fence()
        return records_of(agent, [container])[-1]["container.name"] == "after"

    wait_until(is_renamed, 10, lambda: records_of(agent, [container])[-1])
    assert records_of(agent, [container])[0]["container.name"] == "before"
    runtime.remove(container)


def test_the_daemon_goes_and_comes(start_agent, runtime):
    """While it is down records go out as they are; when it is there again, names come by themselves."""
    agent = start_agent(options=by_socket(runtime), calls=CALLS, fields="extended")
    first = runtime.run("first", ["/bin/true"])
    runtime.wait(first)
    wait_for_exits(agent, [first], "true")
    assert_names(records_of(agent, [first])[-1], runtime, "first")
    runtime.remove(first)
    runtime.stop_daemon()
    agent.fence()
    runtime.start_daemon()

    def knows_again():
        container = runtime.run("again", ["/bin/true"])
        runtime.wait(container)
        wait_for_exits(agent, [container], "true")
        name = records_of(agent, [container])[-1].get("container.name")
        runtime.remove(container)
        return name == "again"

    wait_until(knows_again, 30, agent.stderr)
