# SPDX-License-Identifier: Apache-2.0
"""The source "kubernetes" against an API server that does what a real one does, and all that it should not."""
import base64
import json
import os
import secrets
import time
import uuid
from pathlib import Path

import pytest

import harness
from harness import parse_arguments, wait_until
from kube_api import METADATA, Answer, KubeApi, always, make_certificates, once, slow, status
from kube_follow import (NODE, TOLD_S, Follow, container_status, controlled, id_of, owned_by, owner, pod)


@pytest.fixture(scope="session")
def certificates(session_dir):
    path = session_dir / "kube"
    path.mkdir()
    make_certificates(path)
    return path


@pytest.fixture
def api(certificates):
    with KubeApi(certificates) as api:
        yield api


@pytest.fixture
def account(work, certificates):
    """The folder of a service account."""
    path = work / "account"
    path.mkdir()
    (path / "token").write_text("token-1\n")
    (path / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    return path


@pytest.fixture
def start():
    """A function that starts a source; it ends within a second, whatever happened to it."""
    program = Path(os.environ.get("PROCTRAIL_BUILD", harness.REPO / "build")) / "tests" / "kube" / "kube_follow"
    started = []

    def start(**options):
        started.append(Follow(str(program), **options))
        return started[-1]

    yield start
    try:
        for one in started:
            if one.popen.poll() is None:
                assert one.end() < 1000
    finally:
        for one in started:
            one.kill()


@pytest.fixture
def follow(start, api, account):
    """A source that has the API server's pods, and watches."""
    def follow(**options):
        source = start(mode="api", account=account, server=api.url, **options)
        wait_until(lambda: api.n_watches == 1, TOLD_S, lambda: f"a watch {source.log} {api.requests}")
        return source

    return follow


def of_pods(api):
    return [r for r in api.requests if r["path"] == "/api/v1/pods"]


def lists(api):
    return [r for r in of_pods(api) if "watch" not in r["query"]]


def watches(api):
    return [r for r in of_pods(api) if "watch" in r["query"]]


# What is told


def test_pod_and_its_containers(api, follow):
    web, sidecar = secrets.token_hex(32), secrets.token_hex(32)
    thing = api.put(pod("web-1", labels={"team": "shop", "app": "web"}, containers={"web": web, "proxy": sidecar}))
    source = follow()
    assert source.pod("web-1") == {"namespace": "shop", "pod": "web-1", "uid": thing["metadata"]["uid"],
                                   "workload": "web-1", "kind": "pod", "labels": "app=web team=shop"}
    told = source.container(web)
    assert told == {"name": "web", "runtime": "containerd", "uid": thing["metadata"]["uid"], "container": "web",
                    "image.name": "localhost/shop/web:1.2", "image.tag": "1.2", "image.digest": "sha256:" + "a" * 64}
    assert source.container(sidecar)["container"] == "proxy"


def test_a_container_is_told_before_its_pod(api, follow):
    """So that who knows the container, but not that it is one of the pod, can make use of what is said of the pod."""
    source = follow()
    thing = api.put(pod("web-1"))
    source.pod("web-1")
    lines = [line for line in source.told if "id" in line or "pod" in line]
    assert lines[0].get("id") == id_of(thing) and lines[0]["is"]["uid"] == thing["metadata"]["uid"]


def test_all_kinds_of_containers(api, follow):
    ids = {kind: secrets.token_hex(32) for kind in ("init", "debug", "docker")}
    thing = pod("web-1", initContainerStatuses=[container_status("setup", ids["init"], "cri-o")],
                ephemeralContainerStatuses=[container_status("shell", ids["debug"])])
    thing["spec"]["initContainers"] = [{"name": "setup", "securityContext": {"privileged": True}}]
    thing["status"]["containerStatuses"].append(container_status("old", ids["docker"], "docker"))
    thing["status"]["containerStatuses"].append({"name": "waiting", "state": {"waiting": {}}, "containerID": ""})
    api.put(thing)
    source = follow()
    told = source.container(ids["init"])
    assert told["container"] == told["name"] == "setup" and told["runtime"] == "cri-o" and told["privileged"]
    assert source.container(ids["debug"])["container"] == "shell"
    told = source.container(ids["docker"])
    assert told["container"] == "old" and "name" not in told and "privileged" not in told


def test_labels_and_chosen_annotations_can_be_recovered(api, follow):
    labels = {"b": "", "a": "x", "example.com/c": 'a "quoted" one'}
    annotations = {"owner": "two words", "team/a": "1", "team/b": "2\n3", "teams": "not asked for", "zz": "no"}
    api.put(pod("web-1", labels=labels, annotations=annotations))
    told = follow(annotation=["owner", "team/*"]).pod("web-1")
    assert [a.decode() for a in parse_arguments(told["labels"])] == ["a=x", "b=", 'example.com/c=a "quoted" one']
    assert [a.decode() for a in parse_arguments(told["annotations"])] == ["owner=two words", "team/a=1",
                                                                        "team/b=2\n3"]


def test_static_pod_is_found_by_the_hash_of_its_file(api, follow):
    hash_ = secrets.token_hex(16)
    api.put(pod("etcd-node-1", by=owner("Node", NODE, "v1"), annotations={
        "kubernetes.io/config.mirror": hash_, "kubernetes.io/config.hash": hash_,
        "kubernetes.io/config.source": "file"}))
    told = follow().pod("etcd-node-1")
    assert told["uid"] == hash_ and told["kind"] == "pod" and told["workload"] == "etcd-node-1"


def test_no_pod_takes_the_name_of_another(api, follow):
    victim = api.put(pod("bank"))
    uid = victim["metadata"]["uid"]
    thief = api.put(pod("thief", annotations={"kubernetes.io/config.mirror": uid, "kubernetes.io/config.hash": uid}))
    source = follow()
    assert source.pod("thief")["uid"] == thief["metadata"]["uid"]
    told = [line["pod"] for line in source.ask(id_of(victim), uid) if "pod" in line]
    assert [t["pod"] for t in told] == ["bank"]


def test_pod_is_told_when_it_comes_changes_and_never_when_nothing_that_matters_changed(api, follow):
    source = follow()
    thing = api.put(pod("late", labels={"v": "1"}))
    assert source.pod("late")["labels"] == "v=1"
    thing["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    api.put(thing)
    thing["metadata"]["labels"] = {"v": "2"}
    api.put(thing)
    source.pod("late", labels="v=2")
    assert len([line for line in source.told if "pod" in line]) == 2


def test_pods_of_other_nodes_are_not_even_asked_for(api, follow):
    api.put(pod("here"))
    api.put(pod("there", node="node-2"))
    source = follow()
    source.pod("here")
    api.put(pod("there-too", node="node-2"))
    api.put(pod("here-too"))
    source.pod("here-too")
    assert set(source.pods()) == {"here", "here-too"}
    assert {r["query"]["fieldSelector"] for r in of_pods(api)} == {"spec.nodeName=node-1"}


def test_pod_that_went_is_forgotten(api, follow):
    thing = api.put(pod("web-1"))
    source = follow()
    source.pod("web-1")
    api.remove(thing)
    source.wait_state(items=0)
    assert source.ask(id_of(thing), thing["metadata"]["uid"]) == []


# Workloads


def test_owners_are_followed_to_the_top(api, follow):
    set_ = api.put(controlled("ReplicaSet", "web-5d8", owner("Deployment", "web")))
    rollout = api.put(controlled("ReplicaSet", "blue-77", owner("Rollout", "blue", "argoproj.io/v1alpha1")))
    bare = api.put(controlled("ReplicaSet", "bare"))
    nightly = api.put(controlled("Job", "nightly-291", owner("CronJob", "nightly", "batch/v1"), "batch/v1"))
    once_ = api.put(controlled("Job", "once", None, "batch/v1"))
    expected = {"a": ("deployment", "web", owned_by(set_)), "b": ("rollout", "blue", owned_by(rollout)),
                "c": ("replicaset", "bare", owned_by(bare)), "d": ("cronjob", "nightly", owned_by(nightly)),
                "e": ("job", "once", owned_by(once_)), "f": ("statefulset", "db", owner("StatefulSet", "db")),
                "g": ("daemonset", "log", owner("DaemonSet", "log")),
                "h": ("replicationcontroller", "old", owner("ReplicationController", "old", "v1")),
                "i": ("workflow", "w", owner("Workflow", "w", "argoproj.io/v1alpha1")), "j": ("pod", "j", None)}
    for name, (_, _, by) in expected.items():
        api.put(pod(name, by=by))
    source = follow()
    for name, (kind, workload, _) in expected.items():
        source.pod(name, kind=kind, workload=workload)
    assert source.state()["failures"] == 0


def test_a_deployment_of_a_custom_resource_is_the_top(api, follow):
    """The role allows nothing above it to be read, and nobody asks."""
    api.put(controlled("Deployment", "web", owner("Shop", "shop", "example.org/v1")))
    set_ = api.put(controlled("ReplicaSet", "web-5d8", owner("Deployment", "web")))
    api.put(pod("a", by=owned_by(set_)))
    source = follow()
    source.pod("a", kind="deployment", workload="web")
    assert not [r for r in api.requests if "deployments" in r["path"] or "shops" in r["path"]]
    assert source.state()["failures"] == 0


def test_the_owner_that_controls_counts(api, follow):
    thing = pod("p")
    thing["metadata"]["ownerReferences"] = [owner("Other", "first", controller=False), owner("StatefulSet", "db"),
                                            owner("Other", "third", controller=False)]
    api.put(thing)
    alone = pod("q")
    alone["metadata"]["ownerReferences"] = [owner("Other", "first", controller=False)]
    api.put(alone)
    source = follow()
    source.pod("p", kind="statefulset", workload="db")
    source.pod("q", kind="other", workload="first")


def test_each_owner_is_asked_for_once_and_for_its_metadata_alone(api, follow):
    set_ = api.put(controlled("ReplicaSet", "web-5d8", owner("Deployment", "web")))
    for _ in range(8):
        api.put(pod(by=owned_by(set_)))
    source = follow()
    last = api.put(pod("last", by=owned_by(set_)))
    source.pod("last", kind="deployment")
    last["metadata"]["labels"] = {"a": "b"}
    api.put(last)
    source.pod("last", labels="a=b")
    asked = [r for r in api.requests if r["path"] != "/api/v1/pods"]
    assert [r["path"] for r in asked] == ["/apis/apps/v1/namespaces/shop/replicasets/web-5d8"]
    assert asked[0]["accept"] == METADATA and asked[0]["query"] == {"resourceVersion": "0"}


def test_where_owners_are_forbidden_names_are_not_made_up(api, follow):
    for what in ("replicasets", "jobs"):
        api.faults.append(always(Answer(403, status(403, "Forbidden")), path=what))
    deployed, named = controlled("ReplicaSet", "web-5d8"), controlled("ReplicaSet", "web-5d8-x")
    job = controlled("Job", "nightly-291", None, "batch/v1")
    api.put(pod("a", by=owned_by(deployed), labels={"pod-template-hash": "5d8"}))
    api.put(pod("b", by=owned_by(named), labels={"pod-template-hash": "5d8"}))
    api.put(pod("c", by=owned_by(job)))
    api.put(pod("d", by=owner("ReplicaSet", "5d8"), labels={"pod-template-hash": "5d8"}))
    source = follow()
    source.pod("a", kind="deployment", workload="web")
    source.pod("b", kind="replicaset", workload="web-5d8-x")
    source.pod("c", kind="job", workload="nightly-291")
    source.pod("d", kind="replicaset", workload="5d8")


def test_another_owner_of_the_same_name_does_not_count(api, follow):
    api.put(controlled("ReplicaSet", "web-1", owner("Deployment", "not-this")))
    api.put(pod("a", by=owner("ReplicaSet", "web-1")))
    follow().pod("a", kind="replicaset", workload="web-1")


def test_owner_that_comes_later_than_its_pod_is_asked_for_again(api, follow):
    set_ = controlled("ReplicaSet", "web-5", owner("Deployment", "web"))
    api.put(pod("a", by=owned_by(set_)))
    source = follow()
    source.pod("a", kind="replicaset")
    api.put(set_)
    source.pod("a", kind="deployment", workload="web")


def test_an_owner_that_hangs_holds_up_no_pod(api, follow):
    api.faults.append(slow(3, path="replicasets"))
    set_ = api.put(controlled("ReplicaSet", "web-5", owner("Deployment", "web")))
    api.put(pod("a", by=owned_by(set_)))
    source = follow()
    assert "kind" not in source.pod("a")
    api.put(pod("b"))
    source.pod("b", kind="pod")
    assert "kind" not in source.pod("a")
    source.pod("a", kind="deployment")


# Questions


def quickest(ask, tries=5):
    """In seconds; the machine may be busy with other things for one or the other."""
    times = []
    for _ in range(tries):
        began = time.monotonic()
        ask()
        times.append(time.monotonic() - began)
    return min(times)


def test_known_pods_are_told_at_once(api, follow):
    thing = api.put(pod("web-1"))
    source = follow()
    source.pod("web-1")
    assert quickest(lambda: source.ask(id_of(thing), thing["metadata"]["uid"])) < 0.14, "it waited for more"
    told = source.ask(id_of(thing), thing["metadata"]["uid"])
    assert [line.get("pod", line.get("is"))["uid"] for line in told] == [thing["metadata"]["uid"]] * 2
    assert [line["id"] for line in told if "id" in line] == [id_of(thing)]
    assert source.ask(id_of(thing), "shop", "web-1", verb="named") == told
    assert source.ask(id_of(thing)) == told
    state = source.state()
    assert state["questions"] == state["answers"] > 3


def test_a_pod_that_comes_a_moment_later_is_in_the_answer(api, follow):
    source = follow()
    thing = pod("web-1")
    begin = len(source.told)
    source.say("ask", id_of(thing), thing["metadata"]["uid"])
    time.sleep(0.03)
    api.put(thing)
    wait_until(lambda: {"answered": id_of(thing)} in source.told, TOLD_S, "an answer")
    assert any("pod" in line for line in source.told[begin:source.told.index({"answered": id_of(thing)})])


def test_what_is_in_no_pod_is_answered_at_once_and_an_unknown_pod_soon(api, follow):
    source = follow()
    assert quickest(lambda: source.ask(secrets.token_hex(32))) < 0.14
    began = time.monotonic()
    assert source.ask(secrets.token_hex(32), str(uuid.uuid4())) == []
    assert time.monotonic() - began > 0.1


def test_questions_are_answered_at_once_while_nobody_can_be_asked(start, account):
    source = start(mode="api", account=account, server="https://127.0.0.1:1")
    wait_until(lambda: source.state()["error"], TOLD_S, "an error")
    assert quickest(lambda: source.ask(secrets.token_hex(32), str(uuid.uuid4()))) < 0.14
    assert source.state()["status"] == "connecting"


def test_a_hundred_questions_at_once(api, follow):
    things = [api.put(pod()) for _ in range(100)]
    source = follow()
    wait_until(lambda: len(source.pods()) == 100, TOLD_S, "all pods")
    for thing in things:
        source.say("ask", id_of(thing), thing["metadata"]["uid"])
    wait_until(lambda: sum("answered" in line for line in source.told) == 100, TOLD_S, "all answers")
    assert source.state()["answers"] == 100


# The protocol


def test_list_is_read_page_by_page(api, follow):
    names = {api.put(pod())["metadata"]["name"] for _ in range(1234 % 600)}
    source = follow()
    wait_until(lambda: set(source.pods()) == names, TOLD_S, "all pods")
    first, *rest = lists(api)
    assert first["query"]["resourceVersion"] == "0" and len(rest) == 0 if len(names) <= 500 else rest
    assert len(watches(api)) == 1 and watches(api)[0]["query"]["resourceVersion"] == str(api.version)


def test_more_pods_than_the_limit_are_left_out_and_counted(api, follow):
    for _ in range(30):
        api.put(pod())
    source = follow(max_pods=20)
    state = source.wait_state(items=20)
    assert state["failures"] == 10 and state["status"] == "ready"


def test_watch_is_taken_up_where_it_ended(api, follow):
    source = follow()
    api.put(pod("a"))
    source.pod("a")
    version = api.version
    api.cut()
    wait_until(lambda: len(watches(api)) == 2, TOLD_S, "another watch")
    api.put(pod("b"))
    source.pod("b")
    assert watches(api)[1]["query"]["resourceVersion"] == str(version)
    assert len(lists(api)) == 1
    assert source.wait_state(status="ready")["reconnects"] == 1


def test_bookmarks_move_the_version_on(api, follow):
    follow()
    api.bookmark()
    version = api.version
    time.sleep(0.1)
    api.cut()
    wait_until(lambda: len(watches(api)) == 2, TOLD_S, "another watch")
    assert watches(api)[1]["query"]["resourceVersion"] == str(version)


def test_expired_version_on_a_watch_makes_a_list(api, follow):
    thing = api.put(pod("a"))
    source = follow()
    source.pod("a")
    api.expire()
    del api.objects[api.path_of(thing)]  # and nobody was told
    api.put(pod("b"))
    api.cut()
    source.pod("b")
    source.wait_state(items=1, status="ready")
    assert len(lists(api)) == 2


def test_expired_version_as_a_status(api, follow):
    source = follow()
    api.faults.append(once(Answer(410, status(410, "Expired")), watch=True))
    api.cut()
    wait_until(lambda: len(lists(api)) == 2, TOLD_S, "a list")
    source.wait_state(status="ready")


def test_expired_token_of_a_page_makes_another_list(api, start, account):
    names = {api.put(pod())["metadata"]["name"] for _ in range(600)}

    def forget(request, handler):
        if "continue" in request["query"] and api.page_tokens:
            api.page_tokens.clear()
            api.faults.clear()

    api.faults.append(forget)
    source = start(mode="api", account=account, server=api.url)
    wait_until(lambda: set(source.pods()) == names, TOLD_S, "all pods")
    assert [("continue" in r["query"]) for r in lists(api)] == [False, True, False, True]


def test_pods_of_a_list_that_was_cut_off_stay(api, follow):
    api.put(pod("a"))
    source = follow()
    source.pod("a")

    def half(request, handler):
        if "watch" not in request["query"]:
            api.faults.clear()
            raise Answer(200, b'{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[')

    api.faults.append(half)
    api.expire()
    api.cut()
    wait_until(lambda: len(lists(api)) == 3, TOLD_S, "two more lists")
    source.wait_state(status="ready", items=1)


# Who we are


def test_token_is_read_again_when_it_was_renewed(api, follow, account):
    source = follow()
    api.tokens = {"token-2"}
    (account / "token").write_text("token-2")
    api.cut()
    wait_until(lambda: len(watches(api)) == 2, TOLD_S, "another watch")
    assert [r["token"] for r in watches(api)] == ["token-1", "token-2"]
    api.put(pod("a"))
    source.pod("a")
    assert source.state()["failures"] == 1  # the cut


def test_token_that_is_not_accepted_is_read_again_at_once(api, start, account):
    api.tokens = {"token-2"}

    def renew(request, handler):
        (account / "token").write_text("token-2")

    api.faults.append(renew)
    source = start(mode="api", account=account, server=api.url)
    source.wait_state(status="ready")
    first, second = lists(api)
    assert [first["token"], second["token"]] == ["token-1", "token-2"]
    assert second["time"] - first["time"] < 0.25, "it waited as after a failure"


def test_refusals_are_told_once_and_tried_again_later_and_later(api, start, account):
    api.faults.append(always(Answer(403, status(403, "Forbidden"))))
    source = start(mode="api", account=account, server=api.url)
    wait_until(lambda: len(api.requests) == 3, 2 * TOLD_S, "three tries")
    assert api.requests[2]["time"] - api.requests[0]["time"] > 0.7
    assert len(source.log) == 1 and "see the ClusterRole" in source.log[0]
    assert source.state()["error"] == -1
    api.faults.clear()
    wait_until(lambda: source.state()["status"] == "ready", 3 * TOLD_S, "ready")
    assert len(source.log) == 2 and "is reached, 0 pods" in source.log[1]


def test_wrong_authority_is_no_server(certificates, api, start, account, work):
    other = work / "other"
    other.mkdir()
    make_certificates(other)
    (account / "ca.crt").write_bytes((other / "ca.crt").read_bytes())
    source = start(mode="api", account=account, server=api.url)
    wait_until(lambda: any("not of the authority that we know" in line for line in source.log), TOLD_S, "why")
    assert api.requests == []


def test_no_token_goes_over_http(start, account):
    with KubeApi(token=None) as api:
        api.put(pod("a"))
        source = start(mode="api", account=account, server=api.url)
        source.pod("a")
        source.end()
        assert {r["token"] for r in api.requests} == {""}


def test_in_cluster_and_auto(api, start, account):
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.port)}
    api.put(pod("a"))
    start(account=account, env=env).pod("a")
    assert start(account=account).state()["status"] == "off"
    assert start(account=account / "none", env=env).state()["status"] == "off"
    assert start(mode="off", account=account, env=env).state()["status"] == "off"
    assert start(mode="off").ask(secrets.token_hex(32), str(uuid.uuid4())) == []


