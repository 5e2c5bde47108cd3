# SPDX-License-Identifier: Apache-2.0
"""What a running agent tells about itself, to whom, and what `proctrail doctor` says of the machine."""
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest

from harness import REPO, die_with_parent, wait_until
from kube_api import KubeApi
from kube_follow import pod
from pipelines import UnixConnection

AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
SAMPLE = re.compile(r'(\w+)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (\S+)')


def call(*command, seconds=20):
    return subprocess.run([str(x) for x in command], capture_output=True, text=True, timeout=seconds, check=False,
                          stdin=subprocess.DEVNULL)


def fetch(connection, url, method="GET"):
    connection.request(method, url)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def ask(path, url):
    return fetch(UnixConnection(str(path)), url)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def samples_of(text):
    """{(name, labels): value} of Prometheus text; each family is told of once, and before its first sample."""
    samples, typed = {}, {}
    for line in text.splitlines():
        if line.startswith("#"):
            word, name = line.split()[1:3]
            assert (word, name) not in typed, f"twice: {line}"
            typed[word, name] = line.split(maxsplit=3)[3]
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line}"
        family = match[1]
        if ("TYPE", family) not in typed:
            family = re.sub("_(bucket|sum|count)$", "", family)
            assert typed["TYPE", family] == "histogram", line
        assert typed["HELP", family].endswith("."), f"no sentence: {typed['HELP', family]}"
        assert (match[1], match[2]) not in samples, f"twice: {line}"
        samples[match[1], match[2]] = float(match[3])
    return samples


def total(samples, name, part=""):
    found = [v for (n, labels), v in samples.items() if n == "proctrail_" + name and part in (labels or "")]
    assert found, f"no proctrail_{name} {part}"
    return sum(found)


@pytest.fixture
def observed(start_agent, work):
    """An agent with a socket and a port of its own."""
    agent = start_agent(options=["--control-socket", work / "run" / "a.sock", "--instance", "e2e.status",
                                 "--metrics-listen", f"127.0.0.1:{(port := free_port())}"])
    agent.socket, agent.port = work / "run" / "a.sock", port
    yield agent
    agent.stop()


# proctrail status

def test_page(observed, binary):
    for _ in range(5):
        observed.run("tiny")
    observed.fence()
    wait_until(lambda: json.loads(ask(observed.socket, "/status")[1])["metrics"], 5, "metrics")
    time.sleep(1.2)  # what the agent counts is shown once a second
    done = call(binary, "status", "--socket", observed.socket)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert re.match(rf"proctrail \S+, instance e2e.status, pid {observed.pid}, up \d+s, node \S+, hooks (btf|raw)$",
                    lines[0])
    assert lines[1] == "healthy"
    assert int(re.search(r"execve +(\d+) ", done.stdout)[1]) >= 6
    assert re.search(r"^lost +0$", done.stdout, re.M)
    assert re.search(r"^ring .* of 16.0 MiB", done.stdout, re.M)
    assert re.search(r"^table +[1-9]\d* processes", done.stdout, re.M)
    assert re.search(r"^cost .* of a CPU, \d.* MiB, [1-9]\d* open files$", done.stdout, re.M)
    taken = re.search(r"^  flusher_file +(\d+) +(\d+) +0 .* ms +\S+ m?s$", done.stdout, re.M)
    assert taken and int(taken[1]) >= int(taken[2]) >= 12


def test_json(observed, binary):
    observed.run("tiny")
    observed.fence()
    done = call(binary, "status", "--json", "--socket", observed.socket)
    status = json.loads(done.stdout)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    assert list(status) == ["version", "pid", "instance", "uptime_seconds", "health", "agent", "metrics"]
    assert (status["pid"], status["instance"]) == (observed.pid, "e2e.status")
    assert status["health"] == {"healthy": True, "reasons": []}
    assert [p["state"] for p in status["agent"]["pipelines"]] == ["running"]
    delivered = [m for m in status["metrics"] if m["name"] == "proctrail_flusher_delivered_records_total"]
    assert sum(m["value"] for m in delivered) >= 4


