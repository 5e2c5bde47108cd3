# SPDX-License-Identifier: Apache-2.0
"""Processors on the live stream: what filters let through, and what becomes of the keys."""
import re
import subprocess

import pytest

from harness import SPEC_KEYS, marker

# The records of the fence get through every filter here.
FENCE = "{field: binary, suffix: /tiny}"


def agent_with(start_agent, work, processors, fields="spec", max_args="32KiB"):
    config = (f"inputs:\n  - Type: input_process_security\n    Fields: {fields}\n"
              f"    MaxArgumentBytes: {max_args}\n"
              f"processors:\n{processors}"
              f"flushers:\n  - Type: flusher_file\n    FilePath: {work}/records.jsonl\n")
    return start_agent(config=config)


def calls_of(agent, pid):
    """The calls of the records of a process that came through."""
    return [r["call_name"] for r in agent.fence() if r["pid"] == str(pid)]


FILTERS = {
    "equality": ("Include: [%s, {field: exit_code, equals: 7}]", ["exit"]),
    "inequality": ("Include: [%s, {field: exit_code, not_equals: 8}]", ["exit"]),
    "prefix and suffix": ("Include: {field: binary, prefix: /, suffix: [/tiny, /exit_with]}", ["execve", "exit"]),
    "glob": ("Include: {field: binary, glob: ['*/tin?', '*/exit_[a-z]ith']}", ["execve", "exit"]),
    "regex": ("Include: [%s, {field: binary, regex: '/exit_\\w+$', not: {field: exit_code, exists: true}}]",
              ["execve"]),
    "regex that does not match": ("Include: [%s, {field: binary, regex: '^exit_with'}]", []),
    "range": ("Include: [%s, {field: exit_code, ge: 7, lt: 8}]", ["exit"]),
    "sign": ("Include: [%s, {field: exit_code, '>': 7}]", []),
    "set": ("Include: [%s, {field: exit_code, in: [1,2,3,4,5,6,7,8,9,10]}]", ["exit"]),
    "nothing there": ("Include: [%s, {field: exit_signal, exists: true}]", []),
    "exclude": ("Exclude: {field: call_name, equals: execve, not: %s}", ["exit"]),
    "both": ("Include: {field: pid, gt: 1}\n    Exclude: {field: exit_code, equals: 7}", ["execve"]),
    "argument": ("Include: [%s, {field: argv, equals: '7'}]", ["execve", "exit"]),
    "field that the records lack": ("Include: [%s, {all: [{field: exe.path, suffix: /exit_with}, "
                                    "{field: ns.pid, gt: 1}, {field: argc, equals: 2}]}]", ["execve", "exit"]),
}


@pytest.mark.parametrize("options, expected", FILTERS.values(), ids=FILTERS)
def test_filter(start_agent, work, options, expected):
    options = options.replace("%s", FENCE)
    agent = agent_with(start_agent, work, f"  - Type: processor_filter\n    {options}\n")
    done = agent.run([agent.path("exit_with"), "7"])
    assert calls_of(agent, done.pid) == expected
    for record in agent.records():
        is_of_process = record["call_name"] in ("execve", "exit")  # the others have keys of their own
        assert not is_of_process or not set(record) - set(SPEC_KEYS), "a field only for the filter is in a record"
    agent.stop()


NATIVE = {
    "lists": ("FilterKey: [binary, exit_code]\n    FilterRegex: ['.*/(tiny|exit_with)', '[0-9]+']", ["exit"]),
    "full match": ("FilterKey: [binary]\n    FilterRegex: ['.*/(tiny|exit_wit)']", []),
    "map": ("Include: {binary: '.*/(tiny|exit_with)', call_name: exit}", ["exit"]),
    "tree": ("ConditionExp: {operator: not, operands: [{operator: and, operands: ["
             "{key: exit_code, type: regex, exp: '7'}, {key: binary, type: regex, exp: '.*/exit_with'}]}]}", ["execve"]),
}


