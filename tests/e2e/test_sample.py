# SPDX-License-Identifier: Apache-2.0
"""The specification's own sample, from its configuration to its two records."""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness import exec_id_parts, wait_until

CONFIG = """\
enable: true
inputs:
  - Type: input_process_security
flushers:
  - Type: flusher_stdout
    OnlyStdout: true
    Tags: true
"""

KEYS = """exec_id pid uid user binary arguments cwd cap.permitted cap.effective cap.inheritable parent.exec_id
parent.pid parent.uid parent.user parent.binary parent.arguments parent.cwd call_name event_type""".split()
TAGS = ["__tag__:__hostname__", "__tag__:__host_ip__"]


def heed_interrupts():
    """Also where the tests run in the background of a shell without job control, which has them ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_sample(start_agent, work):
    if not os.path.exists("/usr/bin/python3") or not os.path.exists("/usr/bin/bash"):
        pytest.skip("/usr/bin/python3 or /usr/bin/bash is not here")
    passwd = work / "passwd"
    with open("/etc/passwd", encoding="utf-8") as f:
        passwd.write_text(f.read() + "user:x:3000:3000::/:/bin/bash\n")
    agent = start_agent(config=CONFIG, stdout_flusher=True, prefix=[
        "unshare", "-m", "/bin/sh", "-ec", f'mount --bind {passwd} /etc/passwd; exec "$@"', "sh"])
    # the port is free in a network of the test's own
    shell = subprocess.Popen(["unshare", "-n", "setpriv", "--reuid=3000", "--regid=3000", "--clear-groups",
                              "/usr/bin/bash"], stdin=subprocess.PIPE, cwd=work, env={"PATH": "/usr/bin:/bin"},
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=heed_interrupts)
    try:
        shell.stdin.write(b"python3 -m http.server 8000\n")
        shell.stdin.flush()

        def of_python():
            return [r for r in agent.fence() if r["binary"] == "/usr/bin/python3"
                    and r.get("parent.pid") == str(shell.pid)]

        execve = wait_until(of_python, 10, "the execve record")[0]
        pid = int(execve["pid"])
        # when it listens, on port 8000 (1F40), Python's own handler of SIGINT is set
        tables = [Path(f"/proc/{pid}/net/tcp"), Path(f"/proc/{pid}/net/tcp6")]
        wait_until(lambda: any(re.search(r":1F40 0+:0000 0A", t.read_text()) for t in tables), 20, "the server")
        shell.stdin.close()

        def has_ended():
            """Python may lose an interrupt that comes while it cleans up after something else."""
            if shell.poll() is None and Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGINT)
                time.sleep(3)
            return shell.poll() is not None

        wait_until(has_ended, 20, "the shell's end")
        records = wait_until(lambda: len(of_python()) == 2 and of_python(), 10, "the exit record")
    finally:
        shell.kill()
        shell.wait()
    agent.stop()

    execve, exit_ = records
    assert list(execve) == KEYS + TAGS + ["__time__"]
    assert list(exit_) == KEYS + ["exit_code", "exit_tid"] + TAGS + ["__time__"]
    sample = {
        "pid": str(pid), "uid": "3000", "user": "user", "binary": "/usr/bin/python3",
        "arguments": "-m http.server 8000", "cwd": str(work),
        "cap.permitted": "", "cap.effective": "", "cap.inheritable": "",
        "parent.pid": str(shell.pid), "parent.uid": "3000", "parent.user": "user",
        "parent.binary": "/usr/bin/bash", "parent.arguments": "", "parent.cwd": str(work),
        "event_type": "kprobe",
    }
    for record in records:
        assert {k: record[k] for k in sample} == sample
        assert all(isinstance(value, str) for value in record.values())
        assert exec_id_parts(record["exec_id"])[::2] == (os.uname().nodename, pid)
        assert exec_id_parts(record["parent.exec_id"])[::2] == (os.uname().nodename, shell.pid)
        assert record["__time__"].isdigit()
    assert execve["exec_id"] == exit_["exec_id"]
    assert execve["call_name"] == "execve" and exit_["call_name"] == "exit"
    assert exit_["exit_code"] == "0" and exit_["exit_tid"] == str(pid)
    assert int(execve["__time__"]) <= int(exit_["__time__"])