def test_watch_repeats_and_ends_with_the_agent(start_agent, binary, work):
    path = work / "run" / "a.sock"
    agent = start_agent(options=["--control-socket", path])
    out = work / "watch.out"
    with open(out, "wb") as stdout:
        watch = subprocess.Popen([binary, "status", "--watch", "--socket", path], stdout=stdout,
                                 stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
    try:
        wait_until(lambda: out.read_text().count("\nhealthy\n") >= 3, 10, out.read_text)
        agent.stop()
        assert watch.wait(5) == 1
        assert "no agent runs here" in watch.stderr.read()
    finally:
        watch.kill()
        watch.communicate()
    assert "\033" not in out.read_text(), "this is no terminal"


def test_without_an_agent(binary, work):
    done = call(binary, "status", "--socket", work / "none.sock")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"proctrail status: no agent runs here: .*\n", done.stderr)


# Who may ask

def test_socket_is_for_root_only(observed, binary):
    assert stat.S_IMODE(os.stat(observed.socket).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(observed.socket.parent).st_mode) == 0o700
    done = call(*AS_NOBODY, binary, "status", "--socket", observed.socket)
    assert done.returncode == 1 and "only root may ask" in done.stderr


def test_port_is_on_loopback_and_tells_less(observed):
    def over_port(url, method="GET"):
        return fetch(http.client.HTTPConnection("127.0.0.1", observed.port, timeout=5), url, method)

    assert over_port("/metrics")[0] == 200
    assert over_port("/healthz")[0] == 200
    assert over_port("/status")[0] == 404
    assert over_port("/metrics", "POST")[0] == 405
    with open("/proc/net/tcp", encoding="ascii") as f:
        listening = [line.split()[1] for line in f if line.split()[3] == "0A"]
    assert f"0100007F:{observed.port:04X}" in listening
    assert f"00000000:{observed.port:04X}" not in listening


def test_other_addresses_are_refused(binary, needs_root):
    done = call(binary, "run", "--metrics-listen", "0.0.0.0:9464")
    assert done.returncode != 0 and done.stdout == ""
    assert "0.0.0.0:9464" in done.stderr and "loopback" in done.stderr


def test_socket_of_a_living_agent_is_not_taken(observed, start_agent):
    second = start_agent(options=["--control-socket", observed.socket], wait=False)
    wait_until(lambda: f"pid {observed.pid})" in second.stderr(), 10, second.stderr)
    second.kill()
    assert json.loads(ask(observed.socket, "/status")[1])["pid"] == observed.pid


def test_socket_of_a_dead_agent_is_taken_over(start_agent, work):
    path = work / "run" / "a.sock"
    first = start_agent(options=["--control-socket", path])
    first.popen.send_signal(signal.SIGKILL)
    first.popen.wait()
    assert path.exists()
    second = start_agent(options=["--control-socket", path])
    assert json.loads(ask(path, "/status")[1])["pid"] == second.pid
    second.stop()
    assert not path.exists()


# Metrics

def test_metrics_add_up(observed):
    before = samples_of(ask(observed.socket, "/metrics")[1])
    done = observed.run([observed.path("storm"), observed.path("tiny"), "1", "200"])
    observed.fence()
    assert done.code == 0

    def counted():
        now = samples_of(ask(observed.socket, "/metrics")[1])
        return total(now, "records_total", 'call="execve"') - total(before, "records_total", 'call="execve"') >= 202

    wait_until(counted, 5, "the records")
    samples = samples_of(ask(observed.socket, "/metrics")[1])
    assert total(samples, "lost_records_total") == 0
    assert total(samples, "flusher_dropped_records_total") == 0
    delivered = total(samples, "flusher_delivered_records_total")
    assert 404 <= delivered <= total(samples, "pipeline_in_records_total")
    count = total(samples, "flusher_latency_seconds_count")
    assert delivered <= count
    assert total(samples, "flusher_latency_seconds_bucket", 'le="+Inf"') == count
    assert 0 < total(samples, "flusher_latency_seconds_sum") / count < 10
    assert total(samples, "process_resident_memory_bytes") > 1 << 20
    assert total(samples, "process_cpu_seconds_total") > 0


def test_metrics_of_flushers_of_one_kind_differ(start_agent, work):
    """And names that the format has to escape do not break it."""
    flushers = "".join(f"  - Type: flusher_file\n    FilePath: {work}/{name}\n" for name in "ab")
    folder = work / "pipelines"
    folder.mkdir()
    (folder / 'a"b\\c d.yaml').write_text(
        f"enable: true\ninputs:\n  - Type: input_process_security\nflushers:\n{flushers}")
    path = work / "run" / "a.sock"
    agent = start_agent(config=None, options=["--config", folder, "--control-socket", path])
    text = ask(path, "/metrics")[1]
    in_ = [labels for name, labels in samples_of(text) if name == "proctrail_flusher_in_records_total"]
    assert len(in_) == 2 and all('pipeline="a\\"b\\\\c d"' in labels for labels in in_), in_
    agent.stop()


