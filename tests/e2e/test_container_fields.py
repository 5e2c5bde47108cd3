# SPDX-License-Identifier: Apache-2.0
"""Each further field of a container, as a real runtime makes it, and who it is not for."""
from datetime import datetime, timezone

import pytest

from containerd import Containerd
from harness import wait_until
from test_containers import SOURCES, assert_names, programs_of, records_of, settings, wait_for_exits

SLOW_S = 60
SCRIPT = "/bin/cp /bin/busybox /tmp/busybox; /tmp/busybox true; exec /bin/sleep 600"
FURTHER = ["runtime", "image.tag", "image.digest", "privileged", "entry", "exec"]


def start_for(start_agent, runtime, sources):
    """An agent that has found the daemon."""
    agent = start_agent(options=[*settings(runtime, sources), "--container-wait", "5s"], calls=["execve", "exit"],
                        fields="extended")
    wait_until(lambda: SOURCES[runtime.name] + " is there" in agent.stderr(), SLOW_S, agent.stderr)
    return agent


@pytest.fixture
def agent(start_agent, runtime):
    return start_for(start_agent, runtime, f"files,{SOURCES[runtime.name]}")


def further(record):
    """What stands there of these, besides the start."""
    return {key: record.get(f"container.{key}") for key in FURTHER}


def seconds(text):
    """RFC 3339 with nine digits."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return moment.timestamp() + float("0." + fraction)


def test_every_further_field(agent, runtime):
    """On the first record and the last: of who begins it, of what it starts, of who comes in."""
    image, digest = runtime.pull()
    container = runtime.run("fields", ["/bin/sh", "-c", SCRIPT], image=image, user="1000")
    wait_until(lambda: len(programs_of(agent, container)) == 4, SLOW_S, lambda: programs_of(agent, container))
    runtime.exec(container, ["/bin/true"])
    began = seconds(runtime.started(container))
    runtime.remove(container)
    wait_for_exits(agent, [container])
    same = {"runtime": runtime.name, "image.tag": "1", "image.digest": digest, "privileged": None}
    records = {r["binary"]: r for r in programs_of(agent, container)}
    assert set(records) == {"/bin/sh", "/bin/cp", "/tmp/busybox", "/bin/sleep", "/bin/true"}
    for binary, record in records.items():
        is_entry, is_exec = binary in ("/bin/sh", "/bin/sleep"), binary == "/bin/true"
        assert further(record) == {**same, "entry": "true" if is_entry else None,
                                   "exec": "true" if is_exec else None}, binary
        assert record.get("exe.upper") == ("true" if binary == "/tmp/busybox" else None), binary
        assert (record["uid"], record["uid.container"], record["user"]) == ("1000", "1000", "image"), binary
        assert record["container.started"] == records["/bin/sh"]["container.started"], binary
        assert record["container.image.name"] == image and record["container.image.id"] == runtime.image_id
    assert abs(float(records["/bin/sh"]["container.started"]) - began) < 30  # it is told when it has been done
    assert float(records["/bin/sh"]["container.started"]) <= int(records["/bin/sh"]["__time__"]) + 1


def test_the_daemon_alone(start_agent, runtime):
    """It says as much of a container, but that CRI does not tell of privileges; not before it has been asked."""
    agent = start_for(start_agent, runtime, SOURCES[runtime.name])
    image, digest = runtime.pull()
    container = runtime.run("asked", ["/bin/sleep", "600"], image=image)
    wanted = {"runtime": runtime.name, "image.tag": "1", "image.digest": digest, "privileged": None, "entry": None,
              "exec": "true"}

    def is_known():
        runtime.exec(container, ["/bin/true"])
        agent.fence()
        return further(programs_of(agent, container)[-1]) == wanted

    wait_until(is_known, SLOW_S, lambda: programs_of(agent, container)[-1])
    runtime.remove(container)


def start(runtime, name, privileged):
    """Where this machine's root may not do everything, a privileged one fails behind the runtime's own steps in it."""
    container = runtime.create(name, ["/bin/true"], privileged=privileged)
    try:
        runtime.start_again(container)
    except AssertionError as failure:
        assert privileged and "unable to apply caps" in str(failure)
    return container


def test_a_privileged_one(agent, runtime):
    """It is marked; the one beside it is not."""
    both = {start(runtime, name, name == "strong"): name for name in ("strong", "weak")}
    wait_until(lambda: all(records_of(agent, [container]) for container in both), SLOW_S, agent.stderr)
    for container in both:
        runtime.remove(container)
    agent.fence()
    for container, name in both.items():
        for record in records_of(agent, [container]):
            assert_names(record, runtime, name)
            assert record.get("container.privileged") == ("true" if name == "strong" else None), record


@pytest.mark.parametrize("runtime", [Containerd], ids=[Containerd.name], indirect=True)
def test_a_pause_container(agent, runtime):
    """It is the pod's, and none of the containers of the pod's specification."""
    pod = runtime.pod("web-0", namespace="shop", uid="5f2a0c1e-0000-4000-8000-000000000001")
    seen = wait_until(lambda: [r for r in records_of(agent, [pod.id]) if r["binary"] == "/pause"], SLOW_S, agent.stderr)
    for record in seen + records_of(agent, [pod.id]):
        names = [record.get(f"k8s.{key}") for key in ("namespace", "pod.name", "pod.uid", "container.name")]
        assert names == ["shop", "web-0", pod.config.metadata.uid, None], record
        assert (record["container.name"], record["container.runtime"]) == ("web-0", "containerd")
    assert seen[0]["container.entry"] == "true"
    runtime.remove_pod(pod)
