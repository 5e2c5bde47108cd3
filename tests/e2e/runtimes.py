# SPDX-License-Identifier: Apache-2.0
"""
Container runtimes of the test's own: each has a daemon, a socket, a state folder and images that nobody else uses,
and is gone without a trace after stop(). What it needs is a package (tools/deps test).

    with Docker() as docker:             # or Podman(), or Containerd() of containerd.py
        container = docker.run("web", ["/bin/sleep", "600"])        # its id: 64 hex digits
        docker.exec(container, ["/bin/true"])                       # ends when the command has ended
        docker.remove(container)
        docker.run_many("job", ["/bin/sleep", "0.05"], n=100)       # in parallel; ids

    docker.socket    path of the API's socket
    docker.roots     {name: Path} of where its state lies: docker data and exec, podman graph and run,
                     containerd root and state
    docker.image     name of the image that containers run, docker.image_id its id, "sha256:..."
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import harness
import oci_image
from image_registry import ImageRegistry

START_S = 20
STOP_S = 15
REQUEST_S = 60  # a start takes half a minute on a machine that is busy with other things
THREADS = 8
CGROUP_PARENTS = ("docker", "libpod_parent", "kubepods")


def end_with_parent():
    """For daemons: they end in their own way when pytest is killed."""
    harness.libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def mounts_below(folder):
    """Mount points, the inner ones first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return [p for p in reversed(points) if p == str(folder) or p.startswith(f"{folder}/")]


def remove_cgroups():
    """The groups that a runtime made for all of its containers; those that somebody still uses stay."""
    root = Path("/sys/fs/cgroup")
    for top in [root, *(p for p in root.iterdir() if p.is_dir())]:
        for name in CGROUP_PARENTS:
            for path, _, _ in os.walk(top / name, topdown=False):
                try:
                    os.rmdir(path)
                except OSError:
                    pass


def processes_with(text):
    """Pids of the processes that have it in their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


def end_processes_with(text):
    """What watches over containers may outlive both them and the daemon: podman's, by five minutes."""
    for pid in processes_with(text):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    harness.wait_until(lambda: not processes_with(text), STOP_S, lambda: processes_with(text))


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=REQUEST_S)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(REQUEST_S)
        self.sock.connect(self.path)


