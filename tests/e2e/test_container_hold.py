# SPDX-License-Identifier: Apache-2.0
"""
Records of a container wait for what it is called, and nobody else's. Containers that no runtime made: a control
group with a container's id, and the files or the daemon that would tell of it, which are as slow as a test wants.
"""
import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from cgroups import cgroups, entering, hierarchies, roots
from harness import die_with_parent, libc, marker, new_instance, wait_until
from pipelines import value, wait_for_value

IMAGE = "sha256:" + "ab" * 32
CALLS = ["execve", "exit"]
NAMES = ["container.name", "container.image.name", "container.image.id"]


class Folder:
    """What Docker keeps on disk, with what the test says of containers."""

    def __init__(self, path):
        self.path = Path(path)

    def describe(self, container, name, **more):
        folder = self.path / "containers" / container
        folder.mkdir(parents=True, exist_ok=True)
        config = {"ID": container, "Name": f"/{name}", "Image": IMAGE, "Config": {"Image": "shop:1", "Labels": {}}, **more}
        (folder / "hostconfig.json").write_text('{"Privileged": false}')
        (folder / "new").write_text(json.dumps(config))
        (folder / "new").rename(folder / "config.v2.json")


class Daemon:
    """Listens where Docker would. It says at once what containers it has, and tells of one when the test lets it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.path = str(path)
        self.socket.bind(self.path)
        self.socket.listen(64)
        self.may_answer = threading.Event()
        self.names, self.open = {}, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        text = b""
        try:
            while True:
                while b"\r\n\r\n" not in text:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    text += piece
                request, text = text.split(b"\r\n\r\n", 1)
                self.answer(connection, request.split()[1].decode())
        except OSError:
            pass

    def answer(self, connection, path):
        if path.startswith("/events"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            return
        status, body = self.find(path)
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                           f"{body}".encode())

    def find(self, path):
        if path == "/_ping":
            return 200, "OK"
        names = dict(self.names)
        if path.startswith("/containers/json"):
            return 200, json.dumps([{"Id": i, "Names": [f"/{name}"], "Image": "shop:1", "ImageID": IMAGE, "Labels": {}}
                                    for i, name in names.items()])
        if path.startswith("/containers/"):
            self.may_answer.wait()
            names = dict(self.names)
        for i, name in names.items():
            if path == f"/containers/{i}/json":
                return 200, json.dumps({
                    "Id": i, "Name": f"/{name}", "Image": IMAGE, "Created": "2026-01-01T00:00:00Z",
                    "State": {"Status": "running"}, "HostConfig": {}, "Config": {"Image": "shop:1", "Labels": {}}})
        return 404, "{}"

    def close(self):
        self.socket.close()
        self.may_answer.set()
        for connection in self.open:
            connection.close()


FAN_CLASS_CONTENT, FAN_MARK_ADD, FAN_OPEN_PERM, FAN_EVENT_ON_CHILD, AT_FDCWD = 4, 1, 0x10000, 0x08000000, -100


@contextmanager
def hanging(path):
    """Whoever opens a file of the folder hangs, as on a disk that does not answer, until the block ends."""
    fd = libc.fanotify_init(FAN_CLASS_CONTENT, os.O_RDONLY)
    if fd < 0:
        pytest.skip("no fanotify here")
    try:
        mask = ctypes.c_uint64(FAN_OPEN_PERM | FAN_EVENT_ON_CHILD)
        if libc.fanotify_mark(fd, FAN_MARK_ADD, mask, AT_FDCWD, os.fsencode(path)):
            pytest.skip("no permission events here")
        yield
    finally:
        os.close(fd)


@pytest.fixture
def folder(work):
    return Folder(work / "docker")


@pytest.fixture
def daemon(work):
    one = Daemon(f"/tmp/proctrail-{secrets.token_hex(4)}.sock")
    yield one
    one.close()
    Path(one.path).unlink()


@pytest.fixture
def start(start_agent, work):
    """Starts an agent that knows of no runtime but the test's."""
    def begin(*, wait="200ms", sources="files", sockets=None, options=(), **kwargs):
        own = ["--container-sources", sources, "--container-wait", wait, "--docker-roots", work / "docker"]
        own += ["--docker-sockets", sockets] if sockets else []
        return start_agent(options=[*own, *options], calls=CALLS, fields="extended", **kwargs)

    return begin


