# SPDX-License-Identifier: Apache-2.0
"""
A registry of one image on this machine's loopback: where an image gets the digest from that it was pulled by.

    with ImageRegistry(oci_image.busybox(folder)) as registry:
        registry.name       what to pull: "127.0.0.1:PORT/proctrail-test/busybox"; the tag is that of the image
        registry.digest     "sha256:..."
"""
import hashlib
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCHEMA = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"  # or a tar as it is


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(has_body=False)

    def do_GET(self):
        self.answer(has_body=True)

    def answer(self, has_body):
        registry, (_, *path) = self.server.registry, self.path.strip("/").split("/")
        kind, data = "application/json", b"{}"
        if path and path[-2] == "manifests":
            kind, data = SCHEMA, registry.manifest
        elif path:
            kind, data = "application/octet-stream", registry.blobs[path[-1]]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Content-Digest", digest_of(data))
        self.end_headers()
        if has_body:
            self.wfile.write(data)


class ImageRegistry:
    def __init__(self, image):
        with tarfile.open(image.archive) as tar:
            about = json.loads(tar.extractfile("manifest.json").read())[0]
            config, (layer,) = tar.extractfile(about["Config"]).read(), about["Layers"]
            layer = tar.extractfile(layer).read()
        self.blobs = {digest_of(data): data for data in (config, layer)}
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": SCHEMA,
            "config": {"mediaType": CONFIG, "size": len(config), "digest": digest_of(config)},
            "layers": [{"mediaType": LAYER, "size": len(layer), "digest": digest_of(layer)}]}).encode()
        self.digest = digest_of(self.manifest)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.registry = self
        self.name = f"127.0.0.1:{self.server.server_port}/proctrail-test/busybox"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