class Runtime:
    """What all of them have: a folder, a daemon, an image; a context manager."""

    name = None  # as `proctrail` calls it
    program = None

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix=f"proctrail-{self.name}-", dir="/var/tmp"))
        self.socket = self.folder / f"{self.name}.sock"
        self.roots = {}
        self.daemon = None
        self.containers = []
        self._image = None

    @classmethod
    def missing(cls):
        """Why it cannot be started on this machine, or None."""
        if os.geteuid() != 0:
            return "only root may start containers"
        lacks = [program for program in (cls.program, "runc", "busybox") if not shutil.which(program)]
        return f"missing: {', '.join(lacks)} (tools/deps test)" if lacks else None

    @property
    def image(self):
        return self._image.name

    @property
    def image_id(self):
        return self._image.id

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts the daemon, waits for it, and loads the image; after start_daemon() alone the old image is there."""
        self.configure()
        self.start_daemon()
        self._image = oci_image.busybox(self.folder)
        self.load(self._image)
        return self

    def start_daemon(self):
        with open(self.folder / "daemon.log", "ab") as log:
            self.daemon = subprocess.Popen(self.command(), env={**os.environ, **self.environment()}, stdout=log,
                                           stderr=log, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
        harness.wait_until(self.is_ready, START_S, self.log)

    def stop_daemon(self, sig=signal.SIGTERM):
        """The daemon alone: its containers and its state stay where it leaves them."""
        if self.daemon and self.daemon.poll() is None:
            self.daemon.send_signal(sig)
            try:
                self.daemon.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait(STOP_S)

    def stop(self):
        """Removes the containers, ends the daemon, and leaves nothing behind."""
        try:
            if self.daemon and self.daemon.poll() is None:
                for container in list(self.containers):
                    self.remove(container)
                self.clean()
        finally:
            self.stop_daemon()
            end_processes_with(str(self.folder))
            for point in mounts_below(self.folder):
                subprocess.run(["umount", "-l", point], check=False, timeout=STOP_S)
            shutil.rmtree(self.folder, ignore_errors=True)
            remove_cgroups()

    def log(self):
        return (self.folder / "daemon.log").read_text(errors="replace")[-4000:]

    def environment(self):
        return {}

    def clean(self):
        """What else there is to remove while the daemon runs."""

    def run_many(self, name, command, n):
        """n containers at a time, as many as the machine can start; their ids."""
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(lambda i: self.run(f"{name}{i}", command), range(n)))


class DockerApi(Runtime):
    """What speaks the Docker Engine API."""

    version = "v1.24"
    host_config = {}

    def ask(self, method, path, body=None, kind="application/json"):
        """The answer's status and bytes."""
        connection = UnixConnection(self.socket)
        try:
            data = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method, f"/{self.version}{path}", body=data, headers={"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def request(self, method, path, body=None, kind="application/json"):
        """The answer's bytes; AssertionError where it is an error."""
        status, content = self.ask(method, path, body, kind)
        assert status < 400, f"{method} {path}: {status} {content[:500]!r}\n{self.log()}"
        return content

    def is_ready(self):
        assert self.daemon.poll() is None, self.log()
        try:
            return self.request("GET", "/_ping").startswith(b"OK")
        except (OSError, http.client.HTTPException):
            return False

    def load(self, image):
        self.request("POST", "/images/load", Path(image.archive).read_bytes(), "application/x-tar")

    def create(self, name, command, *, labels=None, privileged=False, image=None, user=""):
        """A container that has not been started; its id."""
        config = {"Image": image or self.image, "Cmd": command, "Labels": labels or {}, "User": user,
                  "HostConfig": {"NetworkMode": "none", "Privileged": privileged, **self.host_config}}
        answer = json.loads(self.request("POST", f"/containers/create?name={quote(name)}", config))
        self.containers.append(answer["Id"])
        return answer["Id"]

    def run(self, name, command, **options):
        """Creates and starts; its id. Options as create()."""
        container = self.create(name, command, **options)
        self.request("POST", f"/containers/{container}/start")
        return container

    def start_again(self, container):
        """One that has been made, or has ended."""
        self.request("POST", f"/containers/{container}/start")

    def wait(self, container):
        """Until it has ended; its exit code."""
        return json.loads(self.request("POST", f"/containers/{container}/wait"))["StatusCode"]

    def exec(self, container, command, user=""):
        """Runs a command in a running container, to its end."""
        made = json.loads(self.request("POST", f"/containers/{container}/exec", {
            "Cmd": command, "User": user, "AttachStdout": True, "AttachStderr": True}))
        self.request("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})

    def rename(self, container, name):
        self.request("POST", f"/containers/{container}/rename?name={quote(name)}")

    def started(self, container):
        """When, as RFC 3339 with nine digits."""
        seconds, _, fraction = self.inspect(container)["State"]["StartedAt"].rstrip("Z").partition(".")
        return f"{seconds}.{fraction:0<9}Z"

    def inspect(self, container):
        return json.loads(self.request("GET", f"/containers/{container}/json"))

    def remove(self, container):
        self.request("DELETE", f"/containers/{container}?force=true")
        self.containers.remove(container)


class Docker(DockerApi):
    name = "docker"
    program = "dockerd"

    def configure(self):
        self.roots = {"data": self.folder / "data", "exec": self.folder / "exec"}
        (self.folder / "daemon.json").write_text(json.dumps({
            "data-root": str(self.roots["data"]), "exec-root": str(self.roots["exec"]),
            "pidfile": str(self.folder / "docker.pid"), "hosts": [f"unix://{self.socket}"],
            "bridge": "none", "iptables": False, "ip6tables": False, "ip-forward": False, "ip-masq": False,
            "storage-driver": "overlay2", "exec-opts": ["native.cgroupdriver=cgroupfs"], "oom-score-adjust": 0,
            "shutdown-timeout": 2}))

    def pull(self):
        """The image as it is after a pull: (its name, its digest)."""
        with ImageRegistry(self._image) as registry:
            self.request("POST", f"/images/create?fromImage={quote(registry.name)}&tag=1")
        return f"{registry.name}:1", registry.digest

    def command(self):
        return ["dockerd", "--config-file", self.folder / "daemon.json"]


class Podman(DockerApi):
    name = "podman"
    program = "podman"
    # The configuration's limits do not hold for the API, and the defaults are above what a machine may allow.
    host_config = {"Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 4096},
                               {"Name": "nproc", "Soft": 4096, "Hard": 4096}]}

    def configure(self):
        self.roots = {"graph": self.folder / "graph", "run": self.folder / "run"}
        (self.folder / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.roots["graph"]}"\nrunroot = "{self.roots["run"]}"\n')
        (self.folder / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\nlock_type = "file"\n'
            f'tmp_dir = "{self.folder}/tmp"\nvolume_path = "{self.folder}/volumes"\n'
            f'[network]\nnetwork_config_dir = "{self.folder}/networks"\n')

    def environment(self):
        return {"CONTAINERS_CONF": str(self.folder / "containers.conf"),
                "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf")}

    def pull(self):
        """It has one as it is: that of what the archive was turned into."""
        (image,) = json.loads(self.cli("image", "inspect", self.image))
        return self.image, image["Digest"]

    def command(self):
        return ["podman", "system", "service", "-t", "0", f"unix://{self.socket}"]

    def remove(self, container):
        """Asks until it has gone: "busy" is its own clean-up after the container's end (podman issue 11594)."""
        answers = []

        def has_gone():
            answers.append(self.ask("DELETE", f"/containers/{container}?force=true"))
            status, content = answers[-1]
            is_busy = status == 500 and b"device or resource busy" in content
            assert status < 400 or is_busy or (status == 404 and len(answers) > 1), f"{answers}\n{self.log()}"
            return not is_busy

        harness.wait_until(has_gone, REQUEST_S, lambda: answers)
        self.containers.remove(container)

    def cli(self, *arguments):
        """`podman ARGUMENTS`, without its service; what it prints."""
        return subprocess.run(["podman", *arguments], env={**os.environ, **self.environment()}, check=True,
                              timeout=REQUEST_S, stdout=subprocess.PIPE, text=True).stdout
