# SPDX-License-Identifier: Apache-2.0
"""
The faults: each function is one round of one kind, under the eyes of the witness (tests/e2e/truth.py). It says
what it does, returns the account, and fails by an exception where something is missing that nobody reported.
"""
import contextlib
import mmap
import os
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import harness
from cgroups import cgroups, entering, hierarchies, roots
from trial import BATCH, SMALLEST_RING, Trial

STORM = 800
SPREAD_S = 0.15  # faults come at a random moment of this, which a storm takes roughly
HELD = "2s"  # that records of a container wait, at most
HOTPLUG = Path("/sys/devices/system/cpu/cpu1/online")
HOTPLUG_ROUNDS = 5  # it stops the whole machine for a moment each time

KINDS = {}


class Skipped(Exception):
    """This machine cannot have this fault."""


def fault(kind):
    def add(function):
        KINDS[kind.replace("_", " ")] = function
        return function

    return add


def pause(rng, seconds=SPREAD_S):
    time.sleep(rng.random() * seconds)


def signal_to(trial, number):
    trial.agent.popen.send_signal(number)


@contextlib.contextmanager
def small_disk(path, size):
    """A tmpfs, which only this process and its children see."""
    Path(path).mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "small", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def grow_disk(path):
    subprocess.run(["mount", "-o", "remount,size=2g", path], check=True)


# Death and stillness

@fault("kill")
def kill(bench, rng):
    t = bench.trial()
    t.storm(STORM, background=True)
    pause(rng)
    t.agent.die()
    pause(rng, 0.1)
    t.agent.start_again()
    return t.check_all_told()


@fault("kill during the start")
def kill_during_start(bench, rng):
    with contextlib.ExitStack() as stack:
        options, enter = held_or_not(stack, bench, rng)
        t = bench.trial(options=options)
        t.agent.die()
        t.storm(STORM, background=True, enter=enter)
        n = rng.randint(1, 3)
        bench.say(f"{n} times" + (", held" if enter else ""))
        for _ in range(n):
            t.agent.start_again(wait=False)
            pause(rng, 0.3)
            t.agent.die()
        t.agent.start_again()
        return t.check_all_told(crashes=(n + 1) * (2 if enter else 1))


@fault("stop with the smallest ring")
def stop(bench, rng):
    t = bench.trial(options=SMALLEST_RING)
    t.storm(2 * STORM, background=True)
    pause(rng)
    signal_to(t, signal.SIGSTOP)
    pause(rng, 0.3)
    signal_to(t, signal.SIGCONT)
    account = t.account()
    account.check_exact()
    account.check_doubles(0)
    return account


@fault("kill with the smallest ring")
def kill_small(bench, rng):
    t = bench.trial(options=SMALLEST_RING)
    t.storm(2 * STORM, background=True)
    pause(rng)
    if rng.random() < 0.5:
        signal_to(t, signal.SIGSTOP)
        pause(rng, 0.2)
    t.agent.die()
    pause(rng, 0.3)
    t.agent.start_again()
    account = t.account()
    account.check_exact()
    account.check_doubles(BATCH)
    return account


def names_awaited(stack, bench, rng):
    """
    A control group with the id of a container, and a socket where Docker would listen, but nobody hears: the options
    of an agent whose records of the group wait in vain, and what a process enters it by.
    """
    path = bench.folder("daemon") / "docker.sock"
    listener = stack.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(str(path))
    listener.listen(64)
    files = stack.enter_context(cgroups(f"/docker/{rng.randbytes(32).hex()}", hierarchies()["hybrid"]))
    options = ["--container-sources", "docker", "--docker-sockets", path, "--container-wait", HELD]
    return options, entering(files, roots())


def held_or_not(stack, bench, rng):
    return names_awaited(stack, bench, rng) if rng.random() < 0.5 else ((), None)


