#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Makes tests/data/golden.rec and the records that it must give, as root:

    tests/e2e/make_golden.py build/proctrail

The recording is made in namespaces of its own, with neutral names and paths. What other processes of the machine
did meanwhile is taken out again. To be run when the record layout changes; when only the records change:
UPDATE_GOLDEN=1 pytest tests/e2e/test_replay.py -k golden
"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
GOLDEN_CALLS = {"spec": "[execve, exit, clone]", "extended": "[execve, exit]"}
FILE_HEADER, BATCH_HEADER = 64, struct.Struct("<IIQQQI")
HEAD = struct.Struct("<IBBHHHIQQQQII")  # size layout type generation cpu flags reserved seq time start count tgid tid
FORK, EXEC, EXIT, CGROUP, PROCESS, NODE, CLOCK, USER, MARK = range(1, 10)
FRAME, FACT, LENGTH = 8, 1 << 29, (1 << 29) - 1  # before each record: its length, with bits, and 4 bytes of nothing
LOG = 1  # the kind of a batch

SCENE = r"""
set -u
exec 2> /dev/null < /dev/null
tiny one "two words" "" 'quote"' 'back\slash' "$(printf 'line\nfeed\ttab\377')" größe
for code in 0 1 42 255 256; do exit_with $code; done
fork_only
vfork_exec /srv/bin/tiny
spawn /srv/bin/tiny
/srv/bin/exec_twice 1
/srv/bin/thread_exec with
/srv/bin/thread_exec without
leader_exits
threads_exit each 16
threads_exit group 16
raise 9
raise 11
catch_term
orphan init /srv/bin/tiny
orphan subreaper /srv/bin/tiny
clone_parent /srv/bin/tiny
for how in fexecve path memfd deleted relative; do exec_fd $how /srv/bin/hold; done
argc0 /srv/bin/tiny
retitle a-title
mkdir /srv/failures; failed_execs /srv/failures
/srv/bin/drop_ids 3000
caps 2400 2000 2400 400 /srv/bin/hold
burn 20 8
printf '#!/srv/bin/tiny of-a-script\n' > script; chmod 755 script; ./script x
mkdir -p d/e/f; cd d/e/f; tiny deep; mkdir gone; cd gone; rmdir ../gone; tiny in a deleted directory
cd /srv/home; tiny "$(head -c 20000 /dev/zero | tr '\0' a)"
mkdir root; cp /srv/bin/tiny root; chroot root /tiny inside
"""

# In the new namespaces, where only what is mounted here is of the machine's.
STAGE = r"""
set -e
hostname node-1
mount -t tmpfs none /srv
mkdir /srv/bin /srv/home
cp {bin}/* /srv/bin
cp {agent} /srv/bin/proctrail
cat > /srv/home/passwd <<'END'
root:x:0:0::/:/bin/sh
user:x:3000:3000::/:/bin/sh
END
mount --bind /srv/home/passwd /etc/passwd
cd /srv/home
PATH=/srv/bin:/usr/sbin:/usr/bin:/bin
/srv/bin/proctrail record /srv/golden.rec < /dev/null 2> /srv/record.err &
while ! read -r line < /srv/record.err || [ "$line" != ready ]; do :; done
cat > scene <<'END'
{scene}
END
setpriv --bounding-set=-all,+chown,+kill,+setuid,+setgid,+setpcap,+net_bind_service,+net_raw,+sys_chroot sh scene || :
kill -INT $!
wait $!
cp /srv/golden.rec {out}
"""


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def records_of(batch):
    """Each record with its padding, and whether it is a fact of the agent."""
    offset = 0
    while offset < len(batch):
        length = struct.unpack_from("<I", batch, offset)[0]
        padded = (length & LENGTH) + 7 & ~7
        offset += FRAME
        yield batch[offset:offset + padded], bool(length & FACT)
        offset += padded


def frame(record, is_fact):
    size = struct.unpack_from("<I", record)[0]
    return struct.pack("<II", size | (FACT if is_fact else 0), 0) + record


