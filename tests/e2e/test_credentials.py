# SPDX-License-Identifier: Apache-2.0
"""Ids, capabilities and names of users: those of the exec, compared with /proc."""
import fcntl
import os
import pty
import shutil
import subprocess
import termios
from pathlib import Path

import pytest

from harness import caps_text, stat_of, status_of, wait_until

NET_RAW, NET_BIND, SYS_TIME = 1 << 13, 1 << 10, 1 << 25


def truth_of(pid):
    """What /proc says of a process, in the records' words. Ids are those of the test's namespaces: the host's."""
    status, stat = status_of(pid), stat_of(pid)
    ruid, euid, suid, _ = status["Uid"].split()
    rgid, egid, _, _ = status["Gid"].split()
    truth = {
        "uid": euid, "ruid": ruid, "suid": suid, "gid": rgid, "egid": egid,
        "loginuid": Path(f"/proc/{pid}/loginuid").read_text(),
        "audit_session": Path(f"/proc/{pid}/sessionid").read_text(),
        "session_id": stat[3], "tid": str(pid), "pid": str(pid),
        "no_new_privs": "true" if status["NoNewPrivs"] == "1" else None,
    }
    for key, name in (("permitted", "CapPrm"), ("effective", "CapEff"), ("inheritable", "CapInh"),
                      ("bounding", "CapBnd"), ("ambient", "CapAmb")):
        truth["cap." + key] = caps_text(int(status[name], 16))
    return truth


def check_truth(agent, running, **more):
    record = agent.of(running.pid, "execve")[-1]
    truth = truth_of(running.pid) | more
    assert {k: record.get(k) for k in truth} == truth
    return record


def as_user(uid, *command):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]


def test_everything_of_a_root_process(extended):
    record = check_truth(extended, extended.start([extended.path("hold")]))
    assert record["user"] == "root" and record["cap.effective"] == record["cap.permitted"] != ""


def test_everything_of_an_ordinary_user(extended):
    record = check_truth(extended, extended.start(as_user(3000, extended.path("hold"))))
    assert record["uid"] == "3000" and record["cap.permitted"] == record["cap.effective"] == ""


def test_ids_and_capabilities_are_those_of_the_exec(agent):
    agent.run_and_check("drop_ids", "3000")


def test_no_new_privs(extended):
    record = check_truth(extended, extended.start(["setpriv", "--no-new-privs", extended.path("hold")]))
    assert record["no_new_privs"] == "true"


@pytest.mark.parametrize("sets", [(NET_RAW, NET_RAW, NET_RAW, NET_RAW),
                                  (NET_RAW | NET_BIND, 0, NET_RAW | NET_BIND, NET_BIND),
                                  (NET_RAW | SYS_TIME, NET_RAW, SYS_TIME, 0)])
def test_capabilities_of_a_user(extended, sets):
    running = extended.start([extended.path("caps"), *(f"{s:x}" for s in sets), extended.path("hold")])
    record = check_truth(extended, running)
    assert record["cap.ambient"] == caps_text(sets[3]) and record["cap.inheritable"] == caps_text(sets[2])


def test_bounding_set(extended):
    running = extended.start(["setpriv", "--bounding-set=-sys_time,-net_raw", extended.path("hold")])
    record = check_truth(extended, running)
    assert "CAP_SYS_TIME" not in record["cap.bounding"].split()


def owned_copy(agent, name, mode, uid=0, gid=0):
    target = agent.directory / name
    shutil.copy(agent.path("hold"), target)
    os.chown(target, uid, gid)
    target.chmod(mode)
    return str(target)


def test_setuid_program(extended):
    running = extended.start(as_user(3000, owned_copy(extended, "suid", 0o4755)))
    record = check_truth(extended, running, **{"exec.setuid": "true", "exec.setgid": None})
    assert (record["uid"], record["ruid"], record["suid"]) == ("0", "3000", "0")
    assert record["cap.effective"] != ""


def test_setuid_program_of_another_user(extended):
    running = extended.start(as_user(3000, owned_copy(extended, "suid", 0o4755, uid=3001)))
    record = check_truth(extended, running, **{"exec.setuid": "true"})
    assert record["uid"] == "3001" and record["cap.effective"] == ""


def test_setgid_program(extended):
    running = extended.start(as_user(3000, owned_copy(extended, "sgid", 0o2755, gid=3002)))
    record = check_truth(extended, running, **{"exec.setgid": "true", "exec.setuid": None})
    assert (record["gid"], record["egid"]) == ("3000", "3002")


def test_file_capabilities(extended):
    target = owned_copy(extended, "caps", 0o755)
    subprocess.run(["setcap", "cap_net_raw,cap_sys_time=ep", target], check=True)
    # without any capabilities before: setpriv would keep those of root until the exec
    running = extended.start([extended.path("caps"), "0", "0", "0", "0", target])
    record = check_truth(extended, running, **{"exec.file_caps": "true", "exec.setuid": None})
    assert record["cap.effective"] == "CAP_NET_RAW CAP_SYS_TIME"


