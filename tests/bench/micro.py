# SPDX-License-Identifier: Apache-2.0
"""
The parts of the reader's work on a recording of a storm: time and bytes by the program micro, instructions by
callgrind, which are the same in every run and on every machine of a kind.
"""
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from statistics import mean

from collectors import NICE, state_directory
from stats import Samples
from storms import end_storm, start_storm

STAGES = {"decode": "records", "fold": "records", "encode": "events", "filter": "events"}
EXECS = 10_000
PASSES_A_SAMPLE = 8
WARM_PASSES = 4  # the caches, and the pages of the journal's two files


def make_recording(tools, work, n=EXECS):
    """A storm as the agent records it: one fork, exec and exit each."""
    path = work / "storm.rec"
    with open(work / "record.err", "wb") as err:
        popen = subprocess.Popen([tools.agent, "record", str(path)], stdin=subprocess.DEVNULL, stderr=err)
    while "ready" not in (work / "record.err").read_text() and popen.poll() is None:
        time.sleep(0.01)
    end_storm(start_storm(tools, n=n))
    time.sleep(0.3)
    popen.send_signal(signal.SIGTERM)
    if popen.wait(30):
        raise RuntimeError(f"no recording: {(work / 'record.err').read_text()}")
    return path


def passes_over(tools, path, n, *folder):
    """What micro says of each of n passes, once all is warm."""
    out = subprocess.run(["nice", "-n", str(NICE), tools.micro, str(path), str(WARM_PASSES + n), *folder],
                         capture_output=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()][WARM_PASSES:]


def custody(tools, path, repeats):
    """Per exec, each over PASSES_A_SAMPLE: not every pass has a rewriting of the journal in it, when it is full."""
    os.makedirs(state_directory(), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state_directory()) as folder:
        passes = passes_over(tools, path, PASSES_A_SAMPLE * repeats, folder)
    each = [p["custody_ns"] / EXECS for p in passes]
    return Samples(mean(each[i:i + PASSES_A_SAMPLE]) for i in range(0, len(each), PASSES_A_SAMPLE))


def micro(tools, work, repeats):
    path = make_recording(tools, work)
    passes = passes_over(tools, path, repeats)
    found = {}
    for stage, over in STAGES.items():
        found[stage] = (Samples(p[f"{stage}_ns"] / p[over] for p in passes), f"ns, each of {passes[0][over]} {over}")
    found["custody"] = (custody(tools, path, repeats), "ns an exec")
    last = passes[-1]
    found["a record"] = (Samples([last["record_bytes"] / last["records"]]), "bytes, with all extensions")
    found["an event"] = (Samples([last["json_bytes"] / last["events"]]), "bytes of JSON")
    return found


def instructions(tools, work, repeats):
    """By event or record, of each stage, what it calls included."""
    if not tools.valgrind:
        return {}
    path = make_recording(tools, work, 2_000)
    counts = json.loads(subprocess.run([tools.micro, str(path)], capture_output=True, check=True).stdout)
    found = {}
    for stage, over in STAGES.items():
        said = subprocess.run([tools.valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null",
                               f"--toggle-collect=stage_{stage}", tools.micro, str(path)],
                              capture_output=True, text=True, check=True).stderr
        total = int(re.search(r"Collected : (\d+)", said)[1])
        found[f"instructions of {stage}"] = (Samples([total / counts[over]]), f"each of {counts[over]} {over}")
    return found