@fault("kill while records wait for names")
def kill_while_held(bench, rng):
    """Lives that end before any of a container's records may go out, and one that lets them."""
    with contextlib.ExitStack() as stack:
        options, enter = names_awaited(stack, bench, rng)
        t = bench.trial(options=options)
        t.storm(STORM // 2, background=True, enter=enter)
        pause(rng, 0.3)
        n = rng.randint(1, 3)
        bench.say(f"{n} times")
        for _ in range(n):
            t.agent.die()
            t.agent.start_again()
            pause(rng, 0.3)
        return t.check_all_told(crashes=2 * n)  # a batch comes again, and what had waited


def die_at(t, point, bench, rng, enter):
    """One life that ends at the point, and the next."""
    t.agent.die()
    count = rng.choice([1, 1, 2, 3, 5, 8, 13])
    t.agent.start_again(binary=bench.faulty, env={"PROCTRAIL_FAULT": f"{point}:{count}"}, wait=False)
    t.storm(STORM, background=True, enter=enter)
    if not t.wait_for_death_or_ready():
        t.storm(STORM, background=True)  # the first may be over by now
    reached = t.wait_for_death(1.0)
    bench.say(f"pass {count}" + ("" if reached else ", not reached"))
    if not reached:
        t.agent.die()
    t.agent.start_again(binary=bench.binary)


def at_point(point):
    def round_of(bench, rng):
        with contextlib.ExitStack() as stack:
            options, enter = held_or_not(stack, bench, rng)
            t = bench.trial(options=options)
            die_at(t, point, bench, rng, enter)
            return t.check_all_told(crashes=4 if enter else 2)

    return round_of


# What outputs do

def damage_output(rng, folder, out):
    how = rng.choice(["file removed", "file moved", "folder moved", "folder is a file", "file is a folder"])
    if how == "file removed":
        out.unlink()
    elif how == "file moved":
        out.rename(out.with_suffix(".moved"))
    elif how == "file is a folder":
        out.rename(out.with_suffix(".moved"))
        out.mkdir()
    else:
        folder.rename(folder.with_name("moved"))
        if how == "folder is a file":
            folder.write_text("in the way")
    return how


@fault("output vanishes")
def vanish(bench, rng):
    """What was written stays in the file that is gone; all further goes into the one that is made anew."""
    folder = bench.folder("out")
    out = folder / "records.jsonl"
    t = bench.trial(config=bench.config(out), paths=[out])
    fd = os.open(out, os.O_RDONLY)
    t.paths = [f"/proc/self/fd/{fd}", out]
    try:
        t.storm(STORM, background=True)
        pause(rng, SPREAD_S / 2)
        bench.say(damage_output(rng, folder, out))
        pause(rng)
        with contextlib.suppress(OSError):
            out.rmdir()
        with contextlib.suppress(OSError):
            folder.unlink()
        if rng.random() < 0.3:
            bench.say("killed")
            t.agent.die()
            t.agent.start_again()
        return t.check_all_told()
    finally:
        os.close(fd)


@fault("output disk full")
def full_output(bench, rng):
    folder = bench.folder("disk")
    with small_disk(folder, "2m"):
        out = folder / "records.jsonl"
        t = bench.trial(config=bench.config(out), paths=[out])
        t.storm(2 * STORM)
        how = rng.choice(["", "killed", "stopped"])
        bench.say(how)
        pause(rng, 0.5)
        if how == "killed":
            t.agent.die()
        elif how == "stopped":
            t.agent.stop()
        if how:
            t.storm(100)
            t.agent.start_again(wait=False)
            pause(rng, 0.3)
        grow_disk(folder)
        over = BATCH if how == "killed" else 0
        if how == "stopped":  # it lets go: what happened before the next start nobody saw
            return t.account_once()
        account = t.account(over)
        account.check_exact(over)
        account.check_doubles(2 * BATCH)
        return account


def with_stdout(bench, agent_dir, leave_after_s, wait_s):
    """An agent that writes into a pipe, too; whoever reads that waits first, and may leave. (trial, reader)"""
    out, fifo = agent_dir / "file.jsonl", agent_dir / "agent.out"
    os.mkfifo(fifo)
    script = f"exec 3<{fifo}; sleep {wait_s}; timeout {leave_after_s} cat <&3 >{agent_dir / 'stdout.jsonl'}"
    reader = subprocess.Popen(["/bin/sh", "-c", script])
    config = bench.config(out) + "  - Type: flusher_stdout\n    OnlyStdout: true\n"
    return bench.trial(directory=agent_dir, config=config, paths=[out]), reader


@fault("stdout blocked")
def stdout_blocked(bench, rng):
    folder = bench.folder("out")
    t, reader = with_stdout(bench, folder, 60, 0.2 + rng.random())
    try:
        t.storm(STORM, background=True)
        account = t.check_all_told(crashes=0)
        t.paths = [folder / "stdout.jsonl"]
        t.account().check_exact()  # others' storms may have been more than the queue holds
        return account
    finally:
        reader.kill()
        reader.wait()


@fault("stdout closed")
def stdout_closed(bench, rng):
    t, reader = with_stdout(bench, bench.folder("out"), f"{0.3 + rng.random() / 5:.2f}", 0)
    try:
        t.storm(STORM, background=True)
        reader.wait(10)
        t.storm(100)
        return t.check_all_told(crashes=0)
    finally:
        reader.kill()
        reader.wait()


# What holds the agent's state

def state_files(instance):
    return [p for p in Path("/run/proctrail", instance).rglob("*") if p.is_file()]


def damage(rng, path):
    """One of the things that happen to files; says which."""
    data = bytearray(path.read_bytes())
    how = rng.choice(["cut", "bits flipped", "removed", "zeroed", "noise"])
    if how == "removed" or not data:
        path.unlink()
        return f"{path.name} removed"
    if how == "cut":
        del data[rng.randrange(len(data)):]
    elif how == "bits flipped":
        for _ in range(rng.randint(1, 20)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif how == "zeroed":
        begin = rng.randrange(len(data))
        end = min(len(data), begin + 4096)
        data[begin:end] = bytes(end - begin)
    else:
        data[:] = rng.randbytes(rng.randint(1, 4096))
    with open(path, "r+b") as f:
        f.truncate(len(data))
        f.write(data)
    return f"{path.name} {how}"


@fault("state damaged")
def damaged_state(bench, rng):
    """
    The ring still has what nobody took custody of: no record is missing, more may come again. What waited for a
    name only the journal had: that may be missing, if the next life says that it does not know what is.
    """
    with contextlib.ExitStack() as stack:
        options, enter = held_or_not(stack, bench, rng)
        t = bench.trial(options=options)
        t.storm(STORM, background=True, enter=enter)
        pause(rng)
        t.agent.die()
        files = state_files(t.agent.instance)
        assert files, "there is no state"
        bench.say(damage(rng, rng.choice(files)) + (", held" if enter else ""))
        t.agent.start_again()
        account = t.account()
        if not enter or not [r for r in account.told.lost if r["lost.reason"] == "unreadable"]:
            account.check_nothing_missing()
        account.check_doubles(20 * BATCH)
        return account


@fault("backlog damaged")
def damaged_backlog(bench, rng):
    """What only the backlog had is gone then, and that must be said."""
    folder = bench.folder("disk")
    with small_disk(folder, "512k"):
        out = folder / "records.jsonl"
        t = bench.trial(config=bench.config(out), options=["--keep-on-stop", "true", "--ring-size", "1MiB"], paths=[out])
        t.storm(2 * STORM)
        if rng.random() < 0.5:
            t.agent.stop()
        t.agent.die()
        files = [p for p in state_files(t.agent.instance) if p.parent.name == "backlog"]
        how = damage(rng, rng.choice(files)) if files else "no backlog"
        bench.say(how)
        grow_disk(folder)
        t.agent.start_again()
        account = t.account()
        assert not account.missing_events or account.told.lost, f"{how}: {account}"
        account.check_doubles(20 * BATCH)
        return account


@fault("state disk full")
def full_state(bench, rng):
    """The journal cannot grow: that is said, and costs nothing but what a crash would then cost."""
    name = harness.new_instance()
    folder = Path("/run/proctrail", name)
    with contextlib.ExitStack() as stack:
        stack.enter_context(small_disk(folder, f"{rng.choice([64, 128, 256, 512])}k"))
        options, enter = held_or_not(stack, bench, rng)
        t = bench.trial(options=["--instance", name, *options])
        t.storm(STORM, background=True, enter=enter)
        pause(rng)
        how = rng.choice(["", "killed"])
        bench.say(how)
        if how:
            t.agent.die()
            t.agent.start_again()
        account = t.account()
        account.check_nothing_missing()
        account.check_doubles(20 * BATCH if how else 0)
        bench.discard(t.agent)
    return account


# What the machine does

@fault("clock is set")
def clock(bench, rng):
    path = bench.folder("out") / "shift"
    path.write_bytes(struct.pack("q", 0))
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), 8) as shift:
        t = bench.trial(env={"LD_PRELOAD": str(bench.shim("shift_clock")), "SHIFT_CLOCK": str(path)})
        t.storm(STORM, background=True)
        jumps = [rng.choice([-1, 1]) * rng.choice([1, 3600, 86400 * 365]) for _ in range(3)]
        bench.say(" ".join(f"{s:+d} s" for s in jumps))
        for seconds in jumps:
            pause(rng, SPREAD_S / 3)
            shift[:] = struct.pack("q", seconds)
        account = t.check_all_told(crashes=0)
        time.sleep(1.1)  # it looks at the clock once a second
        t.fence()
        told = int(last_time(t.paths[0]))
    assert abs(told - (time.time() + jumps[-1])) < 5, f"the last record's __time__ is {told} after {jumps}"
    return account


