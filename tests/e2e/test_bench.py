# SPDX-License-Identifier: Apache-2.0
"""The benchmark's arithmetic: what it says of two runs, what it counts in an output, what it puts into a page."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
RUN = BENCH / "run"
sys.path.insert(0, str(BENCH))

import collectors  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import stats  # noqa: E402
import storms  # noqa: E402


@pytest.mark.parametrize("a, b, probability", [
    ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 2 / 252),
    ([1, 3, 5], [2, 4, 6], 14 / 20),
    ([1, 1, 1, 1], [1, 1, 1, 1], 1.0),
    ([], [1], 1.0),
    (range(20), range(100, 120), 6.8e-8),  # by the normal approximation
])
def test_rank_test(a, b, probability):
    assert stats.rank_test(list(a), list(b)) == pytest.approx(probability, rel=0.02)
    assert stats.rank_test(list(b), list(a)) == pytest.approx(probability, rel=0.02)


@pytest.mark.parametrize("now, before, verdict", [
    ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], "better"),
    ([6, 7, 8, 9, 10], [1, 2, 3, 4, 5], "worse"),
    ([1, 3, 5, 7], [2, 4, 6, 8], "same"),
    ([100.1] * 5, [100.0] * 5, "same"),  # surely more, but not by much
    ([1, 2, 3], [4, 5, 6], "too few"),
    ([7] * 4, [0] * 4, "worse"),  # records lost, where none were
])
def test_judgement(now, before, verdict):
    assert stats.judge(now, before) == verdict


def test_samples():
    assert stats.Samples([3, 1, 2]).text() == "2.00 (1.00..3.00)"
    assert stats.Samples([4, 9]).over([2, 3]) == [2, 3]


class Tools:
    first, names = 7000, [b"storm7", b"target7"]


def line(call, arguments, binary="/tmp/target7"):
    record = {"binary": binary, "arguments": arguments, "call_name": call}
    return json.dumps(record, separators=(",", ":")) + "\n"


def test_markers(tmp_path):
    collector = collectors.Agent(Tools)
    collector.out = tmp_path / "out"
    before = line("execve", "m7000")
    text = [line("execve", f"m{i}") for i in (7000, 7002, 7002, 8, 8)] + [line("exit", "m7003"),
                                                                          line("execve", "xxx xxx m7004")]
    collector.out.write_text(before + "".join(text))
    assert storms.count_markers(collector, len(before), 5) == (2, 1)  # 7001 and 7003 are missing, 7002 came twice


def test_others_are_left_out(tmp_path):
    collector = collectors.Agent(Tools)
    collector.out = tmp_path / "out"
    ours, others = line("execve", "m7000"), line("execve", "m7000", "/tmp/target8")
    collector.out.write_text(others + ours + others + line("exit", "m7000"))
    own = len(ours) + len(line("exit", "m7000"))
    assert storms.own_bytes(collector, len(others)) == (own, own + len(others))
    assert storms.line_lengths(collector) == {"execve": len(ours), "exit": len(line("exit", "m7000"))}


def results(cpu, floor):
    metrics = {"cpu": [cpu] * 5, "wall": [1.0] * 5, "lost": [0] * 5, "peak": [1 << 20] * 5, "bytes": [9] * 5}
    return {"row": {"base": "floor", "storm": {"agent": metrics, "floor": {**metrics, "cpu": [floor] * 5}}}}


def test_a_slower_machine_is_no_worse(tmp_path):
    stored = tmp_path / "stored.json"
    stored.write_text(json.dumps({"rows": results(2.0, 1.0)}))
    assert not report.compare(results(4.0, 2.0), stored)[1]
    text, is_worse = report.compare(results(3.0, 1.0), stored)
    assert is_worse and [x for x in text.splitlines() if x.endswith("worse")] == [text.splitlines()[1]]


def test_rows_that_were_not_run_stay(tmp_path):
    stored = tmp_path / "stored.json"
    stored.write_text(json.dumps({"rows": {"a": 1, "b": 2}}))
    assert report.merged(stored, {"b": 3})["rows"] == {"a": 1, "b": 3}


def test_a_row_that_fails_spoils_no_other(capsys):
    def fail():
        raise RuntimeError("no ring")

    rows = [("a", lambda: ({"figures": 1}, "table of a")), ("b", fail), ("c", lambda: ({"figures": 3}, "table of c"))]
    assert report.measured(rows) == ({"a": {"figures": 1}, "c": {"figures": 3}}, {"a": "table of a", "c": "table of c"},
                                     ["b"])
    assert "b: not measured: no ring" in capsys.readouterr().out


@pytest.mark.parametrize("longest_s, n", [(None, 5), (1, 1), (100, 2), (3600, 5)])
def test_what_is_slow_gets_fewer_rounds(monkeypatch, longest_s, n):
    minutes = []
    monkeypatch.setattr(storms.time, "monotonic", lambda: 60.0 * len(minutes))
    monkeypatch.setattr(storms, "measure", lambda *_, **how: minutes.append(1) or {"cpu": how["n"]})
    assert storms.rounds([collectors.Collector(Tools)], None, 5, longest_s, n=7) == {"alone": {"cpu": [7] * n}}


@pytest.mark.parametrize("options, said", [
    (["--only", "memry"], "bench: there is no row 'memry'; did you mean 'memory'?\n"),
    (["--only", "xyz"], "bench: there is no row 'xyz'; --list names them\n"),
    (["--only", "memory", "--built", "--build", "/nowhere"],
     "bench: there is no '/nowhere/tests/bench/floor'; without --built it is built first\n"),
])
def test_what_cannot_be_run_is_said(needs_root, options, said):
    done = subprocess.run([RUN, *options], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("one\n<!-- a -->\nold\n<!-- end -->\ntwo\n<!-- b -->\n<!-- end -->\n")
    report.rewrite(page, {"a": r"new \1", "c": "nowhere"})
    assert page.read_text() == "one\n<!-- a -->\n```\nnew \\1\n```\n<!-- end -->\ntwo\n<!-- b -->\n<!-- end -->\n"


def test_plot():
    figures = {f"{n} processes: {name}": ([n / 100, n / 50], "us") for n in (10, 100) for name in ("agent", "floor")}
    figures["10 processes: agent x floor"] = ([2.0], "")
    assert plot.draw({"1-worker": {}}) is None
    picture = plot.draw({"processes": {"figures": figures}})
    assert picture.count("<polyline") == 2 and picture.endswith("</svg>\n")
