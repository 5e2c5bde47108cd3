# SPDX-License-Identifier: Apache-2.0
"""Fixtures: programs compiled once, a directory per test that everybody may enter, agents that end with it."""
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import harness
import runtimes
from containerd import Containerd
from truth import Truth

CFLAGS = "-std=gnu17 -D_GNU_SOURCE -O1 -Wall -static -pthread".split()
EXTRA_CFLAGS = {"tiny": "-nostdlib -nostartfiles".split()}


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than ten seconds")


@pytest.fixture(scope="session", autouse=True)
def session_dir(request):
    """For programs that ordinary users run too: /tmp/pytest-of-root is closed to them."""
    path = Path(tempfile.mkdtemp(prefix="proctrail-e2e-"))
    path.chmod(0o755)
    yield path
    if not request.config.getoption("--keep", default=False):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def workloads(session_dir):
    """Where the compiled workloads are."""
    target = session_dir / "bin"
    target.mkdir()

    def build(source):
        subprocess.run(["gcc", *CFLAGS, *EXTRA_CFLAGS.get(source.stem, []), "-o", target / source.stem, source],
                       check=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(build, harness.WORKLOADS.glob("*.c")))
    return target


@pytest.fixture(scope="session")
def binary(session_dir):
    """A copy of the program under test, which stays the same when somebody builds meanwhile."""
    source = Path(os.environ.get("PROCTRAIL", harness.REPO / "build" / "proctrail"))
    if not source.exists():
        pytest.fail(f"{source} is missing: run `make build`, or set PROCTRAIL")
    return str(shutil.copy2(source, session_dir / "proctrail"))


@pytest.fixture(scope="session")
def faulty_binary(session_dir):
    """A copy of the program that dies at the points that $PROCTRAIL_FAULT names: built with -Dfaults=true."""
    source = os.environ.get("PROCTRAIL_FAULTS")
    if not source:
        pytest.skip("PROCTRAIL_FAULTS does not name a program built with -Dfaults=true")
    return str(shutil.copy2(source, session_dir / "proctrail-faults"))


@pytest.fixture
def work(session_dir, request):
    """The test's own directory, named after it."""
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in request.node.name)[-80:]
    path = session_dir / "tests" / name
    path.mkdir(parents=True)
    path.parent.chmod(0o755)
    path.chmod(0o777)
    yield path
    if not request.config.getoption("--keep", default=False):
        shutil.rmtree(path, ignore_errors=True)


def pytest_addoption(parser):
    parser.addoption("--keep", action="store_true", help="keep the directories of the tests")


@pytest.fixture
def needs_root():
    if os.geteuid() != 0:
        pytest.skip("only root may load BPF programs")


@pytest.fixture
def instance():
    """The name of an agent that the test starts by itself; what that leaves behind is removed."""
    name = harness.new_instance()
    yield name
    harness.remove_instance(name)


@pytest.fixture
def truth(needs_root, session_dir, work):
    """The witness of all that happens during the test."""
    build = Path(os.environ.get("PROCTRAIL_BUILD", harness.REPO / "build"))
    program = shutil.copy2(build / "tests" / "truth" / "truth", session_dir / "truth")
    witness = Truth(program, work)
    yield witness
    witness.stop()


@pytest.fixture
def start_agent(needs_root, binary, workloads, work):
    """A function that starts an agent; each gets a directory of its own and is gone after the test."""
    agents = []

    def start(**kwargs):
        directory = work / f"agent{len(agents)}" if agents else work
        directory.mkdir(exist_ok=True)
        agents.append(harness.Agent(binary, workloads, directory, **kwargs))
        return agents[-1]

    yield start
    for agent in agents:
        agent.kill()


@pytest.fixture
def agent(start_agent):
    """An agent with the spec's fields and calls; it must end well."""
    agent = start_agent()
    yield agent
    for workload in agent.running:
        workload.kill()
    agent.stop()


@pytest.fixture
def extended(start_agent):
    """An agent with all fields and all calls."""
    agent = start_agent(fields="extended", calls=["execve", "exit", "clone"])
    yield agent
    for workload in agent.running:
        workload.kill()
    agent.stop()


@pytest.fixture(scope="module", params=[runtimes.Docker, runtimes.Podman, Containerd], ids=lambda kind: kind.name)
def runtime(request):
    """One of them, with a daemon of its own."""
    why = request.param.missing()
    if why:
        pytest.skip(why)
    with request.param() as started:
        yield started