def test_reference_page_has_all_metrics(start_agent, work):
    out = work / "records.jsonl"
    agent = start_agent(config="inputs: [{Type: input_process_security}]\n"
                               "processors: [{Type: processor_drop_fields, DropKeys: [cwd]}]\n"
                               f"flushers: [{{Type: flusher_file, FilePath: {out}}}]\n",
                        options=["--control-socket", work / "run" / "a.sock", "--instance", "e2e.page"])
    text = ask(work / "run" / "a.sock", "/metrics")[1]
    agent.stop()
    made = subprocess.run([REPO / "tools" / "metrics-page"], input=text, capture_output=True, text=True, check=True)
    page = (REPO / "docs" / "reference" / "metrics.md").read_text()
    assert page == made.stdout, "the page is made by tools/metrics-page"


def test_processors_count(start_agent, work):
    out = work / "records.jsonl"
    agent = start_agent(config="inputs: [{Type: input_process_security, CallNames: [execve]}]\n"
                               "processors:\n"
                               "  - {Type: processor_filter, Exclude: {field: arguments, equals: dropped}}\n"
                               "  - {Type: processor_filter, Include: {field: arguments, equals: kept}}\n"
                               f"flushers: [{{Type: flusher_file, FilePath: {out}}}]\n",
                        options=["--control-socket", work / "run" / "a.sock", "--instance", "e2e.counts"])
    for word in ("dropped", "kept", "dropped", "kept", "kept"):
        agent.run([agent.path("tiny"), word])
    wait_until(lambda: out.exists() and out.read_text().count('"arguments":"kept"') == 3, 10, "three records")
    text = ask(work / "run" / "a.sock", "/metrics")[1]
    agent.stop()

    def count(what, name):
        return int(re.search(rf'^proctrail_processor_{what}_records_total{{[^}}]*processor="{name}"}} (\d+)$', text,
                             re.M).group(1))

    assert count("dropped", "processor_filter") >= 2
    left = count("in", "processor_filter") - count("dropped", "processor_filter")
    assert left == count("in", "processor_filter/2")
    assert left - count("dropped", "processor_filter/2") == 3


def test_promtool_finds_nothing(observed):
    if not shutil.which("promtool"):
        pytest.skip("promtool (Debian: prometheus) is not installed")
    observed.run("tiny")
    observed.fence()
    text = ask(observed.socket, "/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


# Health

def test_healthz(observed):
    assert ask(observed.socket, "/healthz") == (200, '{"healthy":true,"reasons":[]}\n')


def test_flusher_that_fails_is_no_health(start_agent, binary, work):
    def no_large_files():
        die_with_parent()
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))

    path = work / "run" / "a.sock"
    agent = start_agent(options=["--control-socket", path], preexec=no_large_files)
    assert ask(path, "/healthz")[0] == 200
    agent.run([agent.path("storm"), agent.path("tiny"), "1", "100"])

    def fails():
        agent.run("tiny")
        return ask(path, "/healthz")[0] == 503

    wait_until(fails, 10, agent.stderr)
    reasons = json.loads(ask(path, "/healthz")[1])["reasons"]
    assert len(reasons) == 1 and "flusher" in reasons[0] and "File too large" in reasons[0], reasons
    done = call(binary, "status", "--socket", path)
    assert done.returncode == 1 and "NOT HEALTHY\n  - " in done.stdout
    assert re.search(r"^  flusher_file .*failing$", done.stdout, re.M)


# proctrail doctor

def test_doctor_finds_no_failure_where_the_agent_runs(observed, binary):
    done = call(binary, "doctor", "--json", "--socket", observed.socket)
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr, report["failures"]) == (0, "", 0), done.stdout
    checks = {c["name"]: c for c in report["checks"]}
    assert {"kernel", "BTF", "CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_RESOURCE",
            "pid namespace", "bpffs", "control groups", "names of users", "sched_process_fork", "sched_process_exec",
            "sched_process_exit", "cgroup_mkdir", "task iterator", "ring", "snapshot", "agent"} <= set(checks)
    assert checks["kernel"]["text"] == os.uname().release
    assert str(observed.pid) in checks["agent"]["text"] and "healthy" in checks["agent"]["text"]
    assert all(("advice" in c) == (c["finding"] != "ok") for c in report["checks"])
    assert report["warnings"] == len([c for c in report["checks"] if c["finding"] == "warning"])