@pytest.fixture
def small_disk():
    """What an instance keeps its state on: its name, and the folder."""
    name = new_instance()
    folder = Path("/run/proctrail", name)
    folder.mkdir(parents=True)
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "small", folder], check=True)
        yield name, folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)
        folder.rmdir()


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(4096))


@contextmanager
def container(folder=None, label=None):
    """A control group with the id of a container: the id, and what a process enters it by."""
    name = secrets.token_hex(32)
    if label:
        folder.describe(name, label)
    with cgroups(f"/docker/{name}", hierarchies()["hybrid"]) as files:
        yield name, entering(files, roots())


def run_in(agent, enter, text):
    return subprocess.run([agent.path("tiny"), text], preexec_fn=enter, check=True, timeout=10)


def records_with(agent, text):
    return [r for r in agent.records() if text in r.get("arguments", "")]


def wait_for_calls(agent, text, calls, seconds=10):
    def has_all():
        return [r["call_name"] for r in records_with(agent, text)] == calls

    wait_until(has_all, seconds, lambda: records_with(agent, text))
    return records_with(agent, text)


def test_the_first_record_has_the_name(start, folder):
    agent, text = start(), marker()
    with container(folder, "web") as (name, enter):
        run_in(agent, enter, text)
        for record in wait_for_calls(agent, text, CALLS):
            assert (record["container.id"], record["container.name"]) == (name, "web")
            assert (record["container.image.id"], record["container.image.name"]) == (IMAGE, "shop:1")
            assert (record["container.runtime"], record["container.image.tag"]) == ("docker", "1")
    keys = list(record)
    assert keys.index("cap.inheritable") < keys.index("container.id") < keys.index("container.name")
    assert keys.index("container.image.name") < keys.index("parent.exec_id")


def test_files_that_come_after_the_group(start, folder):
    agent, text = start(), marker()
    with container() as (name, enter):
        agent.fence()
        folder.describe(name, "web")
        run_in(agent, enter, text)
        assert [r.get("container.name") for r in wait_for_calls(agent, text, CALLS)] == ["web"] * 2


def test_nobody_else_waits(start, daemon):
    """A daemon that hangs: the container's records wait as long as they may, those of the host do not."""
    agent, held, free = start(wait="1s", sources="docker", sockets=daemon.path), marker(), marker()
    with container() as (_, enter):
        begun = time.monotonic()
        run_in(agent, enter, held)
        run_in(agent, None, free)
        wait_for_calls(agent, free, CALLS, seconds=0.9)
        assert records_with(agent, held) == []
        seen = wait_for_calls(agent, held, CALLS)
    assert time.monotonic() - begun >= 0.95
    assert all("container.id" in r and "container.name" not in r for r in seen)
    assert [int(r["__seq__"]) for r in seen] < [int(r["__seq__"]) for r in records_with(agent, free)]


def test_what_comes_late_is_a_record(start, daemon):
    agent, text = start(wait="100ms", sources="docker", sockets=daemon.path), marker()
    with container() as (name, enter):
        daemon.names[name] = "late"
        run_in(agent, enter, text)
        wait_for_calls(agent, text, CALLS)
        assert all("container.name" not in r for r in records_with(agent, text))
        daemon.may_answer.set()
        wait_until(lambda: [r for r in agent.records() if r["call_name"] == "container"], 20, agent.stderr)
        again = marker()
        run_in(agent, enter, again)
        assert all(r["container.name"] == "late" for r in wait_for_calls(agent, again, CALLS))
    (told,) = [r for r in agent.records() if r["call_name"] == "container"]
    assert (told["container.id"], told["container.name"], told["container.image.id"]) == (name, "late", IMAGE)
    assert told["event_type"] == "kprobe" and "__time__" in told and "pid" not in told and "exec_id" not in told


