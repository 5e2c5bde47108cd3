# SPDX-License-Identifier: Apache-2.0
"""`proctrail check` and what else is made of the tables; hostile files are refused within bounds."""
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

GOOD = "inputs:\n  - Type: input_process_security\nflushers:\n  - Type: flusher_blackhole\n"
SECONDS, MEMORY = 5, 96 << 20  # of processor time and resident memory, for any file


def call(binary, *arguments, cwd=None, **env):
    return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=30, check=False, cwd=cwd,
                          stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], **env})


def write_all(work, **files):
    for name, text in files.items():
        (work / name.replace("__", ".")).write_text(text)


def test_right(binary, work):
    write_all(work, a__yaml=GOOD, b__json=json.dumps({"inputs": [{"Type": "input_process_security"}],
                                                      "flushers": [{"Type": "flusher_blackhole"}]}))
    done = call(binary, "check", ".", cwd=work)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 pipelines right, 0 wrong\n", "")


def test_every_mistake_of_every_file(binary, work):
    write_all(work, a__yaml="enabel: true\n" + GOOD + "    Foo: 1\n", b__yml=GOOD, c__json="{", d__yaml="a: &x 1\n")
    done = call(binary, "check", ".", "none.yaml", cwd=work)
    assert done.returncode == 1 and done.stdout == "1 pipeline right, 4 wrong\n"
    assert done.stderr.splitlines() == [
        "./a.yaml:1:1: enabel: unknown key; did you mean 'enable'?",
        "./a.yaml:6:5: flushers[0].Foo: unknown key; expected Type",
        "./c.json:2:1: not valid YAML: did not find expected node content, while parsing a flow node that begins in "
        "line 2",
        "./d.yaml:1:4: anchors are not supported; write the value out",
        "none.yaml: cannot be opened: No such file or directory",
    ]


def test_nothing_enabled(binary, work):
    write_all(work, a__yaml="enable: false\n" + GOOD)
    done = call(binary, "check", "a.yaml", cwd=work)
    assert done.returncode == 1 and done.stdout == "1 pipeline right, 0 wrong\n"
    assert done.stderr == "a.yaml: warning: enable: the only pipeline is not enabled: nothing is recorded\n"


def test_folder_without_pipelines(binary, work):
    done = call(binary, "check", ".", cwd=work)
    assert done.returncode == 1
    assert done.stderr == (".: warning: there is no pipeline in this folder: no file that ends in .yaml, .yml or "
                           ".json\n")


def test_two_write_one_file(binary, work):
    text = GOOD.replace("flusher_blackhole", f"flusher_file\n    FilePath: {work}/out")
    write_all(work, a__yaml=text, b__yaml=text)
    done = call(binary, "check", "a.yaml", "b.yaml", cwd=work)
    assert done.returncode == 1
    assert done.stderr == (f"b.yaml:4:5: flushers[0]: '{work}/out' is written by the pipeline 'a' already (a.yaml); "
                           "give it a file of its own\n")
    assert not (work / "out").exists(), "check makes nothing"


def test_dump(binary, work):
    write_all(work, a__yaml=GOOD.replace("flusher_blackhole", "flusher_file\n    FilePath: /x/${NAME}.json"),
              b__yaml=GOOD)
    done = call(binary, "check", "--dump", "a.yaml", "b.yaml", cwd=work, NAME="a b")
    assert done.returncode == 0 and done.stderr == ""
    one, two = done.stdout.split("---\n")
    assert one.startswith("# a.yaml\nenable: true\n") and two.startswith("# b.yaml\nenable: true\n")
    assert '    FilePath: "/x/a b.json"\n' in one
    write_all(work, c__yaml=one)
    again = call(binary, "check", "--dump", "c.yaml", cwd=work)
    assert again.stdout.split("\n", 1)[1] == one.split("\n", 1)[1]


