# SPDX-License-Identifier: Apache-2.0
"""
What collects while the storm runs: nobody, the agent, the floor, and the packaged peers. Each is a program that is
started, says when it is ready, writes a file, and is stopped.
"""
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

NICE = -10
RINGBUF, ARRAY = 27, 2  # BPF_MAP_TYPE_*
MMAPABLE = 0x400  # BPF_F_MMAPABLE
STATES = "/run/proctrail"  # as the agent's default
READY_S = 60
_instances = itertools.count(1)


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


def renice():
    os.setpriority(os.PRIO_PROCESS, 0, NICE)


def runtime_ns(pid):
    """What the scheduler has given to all threads of a process."""
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(path.read_text().split()[0])
        except (OSError, IndexError):
            pass  # the thread has just ended
    return total


def status_bytes(pid, key):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


def fds_of(pid, key):
    """What /proc says of each open file of a process of which it says this."""
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        text = dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)
        if key in text:
            yield text


def ring_of(pid):
    """The id of the ring that a process reads."""
    for text in fds_of(pid, "map_id"):
        if text["map_type"] == str(RINGBUF):
            return int(text["map_id"])
    raise RuntimeError(f"{pid} has no ring")


def knobs_of(pid):
    """The id of the agent's switches: of its arrays the one that is mapped."""
    for text in fds_of(pid, "map_id"):
        if text["map_type"] == str(ARRAY) and int(text["map_flags"], 16) & MMAPABLE:
            return int(text["map_id"])
    raise RuntimeError(f"{pid} has no switches")


def state_directory():
    """Where the agent's state is to be: on a tmpfs, as it is on most machines, also where /run is none (containers)."""
    kind = subprocess.run(["stat", "--file-system", "--format=%T", "/run"], capture_output=True, text=True).stdout
    return STATES if kind.strip() == "tmpfs" else "/dev/shm/proctrail-bench"


class Collector:
    """One that is not there: the storm alone."""

    name = "alone"
    marker = None  # a regular expression whose group 1 is the number of an exec

    def __init__(self, tools):
        self.tools = tools
        self.popen = None
        self.out = None

    def start(self, directory):
        pass

    def stop(self):
        pass

    def cpu_ns(self):
        return 0

    def peak_bytes(self):
        return 0

    def written(self):
        return self.out.stat().st_size if self.out and self.out.exists() else 0


class Program(Collector):
    """One that is a program of its own, and says on stderr or stdout that it is ready."""

    def command(self, directory):
        raise NotImplementedError

    def is_ready(self):
        return True

    def spawn(self, command, directory, stdout):
        self.err = directory / "collector.err"
        with open(self.err, "wb") as err, open(stdout, "wb") as out:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          cwd=directory, preexec_fn=renice)

    def start(self, directory):
        self.out = directory / f"{self.name.replace(' ', '-')}.out"
        self.out.unlink(missing_ok=True)
        begin = time.monotonic()
        self.spawn(self.command(directory), directory, self.stdout(directory))
        wait_until(lambda: self.popen.poll() is not None or self.is_ready(), READY_S, f"{self.name} ready")
        self.ready_s = time.monotonic() - begin
        if self.popen.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.popen.returncode}: {self.err.read_text()[-500:]}")

    def stdout(self, directory):
        return self.out

    def stop(self):
        if self.popen and self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()

    def cpu_ns(self):
        return runtime_ns(self.popen.pid)

    def peak_bytes(self):
        return status_bytes(self.popen.pid, "VmHWM")


class Agent(Program):
    """The agent, with an instance of its own. `processors`, `pipelines` and `options` make the variants."""

    marker = re.compile(rb'"arguments":"(?:x+ )*m(\d+)"[^\n]*"call_name":"execve"')
    calls = ["execve", "exit", "clone"]

    def __init__(self, tools, name="agent", pipelines=1, processors=(), options=(), calls=None):
        super().__init__(tools)
        self.name, self.pipelines, self.processors, self.options = name, pipelines, list(processors), list(options)
        self.calls = calls or self.calls

    def command(self, directory):
        self.instance = f"bench-{os.getpid()}-{next(_instances)}"
        configs = []
        for i in range(self.pipelines):
            path = directory / f"{self.instance}-{i}.yaml"
            out = self.out if i == 0 else directory / f"other-{i}.out"
            out.unlink(missing_ok=True)
            path.write_text(json.dumps({
                "enable": True,
                "inputs": [{"Type": "input_process_security", "CallNames": self.calls}],
                "processors": self.processors,
                "flushers": [{"Type": "flusher_file", "FilePath": str(out), "MaxFileSize": "0"}]}))
            configs += ["--config", str(path)]
        self.states = state_directory()
        state = [] if "--state-directory" in self.options else ["--state-directory", self.states]
        return [self.tools.agent, "run", "--instance", self.instance, *state, *self.options, *configs]

    def stdout(self, directory):
        return directory / "agent.stdout"

    def is_ready(self):
        return "ready" in self.err.read_text().split("\n")

    def stop(self):
        super().stop()
        for place in {self.states, STATES, "/sys/fs/bpf/proctrail"}:
            for path in Path(place).glob(self.instance + "*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self.states != STATES and not any(Path(self.states).glob("*")):
            shutil.rmtree(self.states, ignore_errors=True)

    def lost(self):
        """What the agent says of itself at its end."""
        found = re.search(r"(\d+) lost, (\d+) dropped", self.err.read_text())
        return sum(map(int, found.groups())) if found else 0


class Floor(Program):
    """The smallest program that writes as much; `pad` is what it lacks on each kind of line."""

    name = "floor"
    marker = Agent.marker

    def __init__(self, tools, pad=(0, 0, 0)):
        super().__init__(tools)
        self.pad = pad

    def command(self, directory):
        return [self.tools.floor, str(self.out), ",".join(str(max(0, n)) for n in self.pad)]

    def stdout(self, directory):
        return directory / "floor.stdout"

    def is_ready(self):
        return "ready" in self.err.read_text()


def with_tracefs(command):
    """The command where the kernel's tracepoints have their files; mounted for it alone if nobody has."""
    if Path("/sys/kernel/tracing/events").exists():
        return command
    mount = 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, "sh", *command]


