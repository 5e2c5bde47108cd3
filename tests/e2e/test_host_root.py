# SPDX-License-Identifier: Apache-2.0
"""An agent in a container has the host's files below HostRoot: what links there say is meant from there."""
import secrets

import pytest

from cgroups import cgroups, entering, hierarchies, roots
from harness import marker
from test_container_hold import Folder

UID = 54321


@pytest.fixture
def host(work):
    """A host whose Docker keeps its data elsewhere, and whose passwd file is a link; both links are absolute."""
    root = work / "host"
    for folder in ("etc", "real", "var/lib", "data/docker"):
        (root / folder).mkdir(parents=True)
    (root / "real" / "passwd").write_text(f"ada:x:{UID}:{UID}::/:/bin/sh\n")
    (root / "etc" / "passwd").symlink_to("/real/passwd")
    (root / "var/lib/docker").symlink_to("/data/docker")
    return root


def test_absolute_links_are_the_host_s(start_agent, host):
    container = secrets.token_hex(32)
    Folder(host / "data" / "docker").describe(container, "web")
    agent = start_agent(options=["--host-root", host, "--container-sources", "files"])
    done = agent.run([agent.path("tiny"), marker()], user=UID)
    assert agent.one(done.pid, "execve")["user"] == "ada"
    with cgroups(f"/docker/{container}", hierarchies()["hybrid"]) as files:
        done = agent.run([agent.path("tiny"), marker()], preexec_fn=entering(files, roots()))
        record = agent.one(done.pid, "execve")
    assert (record["container.name"], record["container.image.name"]) == ("web", "shop:1")
    agent.stop()
