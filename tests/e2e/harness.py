# SPDX-License-Identifier: Apache-2.0
"""
What the end-to-end tests share: the agent as a child process, the small programs that it is to see, and the
truth about a process as /proc tells it. The tests judge nothing but the records that the agent wrote.

Order is what makes them quick and sure: the agent's records come in the order of the events. Agent.fence()
runs a program with a unique argument and waits for its exit record; when that is there, everything that
happened before is there too, and what is not there will never come: but for records of a container, which may
wait for its names (HELD_S).
"""
import base64
import ctypes
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
WORKLOADS = HERE / "workloads"

READY_S = 10  # for start-up, on a machine that is busy with other things
STOP_S = 5  # what the agent promises
RECORD_S = 10  # until a record must be out; how quick it really is, test_latency.py says
HELD_S = 2  # by which a record of a container is out that waited for its names: tenfold the default
FENCE_S = 3  # until a fence is taken for lost
WORKLOAD_S = 60
IS_SANITIZED = bool(os.environ.get("PROCTRAIL_SANITIZED"))  # built with sanitizers: neither small nor quick

# The order of the keys in a record of the spec's fields; those that do not apply are left out.
SPEC_KEYS = """
    exec_id pid uid user binary arguments cwd cap.permitted cap.effective cap.inheritable
    container.id container.name container.image.id container.image.name
    k8s.namespace k8s.pod.name k8s.container.name k8s.workload.name k8s.workload.kind
    parent.exec_id parent.pid parent.uid parent.user parent.binary parent.arguments parent.cwd
    call_name event_type exit_code exit_tid exit_signal core_dumped arguments.truncated cwd.truncated
    __tag__:__hostname__ __tag__:__host_ip__ __time__
""".split()

CAPABILITIES = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
    SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
    AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
    PERFMON BPF CHECKPOINT_RESTORE
""".split()

_markers = itertools.count(1)
_instances = itertools.count(1)
libc = ctypes.CDLL(None, use_errno=True)


def wait_until(condition, seconds, what):
    """Polls until condition() is true and returns its value; AssertionError after that many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.003)


def marker():
    """An argument that no other process on the machine has."""
    return f"marker-{os.getpid()}-{next(_markers)}"


def caps_text(mask):
    """A capability mask as the records write it."""
    return " ".join("CAP_" + name for bit, name in enumerate(CAPABILITIES) if mask >> bit & 1)


def parse_arguments(line):
    """Recovers the argument list (bytes) from the `arguments` field (text), as the documentation states it."""
    escapes = {"n": b"\n", "t": b"\t", '"': b'"', "\\": b"\\"}
    arguments, i = [], 0
    while i < len(line):
        argument = b""
        if line[i] == '"':
            i += 1
            while line[i] != '"':
                if line[i] != "\\":
                    argument += line[i].encode()
                    i += 1
                elif line[i + 1] == "x":
                    argument += bytes([int(line[i + 2:i + 4], 16)])
                    i += 4
                else:
                    argument += escapes[line[i + 1]]
                    i += 2
            i += 1
        else:
            while i < len(line) and line[i] != " ":
                argument += line[i].encode()
                i += 1
        arguments.append(argument)
        assert i == len(line) or line[i] == " ", f"no space after an argument at {i} of {line!r}"
        i += 1
        if i == len(line):  # a space at the end has an unquoted empty argument behind it
            raise AssertionError(f"trailing space in {line!r}")
    return arguments


def exec_id_parts(exec_id):
    """(node, ktime, pid) of an exec_id."""
    node, ktime, pid = base64.b64decode(exec_id, validate=True).decode().rsplit(":", 2)
    return node, int(ktime), int(pid)


def matches(record, expected):
    return all(record.get(key) == value for key, value in expected.items())


def difference(record, expected):
    return {key: (record.get(key), value) for key, value in expected.items() if record.get(key) != value}


def brief(record):
    """What a message about a record needs."""
    return {k: record.get(k) for k in ("call_name", "pid", "binary", "arguments", "parent.pid", "exit_code")}