def kubeconfig(path, api, cluster, user):
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "c",
              "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
              "clusters": [{"name": "k", "cluster": {"server": api.url, **cluster}}],
              "users": [{"name": "u", "user": user}]}
    path.write_text(json.dumps(config))
    return path


def test_kubeconfig_with_data_and_with_files(api, start, work, certificates):
    data = base64.b64encode((certificates / "ca.crt").read_bytes()).decode()
    (work / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    (work / "token").write_text("token-1\n")
    api.put(pod("a"))
    for i, (cluster, user) in enumerate([({"certificate-authority-data": data}, {"token": "token-1"}),
                                         ({"certificate-authority": "ca.crt"}, {"tokenFile": "token"}),
                                         ({"insecure-skip-tls-verify": True}, {"token": "token-1"})]):
        source = start(kubeconfig=kubeconfig(work / f"config{i}", api, cluster, user))
        assert source.pod("a")
    source = start(kubeconfig=kubeconfig(work / "config", api, {}, {"token": "token-1"}))
    wait_until(lambda: any("not of the authority" in line for line in source.log), TOLD_S, "a refusal")


@pytest.mark.parametrize("as_data", [True, False])
def test_kubeconfig_with_a_clients_certificate(start, work, certificates, as_data):
    names = {"certificate-authority": "ca.crt", "client-certificate": "client.crt", "client-key": "client.key"}
    values = {f"{k}-data": base64.b64encode((certificates / v).read_bytes()).decode() for k, v in names.items()} \
        if as_data else {k: str(certificates / v) for k, v in names.items()}
    user = {k: v for k, v in values.items() if k.startswith("client")}
    with KubeApi(certificates, token=None, needs_client_certificate=True) as api:
        api.put(pod("a"))
        source = start(kubeconfig=kubeconfig(work / "config", api, {k: v for k, v in values.items() if k not in user},
                                             user))
        source.pod("a")
        source.end()


# A server that does not behave


def test_garbage_is_passed_over(api, follow):
    source = follow()
    for line in (b"\x00\xff\xfe\n", b"[]\n", b'{"type":"ADDED"}\n', b'{"type":"WHAT","object":{}}\n',
                 b'{"type":"ADDED","object":{"metadata":{"name":7}}}\n', b"{" * 5000 + b"\n"):
        api.say(line)
        thing = api.put(pod())
        source.pod(thing["metadata"]["name"])
    assert source.wait_state(status="ready")["failures"] > 0


def test_a_line_cut_in_the_middle_is_read_again(api, follow):
    source = follow()
    line = json.dumps({"type": "ADDED", "object": pod("half")})[:300].encode()
    api.say(line)
    time.sleep(0.1)
    api.cut()
    wait_until(lambda: len(watches(api)) == 2, TOLD_S, "another watch")
    api.put(pod("half"))
    source.pod("half")


def test_an_event_that_is_too_large_is_got_over_by_a_list(api, follow):
    source = follow()
    huge = pod("huge")
    huge["metadata"]["annotations"]["x"] = "y" * (5 * 1024 * 1024)
    api.put(huge)
    source.pod("huge")
    api.put(pod("after"))
    source.pod("after")
    assert [r["query"].get("limit") for r in lists(api)] == ["500", "25"]
    assert "resourceVersion" not in lists(api)[1]["query"]


def test_what_follows_a_version_is_always_garbage(api, follow):
    """Resuming would never end: after three times there is a list."""
    source = follow()

    def garbage(request, handler):
        if request["query"].get("watch") == "true" and len(lists(api)) < 2:
            raise Answer(200, b"garbage\n")

    api.faults.append(garbage)
    api.cut()
    wait_until(lambda: len(lists(api)) == 2, 2 * TOLD_S, "a list")
    api.put(pod("a"))
    source.pod("a")


def test_retry_after_is_honoured(api, start, account):
    api.faults.append(once(Answer(429, status(429, "TooManyRequests"), {"Retry-After": "2"})))
    source = start(mode="api", account=account, server=api.url)
    wait_until(lambda: len(lists(api)) == 2, 2 * TOLD_S, "another try")
    assert lists(api)[1]["time"] - lists(api)[0]["time"] >= 2
    source.wait_state(status="ready")


def test_server_that_is_away_for_a_while(certificates, start, account):
    with KubeApi(certificates) as api:
        port = api.port
        thing = api.put(pod("a"))
        source = start(mode="api", account=account, server=api.url)
        source.pod("a")
    source.wait_state(status="connecting")
    assert [line["pod"]["pod"] for line in source.ask(id_of(thing), thing["metadata"]["uid"]) if "pod" in line] == ["a"]
    assert port


def test_slow_list_does_not_hold_up_the_end(api, start, account):
    api.faults.append(slow(5))
    source = start(mode="api", account=account, server=api.url)
    wait_until(lambda: api.requests, TOLD_S, "a request")
    assert source.end() < 1000


def test_it_does_not_ask_more_than_it_has_to(api, follow):
    source = follow()
    for i in range(5):
        api.put(pod(f"p{i}"))
    source.pod("p4")
    time.sleep(2)
    assert len(api.requests) == 2, api.requests
    assert 1800 <= int(watches(api)[0]["query"]["timeoutSeconds"]) < 3600


# kubelet


def test_kubelet_by_its_read_only_port(start):
    with KubeApi(token=None) as kubelet:
        set_ = controlled("ReplicaSet", "web-5d8")
        kubelet.put(pod("a", by=owned_by(set_), labels={"pod-template-hash": "5d8"}))
        kubelet.put(pod("b", by=owned_by(controlled("Job", "j", None, "batch/v1"))))
        source = start(mode="kubelet", server=kubelet.url)
        source.pod("a", kind="deployment", workload="web")
        source.pod("b", kind="job", workload="j")
        assert {r["path"] for r in kubelet.requests} == {"/pods"}
        source.end()


def test_kubelet_with_a_token(api, start, account):
    api.put(pod("a"))
    start(mode="kubelet", server=api.url, account=account).pod("a")
    assert {(r["path"], r["token"]) for r in api.requests} == {("/pods", "token-1")}


def test_kubelet_whose_certificate_is_its_own(api, start, account):
    (account / "ca.crt").unlink()
    api.put(pod("a"))
    start(mode="kubelet", server=api.url, account=account, insecure="true").pod("a")
    source = start(mode="kubelet", server=api.url, account=account)
    wait_until(lambda: any("not of the authority" in line for line in source.log), TOLD_S, "a refusal")


def test_kubelet_is_asked_at_once_for_a_pod_that_is_wanted(api, start, account):
    source = start(mode="kubelet", server=api.url, account=account)
    source.wait_state(status="ready")
    time.sleep(0.6)
    thing = api.put(pod("a"))
    told = source.ask(id_of(thing), thing["metadata"]["uid"])
    assert any("pod" in line for line in told), "it was not in the answer"
    assert len(api.requests) == 2