def test_no_new_privs_disarms_setuid(extended):
    target = owned_copy(extended, "suid", 0o4755)
    running = extended.start(as_user(3000, "--no-new-privs", target))
    record = check_truth(extended, running, **{"exec.setuid": None, "no_new_privs": "true"})
    assert record["uid"] == "3000"


def test_nosuid_mount_disarms_setuid(extended):
    target = owned_copy(extended, "suid", 0o4755)
    running = extended.start(["unshare", "-m", "/bin/sh", "-ec",
                              f"mount --bind {extended.directory} {extended.directory};"
                              f" mount -o remount,bind,nosuid {extended.directory};"
                              f" exec setpriv --reuid=3000 --regid=3000 --clear-groups {target}"])
    record = check_truth(extended, running, **{"exec.setuid": None})
    assert record["uid"] == "3000"


def test_ordinary_program_of_root_gains_nothing(extended):
    running = extended.start([extended.path("hold")])
    check_truth(extended, running, **{"exec.setuid": None, "exec.setgid": None, "exec.file_caps": None})


def test_user_namespace_shows_the_ids_of_the_host(extended):
    running = extended.start(as_user(3000, "unshare", "-U", "--map-root-user", extended.path("hold")))
    record = check_truth(extended, running)
    assert record["uid"] == "3000" and record["cap.effective"] != ""


def test_login_id_and_audit_session(extended):
    def log_in():
        Path("/proc/self/loginuid").write_text("3000")

    try:
        running = extended.start([extended.path("hold")], preexec_fn=log_in)
    except subprocess.SubprocessError:
        pytest.skip("the login id cannot be set here")
    record = check_truth(extended, running)
    assert record["loginuid"] == "3000" and record["audit_session"] != "4294967295"


def test_no_login_id(extended):
    if Path("/proc/self/loginuid").read_text() != "4294967295":
        pytest.skip("the tests run in a login session")
    check_truth(extended, extended.start([extended.path("hold")]), loginuid="4294967295")


def test_controlling_terminal(extended):
    controller, terminal = pty.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    try:
        running = extended.start([extended.path("hold")], preexec_fn=take_terminal, pass_fds=[terminal])
        record = check_truth(extended, running, tty=os.ttyname(terminal).removeprefix("/dev/"))
        assert record["session_id"] == str(running.pid)
    finally:
        os.close(controller)
        os.close(terminal)


def test_no_controlling_terminal(extended):
    running = extended.start([extended.path("hold")], start_new_session=True)
    check_truth(extended, running, tty="")


@pytest.mark.parametrize("uid", [54321, 2147483648, 4294967294])
def test_uid_without_a_name(agent, uid):
    done = agent.run(as_user(uid, agent.path("tiny")), check=0)
    record = agent.of(done.pid, "execve")[-1]
    assert (record["uid"], record["user"]) == (str(uid), "")


def with_passwd(work, text):
    """A command that gives the agent a user database of its own."""
    passwd = work / "passwd"
    passwd.write_text(Path("/etc/passwd").read_text() + text)
    return passwd, ["unshare", "-m", "/bin/sh", "-ec", f'mount --bind {passwd} /etc/passwd; exec "$@"', "sh"]


def test_user_that_is_added_while_the_agent_runs(start_agent, work):
    passwd, prefix = with_passwd(work, "")
    agent = start_agent(prefix=prefix)

    def user():
        done = agent.run(as_user(3000, agent.path("tiny")), check=0)
        return agent.of(done.pid, "execve")[-1]["user"]

    assert user() == ""
    with open(passwd, "a") as f:
        f.write("newcomer:x:3000:3000::/:/bin/sh\n")
    wait_until(lambda: user() == "newcomer", 5, "the new name")
    passwd.write_text(passwd.read_text().replace("newcomer:", "renamed:"))
    wait_until(lambda: user() == "renamed", 5, "the changed name")
    agent.stop()


def test_name_of_a_parent_user(start_agent, work):
    _, prefix = with_passwd(work, "alice:x:3000:3000::/:/bin/sh\nbob:x:3001:3001::/:/bin/sh\n")
    agent = start_agent(prefix=prefix)
    target = owned_copy(agent, "suid", 0o4755, uid=3001)
    done = agent.run(as_user(3000, "/bin/sh", "-c", f"{target} < /dev/null; exit 0"), check=0)
    (record,) = [r for r in agent.fence() if r["call_name"] == "execve" and r.get("parent.pid") == str(done.pid)
                 and r["binary"] == target]
    assert (record["user"], record["parent.user"], record["parent.uid"]) == ("bob", "alice", "3000")
    agent.stop()