@pytest.mark.parametrize("options, expected", NATIVE.values(), ids=NATIVE)
def test_filter_regex_native(start_agent, work, options, expected):
    agent = agent_with(start_agent, work, f"  - Type: processor_filter_regex_native\n    {options}\n")
    done = agent.run([agent.path("exit_with"), "7"])
    assert calls_of(agent, done.pid) == expected
    agent.stop()


def test_filter_sees_the_arguments_that_are_shown(start_agent, work):
    text = marker()
    agent = agent_with(start_agent, work, "  - Type: processor_filter\n"
                       f"    Include: [{FENCE}, {{field: arguments, contains: {text}}}]\n", max_args="4KiB")
    short = agent.run(["/bin/true", text])
    cut = agent.run(["/bin/true", "x" * 5000, text])
    assert calls_of(agent, short.pid) == ["execve", "exit"]
    assert calls_of(agent, cut.pid) == []
    agent.stop()


def test_nobody_hides_behind_a_slow_search(start_agent, work):
    agent = agent_with(start_agent, work, "  - Type: processor_filter\n"
                       "    Exclude: {field: arguments, regex: '(a|aa)+$(x|y)'}\n"
                       "  - Type: processor_filter\n"
                       f"    Include: [{FENCE}, {{field: arguments, regex: 'b.*c.*d.*[ef]$'}}]\n")
    slow = agent.run(["/bin/true", "a" * 5000])
    slower = agent.run(["/bin/true", "bcd" * 8000])
    quick = agent.run(["/bin/true", "bcdf"])
    assert calls_of(agent, slow.pid) == []  # the first filter could not say; the second said no
    assert calls_of(agent, slower.pid) == ["execve", "exit"]
    assert calls_of(agent, quick.pid) == ["execve", "exit"]
    assert "could not decide" in agent.stop()


def test_keys(start_agent, work):
    agent = agent_with(start_agent, work, """\
  - Type: processor_add_fields
    Fields: {cluster: blue, "a\\"b": 'c\\d', exit_code: none}
    IgnoreIfExist: true
  - Type: processor_rename
    SourceKeys: [cluster, cwd, __time__]
    DestKeys: [zone, directory, when]
  - Type: processor_drop_fields
    DropKeys: [cap.permitted, cap.effective, cap.inheritable, parent.cwd, event_type]
  - Type: processor_filter
    Include: [{field: binary, suffix: /tiny}, {field: zone, equals: blue, any: [{field: exit_code, equals: 3},
      {field: exit_code, prefix: none}]}]
""")
    done = agent.run([agent.path("exit_with"), "3"])
    execve, exit_ = agent.of(done.pid)
    order = [{"cwd": "directory", "__time__": "when"}.get(k, k) for k in SPEC_KEYS
             if k not in ("cap.permitted", "cap.effective", "cap.inheritable", "parent.cwd", "event_type")]
    order[-1:] = ["zone", 'a"b', "when"]
    for record in execve, exit_:
        assert list(record) == [k for k in order if k in record]
        assert record["zone"] == "blue" and record['a"b'] == "c\\d" and record["directory"] == str(work)
        assert isinstance(record["when"], int)
    assert (execve["exit_code"], exit_["exit_code"]) == ("none", "3")
    agent.stop()


def test_mistakes_are_told(binary, work):
    (work / "pipeline.yaml").write_text("""\
inputs: [{Type: input_process_security}]
processors:
  - Type: processor_filter
    Include:
      all:
        - {field: binary, regex: '('}
        - {field: uid, lt: many}
        - {field: binry, equals: x}
  - Type: processor_drop_fields
    DropKeys: [piid]
flushers: [{Type: flusher_stdout}]
""")
    done = subprocess.run([binary, "run", "--config", work / "pipeline.yaml"], capture_output=True, text=True,
                          timeout=10, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode != 0 and done.stdout == ""
    lines = [line.split("pipeline.yaml:")[1] for line in done.stderr.split("\n") if "pipeline.yaml:" in line]
    assert [re.sub(r": .*", "", line) for line in lines][:4] == ["6:34", "7:28", "8:19", "10:16"]
    assert "missing closing parenthesis" in lines[0] and "did you mean 'binary'?" in lines[2]
    assert "did you mean 'pid'?" in lines[3]
