# SPDX-License-Identifier: Apache-2.0
"""`binary` as it was given, `cwd` as the process sees it, and the executable that it was in truth."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import marker

NAMESPACE = ["unshare", "-m", "/bin/sh", "-ec"]


def deep_directory(root, components, name):
    """Makes nested directories and returns a descriptor of the innermost; paths may be over PATH_MAX."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for i in range(components):
        each = name(i)
        os.mkdir(each, 0o755, dir_fd=fd)
        inner = os.open(each, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = inner
    return fd


def run_in(agent, fd, command):
    try:
        return agent.run(command, preexec_fn=lambda: os.fchdir(fd))
    finally:
        os.close(fd)


def script(agent, name, text):
    path = agent.directory / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


# cwd


def test_cwd_is_the_root(agent):
    done = agent.run([agent.path("tiny")], cwd="/")
    assert agent.one(done.pid, "execve")["cwd"] == "/"


@pytest.mark.parametrize("name", ["a b", "größe", 'q"\\', "line\nfeed", "n" * 255, " (deleted)"])
def test_cwd_with_odd_names(agent, name):
    directory = agent.directory / name
    directory.mkdir()
    done = agent.run([agent.path("tiny")], cwd=directory)
    assert agent.one(done.pid, "execve")["cwd"] == str(directory)


def test_cwd_that_is_not_utf8(agent):
    directory = os.fsencode(agent.directory) + b"/\xff\xc3x"
    os.mkdir(directory)
    done = agent.run([agent.path("tiny")], cwd=directory)
    assert agent.one(done.pid, "execve")["cwd"] == str(agent.directory) + "/\\xff\\xc3x"


def test_cwd_of_300_components(agent):
    fd = deep_directory(agent.directory, 300, lambda i: f"d{i}")
    done = run_in(agent, fd, [agent.path("tiny")])
    record = agent.one(done.pid, "execve")
    assert record["cwd"] == str(agent.directory) + "".join(f"/d{i}" for i in range(300))
    assert "cwd.truncated" not in record


@pytest.mark.parametrize("length", [4094, 4095, 4096])
def test_cwd_is_whole_up_to_4096_bytes(agent, length):
    left = length - len(str(agent.directory))
    names = []
    while left:
        n = left if left <= 200 else 199 if left > 202 else 100
        names.append("c" * (n - 1))
        left -= n
    fd = deep_directory(agent.directory, len(names), lambda i: names[i])
    done = run_in(agent, fd, [agent.path("tiny")])
    whole = "/".join([str(agent.directory), *names])
    assert len(whole) == length
    for record in agent.of(done.pid):
        assert record["cwd"] == whole
        assert "cwd.truncated" not in record


def test_longer_cwd_shows_its_tail_and_is_flagged(agent):
    fd = deep_directory(agent.directory, 100, lambda i: f"{i:03}" + "x" * 97)
    done = run_in(agent, fd, [agent.path("tiny")])
    whole = str(agent.directory) + "".join(f"/{i:03}" + "x" * 97 for i in range(100))
    for record in agent.of(done.pid):
        assert record["cwd.truncated"] == "true"
        assert whole.endswith(record["cwd"])
        assert 3800 <= len(record["cwd"]) <= 4096


def test_deleted_cwd(agent):
    directory = agent.directory / "gone"
    directory.mkdir()
    fd = os.open(directory, os.O_RDONLY)
    directory.rmdir()
    done = run_in(agent, fd, [agent.path("tiny")])
    assert agent.one(done.pid, "execve")["cwd"] == f"{directory} (deleted)"


def test_cwd_is_not_the_one_after_a_chdir(agent):
    done = agent.run(["/bin/sh", "-c", "cd /; exit 0"])
    assert [r["cwd"] for r in agent.of(done.pid)] == [str(agent.directory)] * 2


def test_cwd_through_a_symlink_is_resolved(agent):
    (agent.directory / "real").mkdir()
    (agent.directory / "link").symlink_to("real")
    done = agent.run([agent.path("tiny")], cwd=agent.directory / "link")
    assert agent.one(done.pid, "execve")["cwd"] == str(agent.directory / "real")


def found_by(agent, text, name="tiny"):
    found = [r for r in agent.fence() if r["call_name"] == "execve" and r["arguments"] == text
             and r["binary"].endswith(name)]
    assert len(found) == 1, found
    return found[0]


def test_cwd_below_a_bind_mount(agent):
    source, target, text = agent.directory / "source", agent.directory / "target", marker()
    (source / "inner").mkdir(parents=True)
    target.mkdir()
    agent.run([*NAMESPACE, f"mount --bind {source} {target}; cd {target}/inner; {agent.path('tiny')} {text}"], check=0)
    assert found_by(agent, text)["cwd"] == f"{target}/inner"


def test_cwd_below_nested_mounts(agent):
    top, text = agent.directory / "top", marker()
    top.mkdir()
    agent.run([*NAMESPACE, f"mount -t tmpfs none {top}; mkdir -p {top}/a/b; mount -t tmpfs none {top}/a/b;"
               f" mkdir -p {top}/a/b/c/d; mount -t tmpfs none {top}/a/b/c/d; mkdir {top}/a/b/c/d/e;"
               f" cd {top}/a/b/c/d/e; {agent.path('tiny')} {text}"], check=0)
    assert found_by(agent, text)["cwd"] == f"{top}/a/b/c/d/e"


def test_cwd_that_is_a_mount_point(agent):
    top, text = agent.directory / "top", marker()
    top.mkdir()
    agent.run([*NAMESPACE, f"mount -t tmpfs none {top}; mount -t tmpfs none {top}; cd {top};"
               f" {agent.path('tiny')} {text}"], check=0)
    assert found_by(agent, text)["cwd"] == str(top)


def test_cwd_and_binary_below_a_chroot(agent):
    root, text = agent.directory / "root", marker()
    (root / "inner").mkdir(parents=True)
    shutil.copy(agent.path("tiny"), root / "tiny")
    shutil.copy(agent.path("storm"), root / "storm")
    agent.run(["chroot", root, "/tiny", text], check=0)
    record = found_by(agent, text, "/tiny")
    assert (record["binary"], record["cwd"]) == ("/tiny", "/")


def test_cwd_outside_the_own_root_is_not_presented_as_inside(agent):
    """After chroot without chdir getcwd() says "(unreachable)/…"; whatever is shown, it is no path of the root."""
    root = agent.directory / "root"
    root.mkdir()
    shutil.copy(agent.path("tiny"), root / "tiny")
    done = agent.run(["/tiny", "outside"], preexec_fn=lambda: os.chroot(root))
    record = agent.one(done.pid, "execve")
    assert record["binary"] == "/tiny"
    assert record["cwd"] != "/" and str(agent.directory) in record["cwd"]


def test_cwd_and_executable_after_pivot_root(extended):
    root, text = extended.directory / "root", marker()
    root.mkdir()
    tiny = extended.path("tiny")
    extended.run([*NAMESPACE, f"mount -t tmpfs none {root}; mkdir {root}/old {root}/inner; cp {tiny} {root}/tiny;"
                  f" cd {root}; pivot_root . old; cd /inner; exec /tiny {text}"])
    record = found_by(extended, text, "/tiny")
    assert (record["binary"], record["cwd"], record["exe.path"]) == ("/tiny", "/inner", "/tiny")


# binary


def test_relative_binary_has_the_cwd_before_it(extended):
    shutil.copy(extended.path("tiny"), extended.directory / "x")
    (extended.directory / "sub").mkdir()
    for given, cwd in [("./x", ""), ("../x", "sub"), ("sub/../x", ""), (".//x", "")]:
        done = extended.run([given], cwd=extended.directory / cwd)
        record = extended.of(done.pid, "execve")[0]
        assert record["binary"] == os.path.join(extended.directory, cwd).rstrip("/") + "/" + given
        assert record["exe.path"] == str(extended.directory / "x")


def test_relative_binary_in_the_root(agent):
    done = agent.run(["bin/true"], cwd="/")
    assert agent.one(done.pid, "execve")["binary"] == "/bin/true"


def test_symlink_is_not_resolved(extended):
    (extended.directory / "link").symlink_to(extended.path("tiny"))
    done = extended.run([str(extended.directory / "link")])
    record = extended.of(done.pid, "execve")[0]
    assert record["binary"] == str(extended.directory / "link")
    assert record["exe.path"] == extended.path("tiny")


def test_absolute_path_is_not_normalised(agent):
    given = agent.path("tiny").replace("/bin/tiny", "/bin/../bin//./tiny")
    done = agent.run([given])
    assert agent.one(done.pid, "execve")["binary"] == given


def test_binary_of_255_byte_names(extended):
    directory = extended.directory / ("n" * 255) / ("m" * 255)
    directory.mkdir(parents=True)
    target = str(directory / ("b" * 255))
    shutil.copy(extended.path("tiny"), target)
    done = extended.run([target])
    record = extended.of(done.pid, "execve")[0]
    assert record["binary"] == record["exe.path"] == target


def test_executable_deeper_than_any_path(extended):
    fd = deep_directory(extended.directory, 60, lambda i: f"{i:02}" + "y" * 98)
    copy = os.open("x", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o755, dir_fd=fd)
    os.write(copy, Path(extended.path("tiny")).read_bytes())
    os.close(copy)
    done = run_in(extended, fd, ["./x", "deep"])
    record = extended.of(done.pid, "execve")[0]
    assert record["arguments"] == "deep" and record["cwd.truncated"] == "true"
    assert record["binary"] == record["cwd"] + "/./x"
    assert record["exe.path"].endswith("y/x")


def test_proc_self_exe(extended):
    done = extended.run(["/proc/self/exe", "-c", ""], executable="/proc/self/exe")
    record = extended.of(done.pid, "execve")[0]
    assert record["binary"] == "/proc/self/exe"
    assert record["exe.path"] == os.path.realpath("/proc/self/exe")


@pytest.mark.parametrize("how", ["fexecve", "path"])
def test_exec_by_descriptor_shows_the_resolved_executable(extended, how):
    done = extended.run([extended.path("exec_fd"), how, extended.path("hold")], check=0)
    record = extended.of(done.pid, "execve")[-1]
    assert record["binary"] == record["exe.path"] == extended.path("hold")
    assert record["argv"] == ["by-fd", how]


@pytest.mark.parametrize("how, suffix", [("fexecve", "/hold"), ("path", "/hold"), ("memfd", "memfd:proctrail-test"),
                                         ("deleted", "/hold.gone")])
def test_exec_by_descriptor_shows_the_executable_in_the_fields_of_the_spec_too(agent, how, suffix):
    done = agent.run([agent.path("exec_fd"), how, agent.path("hold")], check=0)
    record = agent.of(done.pid, "execve")[-1]
    assert record["binary"].endswith(suffix) and not record["binary"].startswith("/dev/fd/")
    assert record["arguments"] == how


def test_execveat_of_a_relative_path(extended):
    done = extended.run([extended.path("exec_fd"), "relative", extended.path("hold")], check=0)
    record = extended.of(done.pid, "execve")[-1]
    assert record["binary"] == os.path.dirname(extended.path("hold")) + "/./hold"


def test_memfd(extended):
    done = extended.run([extended.path("exec_fd"), "memfd", extended.path("hold")], check=0)
    record = extended.of(done.pid, "execve")[-1]
    assert "memfd:proctrail-test" in record["binary"] and not record["binary"].startswith("/dev/fd/")
    assert record["exe.memfd"] == "true" and "memfd:proctrail-test" in record["exe.path"]
    assert record["exe.nlink"] == "0"


def test_deleted_executable(extended):
    done = extended.run([extended.path("exec_fd"), "deleted", extended.path("hold")], check=0)
    record = extended.of(done.pid, "execve")[-1]
    assert record["binary"].startswith(extended.path("hold") + ".gone")
    assert record["exe.deleted"] == "true" and record["exe.nlink"] == "0"
    assert "exe.memfd" not in record


def test_executable_that_is_deleted_renamed_or_replaced_later(extended):
    for what in ("deleted", "renamed", "replaced"):
        target = extended.directory / what
        shutil.copy(extended.path("hold"), target)
        inode = target.stat().st_ino
        running = extended.start([str(target)])
        if what == "replaced":
            shutil.copy(extended.path("tiny"), str(target) + ".new")
            os.rename(str(target) + ".new", target)
        elif what == "renamed":
            target.rename(str(target) + ".elsewhere")
        else:
            target.unlink()
        running.end()
        for record in extended.of(running.pid)[1:]:
            assert record["binary"] == record["exe.path"] == str(target)
            assert record["exe.inode"] == str(inode) and "exe.deleted" not in record


def test_executable_on_shared_memory(extended):
    target = Path("/dev/shm") / marker()
    shutil.copy(extended.path("tiny"), target)
    try:
        done = extended.run([str(target)])
    finally:
        target.unlink()
    record = extended.of(done.pid, "execve")[0]
    assert record["binary"] == record["exe.path"] == str(target)
    assert "exe.memfd" not in record and "exe.deleted" not in record


def test_executable_inode_device_and_links(extended):
    target = extended.directory / "x"
    shutil.copy(extended.path("tiny"), target)
    os.link(target, str(target) + ".2")
    done = extended.run([str(target)])
    record, st = extended.of(done.pid, "execve")[0], target.stat()
    assert record["exe.inode"] == str(st.st_ino) and record["exe.nlink"] == "2"
    assert record["exe.dev"] == f"{os.major(st.st_dev)}:{os.minor(st.st_dev)}"
    assert not {"exe.upper", "exe.memfd", "exe.deleted", "exec.setuid"} & set(record)


def test_overlay_tells_upper_from_lower(extended):
    top = extended.directory
    for name in ("lower", "upper", "workdir", "merged"):
        (top / name).mkdir()
    shutil.copy(extended.path("tiny"), top / "lower" / "from-image")
    merged, one, two = top / "merged", marker(), marker()
    extended.run([*NAMESPACE, f"mount -t overlay none -o lowerdir={top}/lower,upperdir={top}/upper,"
                  f"workdir={top}/workdir {merged}; {merged}/from-image {one};"
                  f" cp {merged}/from-image {merged}/written; cd {merged}; ./written {two}"], check=0)
    lower, upper = found_by(extended, one, "from-image"), found_by(extended, two, "written")
    assert "exe.upper" not in lower and upper["exe.upper"] == "true"
    assert upper["cwd"] == str(merged) and upper["exe.path"] == f"{merged}/written"


# interpreters


def test_script(extended):
    path = script(extended, "script", "#!/bin/sh -e\nexit 3\n")
    done = extended.run([path, "one", "two"], check=3)
    record = extended.of(done.pid, "execve")[0]
    assert record["binary"] == path and record["interpreter"] == "/bin/sh"
    assert record["arguments"] == f"-e {path} one two"
    assert record["argv"] == ["/bin/sh", "-e", path, "one", "two"]
    assert record["exe.path"] == os.path.realpath("/bin/sh")


def test_script_by_relative_path(extended):
    path = script(extended, "script", "#!/bin/sh\n")
    done = extended.run(["./script"], check=0)
    record = extended.of(done.pid, "execve")[0]
    assert record["binary"] == f"{extended.directory}/./script" and record["arguments"] == "./script"


def test_script_run_by_a_script(extended):
    inner = script(extended, "inner", f"#!{extended.path('tiny')} inner-argument\n")
    outer = script(extended, "outer", f"#!{inner} outer-argument\n")
    done = extended.run([outer, "x"], check=0)
    record = extended.of(done.pid, "execve")[0]
    assert record["binary"] == outer
    assert record["argv"] == [extended.path("tiny"), "inner-argument", inner, "outer-argument", outer, "x"]
    assert record["interpreter"] == extended.path("tiny")


def test_script_by_env_is_two_images(extended):
    path = script(extended, "script", f"#!/usr/bin/env -S {extended.path('tiny')} a b\n")
    done = extended.run([path, "c"], check=0)
    env, last = extended.of(done.pid, "execve")
    assert env["binary"] == path and env["interpreter"] == "/usr/bin/env"
    assert last["binary"] == extended.path("tiny") and last["argv"][1:] == ["a", "b", path, "c"]
    assert last["parent.exec_id"] == env["exec_id"] and "interpreter" not in last


def test_script_that_is_executed_by_descriptor(extended):
    path = script(extended, "script", "#!/bin/sh\nexit 0\n")
    fd = os.open(path, os.O_RDONLY)
    try:
        done = extended.run([f"/proc/self/fd/{fd}"], pass_fds=[fd])
    finally:
        os.close(fd)
    record = extended.of(done.pid, "execve")[0]
    assert record["binary"] == f"/proc/self/fd/{fd}" and record["interpreter"] == "/bin/sh"


def test_dynamic_loader_by_hand(extended):
    loader = "/lib64/ld-linux-x86-64.so.2"
    if not os.path.exists(loader):
        pytest.skip("no such loader on this machine")
    done = extended.run([loader, "/bin/true", "x"])
    record = extended.of(done.pid, "execve")[0]
    assert (record["binary"], record["arguments"]) == (loader, "/bin/true x")


def test_binfmt_misc(extended):
    top = Path("/proc/sys/fs/binfmt_misc")
    mounted = False
    if not (top / "register").exists():
        mounted = subprocess.run(["mount", "-t", "binfmt_misc", "none", top], capture_output=True,
                                 check=False).returncode == 0
    name = "proctrail-test"
    try:
        if not os.access(top / "register", os.W_OK):
            pytest.skip("binfmt_misc cannot be mounted here")
        try:
            (top / "register").write_text(f":{name}:M::\\x7fPTRAIL::{extended.path('tiny')}:")
        except OSError as error:
            pytest.skip(f"binfmt_misc takes no entries here: {error}")
        path = extended.directory / "strange"
        path.write_bytes(b"\x7fPTRAIL and data")
        path.chmod(0o755)
        done = extended.run([str(path), "x"], check=0)
        record = extended.of(done.pid, "execve")[0]
        assert record["binary"] == str(path) and record["interpreter"] == extended.path("tiny")
        assert record["argv"] == [extended.path("tiny"), str(path), "x"]
    finally:
        if (top / name).exists():
            (top / name).write_text("-1")
        if mounted:
            subprocess.run(["umount", top], check=False)