def test_no_wait_at_all(start, daemon):
    agent, text = start(wait="0s", sources="docker", sockets=daemon.path), marker()
    with container() as (_, enter):
        begun = time.monotonic()
        run_in(agent, enter, text)
        wait_for_calls(agent, text, CALLS)
        assert time.monotonic() - begun < 2


def test_nobody_is_asked(start_agent):
    agent, text = start_agent(options=["--container-sources", "none"], calls=CALLS), marker()
    with container() as (name, enter):
        run_in(agent, enter, text)
        assert all(r["container.id"] == name for r in wait_for_calls(agent, text, CALLS))


def test_a_disk_that_hangs(start, daemon, folder):
    """The files are asked first and never answer: the daemon is asked when the wait is over, and a stop is quick."""
    agent, text, name = start(wait="300ms", sources="files,docker", sockets=daemon.path), marker(), secrets.token_hex(32)
    daemon.may_answer.set()
    daemon.names[name] = "asked"
    wait_until(lambda: "docker is there" in agent.stderr(), 10, agent.stderr)
    folder.describe(name, "read")
    with hanging(folder.path / "containers" / name), cgroups(f"/docker/{name}", hierarchies()["hybrid"]) as files:
        enter = entering(files, roots())
        run_in(agent, enter, text)
        assert all("container.name" not in r for r in wait_for_calls(agent, text, CALLS))
        wait_until(lambda: [r for r in agent.records() if r["call_name"] == "container"], 20, agent.stderr)
        again, free = marker(), marker()
        run_in(agent, enter, again)
        assert [r["container.name"] for r in wait_for_calls(agent, again, CALLS)] == ["asked"] * 2
        run_in(agent, None, free)
        wait_for_calls(agent, free, CALLS)
        agent.stop()


def test_a_kill_repeats_and_never_loses(start, daemon, folder):
    """What is held is in custody: the next life has it, with what was found out meanwhile."""
    agent, texts = start(wait="10s", sources="docker", sockets=daemon.path), [marker() for _ in range(3)]
    with container() as (name, enter):
        for text in texts:
            run_in(agent, enter, text)
        free = marker()
        run_in(agent, None, free)
        wait_for_calls(agent, free, CALLS)
        assert not any(records_with(agent, text) for text in texts)
        agent.die()
        folder.describe(name, "found")
        agent.options[agent.options.index("--container-sources") + 1] = "files"
        agent.start_again()
        for text in texts:
            assert [r["container.name"] for r in wait_for_calls(agent, text, CALLS)] == ["found"] * 2
    assert len(records_with(agent, free)) == 2


@pytest.mark.parametrize("sources", ["files", "none"], ids=["nobody-knows", "nobody-is-asked"])
def test_names_stand_when_nobody_knows_of_them_any_more(start, folder, sources):
    """The journal has them; a runtime whose files have gone, or that is not asked any more, takes none away."""
    agent, texts = start(), [marker() for _ in range(3)]
    with container(folder, "web") as (name, enter):
        run_in(agent, enter, texts[0])
        (first, _) = wait_for_calls(agent, texts[0], CALLS)
        agent.die()
        shutil.rmtree(folder.path / "containers" / name)
        agent.options[agent.options.index("--container-sources") + 1] = sources
        agent.start_again()
        for text in texts[1:]:
            run_in(agent, enter, text)
            for record in wait_for_calls(agent, text, CALLS):
                assert [record[k] for k in NAMES] == [first[k] for k in NAMES] == ["web", "shop:1", IMAGE]
    agent.stop()


@pytest.mark.parametrize("ring", [None, "1MiB"], ids=["same-ring", "another-ring"])
def test_a_second_kill_loses_nothing_either(start, daemon, ring):
    """Nobody answers in three lives. The journal of the second one, which got them from the first, has them, too."""
    agent, text = start(wait="10s", sources="docker", sockets=daemon.path), marker()
    with container() as (name, enter):
        run_in(agent, enter, text)
        agent.fence()
        agent.die()
        if ring:
            agent.options += ["--ring-size", ring]
        agent.start_again()
        agent.fence()
        agent.die()
        agent.start_again()
        agent.fence()
        agent.stop()
    seen = {(r["call_name"], r["__seq__"]): r for r in records_with(agent, text)}
    assert sorted(call for call, _ in seen) == sorted(CALLS)
    assert all(r["container.id"] == name for r in seen.values())


