# SPDX-License-Identifier: Apache-2.0
"""
What the tests of many pipelines share: files that say what a pipeline is (JSON, which is YAML too), the files
that pipelines write, storms of numbered programs, and what the agent says of itself on its control socket.
"""
import http.client
import json
import os
import re
import socket
import subprocess
from pathlib import Path

from harness import strict_object, wait_until

# Numbers that the storms of other tests, which may run at the same time, do not have.
BASE = (10_000_000 + os.getpid()) * 1_000_000
MARKER = re.compile(rb'"arguments":"marker-%d(\d{6})[" ]' % (BASE // 1_000_000))
CALL = re.compile(rb'"call_name":"(\w+)"')


def numbered(number):
    """The argument of a program of a storm."""
    return f"marker-{BASE + number}"


def flusher(kind, **options):
    return {"Type": f"flusher_{kind}", **{key: str(value) for key, value in options.items()}}


def to_file(path, **options):
    return flusher("file", FilePath=path, **options)


def only_storm(*conditions):
    """A processor that lets the programs of storms through, as far as they meet the conditions."""
    ours = {"field": "arguments", "prefix": f"marker-{BASE // 1_000_000}"}
    return {"Type": "processor_filter", "Include": {"all": [ours, *conditions]}}


def pipeline(*flushers, processors=(), enable=True, **options):
    """A pipeline's file; a flusher may be given by the path of its file. The options are the input's."""
    flushers = [f if isinstance(f, dict) else to_file(f) for f in flushers]
    inputs = [{"Type": "input_process_security", **options}]
    return json.dumps({"enable": enable, "inputs": inputs, "processors": list(processors), "flushers": flushers},
                      indent=1)


def start(start_agent, *paths, options=(), **kwargs):
    """An agent with these files and folders."""
    configs = [x for path in paths for x in ("--config", str(path))]
    return start_agent(config=None, options=[*options, *configs], **kwargs)


def storm(agent, first, last):
    """A program for each number, one after the other."""
    return subprocess.Popen([agent.path("storm"), agent.path("tiny"), str(BASE + first), str(BASE + last)],
                            stdout=subprocess.DEVNULL, cwd=agent.directory)


def run_storm(agent, first, last):
    assert storm(agent, first, last).wait(60) == 0


# What pipelines write

def rolled(path):
    """FILE.N to FILE.1, then FILE: as far as there are any."""
    path = Path(path)
    found = [p for p in path.parent.glob(path.name + ".*") if p.suffix[1:].isdigit()]
    return sorted(found, key=lambda p: -int(p.suffix[1:])) + [path] * path.exists()


def lines_of(*paths):
    """The lines of files, those that were rolled included. Each must be whole."""
    lines = []
    for path in paths:
        for p in rolled(path):
            data = p.read_bytes()
            assert data == b"" or data.endswith(b"\n"), f"torn: {p}: {data[-100:]}"
            lines += data.split(b"\n")[:-1]
    return lines


def records_of(*paths):
    return [json.loads(line, object_pairs_hook=strict_object) for line in lines_of(*paths)]


def markers(lines):
    """The numbers of storms in lines, by call: {b"execve": [1, 2], b"exit": [1, 2]}."""
    ret = {}
    for line in lines:
        number, call = MARKER.search(line), CALL.search(line)
        if number and call:
            ret.setdefault(call[1].decode(), []).append(int(number[1]))
    return ret


def assert_each_once(lines, numbers, calls=("execve", "exit")):
    """Every marker once for each of these calls, and none for others."""
    got = markers(lines)
    for call in calls:
        once = sorted(got.get(call, []))
        assert once == list(numbers), f"{call}: missing {sorted(set(numbers) - set(once))[:20]}, " \
            f"too many {[n for n, m in zip(once, once[1:]) if n == m][:20]}, {len(once)} of {len(numbers)}"
    assert set(got) <= set(calls), set(got)


def latest(path):
    """The last records of a file, and of the one that was just rolled."""
    found = b""
    for p in rolled(path)[-2:]:
        try:
            with open(p, "rb") as f:
                f.seek(max(0, f.seek(0, 2) - (1 << 18)))
                found += f.read()
        except FileNotFoundError:
            pass
    return found


def wait_for_marker(agent, path, number, call="exit", seconds=10):
    """The end of a storm is in a file."""
    pattern = re.compile(rb'"arguments":"%s[" ][^\n]*"call_name":"%s"' % (numbered(number).encode(), call.encode()))
    wait_until(lambda: pattern.search(latest(path)), seconds,
               lambda: f"marker {number} in {path}; stderr:\n{agent.stderr()}")


# What the agent says of itself

class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def get(agent, url):
    """A page of the control socket. Starts no process, so it leaves no records."""
    connection = UnixConnection(f"/run/proctrail/{agent.instance}.sock")
    connection.request("GET", url)
    body = connection.getresponse().read().decode()
    connection.close()
    return body


def status(agent):
    return json.loads(get(agent, "/status"))


def values(agent, *names, **labels):
    """
    The numbers of metrics at one time, None for each that is not there with these labels; more than one of a name is
    an error.
    """
    metrics = [m for m in status(agent)["metrics"]
               if all((m.get("labels") or {}).get(k) == v for k, v in labels.items())]
    found = [[m["value"] for m in metrics if m["name"].endswith(name)] for name in names]
    assert all(len(numbers) <= 1 for numbers in found), (names, metrics)
    return [numbers[0] if numbers else None for numbers in found]


def value(agent, name, **labels):
    return values(agent, name, **labels)[0]


def wait_for_value(agent, name, number, **labels):
    """The numbers of the reader are taken at its turns."""
    wait_until(lambda: value(agent, name, **labels) == number, 3,
               lambda: f"{name} {labels} is {value(agent, name, **labels)} instead of {number}")


def run_status(agent, *options):
    """`proctrail status` as a user has it."""
    return subprocess.run([agent.popen.args[0], "status", "--instance", agent.instance, *options], check=False,
                          capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
