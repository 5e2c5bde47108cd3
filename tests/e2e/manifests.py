# SPDX-License-Identifier: Apache-2.0
"""What packaging/kubernetes comes to: rendered by kubectl, which asks no cluster for it."""
import functools
import shutil
import subprocess

import pytest
import yaml

import harness

PACKAGING = harness.REPO / "packaging"


@functools.cache
def render(what="base"):
    """The objects, by kind and name; of config maps the name is without its hash."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed (tools/deps test)")
    text = subprocess.run(["kubectl", "kustomize", str(PACKAGING / "kubernetes" / what)], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60).stdout
    return {(thing["kind"], thing["metadata"]["name"]): thing for thing in yaml.safe_load_all(text)}


def only(kind, what="base"):
    found = [thing for (of_kind, _), thing in render(what).items() if of_kind == kind]
    assert len(found) == 1, f"{len(found)} of {kind}"
    return found[0]


def pod_spec(what="base"):
    return only("DaemonSet", what)["spec"]["template"]["spec"]


def container(what="base"):
    found, = pod_spec(what)["containers"]
    return found


def config(name, file, what="base"):
    """A file of a config map."""
    found, = [thing for (kind, own), thing in render(what).items() if kind == "ConfigMap" and own.startswith(name)]
    return found["data"][file]


def capabilities(what="base"):
    """As setpriv(1) takes them: exactly these, whatever the program would otherwise have."""
    return container(what)["securityContext"]["capabilities"]["add"]


def with_capabilities(names):
    """A command's beginning: root with these capabilities and no way to others."""
    return ["setpriv", "--no-new-privs", "--bounding-set", ",".join(["-all", *(f"+{n.lower()}" for n in names)]),
            "--inh-caps=-all"]