def test_what_waited_in_one_life_need_not_in_the_next(start, daemon, faulty_binary):
    """
    A life has written what came after a record that waits, and dies before the journal has any of it. To the next one
    the container needs no name: the record is not among what was written, whatever its number is.
    """
    agent = start(wait="10s", sources="docker", sockets=daemon.path)
    agent.fence()
    agent.die()
    held, free = marker(), marker()
    with container() as (_, enter):
        run_in(agent, enter, held)
        run_in(agent, None, free)
        agent.start_again(binary=faulty_binary, env={"PROCTRAIL_FAULT": "journal_before:1"}, wait=False)
        assert agent.popen.wait(20) == -signal.SIGKILL
        assert len(records_with(agent, free)) == 2 and not records_with(agent, held)
        agent.options[agent.options.index("--container-sources") + 1] = "none"
        agent.start_again()
        wait_for_calls(agent, held, CALLS)
    agent.stop()
    assert len({r["__seq__"] for r in records_with(agent, free)}) == 2


def test_a_full_disk_and_a_kill_lose_nothing(small_disk, start, daemon):
    """The journal cannot have what waits: the ring keeps it until it is out, which is soon."""
    name, folder = small_disk
    agent = start(wait="10s", sources="docker", sockets=daemon.path, options=["--instance", name])
    texts = [marker() for _ in range(5)]
    fill(folder)
    with container() as (_, enter):
        for text in texts[:-1]:
            run_in(agent, enter, text)
            agent.fence()
            agent.die()
            agent.start_again()
            assert "cannot write" in agent.stderr()
        begun = time.monotonic()
        run_in(agent, enter, texts[-1])
        wait_for_calls(agent, texts[-1], CALLS)
        assert time.monotonic() - begun < 5
    agent.stop()
    for text in texts:
        assert sorted({r["__seq__"]: r["call_name"] for r in records_with(agent, text)}.values()) == CALLS, text


def test_a_stop_delivers_what_waits(start, daemon):
    agent, text = start(wait="10s", sources="docker", sockets=daemon.path), marker()
    with container() as (name, enter):
        run_in(agent, enter, text)
        agent.fence()
        agent.stop()
    assert [r["call_name"] for r in records_with(agent, text)] == CALLS
    assert all(r["container.id"] == name for r in records_with(agent, text))


def test_what_comes_out_at_once_has_room(start, daemon):
    """More than the flusher's queue takes has waited: it goes out as there is room."""
    small, n = ["--max-memory", "42MiB", "--ring-size", "2MiB"], 600
    agent = start(wait="10s", sources="docker", sockets=daemon.path, options=small)
    agent.die()
    with container() as (name, enter):
        storm = [agent.path("storm"), agent.path("tiny"), "1", str(n)]
        subprocess.run(storm, preexec_fn=enter, check=True, timeout=60)
        agent.start_again()
        wait_for_value(agent, "held_records", 3 * n + 2)  # the clones, too, which are not asked for
        agent.stop()
    ours = [r for r in agent.records() if r.get("container.id") == name]
    assert len(ours) == 2 * n + 2 and not [r for r in agent.records() if r["call_name"] == "lost"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"Name": 5, "Config": []}', b"\xff" * 100, b"[" * 100000],
                         ids=["empty", "cut", "list", "types", "bytes", "deep"])
def test_garbage_on_disk(start, folder, content):
    agent, text = start(), marker()
    with container() as (name, enter):
        folder.describe(name, "x")
        (folder.path / "containers" / name / "config.v2.json").write_bytes(content)
        run_in(agent, enter, text)
        assert all(r["container.id"] == name for r in wait_for_calls(agent, text, CALLS))
    agent.stop()


