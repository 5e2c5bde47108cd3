# SPDX-License-Identifier: Apache-2.0
"""What was measured, as one table for each kind of row, as JSON, and against a stored result."""
import json
import os
import platform
import re
import subprocess
import time
from pathlib import Path

from stats import Samples, judge

US, MIB = 1e3, 1 << 20


def table(head, lines):
    """Columns of equal width, the first to the left, the others to the right."""
    rows = [head, *lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))).rstrip() for row in rows)


def form_for(samples):
    """Three digits, or all that stand before the point."""
    return "{:.0f}" if samples and samples.median >= 100 else "{:.3g}"


def scaled(samples, divisor):
    return Samples(x / divisor for x in samples)


def storm_line(name, results, base):
    mine, alone, floor = results[name], results.get("alone", {}), results.get(base, {})
    wall = mine["wall"].over(alone["wall"]) if alone and name != "alone" else Samples()
    cpu = mine["storm_cpu"].over(alone["storm_cpu"]) if alone and name != "alone" else Samples()
    ratio = mine["cpu"].over(floor["cpu"]) if floor and name not in (base, "alone") else Samples()
    against = mine["wall"].over(floor["wall"]) if floor and name not in (base, "alone") else Samples()
    is_there = name != "alone"
    each = scaled(mine["wall"], US)
    return [name, each.text(form_for(each)), wall.text(), cpu.text(), against.text(),
            scaled(mine["cpu"], US).text() if is_there else "-", ratio.text(),
            f"{max(mine['peak']) / MIB:.1f}" if is_there else "-",
            f"{sum(mine['lost'])}" if "lost" in mine and is_there else "-",
            f"{sum(mine['doubled'])}" if "doubled" in mine and is_there else "-",
            f"{mine['bytes'].median:.0f}" if is_there else "-"]


STORM_HEAD = ["", "us each", "wall x alone", "storm CPU x alone", "wall x floor", "CPU us each", "CPU x floor",
              "RSS MiB", "lost", "twice", "B each"]


def storm_text(row, results):
    head = [row.title if not cell else cell for cell in STORM_HEAD]
    head = [cell.replace("floor", row.base) for cell in head]
    return table(head, [storm_line(name, results, row.base) for name in results])


def figures_text(title, figures):
    """Figures: a name, samples, a unit."""
    return table([title, "", ""], [[name, samples.text(form_for(samples)), unit]
                                   for name, (samples, unit) in figures.items()])


def measured(rows):
    """
    Measures and prints the rows, [(name, function that gives what to keep and a table)]; one that fails spoils no
    other. ({name: what to keep}, {name: table}, names of those that failed)
    """
    kept, texts, failed = {}, {}, []
    for name, measure in rows:
        try:
            kept[name], texts[name] = measure()
            print(texts[name], end="\n\n", flush=True)
        except (OSError, RuntimeError, ValueError, ArithmeticError, LookupError, subprocess.SubprocessError) as e:
            failed.append(name)
            print(f"{name}: not measured: {e}", end="\n\n", flush=True)
    return kept, texts, failed


def machine():
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"kernel": platform.release(), "cpus": os.cpu_count(), "model": model,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "load": round(os.getloadavg()[0], 2)}


def machine_text():
    return table(["machine", ""], [[name, str(value)] for name, value in machine().items()])


def comparable(rows):
    """
    {(row, what): samples} of what a later run is held against: ratios to the floor where there is one, since
    machines, and the hours of one machine, differ.
    """
    found = {}
    for row, results in rows.items():
        if "storm" not in results:
            for name, (value, _) in results.get("figures", {}).items():
                if isinstance(value, list):
                    found[row, name] = Samples(value)
            continue
        base = results["base"]
        storm = results["storm"]
        for name, metrics in storm.items():
            if name in (base, "alone"):
                continue
            for metric in ("cpu", "wall"):
                if base in storm:
                    found[row, f"{name} {metric} x {base}"] = Samples(metrics[metric]).over(storm[base][metric])
            found[row, f"{name} lost"] = Samples(metrics.get("lost", []))
            found[row, f"{name} RSS MiB"] = scaled(metrics["peak"], MIB)
            found[row, f"{name} bytes"] = Samples(metrics["bytes"])
    return {key: value for key, value in found.items() if value}


def merged(path, rows):
    """The rows of a stored result, as far as there is one, replaced by those of this run."""
    before = json.loads(path.read_text())["rows"] if path.exists() else {}
    return {"machine": machine(), "rows": {**before, **rows}}


def rewrite(path, texts):
    """Puts the tables of this run into a page, each between its two marks: <!-- ROW --> and <!-- end -->."""
    page = path.read_text()
    for row, text in texts.items():
        page = re.sub(rf"(?s)(<!-- {re.escape(row)} -->\n).*?(<!-- end -->)",
                      lambda found: f"{found[1]}```\n{text}\n```\n{found[2]}", page)
    path.write_text(page)


def compare(now, path):
    """The table of a run against a stored one; and whether anything is worse."""
    before = comparable(json.loads(Path(path).read_text())["rows"])
    lines, is_worse = [], False
    for (row, what), samples in comparable(now).items():
        old = before.get((row, what))
        if not old:
            continue
        verdict = judge(samples, old)
        is_worse |= verdict == "worse"
        form = "{:.3g}"
        lines.append([f"{row}: {what}", old.text(form), samples.text(form), verdict])
    return table(["against " + Path(path).name, "before", "now", ""], lines), is_worse
