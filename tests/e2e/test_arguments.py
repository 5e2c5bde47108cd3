# SPDX-License-Identifier: Apache-2.0
"""`arguments` and `argv`: whole, quoted so that the list can be recovered, and flagged where cut."""
import os
import random

import pytest

from harness import parse_arguments

MIB = 1 << 20

LISTS = {
    "none": [],
    "plain": [b"-m", b"http.server", b"8000"],
    "empty first": [b"", b"a"],
    "empty middle": [b"a", b"", b"b"],
    "empty last": [b"a", b""],
    "only empty": [b"", b"", b""],
    "blanks": [b"a b", b" ", b"  x  ", b"\t", b"\n", b"a\nb\tc\r"],
    "quotes": [b'"', b"'", b'say "hi"', b"it's", b'""'],
    "backslashes": [b"\\", b"a\\b", b"\\n", b"\\x41", b"\\\\\"", b"end\\"],
    "control bytes": [bytes([c]) for c in range(1, 32)] + [b"\x7f", b"\x1b[31mred\x1b[0m"],
    "not quoted": [b"$HOME", b"*", b"~", b"a=b", b"{x}", b"`id`", b";", b"#", b"&&", b"a'b"],
    "utf-8": ["größe", "日本語", "\N{GRINNING FACE}", "\u2028", "\u00a0", "\ufeff", "\u202e", "\U0010ffff"],
    "c1 controls": ["\u0080", "\u0085", "\u009f"],
    "invalid utf-8": [b"\x80", b"\xff\xfe", b"a\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82",
                      b"\xf8\x88\x80\x80\x80", b"ok\xffok"],
}


def as_bytes(arguments):
    return [a if isinstance(a, bytes) else a.encode() for a in arguments]


def shown(argument):
    """As the JSON has it: each byte that is no UTF-8 as \\xHH."""
    return argument.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize("arguments", LISTS.values(), ids=LISTS)
def test_list_can_be_recovered(extended, arguments):
    arguments = as_bytes(arguments)
    done = extended.run([extended.path("tiny"), *arguments], check=0)
    for record in extended.of(done.pid)[1:]:  # the clone has its forker's
        assert parse_arguments(record["arguments"]) == arguments
        assert record["argv"] == [extended.path("tiny")] + [shown(a) for a in arguments]
        assert record["argc"] == str(1 + len(arguments))
        assert record["arguments.bytes"] == str(sum(len(a) + 1 for a in arguments) + len(extended.path("tiny")) + 1)
        assert "arguments.truncated" not in record


def test_text_is_as_documented(agent):
    done = agent.run([agent.path("tiny"), "a", "b c", "", 'q"', "back\\", "x\ny\tz", b"\xff\x01\x7f", "größe", "'"])
    assert agent.one(done.pid, "execve")["arguments"] == \
        r'''a "b c" "" "q\"" "back\\" "x\ny\tz" "\xff\x01\x7f" größe ' '''.rstrip()


def test_random_lists_can_be_recovered(extended):
    generator = random.Random(1)
    for _ in range(30):
        arguments = [bytes(generator.choice(b'ab \\"\n\x01\x7f\x80\xc3\xa4\xff') for _ in range(generator.randrange(9)))
                     for _ in range(generator.randrange(6))]
        done = extended.run([extended.path("tiny"), *arguments], check=0)
        record = extended.of(done.pid, "execve")[0]
        assert parse_arguments(record["arguments"]) == arguments
        assert record["argv"][1:] == [shown(a) for a in arguments]


def test_argc_0(extended):
    _, execve, exit_ = extended.run_and_check("argc0", extended.path("tiny"))
    assert execve["argv"] == [""] and execve["argc"] == "1"
    assert execve["arguments.bytes"] == "1"


def test_argv0_is_not_the_binary(extended):
    done = extended.run(["-sh", "-c", "exit 0"], executable="/bin/sh", check=0)
    record = extended.of(done.pid, "execve")[0]
    assert record["binary"] == "/bin/sh" and record["arguments"] == '-c "exit 0"'
    assert record["argv"] == ["-sh", "-c", "exit 0"]


