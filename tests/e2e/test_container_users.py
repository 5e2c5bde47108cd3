# SPDX-License-Identifier: Apache-2.0
"""Users of containers have the names that the container's own passwd file gives them."""
import os
import secrets
import shutil

import pytest

from harness import marker, wait_until
from test_namespaces import cgroups, entering, hierarchies, roots
from test_user_namespaces import mapped

PASSWD = "boss:x:0:0::/:\nworker:x:3000:3000::/:\nnobody:x:65534:65534::/:\n"


def make_root(extended):
    """A folder that is a container's root."""
    root = extended.directory / "root"
    (root / "etc").mkdir(parents=True)
    (root / "bin").mkdir()
    root.chmod(0o755)
    (root / "etc/passwd").write_text(PASSWD)
    for name in ("hold", "masses"):
        shutil.copy(extended.path(name), root / "bin")
    return root


@pytest.fixture
def container(extended):
    """The folder, and what a process does to be in the container."""
    root = make_root(extended)
    with cgroups("/docker/" + secrets.token_hex(32), hierarchies()["hybrid"]) as files:
        yield root, entering(files, roots())
        for running in extended.running:
            running.kill()


def start(agent, container, uid, *command):
    root, enter = container
    return agent.start([agent.path("in_root"), str(root), str(uid), *command], preexec_fn=enter)


def held(agent, container, uid):
    text = marker()
    running = start(agent, container, uid, "/bin/hold", text)
    return running, agent.execve_with(text)


@pytest.mark.parametrize("uid,name", [(0, "boss"), (3000, "worker"), (65534, "nobody"), (4242, "")])
def test_names(extended, container, uid, name):
    running, record = held(extended, container, uid)
    assert (record["uid"], record["uid.container"], record["user"]) == (str(uid), str(uid), name)
    assert record["container.id"]
    running.end()
    exit_record = extended.of(int(record["pid"]), "exit")[-1]
    assert exit_record["user"] == name


def test_one_that_lives_for_a_moment(extended, container):
    """Its parent is in the container, too: there the file is found."""
    names = set()
    for uid in (0, 3000):
        running = start(extended, container, uid, "/bin/hold", marker())
        names.add(extended.of(running.pid, "execve")[-1]["user"])
        running.end()
    assert names == {"boss", "worker"}


def test_user_namespace(extended, container):
    """The name is that of the uid inside, whoever that is on the host."""
    root, enter = container
    text = marker()
    running = mapped(extended, 100000, [(0, 100000, 65536)], extended.path("in_root"), str(root), "3000", "/bin/hold",
                     text, preexec_fn=enter)
    record = extended.execve_with(text)
    assert (record["uid"], record["uid.container"], record["user"]) == ("103000", "3000", "worker")
    running.end()


def test_file_that_leads_out(extended, container):
    root, _ = container
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to("../../../../../../../../etc/passwd")
    running, record = held(extended, container, 0)
    assert record["user"] == ""
    running.end()


def test_file_that_is_none(extended, container):
    root, _ = container
    (root / "etc/passwd").unlink()
    os.mkfifo(root / "etc/passwd")
    running, record = held(extended, container, 0)
    assert record["user"] == ""
    running.end()


def test_name_that_changes(extended, container):
    """Files are looked at again; who is executed later has the new name."""
    root, _ = container
    running, record = held(extended, container, 3000)
    assert record["user"] == "worker"
    (root / "etc/passwd").write_text(PASSWD.replace("worker", "employee"))

    def has_changed():
        other, again = held(extended, container, 3000)
        other.end()
        return again["user"] == "employee"

    wait_until(has_changed, 20, "the new name")
    running.end()


def test_the_next_agent_knows(extended, container):
    running, record = held(extended, container, 3000)
    extended.die()
    extended.start_again()
    running.end()
    exit_record = extended.of(int(record["pid"]), "exit")[-1]
    assert (exit_record["exec_id"], exit_record["user"]) == (record["exec_id"], "worker")


def test_parent_user(extended, container):
    """Of a parent in the container it is the container's name, too; of one outside the host's."""
    running, record = held(extended, container, 3000)
    assert (record["parent.uid"], record["parent.user"]) == ("0", "root")
    parent = start(extended, container, 3000, "/bin/masses", "1", "0")  # both live until their file is looked at
    clones = [r for r in extended.of_parent(parent.pid) if r["call_name"] == "clone"]
    parent.end()
    assert clones and {(r["user"], r["parent.uid"], r["parent.user"]) for r in clones} == {("worker", "3000", "worker")}
    running.end()


def test_started_again_with_another_file(extended):
    """Who has the container's id next has another file: no name of the one before is shown, not even at first."""
    root, path = make_root(extended), "/docker/" + secrets.token_hex(32)
    for name in ("worker", "employee", "clerk"):
        (root / "etc/passwd").write_text(PASSWD.replace("worker", name))
        with cgroups(path, hierarchies()["hybrid"]) as files:
            running, record = held(extended, (root, entering(files, roots())), 3000)
            assert record["user"] == name
            running.end()