def strict_object(pairs):
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"a key came twice: {keys}"
    return dict(pairs)


def die_with_parent():
    """For children of the tests: they go when pytest is killed."""
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Finished:
    """A workload that has ended: its pid, wait status, resource usage and what it says must be reported."""

    def __init__(self, pid, status, usage, stdout, stderr):
        self.pid, self.status, self.usage = pid, status, usage
        self.stdout, self.stderr = stdout, stderr

    @property
    def expected(self):
        return [json.loads(line) for line in self.stdout.splitlines() if line.startswith(b"{")]

    @property
    def code(self):
        """As the records have it."""
        return os.WTERMSIG(self.status) + 128 if os.WIFSIGNALED(self.status) else os.WEXITSTATUS(self.status)


class Running:
    """A workload that lives until end() closes its standard input. Its first line has come."""

    def __init__(self, popen):
        self.popen = popen
        self.pid = popen.pid
        self.lines = [popen.stdout.readline()]
        if not self.lines[0]:
            popen.wait(WORKLOAD_S)
            raise AssertionError(f"{popen.args}: {popen.stderr.read().decode()}")

    def end(self):
        stdout, stderr = self.popen.communicate(timeout=WORKLOAD_S)
        return Finished(self.pid, None, None, b"".join(self.lines) + stdout, stderr)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.communicate(timeout=WORKLOAD_S)


def new_instance():
    """A name that no other agent of this machine has."""
    return f"e2e-{os.getpid()}-{next(_instances)}"


def remove_instance(name):
    """What an agent that was killed has left of itself."""
    for folder in (Path("/sys/fs/bpf/proctrail", name), Path("/run/proctrail", name)):
        shutil.rmtree(folder, ignore_errors=True)
    for suffix in (".sock", ".sock.lock"):
        Path("/run/proctrail", name + suffix).unlink(missing_ok=True)


