# SPDX-License-Identifier: Apache-2.0
"""
A Kubernetes API server of the tests' own: lists with limit and continue, watches with bookmarks and resource
versions, objects of the group meta.k8s.io, statuses as the real one words them; by TLS or not. And all that may go
wrong, as the test wants it: KubeApi.faults are asked, in their order, before a request is answered as it should be.
KubeApi.requests says who asked for what. The same server is a kubelet: /pods.
"""
import itertools
import json
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def make_certificates(directory):
    """A test CA, with a server's certificate for the loopback interface and a client's; all PEM files."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new_key, "-days", 30, "-subj", "/CN=test CA", "-keyout", directory / "ca.key", "-out",
            directory / "ca.crt", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name in ("server", "client"):
        (directory / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n"
                                               "extendedKeyUsage=serverAuth,clientAuth\n")
        openssl("req", "-new", *new_key, "-subj", f"/CN={name}", "-keyout", directory / f"{name}.key", "-out",
                directory / f"{name}.csr")
        openssl("x509", "-req", "-in", directory / f"{name}.csr", "-CA", directory / "ca.crt", "-CAkey",
                directory / "ca.key", "-CAcreateserial", "-days", 30, "-extfile", directory / f"{name}.ext", "-out",
                directory / f"{name}.crt")


def status(code, reason, message=""):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": code}


class Answer(Exception):
    """What a fault answers instead of what it should."""

    def __init__(self, code, body=b"", headers=()):
        super().__init__(code)
        self.code, self.headers = code, dict(headers)
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def setup(self):
        if self.server.api.tls:
            self.request.settimeout(10)
            self.request.do_handshake()
            self.request.settimeout(None)
        super().setup()
        self.server.api.connections.add(self.connection)

    def finish(self):
        self.server.api.connections.discard(self.connection)
        super().finish()

    def send(self, code, body, headers=()):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for key, value in dict(headers).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def do_GET(self):
        api = self.server.api
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        request = {"path": url.path, "query": query, "accept": self.headers.get("Accept"),
                   "token": (self.headers.get("Authorization") or "").removeprefix("Bearer "),
                   "time": time.monotonic()}
        with api.lock:
            api.requests.append(request)
        try:
            api.meet_faults(request, self)
            api.authorize(request)
            if query.get("watch") == "true":
                self.watch(query)
            else:
                self.send(200, json.dumps(api.get(request)).encode() + b"\n")
        except Answer as answer:
            self.send(answer.code, answer.body, answer.headers)
        except (OSError, ssl.SSLError):
            self.close_connection = True

    def watch(self, query):
        api = self.server.api
        events = api.events_after(query)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        with api.lock:
            api.n_watches += 1
        try:
            for line in events:
                if isinstance(line, ConnectionAbortedError):
                    self.close_connection = True
                    return
                self.chunk(line)
            self.wfile.write(b"0\r\n\r\n")
        finally:
            with api.lock:
                api.n_watches -= 1


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


class KubeApi:
    """Use as a context. `certificates`: the folder of make_certificates(); None: plain HTTP."""

    def __init__(self, certificates=None, token="token-1", needs_client_certificate=False):
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.tokens = {token} if token else None  # None: everybody may ask
        self.requests, self.faults, self.connections = [], [], set()
        self.n_watches = 0
        self.versions = itertools.count(1000)
        self.version = next(self.versions)
        self.objects = {}  # path of the one object: the object
        self.log = []  # (version, event) of pods
        self.oldest = self.version  # before it a watch has expired
        self.page_tokens = {}
        self.honours_limit = True
        self.tls = certificates is not None
        self.stopping = False
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.api = self
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
            if needs_client_certificate:
                context.load_verify_locations(certificates / "ca.crt")
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        self.server.shutdown()
        self.cut()
        self.server.server_close()
        self.thread.join(5)

    # What there is

    def path_of(self, thing):
        plural = {"Pod": "pods", "ReplicaSet": "replicasets", "Job": "jobs", "Deployment": "deployments"}
        api = thing.get("apiVersion", "v1")
        root = "/api/v1" if api == "v1" else f"/apis/{api}"
        metadata = thing["metadata"]
        return f"{root}/namespaces/{metadata['namespace']}/{plural[thing['kind']]}/{metadata['name']}"

    def put(self, thing):
        """A new object, or a new version of it."""
        with self.changed:
            self.version = next(self.versions)
            thing["metadata"]["resourceVersion"] = str(self.version)
            path = self.path_of(thing)
            kind = "MODIFIED" if path in self.objects else "ADDED"
            self.objects[path] = thing
            self._log(kind, thing)
        return thing

    def remove(self, thing):
        with self.changed:
            self.version = next(self.versions)
            gone = json.loads(json.dumps(thing))
            gone["metadata"]["resourceVersion"] = str(self.version)
            del self.objects[self.path_of(thing)]
            self._log("DELETED", gone)

    def _log(self, kind, thing):
        if thing["kind"] == "Pod":
            self.log.append((self.version, thing["spec"]["nodeName"],
                             json.dumps({"type": kind, "object": thing}).encode() + b"\n"))
        self.changed.notify_all()

    def say(self, line):
        """Puts bytes into all watches, as they are: a bookmark, garbage, half a line."""
        with self.changed:
            self.log.append((self.version, None, line))
            self.changed.notify_all()

    def bookmark(self, version=None):
        with self.changed:
            if version is None:
                self.version = next(self.versions)
            self.say(json.dumps({"type": "BOOKMARK", "object": {"kind": "Pod", "apiVersion": "v1", "metadata": {
                "resourceVersion": str(version or self.version), "creationTimestamp": None}}}).encode() + b"\n")

    def expire(self):
        """Forgets the past, as compaction does: what is older is 410 from now on."""
        with self.changed:
            self.version = next(self.versions)
            self.oldest = self.version
            self.log = []

    def cut(self):
        """All connections, at once."""
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # What is answered

    def meet_faults(self, request, handler):
        with self.lock:
            faults = list(self.faults)
        for fault in faults:
            fault(request, handler)

    def authorize(self, request):
        if self.tokens is not None and request["token"] not in self.tokens:
            raise Answer(401, status(401, "Unauthorized", "Unauthorized"))

    def pods(self, query):
        selector = query.get("fieldSelector", "")
        assert selector.startswith("spec.nodeName="), "the whole cluster was asked for"
        node = selector.removeprefix("spec.nodeName=")
        return [o for o in self.objects.values() if o["kind"] == "Pod" and o["spec"]["nodeName"] == node]

    def get(self, request):
        with self.lock:
            if request["path"] == "/api/v1/pods":
                return self.page(request["query"])
            if request["path"] == "/pods":
                return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [
                    o for o in self.objects.values() if o["kind"] == "Pod"]}
            thing = self.objects.get(request["path"])
        if thing is None:
            raise Answer(404, status(404, "NotFound"))
        if request["accept"] == METADATA:
            return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": thing["metadata"]}
        return thing

    def page(self, query):
        if "continue" in query:
            assert "resourceVersion" not in query, "not allowed with continue"
            if query["continue"] not in self.page_tokens:
                raise Answer(410, status(410, "Expired", "The provided continue parameter is too old"))
            version, rest = self.page_tokens[query["continue"]]
        else:
            version, rest = self.version, self.pods(query)
        limit = int(query["limit"]) if self.honours_limit and "limit" in query else len(rest)
        metadata = {"resourceVersion": str(version)}
        if len(rest) > limit:
            token = f"page/{version}+{len(rest)}=="
            self.page_tokens[token] = (version, rest[limit:])
            metadata |= {"continue": token, "remainingItemCount": len(rest) - limit}
        return {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": rest[:limit]}

    def events_after(self, query):
        """Lines, for ever; first whether the version is still known."""
        self.pods(query)  # that it has a node's name
        node = query["fieldSelector"].removeprefix("spec.nodeName=")
        version = int(query["resourceVersion"])
        with self.lock:
            if version < self.oldest:
                return iter([json.dumps({"type": "ERROR", "object": status(410, "Expired", "too old resource version: "
                             f"{version} ({self.oldest})")}).encode() + b"\n"])
        return self.follow(node, version)

    def follow(self, node, version):
        log, at = self.log, 0
        with self.changed:
            while at < len(log) and log[at][0] <= version:
                at += 1
        while True:
            with self.changed:
                while self.log is log and at == len(log) and not self.stopping:
                    self.changed.wait(5)
                if self.stopping:
                    return
                if at == len(log):  # expired: a real server goes on with those that are there
                    log, at = self.log, 0
                    continue
                _, of_node, line = log[at]
                at += 1
            if of_node in (None, node):
                yield line


# Faults

def once(answer, path=None, watch=None):
    """Answers the first request that fits in this way."""
    left = [answer]

    def fault(request, handler):
        if left and fits(request, path, watch):
            raise left.pop()

    return fault


def always(answer, path=None, watch=None):
    def fault(request, handler):
        if fits(request, path, watch):
            raise answer

    return fault


def slow(seconds, path=None, watch=None):
    def fault(request, handler):
        if fits(request, path, watch):
            time.sleep(seconds)

    return fault


def fits(request, path, watch):
    return (path is None or path in request["path"]) and \
        (watch is None or watch == (request["query"].get("watch") == "true"))
