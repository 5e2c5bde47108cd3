# SPDX-License-Identifier: Apache-2.0
"""
What really happened, by a witness of the tests' own (tests/truth), and whether an agent told all of it.

The witness has programs on the same tracepoints as the agent and shares nothing else with it. Both name a
process by its start, its pid and how often it exec'ed, so every single event can be found in the agent's output,
or is missing from it. No moment of quiet is needed, and no machine of one's own: an interval begins and ends where
the agent is known to have kept up, and what is missing in between must be what its lost records say, by type.
"""
import base64
import collections
import json
import os
import re
import struct
import subprocess
from pathlib import Path

EVENT = struct.Struct("<QQIIII")  # tests/truth/truth.h
CALLS = {1: "clone", 2: "execve", 3: "exit"}

_ID = re.compile(rb'"exec_id":"([^"]*)"')
_CALL = re.compile(rb'"call_name":"(\w+)"')
_SEQ = re.compile(rb'"__seq__":"?(\d+)')

Event = collections.namedtuple("Event", "call id pid parent start count status")


def exec_id(node, start, count, pid):
    return base64.b64encode(f"{node}:{start + count}:{pid}".encode())


class Truth:
    """The witness. It runs from its making until stop()."""

    def __init__(self, program, directory, node=None):
        self.path = Path(directory) / "truth"
        self.node = node or os.uname().nodename
        self.popen = subprocess.Popen([program, self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self.popen.stdout.readline() == b"ready\n", "the witness did not start"
        self._events, self._exits = [], set()

    def stop(self):
        if self.popen.poll() is None:
            self.popen.stdin.close()
            self.popen.wait(10)
        self.popen.stdout.close()

    def now(self):
        """How many events there have been."""
        self.popen.stdin.write(b"\n")
        n, dropped = map(int, self.popen.stdout.readline().split())
        assert dropped == 0, f"the witness itself missed {dropped}"
        return n

    def events(self, begin, end):
        """The events of an interval, each once."""
        with open(self.path, "rb") as f:
            f.seek(begin * EVENT.size)
            data = f.read((end - begin) * EVENT.size)
        ret, ended = [], set()
        for start, count, pid, kind, parent, status in EVENT.iter_unpack(data):
            if kind == 3 and (pid, start) in ended:  # two last threads
                continue
            if kind == 3:
                ended.add((pid, start))
            ret.append(Event(CALLS[kind], exec_id(self.node, start, count, pid), pid, parent, start, count, status))
        return ret


class Told:
    """What an agent wrote into its files: each event's sequence numbers, the lost and the inferred records."""

    def __init__(self, *paths):
        self.seqs = collections.defaultdict(list)  # (call, exec_id): __seq__ of each record of it
        self.lost, self.lost_numbers, self.lost_again, self.inferred = [], {}, 0, []
        for path in paths:
            for line in whole_lines(path):
                self.add(line)

    def add(self, line):
        call = _CALL.search(line)[1].decode()
        if call == "lost":
            self.add_lost(json.loads(line))
        elif b'"inferred":"true"' in line:
            self.inferred.append(json.loads(line))
        else:
            seq = _SEQ.search(line)
            self.seqs[call, _ID.search(line)[1]].append(int(seq[1]) if seq else None)

    def add_lost(self, record):
        """One that came twice has the number that it had, says the same, and counts once."""
        if "__seq__" in record:
            numbers = [record.get(f"lost.{call}") for call in CALLS.values()]
            before = self.lost_numbers.setdefault((record["__seq__"], record["lost.reason"]), numbers)
            if before is not numbers:
                assert before == numbers, f"{record} said {before} before"
                self.lost_again += 1
                return
        self.lost.append(record)

    def lost_of(self, call):
        return sum(int(r.get(f"lost.{call}", 0)) for r in self.lost)


def whole_lines(path):
    """A file's lines, of which none may be torn; the last may be in the middle of being written."""
    lines = Path(path).read_bytes().split(b"\n")
    lines.pop()
    for line in lines:
        assert line[:1] == b"{" and line[-1:] == b"}" and line.count(b'"call_name":') == 1, f"torn: {line[:300]}"
    return lines


class Account:
    """An interval's events against what was told: what is missing and what came twice, by type."""

    def __init__(self, events, told, agents=()):
        self.told = told
        self.generated, self.missing, self.missing_agents = (collections.Counter() for _ in range(3))
        self.missing_events = []
        for event in events:
            self.generated[event.call] += 1
            if (event.call, event.id) in told.seqs:
                continue
            if event.pid in agents:  # an agent does not tell of itself
                self.missing_agents[event.call] += 1
                continue
            self.missing[event.call] += 1
            self.missing_events.append(event)
        self.doubles = {key: seqs for key, seqs in told.seqs.items() if len(seqs) > 1}

    def __str__(self):
        return ", ".join(f"{call}: generated {self.generated[call]}, missing {self.missing[call]}, "
                         f"reported lost {self.told.lost_of(call)}" for call in CALLS.values())

    def is_exact(self, over=0):
        """
        generated = delivered + reported lost, for each type; an agent's own events may be among the lost. `over`:
        so many may be reported that are there, since a life that died before it noted that had written them, and the
        next one could not write at all.
        """
        return all(0 <= self.told.lost_of(call) - self.missing[call] <= self.missing_agents[call] + over
                   for call in CALLS.values())

    def is_all_told(self):
        """Whether nothing is missing that is not reported."""
        return all(self.missing[call] <= self.told.lost_of(call) for call in CALLS.values())

    def check_exact(self, over=0):
        assert self.is_exact(over), f"{self}"

    def check_nothing_missing(self):
        assert not self.missing_events, f"{self}: {self.missing_events[:5]}"

    def check_doubles(self, most):
        """What came twice can be told by its __seq__, and is not more than `most`."""
        for key, seqs in self.doubles.items():
            assert len(set(seqs)) == 1, f"{key} came under several numbers: {seqs}"
        n = sum(len(seqs) - 1 for seqs in self.doubles.values())
        assert n <= most, f"{n} records came again, more than {most}"