def test_settings(binary, work):
    write_all(work, agent__yaml="RingSize: 3MiB\nLogLevl: info\n", good__yaml="RingSize: ${RING:-1MiB}\n")
    done = call(binary, "check", "--agent-config", "agent.yaml", cwd=work)
    assert done.returncode == 1
    assert done.stderr == ("agent.yaml:2:1: LogLevl: unknown key; did you mean 'LogLevel'?\n"
                           "agent.yaml:1:11: RingSize: expected a power of two such as 8MiB or 16MiB\n")
    done = call(binary, "check", "--agent-config", "good.yaml", "--dump", cwd=work)
    assert done.returncode == 0 and "\nRingSize: 1MiB\n" in done.stdout


def test_nothing_to_check(binary):
    done = call(binary, "check")
    assert done.returncode == 2 and done.stderr.startswith("proctrail check: PATH is missing\n")


@pytest.mark.parametrize("arguments, said", [
    (["--ring-size", "3MiB"], "--ring-size: expected a power of two such as 8MiB or 16MiB"),
    (["--node-name", "x" * 65], "--node-name: expected 1 to 64 bytes, not 65"),
    (["--log-level", "loud"], "--log-level: expected error, warning, info or debug, not 'loud'"),
    (["--metrics-listen", "0.0.0.0:80"], "--metrics-listen: expected an address of the loopback interface such as "
                                         "127.0.0.1:9464, or none, not '0.0.0.0:80'"),
])
def test_flags_are_judged_as_settings(binary, arguments, said):
    done = call(binary, "run", *arguments)
    assert done.returncode == 2
    assert done.stderr == f"proctrail run: {said}\nSee proctrail run --help\n"


# --- hostile files ---

def bomb():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]" for i in range(1, 10)]
    return "\n".join(lines).encode()


