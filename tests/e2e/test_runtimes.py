# SPDX-License-Identifier: Apache-2.0
"""The container runtimes that the tests start."""
import pytest

import runtimes


@pytest.fixture(scope="module", params=[runtimes.Docker, runtimes.Podman], ids=lambda runtime: runtime.name)
def runtime(request):
    """One of them, with a daemon of its own."""
    why = request.param.missing()
    if why:
        pytest.skip(why)
    with request.param() as started:
        yield started


def test_a_container_lives_and_goes(runtime):
    container = runtime.run("lives", ["/bin/sleep", "600"])
    seen = runtime.inspect(container)
    runtime.exec(container, ["/bin/touch", "/tmp/x"])
    runtime.remove(container)
    assert (seen["Name"], seen["Image"]) == ("/lives", runtime.image_id)
    assert seen["Config"]["Image"] == runtime.image


def test_many_at_a_time(runtime):
    containers = runtime.run_many("many", ["/bin/sleep", "0.05"], 8)
    assert len(set(containers)) == 8 and all(len(c) == 64 for c in containers)
    assert [runtime.wait(c) for c in containers] == [0] * 8


@pytest.mark.parametrize("kind", [runtimes.Docker, runtimes.Podman], ids=lambda runtime: runtime.name)
def test_nothing_is_left(kind):
    if kind.missing():
        pytest.skip(kind.missing())
    with kind() as started:
        folder = started.folder
        started.exec(started.run("left", ["/bin/sleep", "600"]), ["/bin/true"])
        assert runtimes.mounts_below(folder) and runtimes.processes_with(str(folder))
    assert not folder.exists() and not runtimes.mounts_below(folder) and not runtimes.processes_with(str(folder))