def last_time(path):
    with open(path, "rb") as f:
        f.seek(max(0, f.seek(0, 2) - 65536))
        return f.read().rsplit(b'"__time__":', 1)[1].split(b",")[0].split(b"}")[0].strip(b'"')


@fault("processor unplugged")
def hotplug(bench, rng):
    if not os.access(HOTPLUG, os.W_OK):
        raise Skipped("no processor can be unplugged here")
    t = bench.trial()
    t.storm(STORM, background=True)
    pause(rng, SPREAD_S / 2)
    try:
        HOTPLUG.write_text("0")
        pause(rng)
        if rng.random() < 0.5:
            t.agent.die()
            t.agent.start_again()
        pause(rng)
    except OSError as e:
        raise Skipped(f"a processor does not let itself be unplugged: {e}") from None
    finally:
        HOTPLUG.write_text("1")
    t.storm(100)
    return t.check_all_told()


@fault("memory runs out")
def no_memory(bench, rng):
    """It may end, in order and by itself; or go on. Nothing is missing after the next start."""
    t = bench.trial()
    t.agent.die()
    first = int(10 ** (rng.random() * 4.5))
    last = first + rng.choice([0, 0, 3, 100])
    t.agent.start_again(wait=False, env={"LD_PRELOAD": str(bench.shim("fail_malloc")),
                                         "FAIL_MALLOC": f"{first}:{last}"})
    t.storm(STORM, background=True)
    try:
        bench.say(f"allocations {first} to {last}")
        status = t.agent.popen.wait(1)
        bench.say(f"ended with {status}")
        assert status > 0, "it did not end in order"
        assert t.agent.stderr().strip(), "it did not say why"
    except subprocess.TimeoutExpired:
        bench.say("went on")
        t.agent.die()
    t.agent.start_again()
    account = t.account()
    account.check_exact()
    account.check_doubles(2 * BATCH)
    return account


@fault("upgrade")
def upgrade(bench, rng):
    """Another build takes over, by a kill or in order, with the same ring or one of another size."""
    keep = rng.random() < 0.5
    with contextlib.ExitStack() as stack:
        options, enter = held_or_not(stack, bench, rng)
        t = bench.trial(options=["--keep-on-stop", "true", *options])
        t.storm(2 * STORM, background=True, enter=enter)
        pause(rng)
        if keep:
            t.agent.stop()
        else:
            t.agent.die()
        bench.say(("in order" if keep else "killed") + (", held" if enter else ""))
        size = rng.choice([[], ["--ring-size", "4MiB"], ["--ring-size", "32MiB"]])
        bench.say("".join(size[1:]))
        t.agent.start_again(*size, binary=bench.faulty)
        t.storm(100)
        return t.check_all_told(crashes=3 if enter else 1)  # a batch comes again, and what had waited
