# SPDX-License-Identifier: Apache-2.0
"""Containers of real runtimes: every record has the right names, from the first one on."""
import pytest

import runtimes
from harness import wait_until

N_SHORT = 100
CALLS = ["execve", "exit"]
SLOW_S = 60  # for what a daemon does on a machine that is busy with other things
DOCKER_LIKE = [runtimes.Docker, runtimes.Podman]
SOURCES = {"docker": "docker", "podman": "podman", "containerd": "cri"}
ROOTS = {"docker": "data", "podman": "graph", "containerd": "state"}


def of_docker(test):
    """Marks a test: of the runtimes that speak Docker's API."""
    return pytest.mark.parametrize("runtime", DOCKER_LIKE, ids=[kind.name for kind in DOCKER_LIKE], indirect=True)(test)


def settings(runtime, sources):
    """An agent that knows of no other runtime of this machine."""
    return ["--container-sources", sources, f"--{runtime.name}-roots", runtime.roots[ROOTS[runtime.name]],
            f"--{SOURCES[runtime.name]}-sockets", runtime.socket]


def by_files(runtime):
    """Of one that reads what this runtime has written; containerd's files lack the image's id, which CRI says."""
    return settings(runtime, "files,cri" if runtime.name == "containerd" else "files")


def by_socket(runtime):
    """Of one that asks the daemon and reads nothing."""
    return settings(runtime, SOURCES[runtime.name])


def by_both(runtime):
    return settings(runtime, f"files,{SOURCES[runtime.name]}")


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

    wait_until(lambda: ended() == set(containers), SLOW_S, lambda: set(containers) - ended())
    agent.fence()


def programs_of(agent, container):
    """The records of what is executed in it, without the runtime's own steps."""
    return [r for r in records_of(agent, [container]) if r["call_name"] == "execve" and r["arguments"] != "init"]


def test_containers_that_live_50_ms(start_agent, runtime):
    """Many at a time: all records of all of them, the runtime's own steps inside included."""
    agent = start_agent(options=by_files(runtime), calls=CALLS, fields="extended")
    containers = runtime.run_many("short", ["/bin/sleep", "0.05"], N_SHORT)
    names = {container: f"short{i}" for i, container in enumerate(containers)}
    wait_for_exits(agent, containers)
    seen = records_of(agent, containers)
    for record in seen:
        assert_names(record, runtime, names[record["container.id"]])
    for call in CALLS:
        own = [r["container.id"] for r in seen if r["call_name"] == call and r["binary"] == "/bin/sleep"]
        assert sorted(own) == sorted(containers)
    # however long the runtime took to set it up; who has gone before his files are looked at stays without a name
    users = [r["user"] for r in seen if r["call_name"] == "execve" and r["binary"] == "/bin/sleep"]
    assert users.count("root") >= 0.5 * N_SHORT and set(users) <= {"root", ""}
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
    """The agent finds out by itself who was there first, and who came in."""
    container = runtime.run("old", ["/bin/sh", "-c", "/bin/sleep 500 & exec /bin/sleep 600"])
    agent = start_agent(options=by_files(runtime), calls=CALLS, fields="extended")
    runtime.exec(container, ["/bin/true"])
    runtime.remove(container)

    def ends():
        return {r["arguments"]: r for r in records_of(agent, [container]) if r["call_name"] == "exit"}

    wait_until(lambda: {"500", "600"} <= set(ends()), SLOW_S, ends)
    seen = records_of(agent, [container])
    for record in seen:
        assert_names(record, runtime, "old")
    marks = [(ends()[text].get("container.entry"), ends()[text].get("container.exec")) for text in ("600", "500")]
    assert marks == [("true", None), (None, None)]
    (entered,) = [r for r in programs_of(agent, container) if r["binary"] == "/bin/true"]
    assert (entered.get("container.entry"), entered.get("container.exec")) == (None, "true")


