# SPDX-License-Identifier: Apache-2.0
"""
Images for the container runtimes, made of what this machine has: no registry is ever asked. An image is an archive
that docker, podman and containerd load as it is, and all of them call it by the same id.
"""
import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
APPLETS = "sh sleep true false echo cat touch cp id ls".split()
PASSWD = "root:x:0:0:root:/root:/bin/sh\nimage:x:1000:1000::/:/bin/sh\n"
PAUSE = """
#include <signal.h>
#include <unistd.h>
static void end(int sig) { (void)sig; _exit(0); }
int main(void) { signal(SIGTERM, end); signal(SIGINT, end); for (;;) pause(); }
"""


class Image:
    """What run() and the runtimes need to know: the archive's path, the name with its tag, "sha256:..."."""

    def __init__(self, archive, name, image_id):
        self.archive, self.name, self.id = archive, name, image_id


def add_bytes(tar, name, data, mode=0o755):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def add_folder(tar, name, mode=0o755):
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    tar.addfile(info)


def pack(path, name, layer, command):
    """Writes the archive of one layer."""
    config = json.dumps({
        "architecture": ARCHITECTURE[platform.machine()], "os": "linux",
        "config": {"Cmd": command, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created_by": "test"}]}).encode()
    digest = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": digest + ".json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        add_bytes(tar, digest + ".json", config)
        add_bytes(tar, "layer.tar", layer)
        add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
    return Image(path, name, "sha256:" + digest)


def busybox(folder, name="localhost/proctrail-test/busybox:1"):
    """A shell and a few programs, by busybox-static."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for path in ("bin", "etc", "root", "proc", "sys", "dev"):
            add_folder(tar, path)
        add_folder(tar, "tmp", 0o1777)
        add_bytes(tar, "etc/passwd", PASSWD.encode(), 0o644)
        add_bytes(tar, "bin/busybox", Path(shutil.which("busybox")).read_bytes())
        for applet in APPLETS:
            link = tarfile.TarInfo("bin/" + applet)
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return pack(Path(folder, "busybox.tar"), name, layer.getvalue(), ["/bin/sleep", "600"])


def pause(folder, name="localhost/proctrail-test/pause:1"):
    """What a pod's sandbox runs: a program that waits."""
    program = Path(folder, "pause")
    subprocess.run(["gcc", "-static", "-O1", "-x", "c", "-o", program, "-"], input=PAUSE.encode(), check=True)
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        add_bytes(tar, "pause", program.read_bytes())
    return pack(Path(folder, "pause.tar"), name, layer.getvalue(), ["/pause"])