def test_hostile_names_stay_one_line(start, folder):
    agent, text = start(), marker()
    with container() as (name, enter):
        folder.describe(name, 'a"b\\c\n{"call_name":"x"}\u2028\ud7ff')
        run_in(agent, enter, text)
        (record, _) = wait_for_calls(agent, text, CALLS)
    assert record["container.name"] == 'a"b\\c\n{"call_name":"x"}\u2028\ud7ff'


def test_too_many_held_records_go_out(start, daemon):
    """A container that makes more than may wait: they are delivered, and counted."""
    agent, text = start(wait="10s", sources="docker", sockets=daemon.path), marker()
    with container() as (_, enter):
        subprocess.run(["sh", "-c", f'i=0; while [ $i -lt 1200 ]; do {agent.path("tiny")} {text}-$i; i=$((i+1)); done'],
                       preexec_fn=enter, check=True, timeout=60)
        wait_until(lambda: len([r for r in records_with(agent, text + "-") if r["binary"].endswith("tiny")]) >= 2000,
                   10, agent.stderr)
    agent.stop()
    for i in (0, 1, 600, 1199):
        assert len([r for r in agent.records() if r.get("arguments") == f"{text}-{i}"]) == 2


def test_containers_older_than_the_agent(start, folder):
    """They are asked for while the agent starts: parents, and exits, have names."""
    with container(folder, "old") as (_, enter):
        shell = subprocess.Popen(["/bin/sh"], stdin=subprocess.PIPE, preexec_fn=enter)
        try:
            agent, text = start(), marker()
            shell.communicate(f"{agent.path('tiny')} {text}; exit 0\n".encode(), timeout=10)
            assert [r["container.name"] for r in wait_for_calls(agent, text, CALLS)] == ["old"] * 2
            agent.fence()
            (end,) = [r for r in agent.records() if r["pid"] == str(shell.pid) and r["call_name"] == "exit"]
            assert end["container.name"] == "old"
        finally:
            shell.kill()


def test_a_snapshot_shows_names(start_agent, work, folder):
    config = ("enable: true\ninputs:\n  - Type: input_process_security\n    Snapshot: true\nflushers:\n"
              f"  - Type: flusher_file\n    FilePath: {work}/records.jsonl\n    MaxFileSize: 0\n")
    with container(folder, "old") as (_, enter):
        shell = subprocess.Popen(["/bin/sh"], stdin=subprocess.PIPE, preexec_fn=enter)
        try:
            agent = start_agent(config=config, options=["--docker-roots", folder.path])
            found = wait_until(lambda: [r for r in agent.records() if r.get("pid") == str(shell.pid)], 5, agent.stderr)
        finally:
            shell.kill()
            shell.wait()
    assert (found[0]["call_name"], found[0]["container.name"]) == ("snapshot", "old")


def test_an_id_that_is_used_again(start, folder):
    """Another container with the id of one that has gone is another container: its own file says so."""
    agent, name = start(), secrets.token_hex(32)
    for label in ("first", "second"):
        text = marker()
        folder.describe(name, label)
        with cgroups(f"/docker/{name}", hierarchies()["hybrid"]) as files:
            run_in(agent, entering(files, roots()), text)
            seen = wait_for_calls(agent, text, CALLS)
        assert [r["container.name"] for r in seen] == [label] * 2


def test_what_is_gone_is_forgotten(start, folder):
    agent = start()
    agent.fence()
    others = value(agent, "proctrail_containers")  # that somebody else has here
    for i in range(5):
        with container(folder, f"job{i}") as (_, enter):
            run_in(agent, enter, marker())
    with container(folder, "stays") as (_, enter):
        run_in(agent, enter, marker())
        wait_for_value(agent, "proctrail_containers", others + 1)


