# SPDX-License-Identifier: Apache-2.0
"""Users in containers of real engines: who the container runs as, who comes in, and user namespaces of podman."""
import pytest

import runtimes
from harness import marker

OUTER = 200000  # what 0 of the user namespace is on the host
KEYS = ("uid", "uid.container", "user")


def started(kind):
    if kind.missing():
        pytest.skip(kind.missing())
    return kind()


@pytest.fixture(params=[runtimes.Docker, runtimes.Podman], ids=["docker", "podman"])
def engine(request):
    with started(request.param) as engine:
        yield engine


@pytest.fixture
def podman():
    with started(runtimes.Podman) as engine:
        yield engine


def script(text):
    """A shell that starts a program."""
    return ["/bin/sh", "-c", f"/bin/sleep 0.3; : {text}"]


def records_of(agent, container, text):
    """Of the shell of script(), and of its program."""
    shell = agent.found(lambda r: r["call_name"] == "execve" and text in r["arguments"]
                        and r["binary"] == "/bin/sh" and r.get("container.id") == container)[-1]
    return shell, [r for r in agent.of_parent(shell["pid"]) if r["call_name"] == "execve"][-1]


def check(agent, container, text, *expected):
    shell, program = records_of(agent, container, text)
    assert tuple(shell[key] for key in KEYS) == expected
    assert tuple(program[key] for key in KEYS) == expected
    assert (program["parent.uid"], program["parent.user"]) == (expected[0], expected[2])


def test_users(extended, engine):
    """The container's own, and whoever is let in: the names of the image's passwd file."""
    text = marker()
    main = engine.run("users", ["/bin/sh", "-c", f"/bin/sleep 600; : {text}"], user="1000")
    check(extended, main, text, "1000", "1000", "image")
    for user, uid, name in (("1000", "1000", "image"), ("root", "0", "root")):
        text = marker()
        engine.exec(main, script(text), user=user)
        check(extended, main, text, uid, uid, name)
    engine.remove(main)


def test_user_namespace(extended, podman):
    """The host's uids are others, and have other names there; the names are the container's all the same."""
    ids = f"0:{OUTER}:65536"
    text = marker()
    container = podman.cli("run", "-d", "--uidmap", ids, "--gidmap", ids, "--network", "none", "--user", "1000",
                           "--pull=never", podman.image, "/bin/sh", "-c", f"/bin/sleep 600; : {text}").strip()
    podman.containers.append(container)
    check(extended, container, text, str(OUTER + 1000), "1000", "image")
    text = marker()
    podman.exec(container, script(text), user="root")
    check(extended, container, text, str(OUTER), "0", "root")
    podman.remove(container)