def only_ours(data, first_pid):
    """The recording without what others did: everything that descends from the first process, and facts."""
    ours, out, position = {first_pid}, bytearray(data[:FILE_HEADER]), 0
    struct.pack_into("<Q", out, 24, 0)  # when it was made
    struct.pack_into("<I", out, 52, crc32c(out[:52]))
    offset = FILE_HEADER
    while offset < len(data):
        _, _, length, _, _, _ = BATCH_HEADER.unpack_from(data, offset)
        body = data[offset + BATCH_HEADER.size + 4:][:length]
        offset += BATCH_HEADER.size + 4 + length
        kept = []
        for record, is_fact in records_of(body):
            head = HEAD.unpack_from(record)
            kind, tgid = head[2], head[11]
            if kind == FORK and struct.unpack_from("<I", record, 72 + 16)[0] in ours:
                ours.add(tgid)
            if kind in (FORK, EXEC, EXIT) and tgid not in ours or kind == CGROUP:
                continue
            if kind == PROCESS:
                ours.add(tgid)
            if kind == NODE:  # boot id: of no machine; address: one for documentation
                name_len, address_len = struct.unpack_from("<HH", record, 112)
                text = record[120:120 + name_len] + b"192.0.2.1"
                record = bytearray(record[:120] + text)
                record[72:112] = b"00000000-0000-4000-8000-000000000000".ljust(40, b"\0")
                struct.pack_into("<HH", record, 112, name_len, 9)
                struct.pack_into("<I", record, 0, len(record))
                record = bytes(record.ljust(len(record) + 7 & ~7, b"\0"))
            kept.append((frame(record, is_fact), is_fact))
        body = b"".join(one for one, _ in kept)
        if kept:
            end = position + sum(len(one) for one, is_fact in kept if not is_fact)
            header = BATCH_HEADER.pack(0x48435442, LOG, len(body), position, end, crc32c(body))
            out += header + struct.pack("<I", crc32c(header)) + body
            position = end
    return bytes(out)


def main():
    agent = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as top:
        binaries, out = Path(top) / "bin", Path(top) / "raw.rec"
        binaries.mkdir()
        for source in (HERE / "workloads").glob("*.c"):
            flags = "-nostdlib -nostartfiles".split() if source.stem == "tiny" else []
            subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-static", "-pthread", *flags,
                            "-o", binaries / source.stem, source], check=True)
        popen = subprocess.Popen(["unshare", "-mu", "-pf", "--mount-proc", "/bin/sh"], stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, env={"LANG": "C.UTF-8", "PATH": os.environ["PATH"]})
        popen.stdin.write(STAGE.format(bin=binaries, agent=agent, out=out, scene=SCENE).encode())
        popen.stdin.close()
        first_pid = None
        while first_pid is None:  # the child of unshare: pid 1 of the new namespace
            children = Path(f"/proc/{popen.pid}/task/{popen.pid}/children").read_text().split()
            first_pid = int(children[0]) if children else None
            time.sleep(0.001)
        popen.wait(60)
        data = only_ours(out.read_bytes(), first_pid)
        DATA.mkdir(exist_ok=True)
        (DATA / "golden.rec").write_bytes(data)
    shutil.rmtree(HERE / "__pycache__", ignore_errors=True)
    for name, calls in GOLDEN_CALLS.items():
        config = f"""{{enable: true, inputs: [{{Type: input_process_security, CallNames: {calls},
            Fields: {name}, MaxArgumentBytes: 4KiB}}], flushers: [{{Type: flusher_stdout, OnlyStdout: true}}]}}"""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write(config)
            f.flush()
            done = subprocess.run([agent, "run", "--config", f.name, "--replay", DATA / "golden.rec"],
                                  stdout=subprocess.PIPE, check=True)
        (DATA / f"golden.{name}.jsonl").write_bytes(done.stdout)
        print(f"golden.{name}.jsonl: {len(done.stdout.splitlines())} records")
    print(f"golden.rec: {len(data)} bytes")


if __name__ == "__main__":
    main()