MIB = 1 << 20
HOSTILE = {
    "bomb": (bomb, "anchors are not supported; write the value out"),
    "brackets": (lambda: b"[" * MIB, "nested too deeply: more than 32 levels"),
    "braces": (lambda: b"{a: " * (MIB // 4), "nested too deeply: more than 32 levels"),
    "dashes": (lambda: b"- " * (MIB // 2), "nested too deeply: more than 32 levels"),
    "indentation": (lambda: b"".join(b" " * i + b"a:\n" for i in range(1000)), "nested too deeply: more than 32 levels"),
    "many keys": (lambda: b"".join(b"k%05x: 1\n" % i for i in range(100000)), "too large: more than 65536 keys and values"),
    "same key": (lambda: b"k: 1\n" * 30000, "the key 'k' is here a second time; the first is in line 1"),
    "unknown keys": (lambda: b"".join(b"k%05d: 1\n" % i for i in range(30000)), "unknown key"),
    "question marks": (lambda: b"? " * (MIB // 2), "nested too deeply: more than 32 levels"),
    "one line": (lambda: b"a: " + b"x" * (MIB - 3), "a: unknown key"),
    "too large": (lambda: b"#" * (MIB + 1), "too large: a configuration may have at most 1048576 bytes"),
    "zeros": (lambda: b"\0" * 1000, "not valid YAML"),
    "no UTF-8": (lambda: b"a: \xff\xfe", "not valid YAML: invalid leading UTF-8 octet"),
    "references": (lambda: b"a: '" + b"${A:-b}" * 100000 + b"'", "a: unknown key"),
    "variables": (lambda: b"".join(b"k%05d: ${LONG}\n" % i for i in range(20000)),
                  "too large: variables may put in at most 1048576 bytes"),
}


# A program's peak begins with that of whoever made it (fs/exec.c: exec_mmap): this one is small.
MEASURE = f"""
import resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def check_within_bounds(binary, path):
    before = time.monotonic()
    done = subprocess.run([sys.executable, "-c", MEASURE, binary, "check", path], stdin=subprocess.DEVNULL,
                          capture_output=True, env={"LONG": "v" * 100000}, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1, (done.returncode, said)
    assert time.monotonic() - before < 4 * SECONDS
    with open(binary, "rb") as program:
        if b"__asan_init" not in program.read():
            assert int(done.stdout.split()[-1]) << 10 < MEMORY
    assert len(said) < 100000
    return said


@pytest.mark.parametrize("make, said", HOSTILE.values(), ids=HOSTILE)
def test_hostile_file_is_refused_within_bounds(binary, work, make, said):
    (work / "x.yaml").write_bytes(make())
    assert said in check_within_bounds(binary, work / "x.yaml")


def test_huge_file_is_not_read(binary, work):
    with open(work / "x.yaml", "wb") as f:
        f.truncate(100 << 20)
    assert "too large: a configuration may have at most 1048576 bytes" in check_within_bounds(binary, work / "x.yaml")


def test_folder_that_may_not_be_read(binary, work, needs_root):
    (work / "d").mkdir(mode=0o700)
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", binary, "check", "d"], capture_output=True,
                          text=True, timeout=10, check=False, cwd=work)
    assert (done.returncode, done.stderr) == (1, "d: cannot be read: Permission denied\n")


@pytest.mark.parametrize("make, said", [
    (lambda path: os.symlink("/proc/self/mem", path), "x.yaml: cannot be read: Input/output error"),
    (os.mkfifo, "expected a file, not a pipe"),
    (lambda path: os.symlink("/dev/zero", path), "expected a file, not a device"),
    (lambda path: os.symlink(path, path), "cannot be opened: Too many levels of symbolic links"),
])
def test_what_is_no_file(binary, work, make, said):
    make(work / "x.yaml")
    assert said in check_within_bounds(binary, work / "x.yaml")


# --- from the tables ---

def test_schema_agrees_with_check(binary, work):
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    validator = jsonschema.Draft7Validator(json.loads(call(binary, "plugins", "--json-schema").stdout))
    for text, is_right in [(GOOD, True), (GOOD + "    Foo: 1\n", False), ("createTime: 1\n" + GOOD, True),
                           (GOOD.replace("inputs", "inptus"), False), ("enable: maybe\n" + GOOD, False),
                           ("enable: '${X:-true}'\n" + GOOD, True)]:
        (work / "x.yaml").write_text(text)
        assert validator.is_valid(yaml.safe_load(text)) == is_right, text
        assert (call(binary, "check", work / "x.yaml").returncode == 0) == is_right, text


def test_plugin_that_is_not_there(binary):
    done = call(binary, "plugins", "flusher_fil")
    assert done.returncode == 2
    assert done.stderr == "proctrail plugins: there is no plugin 'flusher_fil'; did you mean 'flusher_file'?\n"


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize("line, expected", [
    ("proctrail ", "check"), ("proctrail ch", "check"), ("proctrail run --ho", "--hooks"),
    ("proctrail run --hooks b", "btf"), ("proctrail completion ", "fish"), ("proctrail run --config ./x", "./x.yaml"),
    ("proctrail check ./x", "./x.yaml"),
])
def test_bash_completes(binary, work, line, expected):
    (work / "x.yaml").touch()
    script = call(binary, "completion", "bash").stdout + f"""
        COMP_WORDS=({line}{" ''" if line.endswith(" ") else ""})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _proctrail
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=10, check=True, cwd=work)
    assert expected in done.stdout.split("\n"), (done.stdout, done.stderr)


def test_manual_page(binary):
    page = call(binary, "man").stdout
    assert page.startswith(".TH PROCTRAIL 1 ")
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True, timeout=10,
                              check=True)
        assert done.stderr == "" and "proctrail check" in done.stdout


@pytest.mark.parametrize("command", ["run", "check", "status", "plugins", "fields", "record", "doctor", "version",
                                     "completion", "man"])
def test_help_has_usage_and_example(binary, command):
    done = call(binary, command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(f"Usage: proctrail {command}")
    assert "\nExample:\n" in done.stdout and "\nExit codes: 0 done, 1 " in done.stdout
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 100