def test_doctor_in_text(binary, needs_root, work):
    done = call(binary, "doctor", "--socket", work / "none.sock")
    assert done.returncode == 0 and done.stderr == ""
    assert re.search(r"^ok +kernel +\d", done.stdout, re.M)
    assert re.search(r"^ok +agent +none runs", done.stdout, re.M)
    assert re.search(r"^0 failures, \d+ warnings?$", done.stdout, re.M)


def test_doctor_says_what_is_missing(binary, needs_root):
    done = call(*AS_NOBODY, binary, "doctor", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and report["failures"] > 0
    failed = {c["name"] for c in report["checks"] if c["finding"] == "failure"}
    assert {"CAP_BPF", "CAP_PERFMON", "sched_process_exec", "task iterator"} <= failed
    assert all(c["advice"] for c in report["checks"] if c["finding"] != "ok")


def test_doctor_tells_of_an_agent_that_is_not_healthy(start_agent, binary, work):
    def no_files():
        die_with_parent()
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    path = work / "run" / "a.sock"
    agent = start_agent(options=["--control-socket", path], preexec=no_files)

    def fails():
        agent.run([agent.path("storm"), agent.path("tiny"), "1", "20"])
        return ask(path, "/healthz")[0] == 503

    wait_until(fails, 10, agent.stderr)
    done = call(binary, "doctor", "--socket", path)
    assert done.returncode == 1
    assert re.search(r"^failure +agent +.*flusher", done.stdout, re.M)


@pytest.fixture
def sources(work):
    """Settings by which every source has another state; and what `doctor` and `containers` say of each."""
    dead = work / "dead.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(dead))
    (work / "docker").mkdir()
    with KubeApi(token=None) as api:
        api.put(pod())
        api.put(pod())
        settings = work / "agent.yaml"
        settings.write_text(f"""\
ContainerSources: [files, docker, cri, kubernetes]
DockerRoots: {work}/docker
PodmanRoots: {work}/podman
ContainerdRoots: {work}/containerd
CrioRoots: {work}/crio
DockerSockets: {dead}
PodmanSockets: {work}/podman.sock
CriSockets: {work}/cri.sock
Kubernetes: api
KubernetesServer: {api.url}
KubernetesNode: node-1
""")
        yield settings


def test_doctor_tells_of_the_sources_of_containers(sources, binary, needs_root, work):
    done = call(binary, "doctor", "--json", "--agent-config", sources, "--socket", work / "none.sock")
    checks = {c["name"].removeprefix("source "): c for c in json.loads(done.stdout)["checks"] if "source" in c["name"]}
    assert {name: (c["finding"], c["text"]) for name, c in checks.items()} == {
        "files": ("ok", f"ready: {work}/docker; not there: {work}/podman, {work}/containerd, {work}/crio"),
        "docker": ("warning", f"does not answer: {work}/dead.sock: Connection refused"),
        "podman": ("ok", "left out by ContainerSources"),
        "cri": ("ok", f"off; not there: {work}/cri.sock"),
        "kubernetes": ("ok", checks["kubernetes"]["text"])}
    assert re.match(r"ready, 2 known: http://127.0.0.1:\d+; not there: /var/run/secrets/", checks["kubernetes"]["text"])
    assert "ContainerSources" in checks["docker"]["advice"]


def test_containers_tells_of_the_sources(sources, binary, work):
    done = call(binary, "containers", "--agent-config", sources)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len([line for line in lines if "container.id" in line]) == 2
    states = {line.pop("source"): line for line in lines if "source" in line}
    assert states["files"] == {
        "status": "ready", "wanted": True, "found": [f"{work}/docker"], "items": 0, "failures": 0,
        "looked_for": [f"{work}/{name}" for name in ("docker", "podman", "containerd", "crio")]}
    assert (states["docker"]["status"], states["docker"]["error"]) == ("connecting", "Connection refused")
    assert (states["podman"]["status"], states["podman"]["wanted"]) == ("off", False)
    assert (states["cri"]["status"], states["cri"]["found"]) == ("off", [])
    assert (states["kubernetes"]["status"], states["kubernetes"]["items"]) == ("ready", 2)


def test_sources_of_wrong_settings(binary, work):
    done = call(binary, "containers", "--sources", "docker,moby")
    assert done.returncode == 2 and "--sources: expected files" in done.stderr and done.stdout == ""