def test_the_entry_and_who_comes_in(start_agent, runtime):
    """After a crash of the agent as before it."""
    agent = start_agent(options=by_files(runtime), calls=CALLS, fields="extended")
    container = runtime.run("entered", ["/bin/sh", "-c", "/bin/true; exec /bin/sleep 600"])
    runtime.exec(container, ["/bin/sh", "-c", "/bin/false; true"])
    wait_until(lambda: len(programs_of(agent, container)) == 5, SLOW_S, lambda: programs_of(agent, container))
    agent.die()
    agent.start_again()
    runtime.exec(container, ["/bin/sh", "-c", "/bin/false; true"])
    runtime.remove(container)
    wait_for_exits(agent, [container])
    execs = programs_of(agent, container)
    marks = [(r["binary"], r.get("container.entry"), r.get("container.exec")) for r in execs]
    came_in = [("/bin/sh", None, "true"), ("/bin/false", None, "true")]
    assert sorted(marks[:5], key=str) == sorted([("/bin/sh", "true", None), ("/bin/true", None, None),
                                                 ("/bin/sleep", "true", None), *came_in], key=str)
    assert marks[5:] == came_in
    (end,) = [r for r in records_of(agent, [container]) if r["call_name"] == "exit" and r["binary"] == "/bin/sleep"]
    assert (end.get("container.entry"), end.get("container.exec")) == ("true", None)
    for record in records_of(agent, [container]):
        if record.get("arguments") == "init":
            assert "container.entry" not in record and "container.exec" not in record, record


@of_docker
def test_a_container_that_is_started_again(start_agent, runtime):
    """It has its id and its names; who began it is another process."""
    agent = start_agent(options=by_files(runtime), calls=CALLS, fields="extended")
    container = runtime.run("again", ["/bin/true"])
    runtime.wait(container)
    runtime.start_again(container)
    runtime.wait(container)
    own = wait_until(lambda: len(own := [r for r in records_of(agent, [container]) if r["binary"] == "/bin/true"]) == 4
                     and own, SLOW_S, lambda: records_of(agent, [container]))
    for record in own:
        assert_names(record, runtime, "again")
        assert (record.get("container.entry"), record.get("container.exec")) == ("true", None)
    assert len({r["pid"] for r in own}) == 2
    runtime.remove(container)


def test_a_file_that_the_image_did_not_have(start_agent, runtime):
    agent = start_agent(options=by_files(runtime), calls=CALLS, fields="extended")
    container = runtime.run("wrote", ["/bin/sh", "-c", "/bin/cp /bin/busybox /tmp/busybox; /tmp/busybox true"])
    runtime.wait(container)
    wait_for_exits(agent, [container], "busybox")  # the shell executes its last command itself
    seen = {r["binary"]: r.get("exe.upper") for r in programs_of(agent, container)}
    assert (seen["/bin/cp"], seen["/tmp/busybox"]) == (None, "true")
    runtime.remove(container)


@of_docker
def test_another_name(start_agent, runtime):
    """What the daemon says later replaces what the files said first."""
    agent = start_agent(options=by_both(runtime), calls=CALLS, fields="extended")
    container = runtime.run("before", ["/bin/sleep", "600"])
    runtime.exec(container, ["/bin/true"])
    runtime.rename(container, "after")

    def is_renamed():
        runtime.exec(container, ["/bin/true"])
        agent.fence()
        return records_of(agent, [container])[-1]["container.name"] == "after"

    wait_until(is_renamed, SLOW_S, lambda: records_of(agent, [container])[-1])
    assert records_of(agent, [container])[0]["container.name"] == "before"
    runtime.remove(container)


def test_the_daemon_goes_and_comes(start_agent, runtime):
    """While it is down records go out as they are; when it is there again, names come by themselves."""
    agent = start_agent(options=by_socket(runtime), calls=CALLS, fields="extended")

    def knows(name):
        container = runtime.run(name, ["/bin/true"])
        runtime.wait(container)
        wait_for_exits(agent, [container], "true")
        seen = records_of(agent, [container])[-1]
        runtime.remove(container)
        return seen.get("container.name") == name and seen.get("container.image.id") == runtime.image_id

    wait_until(lambda: knows("first"), SLOW_S, agent.stderr)
    runtime.stop_daemon()
    agent.fence()
    runtime.start_daemon()
    wait_until(lambda: knows("again"), SLOW_S, agent.stderr)
