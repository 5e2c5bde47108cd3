# SPDX-License-Identifier: Apache-2.0
"""The source "kubernetes" as a process of its own (tests/kube/kube_follow.c), and objects for the API server."""
import itertools
import json
import os
import secrets
import subprocess
import threading
import uuid

import harness
from harness import wait_until

TOLD_S = 20  # until something must have been told
NODE = "node-1"

_names = itertools.count(1)


class Follow:
    """One source; `told` are its lines so far."""

    def __init__(self, program, env=None, **options):
        options = {"node": NODE, **options}
        arguments = [f"{key}={value}" for key, value in options.items() if not isinstance(value, list)]
        arguments += [f"{key}={one}" for key, value in options.items() if isinstance(value, list) for one in value]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("KUBERNETES_")}
        self.told, self.popen = [], subprocess.Popen(
            [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            bufsize=1, env={**clean, **(env or {})}, preexec_fn=harness.die_with_parent)
        self.log = []
        self.threads = [threading.Thread(target=self._read), threading.Thread(target=self._read_log)]
        for thread in self.threads:
            thread.start()

    def _read(self):
        for line in self.popen.stdout:
            self.told.append(json.loads(line))

    def _read_log(self):
        self.log.extend(self.popen.stderr)

    def say(self, *words):
        self.popen.stdin.write(" ".join(words) + "\n")

    def pods(self):
        """What was told last of each pod, by name."""
        return {line["pod"]["pod"]: line["pod"] for line in list(self.told) if "pod" in line}

    def pod(self, name, **expected):
        """Of this pod, once it was told with these texts."""
        return wait_until(lambda: all(self.pods().get(name, {}).get(k) == v for k, v in expected.items())
                          and self.pods().get(name), TOLD_S,
                          lambda: f"{name} with {expected}: {self.pods().get(name)}\n{''.join(self.log)}")

    def container(self, id_):
        return wait_until(lambda: [line["is"] for line in list(self.told) if line.get("id") == id_], TOLD_S,
                          lambda: f"{id_}: {self.told}")[-1]

    def state(self):
        n = sum("state" in line for line in self.told)
        self.say("state")
        return wait_until(lambda: [line["state"] for line in list(self.told) if "state" in line][n:], TOLD_S,
                          "its state")[0]

    def wait_state(self, **expected):
        return wait_until(lambda: (lambda s: all(s[k] == v for k, v in expected.items()) and s)(self.state()), TOLD_S,
                          lambda: f"{expected}: {self.state()}\n{''.join(self.log)}")

    def ask(self, id_, *rest, verb="ask"):
        """Asks, and returns what was told from then on up to the answer."""
        begin = len(self.told)
        self.say(verb, id_, *rest)
        wait_until(lambda: {"answered": id_} in self.told[begin:], TOLD_S, "an answer")
        return self.told[begin:self.told.index({"answered": id_}, begin)]

    def end(self):
        """Ends it; how long its source took to end, in ms. It must be silent for the sanitizers."""
        if self.popen.poll() is None:
            self.popen.stdin.close()
            self.popen.wait(20)
        for thread in self.threads:
            thread.join(5)
        assert self.popen.returncode == 0, f"{self.popen.returncode}: {''.join(self.log)}"
        return self.told[-1]["ended_ms"]

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


def owner(kind, name, api="apps/v1", uid=None, controller=True):
    return {"apiVersion": api, "kind": kind, "name": name, "uid": uid or str(uuid.uuid4()), "controller": controller,
            "blockOwnerDeletion": True}


def controlled(kind, name, by=None, api="apps/v1", namespace="shop"):
    """A ReplicaSet or a Job. `by`: its owner, None for nobody."""
    metadata = {"name": name, "namespace": namespace, "uid": str(uuid.uuid4()),
                **({"ownerReferences": [by]} if by else {})}
    return {"kind": kind, "apiVersion": api, "metadata": metadata, "spec": {"secret": "not for the agent"}}


def owned_by(thing):
    return owner(thing["kind"], thing["metadata"]["name"], thing["apiVersion"], thing["metadata"]["uid"])


def container_status(name, id_, scheme="containerd", image="localhost/shop/web:1.2"):
    return {"name": name, "containerID": f"{scheme}://{id_}", "image": image,
            "imageID": f"localhost/shop/web@sha256:{'a' * 64}", "ready": True, "restartCount": 0, "started": True,
            "state": {"running": {"startedAt": "2026-11-29T10:00:00Z"}}}


def pod(name=None, node=NODE, by=None, labels=None, annotations=None, containers=None, **status):
    """A pod as the API has it. `containers`: {name: id}."""
    name = name or f"pod-{next(_names)}"
    containers = {"web": secrets.token_hex(32)} if containers is None else containers
    return {"kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": name, "namespace": "shop", "uid": str(uuid.uuid4()), "labels": labels or {},
                         "annotations": annotations or {}, **({"ownerReferences": [by]} if by else {})},
            "spec": {"nodeName": node, "containers": [{"name": n, "image": "localhost/shop/web:1.2"}
                                                      for n in containers]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                       "containerStatuses": [container_status(n, i) for n, i in containers.items()], **status}}


def id_of(thing, index=0):
    return thing["status"]["containerStatuses"][index]["containerID"].split("://")[1]
