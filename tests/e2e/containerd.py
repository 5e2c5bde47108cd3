# SPDX-License-Identifier: Apache-2.0
"""
containerd as a runtime of Kubernetes, driven over gRPC as kubelet would: pods with a sandbox each, containers in
them. The interface is that of runtimes.py; a container that is run without a pod gets into one that all of those
share.

    with Containerd() as containerd:
        pod = containerd.pod("web-7d9c5b-abcde", namespace="shop", uid="5f2a...")   # pod.id: that of its sandbox
        container = containerd.run("main", ["/bin/sleep", "600"], pod=pod)
"""
import importlib
import itertools
import shutil
import subprocess
import sys
import threading
import time
import uuid

import harness
import oci_image
from runtimes import REQUEST_S, Runtime

NODE, CONTAINER, POD = 2, 1, 0  # whose namespace
ENDED = 2


class Pod:
    """A pod's sandbox."""

    def __init__(self, pod_id, config):
        self.id, self.config = pod_id, config


class Containerd(Runtime):
    name = "containerd"
    program = "containerd"

    def __init__(self):
        super().__init__()
        self.pods = []
        self._shared, self._lock, self._numbers = None, threading.Lock(), itertools.count()
        self._messages = self._channel = None

    @classmethod
    def missing(cls):
        for module in ("grpc", "google.protobuf"):
            try:
                importlib.import_module(module)
            except ImportError:
                return f"missing: {module} (tools/deps test)"
        return super().missing() or (None if shutil.which("protoc") else "missing: protoc (tools/deps test)")

    def configure(self):
        self.roots = {"root": self.folder / "root", "state": self.folder / "state"}
        (self.folder / "containerd.toml").write_text(f"""
version = 2
root = "{self.roots['root']}"
state = "{self.roots['state']}"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
                    "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "{self.socket}"
[ttrpc]
  address = "{self.socket}.ttrpc"
[timeouts]
  # a shim that answers later than this is one with pid 0, whose namespaces are not found
  "io.containerd.timeout.task.state" = "{REQUEST_S}s"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/proctrail-test/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = "runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{self.folder}/cni"
    conf_dir = "{self.folder}/cni"
""")
        subprocess.run(["protoc", f"--python_out={self.folder}", f"--proto_path={harness.HERE}", "cri_driver.proto"],
                       check=True, timeout=REQUEST_S)
        sys.path.insert(0, str(self.folder))
        try:
            self._messages = importlib.import_module("cri_driver_pb2")
        finally:
            sys.path.remove(str(self.folder))

    def command(self):
        return ["containerd", "-c", self.folder / "containerd.toml"]

    def is_ready(self):
        assert self.daemon.poll() is None, self.log()
        if not self.socket.exists():
            return False
        try:
            self.call("Version", "Empty", "Empty")
            return True
        except Exception:  # what grpc raises is no class of its own
            self._close()
            return False

    def start(self):
        super().start()
        self.load(oci_image.pause(self.folder))
        return self

    def load(self, image):
        self._ctr("images", "import", image.archive)

    def pull(self):
        """As it is after a pull: the image has a name by its digest, which this one gets by hand."""
        digest = self._ctr("images", "ls", f"name=={self.image}").splitlines()[1].split()[2]
        name = self.image.rpartition(":")[0]
        self._ctr("images", "tag", "--force", self.image, f"{name}@{digest}")
        return self.image, digest

    def _ctr(self, *arguments):
        return subprocess.run(["ctr", "-a", self.socket, "-n", "k8s.io", *arguments], check=True, timeout=REQUEST_S,
                              stdout=subprocess.PIPE, text=True).stdout

    def _close(self):
        if self._channel:
            self._channel.close()
        self._channel = None

    def stop_daemon(self, *args):
        self._close()
        super().stop_daemon(*args)

    def call(self, method, request, answer, **fields):
        """RuntimeService's method, with a message of these types of cri_driver.proto."""
        import grpc  # its threads are not for those who do not ask
        with self._lock:
            if not self._channel:
                self._channel = grpc.insecure_channel(f"unix:{self.socket}")
        messages = self._messages
        invoke = self._channel.unary_unary(f"/runtime.v1.RuntimeService/{method}",
                                           request_serializer=getattr(messages, request).SerializeToString,
                                           response_deserializer=getattr(messages, answer).FromString)
        return invoke(getattr(messages, request)(**fields), timeout=REQUEST_S)

    def _pairs(self, values):
        return [self._messages.KeyValue(key=key, value=value) for key, value in values.items()]

    def pod(self, name, namespace="default", uid=None, labels=None, annotations=None, kubelet=True,
            privileged=False):
        """Runs a sandbox; kubelet=False: without the labels that kubelet gives; privileged: its containers may be."""
        uid = uid or str(uuid.uuid4())
        own = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace, "io.kubernetes.pod.uid": uid}
        messages = self._messages
        options = messages.NamespaceOption(network=NODE, pid=CONTAINER, ipc=POD)
        config = messages.PodConfig(
            metadata=messages.PodMetadata(name=name, uid=uid, namespace=namespace),
            labels=self._pairs({**(own if kubelet else {}), **(labels or {})}),
            annotations=self._pairs(annotations or {}), log_directory=str(self.folder / "logs"),
            linux=messages.LinuxPod(cgroup_parent=f"/kubepods/besteffort/pod{uid}",
                                    security_context=messages.PodSecurity(namespace_options=options,
                                                                          privileged=privileged)))
        made = self.call("RunPodSandbox", "RunPodSandboxRequest", "PodSandboxId", config=config)
        self.pods.append(Pod(made.pod_sandbox_id, config))
        return self.pods[-1]

    def _shared_pod(self):
        with self._lock:
            shared = self._shared
        if not shared:
            shared = self._shared = self.pod("shared")
        return shared

    def create(self, name, command, *, pod=None, image=None, privileged=False, user=None):
        """A container that has not been started; its id. One that is privileged gets a pod of its own."""
        pod = pod or (self.pod(f"pod-of-{name}", privileged=True) if privileged else self._shared_pod())
        messages = self._messages
        labels = {pair.key: pair.value for pair in pod.config.labels if pair.key.startswith("io.kubernetes.")}
        if labels:
            labels["io.kubernetes.container.name"] = name
        options = messages.NamespaceOption(network=NODE, pid=CONTAINER, ipc=POD)
        config = messages.ContainerConfig(
            metadata=messages.Metadata(name=name, attempt=next(self._numbers)),
            image=messages.Image(image=image or self.image), command=command, labels=self._pairs(labels),
            linux=messages.LinuxContainer(security_context=messages.ContainerSecurity(
                namespace_options=options, privileged=privileged,
                run_as_user=messages.Int64Value(value=int(user)) if user else None)))
        made = self.call("CreateContainer", "CreateContainerRequest", "ContainerId", pod_sandbox_id=pod.id,
                         config=config, sandbox_config=pod.config)
        self.containers.append(made.container_id)
        return made.container_id

    def run(self, name, command, **options):
        """Creates and starts; its id. Options as create()."""
        container = self.create(name, command, **options)
        self.start_again(container)
        return container

    def start_again(self, container):
        """One that has been made; CRI does not start it twice."""
        self.call("StartContainer", "ContainerId", "Empty", container_id=container)

    def run_many(self, name, command, n):
        self._shared_pod()
        return super().run_many(name, command, n)

    def status(self, container):
        return self.call("ContainerStatus", "ContainerId", "ContainerStatusResponse", container_id=container).status

    def started(self, container):
        """When, as RFC 3339 with nine digits."""
        ns = self.status(container).started_at
        return f"{time.strftime('%FT%T', time.gmtime(ns // 10**9))}.{ns % 10**9:09}Z"

    def wait(self, container):
        """Until it has ended; its exit code."""
        harness.wait_until(lambda: self.status(container).state == ENDED, REQUEST_S, f"{container} ends")
        return self.status(container).exit_code

    def exec(self, container, command):
        """Runs a command in a running container, to its end."""
        self.call("ExecSync", "ExecSyncRequest", "ExecSyncResponse", container_id=container, cmd=command,
                  timeout=REQUEST_S)

    def remove(self, container):
        self.call("StopContainer", "StopContainerRequest", "Empty", container_id=container, timeout=0)
        self.call("RemoveContainer", "ContainerId", "Empty", container_id=container)
        self.containers.remove(container)

    def remove_pod(self, pod):
        self.call("StopPodSandbox", "PodSandboxId", "Empty", pod_sandbox_id=pod.id)
        self.call("RemovePodSandbox", "PodSandboxId", "Empty", pod_sandbox_id=pod.id)
        self.pods.remove(pod)

    def clean(self):
        for pod in list(self.pods):
            self.remove_pod(pod)
