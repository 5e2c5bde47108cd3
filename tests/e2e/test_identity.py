# SPDX-License-Identifier: Apache-2.0
"""exec_id: the same for one image from the live exec, from the snapshot, and after a restart of the agent."""
import subprocess

from harness import exec_id_parts, matches, wait_until


def child_of(agent, shell, text):
    """Lets the shell run a program; returns its execve record."""
    shell.popen.stdin.write(f"{agent.path('tiny')} {text}\n".encode())
    shell.popen.stdin.flush()

    def found():
        return [r for r in agent.fence() if r["call_name"] == "execve" and r["arguments"] == text]

    return wait_until(found, 10, f"the child {text}")[0]


def start_shell(agent):
    return agent.start(["/bin/sh", "-c", "echo; read x; $x; read x; $x; read x; $x; exit 0"])


def test_ids_survive_a_restart_of_the_agent(start_agent):
    first = start_agent(fields="extended")
    shell = start_shell(first)
    live = first.one(shell.pid, "execve")
    one = child_of(first, shell, "one")
    assert one["parent.exec_id"] == live["exec_id"]
    first.stop()

    second = start_agent(fields="extended")  # it knows the shell from the snapshot alone
    two = child_of(second, shell, "two")
    for key in ("exec_id", "pid", "uid", "user", "arguments", "cwd", "ktime"):
        assert two["parent." + key] == live[key], key
    second.stop()

    third = start_agent(fields="extended")
    three = child_of(third, shell, "three")
    assert three["parent.exec_id"] == live["exec_id"]
    shell.end()
    exit_ = third.one(shell.pid, "exit")
    assert exit_["exec_id"] == live["exec_id"]
    assert exit_["parent.exec_id"] == live["parent.exec_id"], "the parent is the same one, from the snapshot"
    third.stop()


def test_id_of_an_image_after_several_execs_survives_a_restart(start_agent):
    first = start_agent()
    running = first.start(["/bin/sh", "-c", f"exec /bin/sh -c 'exec {first.path('hold')} last'"])
    images = first.of(running.pid, "execve")
    assert len(images) == 3
    first.stop()
    second = start_agent()
    running.end()
    exit_ = second.one(running.pid, "exit")
    assert exit_["exec_id"] == images[-1]["exec_id"] != images[0]["exec_id"]
    assert matches(exit_, {"binary": first.path("hold"), "arguments": "last"})
    second.stop()


def test_id_of_a_process_that_never_execed_survives_a_restart(start_agent):
    first = start_agent(calls=["execve", "clone", "exit"])
    crowd = first.start([first.path("crowd"), "3"])
    clones = [r for r in first.of_parent(crowd.pid) if r["call_name"] == "clone"]
    assert len(clones) == 3
    first.stop()
    second = start_agent()
    crowd.end()
    second.fence()
    for clone in clones:
        exit_ = second.one(clone["pid"], "exit")
        assert exit_["exec_id"] == clone["exec_id"] and exit_["parent.exec_id"] == clone["parent.exec_id"]
    second.stop()


def test_node_name_option(start_agent):
    agent = start_agent(options=["--node-name", "some-node.example"])
    done = agent.run("tiny")
    record = agent.one(done.pid, "execve")
    assert exec_id_parts(record["exec_id"])[0] == "some-node.example"
    assert exec_id_parts(record["parent.exec_id"])[0] == "some-node.example"
    agent.stop()


def test_node_name_of_the_machine_is_the_uts_name(start_agent):
    agent = start_agent(prefix=["unshare", "-u", "/bin/sh", "-ec", 'hostname uts-name; exec "$@"', "sh"])
    done = agent.run("tiny")
    assert exec_id_parts(agent.one(done.pid, "execve")["exec_id"])[0] == "uts-name"
    agent.stop()


def test_ancestors_are_the_chain_of_parents(extended):
    inner = f"{extended.path('tiny')} deep; exit 0"
    done = extended.run(["/bin/sh", "-c", f"/bin/bash -c '{inner}'; exit 0"], check=0)
    (bash,) = [r for r in extended.of_parent(done.pid) if r["call_name"] == "execve"]
    (tiny,) = [r for r in extended.of_parent(bash["pid"]) if r["call_name"] == "execve"]
    assert tiny["ancestors"].startswith(f"{bash['pid']}:/bin/bash {done.pid}:/bin/sh ")
    assert bash["ancestors"].startswith(f"{done.pid}:/bin/sh ")


def test_ktime_is_the_number_in_the_id(extended):
    done = extended.run("tiny")
    for record in extended.of(done.pid):
        assert record["ktime"] == str(exec_id_parts(record["exec_id"])[1])
        assert record["parent.ktime"] == str(exec_id_parts(record["parent.exec_id"])[1])


def test_sequence_gives_the_order_of_the_records(extended):
    extended.run([extended.path("storm"), extended.path("tiny"), "1", "200"])
    numbers = [int(r["__seq__"]) for r in extended.fence()]
    assert len(numbers) > 600
    assert numbers == sorted(set(numbers))


def test_many_processes_have_as_many_ids(agent):
    storms = [subprocess.Popen([agent.path("storm"), agent.path("tiny"), "1", "500"], stdout=subprocess.DEVNULL)
              for _ in range(4)]
    for storm in storms:
        assert storm.wait(60) == 0
    agent.fence()
    execs = [r for r in agent.records() if r["call_name"] == "execve" and r["arguments"].startswith("marker-")
             and r.get("parent.binary") == agent.path("storm")]
    assert len(execs) == len({r["exec_id"] for r in execs}) == 2000
    exits = {r["exec_id"] for r in agent.records() if r["call_name"] == "exit"}
    assert {r["exec_id"] for r in execs} <= exits