class Agent:
    """
    One instance of `proctrail run`, with a name, a configuration and an output of its own in `directory`.
    `prefix` is a command that starts it (unshare, setpriv); config=None: the embedded default pipeline.
    """

    def __init__(self, binary, workloads, directory, *, fields=None, calls=None, max_args=None,
                 config="", options=(), prefix=(), stdout_flusher=False, wait=True, preexec=None, env=None):
        self.workloads, self.directory = workloads, Path(directory)
        self.calls = calls or ["execve", "exit"]
        self.preexec, self.pids = preexec, []
        self.stdout_path = self.directory / "agent.out"
        self.out_path = self.directory / "records.jsonl"
        self.running = []
        self._offset, self._records, self._fenced = 0, [], 0
        if config == "":
            config = self.make_config(fields, calls, max_args, stdout_flusher)
        options = [str(o) for o in options]
        if "--instance" not in options:
            options += ["--instance", new_instance()]
        self.instance = options[options.index("--instance") + 1]
        self.prefix, self.binary, self.options = list(prefix), binary, options
        if config is not None:
            (self.directory / "pipeline.yaml").write_text(config)
            self.options += ["--config", str(self.directory / "pipeline.yaml")]
        if config is None or stdout_flusher:
            self.out_path = self.stdout_path
        self.out_path.unlink(missing_ok=True)
        self.start_again(wait=wait, env=env)

    def start_again(self, *options, wait=True, binary=None, env=None):
        """A further life: the same instance, configuration and outputs. stderr() is that of the new one."""
        self.binary = binary or self.binary
        self.err_path = self.directory / (f"agent.{len(self.pids)}.err" if self.pids else "agent.err")
        command = [*self.prefix, self.binary, "run", *self.options, *map(str, options)]
        with open(self.stdout_path, "ab" if self.pids else "wb") as out, open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          cwd=self.directory, preexec_fn=self.preexec or die_with_parent,
                                          env={**os.environ, **env} if env else None)
        self.pid = self.popen.pid
        self.pids.append(self.pid)
        if wait:
            self.wait_ready()

    def make_config(self, fields, calls, max_args, stdout_flusher):
        def as_list(value):
            return value if isinstance(value, str) else "[" + ", ".join(value) + "]"

        lines = ["enable: true", "inputs:", "  - Type: input_process_security"]
        lines += [f"    CallNames: {as_list(calls)}"] if calls else []
        lines += [f"    Fields: {as_list(fields)}"] if fields else []
        lines += [f"    MaxArgumentBytes: {max_args}"] if max_args else []
        lines += ["flushers:"]
        if stdout_flusher:
            lines += ["  - Type: flusher_stdout", "    OnlyStdout: true"]
        else:
            lines += ["  - Type: flusher_file", f"    FilePath: {self.out_path}", "    MaxFileSize: 0"]
        return "\n".join(lines) + "\n"

    # The agent's life

    def stderr(self):
        return self.err_path.read_text(errors="backslashreplace")

    def wait_ready(self):
        def is_ready():
            if self.popen.poll() is not None:
                raise AssertionError(f"the agent ended with {self.popen.returncode}:\n{self.stderr()}")
            return "ready" in self.stderr().split("\n")

        wait_until(is_ready, READY_S, lambda: "ready; stderr so far:\n" + self.stderr())

    def stop(self, sig=signal.SIGTERM):
        """Ends the agent, which must comply: status 0 within 5 s. Returns its standard error."""
        if self.popen.poll() is None:
            self.popen.send_signal(sig)
        try:
            self.popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"the agent still ran {STOP_S} s after {sig}\n{self.stderr()}") from None
        assert self.popen.returncode == 0, f"status {self.popen.returncode}:\n{self.stderr()}"
        return self.stderr()

    def die(self):
        """As by a crash: kill -9. What it leaves behind stays."""
        if self.popen.poll() is None:
            self.popen.kill()
        return self.popen.wait()

    def kill(self):
        """For good, with all that it has left."""
        for workload in self.running:
            workload.kill()
        self.die()
        remove_instance(self.instance)

    def rss_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    # Workloads

    def path(self, name):
        return str(self.workloads / name)

    def start(self, command, **kwargs):
        """Starts a program that prints a line and then waits for the end of its standard input."""
        kwargs.setdefault("cwd", self.directory)
        popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, bufsize=0, **kwargs)  # communicate() knows no buffer
        running = Running(popen)
        self.running.append(running)
        return running

    def run(self, command, check=None, **kwargs):
        """Runs a program to its end; `command` is a list, or the name of a workload without arguments."""
        command = [self.path(command)] if isinstance(command, str) else command
        kwargs.setdefault("cwd", self.directory)
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        out, err = self.directory / "workload.out", self.directory / "workload.err"
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            popen = subprocess.Popen(command, stdout=stdout, stderr=stderr, **kwargs)
        got = []

        def has_ended():
            got[:] = os.wait4(popen.pid, os.WNOHANG)
            return got[0]

        try:
            wait_until(has_ended, WORKLOAD_S, f"the end of {command!r:.200}")
        except AssertionError:
            popen.kill()
            raise
        popen.returncode = os.waitstatus_to_exitcode(got[1])
        done = Finished(popen.pid, got[1], got[2], out.read_bytes(), err.read_bytes())
        assert check is None or done.code == check, f"{command}: {done.code} {done.stderr.decode()}"
        assert done.code != 98, f"the workload itself is broken: {done.stderr.decode()}"
        return done

    # Records

    def records(self):
        """All records so far. Each line must be one JSON object without white space between its parts."""
        if not self.out_path.exists():
            return self._records
        with open(self.out_path, "rb") as f:
            f.seek(self._offset)
            data = f.read()
        whole = data[:data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.split(b"\n")[:-1]:
            record = json.loads(line.decode("utf-8"), object_pairs_hook=strict_object)
            self._records.append(record)
        return self._records

    def fence(self):
        """Waits until everything that has happened is in the output. (The fence itself may be lost: then another.)"""
        last = next(c for c in ("exit", "execve", "clone") if c in self.calls)
        fences = {}

        def text_of(record):
            return fences[record["pid"]] if last == "clone" else record["arguments"]

        def put():
            text = marker()
            fences[str(self.run([self.path("tiny"), text]).pid)] = text
            return time.monotonic()

        def seen():
            if time.monotonic() - self._fenced > FENCE_S:
                self._fenced = put()
            return any(r["call_name"] == last and r.get("pid") in fences and text_of(r) == fences[r.get("pid")]
                       for r in self.records()[-4096:])

        if self.popen.poll() is not None:
            raise AssertionError(f"the agent has ended with {self.popen.returncode}:\n{self.stderr()}")
        self._fenced = put()
        wait_until(seen, RECORD_S, lambda: f"the record of the fence; stderr:\n{self.stderr()}")
        return self.records()

    def found(self, is_meant):
        """The records of which that holds, after a fence; where there are none, those of a container may still come."""
        self.fence()
        end = time.monotonic() + HELD_S
        while not (found := [r for r in self.records() if is_meant(r)]) and time.monotonic() < end:
            time.sleep(0.01)
        return found

    def of(self, pid, call=None):
        """The records of one process, in order, after a fence; at least one."""
        found = self.found(lambda r: r.get("pid") == str(pid) and call in (None, r["call_name"]))
        assert found, f"no records {call or ''} of {pid}"
        return found

    def of_parent(self, pid):
        """The records of the children of one process, in order, after a fence; at least one."""
        found = self.found(lambda r: r.get("parent.pid") == str(pid))
        assert found, f"no records of children of {pid}"
        return found

    def one(self, pid, call):
        """The only record of a call by a process."""
        found = self.found(lambda r: r.get("pid") == str(pid) and call == r["call_name"])
        assert len(found) == 1, \
            f"{len(found)} records {call} of {pid} instead of one: {[brief(r) for r in found]}"
        return found[0]

    def execve_with(self, text):
        """The execve record whose arguments contain a text, which must be one."""
        found = self.found(lambda r: r["call_name"] == "execve" and text in r["arguments"]
                           and r["binary"].endswith("/hold"))
        assert len(found) == 1, f"{len(found)} execve records with {text}: {found}"
        return found[0]

    def check(self, expected):
        """
        For each process named in `expected` (partial records): exactly these records, in this order. Those of
        calls that this agent was not asked for are left out, and a clone that the workload cannot know of: its
        own. Returns the records, one for each expected.
        """
        expected = [e for e in expected if e["call_name"] in self.calls]
        assert expected, "the workload expects nothing"
        records, ret = self.fence(), []
        pids = {e["pid"] for e in expected}
        for pid in pids:
            want = [e for e in expected if e["pid"] == pid]
            got = [r for r in records if r.get("pid") == pid
                   and (r["call_name"] != "clone" or want[0]["call_name"] == "clone")]
            assert [r["call_name"] for r in got] == [e["call_name"] for e in want], \
                f"of {pid}: got {[brief(r) for r in got]}, expected {want}"
            for g, w in zip(got, want):
                assert matches(g, w), f"of {pid} (got, expected): {difference(g, w)}"
        for e in expected:
            ret += [r for r in records if r.get("pid") == e["pid"]
                    and matches(r, e) and not any(r is x for x in ret)][:1]
        return ret

    def run_and_check(self, *command, **kwargs):
        """Runs a workload and checks what it says it did."""
        return self.check(self.run([self.path(command[0]), *command[1:]], **kwargs).expected)


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    text = Path(f"/proc/{pid}/status").read_text()
    return {key: value.strip() for key, value in (line.split(":", 1) for line in text.splitlines() if ":" in line)}


def stat_of(pid):
    """Fields of /proc/PID/stat from the third on (index 0: state)."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def namespace_of(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{kind}").split("[")[1].rstrip("]")