def test_process_that_rewrites_its_argv(extended):
    arguments = "a-title-of-some-length"
    done = extended.run([extended.path("retitle"), arguments])
    records = extended.fence()
    for expected in done.expected:
        (got,) = [r for r in records if r["pid"] == expected["pid"] and r["call_name"] == expected["call_name"]]
        assert got["binary"] == expected["binary"] and got["arguments"] == expected["arguments"]


def test_ten_thousand_arguments(start_agent):
    agent = start_agent(fields="extended", max_args="2MiB")
    arguments = [str(i) for i in range(10000)]
    done = agent.run([agent.path("tiny"), *arguments])
    for record in agent.of(done.pid):
        assert record["arguments"] == " ".join(arguments)
        assert record["argv"][1:] == arguments and record["argc"] == "10001"
        assert "arguments.truncated" not in record
    agent.stop()


def test_longest_possible_argument_is_whole(start_agent):
    agent = start_agent(fields="extended", max_args="2MiB")
    argument = "0123456789abcdef" * 8191 + "0123456789abcde"
    assert len(argument) == 131071
    done = agent.run([agent.path("tiny"), argument])
    record = agent.one(done.pid, "execve")
    assert record["arguments"] == argument
    assert "arguments.truncated" not in record
    agent.stop()


def test_longest_possible_list_is_whole(start_agent):
    agent = start_agent(fields="extended", max_args="2MiB")
    arguments = [f"{i:02}" + "x" * 130_000 for i in range(15)] + ["y" * 100_000]
    done = agent.run([agent.path("tiny"), *arguments], env={})
    record = agent.one(done.pid, "execve")
    total = len(agent.path("tiny")) + 1 + sum(len(a) + 1 for a in arguments)
    assert 2 * MIB > total > 1.95e6
    assert record["arguments.bytes"] == str(total) and record["argc"] == "17"
    assert record["argv"][1:] == arguments
    assert "arguments.truncated" not in record
    agent.stop()


def check_cut(agent, arguments, limit):
    done = agent.run([agent.path("tiny"), *arguments])
    record = agent.one(done.pid, "execve")
    assert record["arguments.truncated"] == "true"
    assert record["argc"] == str(1 + len(arguments))
    whole = b"".join(os.fsencode(a) + b"\0" for a in [agent.path("tiny"), *arguments])
    assert record["arguments.bytes"] == str(len(whole))
    kept = b"\0".join(a.encode() for a in record["argv"])
    assert whole.startswith(kept)
    assert limit - 4 <= len(kept) + 1 <= limit + 1, f"{len(kept)} bytes were kept of {limit}"
    assert parse_arguments(record["arguments"]) == [a.encode() for a in record["argv"][1:]]


def test_long_argument_is_cut_at_the_default_and_flagged(start_agent):
    agent = start_agent(fields="extended")
    check_cut(agent, ["z" * 131071], 32 << 10)
    agent.stop()


def test_many_arguments_are_cut_at_the_default_and_flagged(start_agent):
    agent = start_agent(fields="extended")
    check_cut(agent, [f"argument-{i:05}" for i in range(5000)], 32 << 10)
    agent.stop()


def test_cut_where_the_configuration_says_so(start_agent):
    agent = start_agent(fields="extended", max_args="4KiB")
    check_cut(agent, ["größe" * 3000], 4 << 10)
    agent.stop()


def test_cut_leaves_no_half_character(start_agent):
    agent = start_agent(fields="extended", max_args="4KiB")
    for shift in range(4):
        done = agent.run([agent.path("tiny"), "x" * shift + "\N{GRINNING FACE}" * 3000])
        record = agent.one(done.pid, "execve")
        assert record["arguments.truncated"] == "true"
        assert "\\x" not in record["arguments"] and not set(record["argv"][1]) - {"x", "\N{GRINNING FACE}"}
    agent.stop()


def test_large_environment_does_not_hurt(extended):
    environment = {f"V{i}": "e" * 100_000 for i in range(15)}
    done = extended.run([extended.path("tiny"), "small"], env=environment)
    record = extended.of(done.pid, "execve")[0]
    assert record["arguments"] == "small" and "arguments.truncated" not in record


def test_preloaded_library_does_not_change_the_record(agent):
    done = agent.run(["/bin/true", "x"], env={"LD_PRELOAD": "/no/such/library.so"})
    record = agent.one(done.pid, "execve")
    assert (record["binary"], record["arguments"]) == ("/bin/true", "x")