def test_a_recording_holds_what_was_known(start, folder, work, binary):
    text, recording = marker(), work / "containers.rec"
    with container(folder, "kept") as (_, enter):
        recorder = subprocess.Popen([binary, "record", recording, "--docker-roots", folder.path], stderr=subprocess.PIPE)
        try:
            assert recorder.stderr
            wait_until(lambda: recording.exists() and recording.stat().st_size > 0, 10, "a recording")
            time.sleep(0.5)
            subprocess.run(["/bin/true", text], preexec_fn=enter, check=True)
            time.sleep(0.5)
        finally:
            recorder.terminate()
            recorder.communicate(timeout=10)
    replay = subprocess.run([binary, "run", "--replay", recording], stdout=subprocess.PIPE, check=True, timeout=30)
    records = [json.loads(line) for line in replay.stdout.splitlines()]
    seen = [r for r in records if text in r.get("arguments", "")]
    assert [r["container.name"] for r in seen] == ["kept"] * 2


def test_replay_of_a_recording_that_ends_while_records_wait(binary, workloads, work, daemon):
    """The recorder is killed while it waits for a container's name: the replay has its records, as they are."""
    path, err, text = work / "held.rec", work / "record.err", marker()
    with open(err, "wb") as stderr:
        popen = subprocess.Popen([binary, "record", path, "--container-sources", "docker", "--docker-sockets",
                                  daemon.path, "--container-wait", "10s"], stdin=subprocess.DEVNULL, stderr=stderr,
                                 preexec_fn=die_with_parent)
    try:
        wait_until(lambda: "ready" in err.read_text().split("\n"), 20, err.read_text)
        with container() as (name, enter):
            subprocess.run([workloads / "tiny", text], preexec_fn=enter, check=True, timeout=10)
            subprocess.run([workloads / "tiny", "after"], check=True, timeout=10)
            wait_until(lambda: path.read_bytes().count(b"after\0") and text.encode() in path.read_bytes(), 20,
                       "the recording")
    finally:
        popen.kill()
        popen.wait()
    done = subprocess.run([binary, "run", "--replay", path], capture_output=True, timeout=60, check=True)
    records = [r for r in map(json.loads, done.stdout.splitlines()) if r.get("arguments") == text]
    assert [(r["call_name"], r["container.id"]) for r in records] == [("execve", name), ("exit", name)], done.stderr


def test_the_layout_of_cri_o(start_agent, work):
    """Not packaged here: its bundle as its source says that it writes it, and its control group's path."""
    id_, uid, text, crio = secrets.token_hex(32), "5f2a8c1e-0000-4000-8000-000000000001", marker(), "io.kubernetes.cri-o."
    bundle = work / "crio" / "overlay-containers" / id_ / "userdata"
    bundle.mkdir(parents=True)
    marks = {crio + "ContainerType": "container", crio + "ImageName": "r.example/shop/web:2", crio + "Image": "ab" * 32,
             crio + "ImageRef": "r.example/shop/web@sha256:" + "cd" * 32,
             crio + "Metadata": json.dumps({"name": "main", "attempt": 0}), "io.kubernetes.pod.name": "web-0",
             "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": uid, "io.kubernetes.container.name": "main"}
    capabilities = ["CAP_CHOWN", "CAP_SYS_MODULE", "CAP_SYS_ADMIN"]
    (bundle / "config.json").write_text(json.dumps({
        "annotations": marks, "process": {"capabilities": {"bounding": capabilities}}, "linux": {}, "root": {"path": "/x"}}))
    agent = start_agent(options=["--container-sources", "files", "--crio-roots", work / "crio"], calls=CALLS,
                        fields="extended")
    path = f"/kubepods.slice/kubepods-pod{uid.replace('-', '_')}.slice/crio-{id_}.scope"
    with cgroups(path, hierarchies()["hybrid"]) as files:
        run_in(agent, entering(files, roots()), text)
        first = wait_for_calls(agent, text, CALLS)[0]
    assert {key: first[key] for key in first if key.startswith(("container.", "k8s."))} == {
        "container.id": id_, "container.name": "main", "container.runtime": "cri-o", "container.privileged": "true",
        "container.image.id": IMAGE, "container.image.name": "r.example/shop/web:2", "container.image.tag": "2",
        "container.image.digest": "sha256:" + "cd" * 32, "k8s.namespace": "shop", "k8s.pod.name": "web-0",
        "k8s.pod.uid": uid, "k8s.container.name": "main"}
    agent.stop()