class Peer(Program):
    """One that holds its output back until there is enough of it: it gets time to begin, and SIGINT to stop."""

    begins_s = 2.0

    def start(self, directory):
        self.begun = time.monotonic()
        super().start(directory)

    def is_ready(self):
        return time.monotonic() - self.begun > self.begins_s

    def stop(self):
        if self.popen and self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
            self.popen.wait(30)


class Execsnoop(Peer):
    name = "execsnoop"
    marker = re.compile(rb"^target\d+ .* m(\d+) *$", re.M)

    def command(self, directory):
        return with_tracefs([self.tools.execsnoop, "-n", self.tools.names[1].decode(), "--max-args", "32"])


class Bpftrace(Peer):
    """The probes that it takes to say what the agent says of an exec: who, what, with which arguments, and its end."""

    name = "bpftrace"
    marker = re.compile(rb"^exec .* m(\d+)$", re.M)
    begins_s = 4.0
    script = """
    tracepoint:syscalls:sys_enter_execve { printf("exec %d %d %d ", pid, uid, nsecs); join(args->argv); }
    tracepoint:sched:sched_process_fork { printf("fork %d %d\\n", args->parent_pid, args->child_pid); }
    tracepoint:sched:sched_process_exit { printf("exit %d %d\\n", pid, nsecs); }
    """

    def command(self, directory):
        return with_tracefs([self.tools.bpftrace, "-B", "full", "-e", self.script])


class Auditd(Program):
    """auditd with a rule for execve, its kernel thread included."""

    name = "auditd"
    marker = re.compile(rb'type=EXECVE [^\n]*="m(\d+)"')
    rule = ["exit,always", "-F", "arch=b64", "-S", "execve", "-k", "bench"]
    settings = """
log_file = {out}
log_format = RAW
write_logs = yes
flush = INCREMENTAL_ASYNC
freq = 1000
num_logs = 0
max_log_file = 4000
max_log_file_action = IGNORE
space_left = 50
space_left_action = IGNORE
admin_space_left = 25
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
priority_boost = 0
"""

    def command(self, directory):
        directory = directory / "auditd"  # it takes the folder of its log from everybody else
        directory.mkdir(exist_ok=True)
        self.out = directory / "log"
        self.out.unlink(missing_ok=True)
        (directory / "auditd.conf").write_text(self.settings.format(out=self.out))
        self.before = self.auditctl("-s")
        return [self.tools.auditd, "-n", "-c", str(directory)]

    @staticmethod
    def is_running(tools):
        """Whether somebody else's is at work, which we leave alone."""
        status = subprocess.run([tools.auditctl, "-s"], capture_output=True, text=True).stdout
        return not re.search(r"^pid 0$", status, re.M)

    def auditctl(self, *arguments):
        return subprocess.run([self.tools.auditctl, *arguments], capture_output=True, text=True).stdout

    def stdout(self, directory):
        return directory / "auditd.stdout"

    def is_ready(self):
        return self.out.exists() and self.out.stat().st_size > 0

    def start(self, directory):
        super().start(directory)
        self.auditctl("-b", "8192")
        self.auditctl("-a", *self.rule)
        self.auditctl("-e", "1")
        self.thread = next((int(p.parent.name) for p in Path("/proc").glob("[0-9]*/comm")
                            if p.read_text() == "kauditd\n"), None)

    def stop(self):
        self.auditctl("-d", *self.rule)
        super().stop()
        backlog = re.search(r"backlog_limit (\d+)", self.before)
        enabled = re.search(r"enabled (\d+)", self.before)
        self.auditctl("-b", backlog[1] if backlog else "64")
        self.auditctl("-e", enabled[1] if enabled else "0")

    def cpu_ns(self):
        return super().cpu_ns() + (runtime_ns(self.thread) if self.thread else 0)
