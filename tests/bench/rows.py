# SPDX-License-Identifier: Apache-2.0
"""The rows of storms: which storm, beside whom. What is no storm is in figures.py."""
from dataclasses import dataclass, field

from collectors import Agent, Auditd, Bpftrace, Collector, Execsnoop, Floor
from storms import calibrate, rounds


QUICK_PAIRS, QUICK_LONGEST_S = 3, 20
LONGEST_S = 90  # a row of storms takes no longer, and one round: what is slow gets fewer rounds


@dataclass
class Row:
    name: str
    title: str
    how: dict
    others: list = field(default_factory=list)  # functions of the tools that make further collectors
    pairs: int = 5
    is_quick: bool = False
    base: str = "floor"
    quick_n: int = 5000

    def collectors(self, tools, work, is_quick):
        how = {**self.how, "n": self.quick_n} if is_quick else self.how
        if self.base != "floor":
            return how, [Collector(tools), Agent(tools), *(make(tools) for make in self.others)]
        pad = calibrate(tools, work, **{k: v for k, v in how.items() if k != "n"})
        made = [Collector(tools), Agent(tools), Floor(tools, pad)]
        return how, made if is_quick else made + [m for make in self.others for m in [make(tools)] if m]

    def run(self, tools, work, pairs, is_quick):
        how, collectors = self.collectors(tools, work, is_quick)
        if pairs:
            return rounds(collectors, work, pairs, **how)
        return rounds(collectors, work, QUICK_PAIRS if is_quick else self.pairs,
                      QUICK_LONGEST_S if is_quick else LONGEST_S, **how)


def execsnoop(tools):
    return Execsnoop(tools) if tools.execsnoop else None


def bpftrace(tools):
    return Bpftrace(tools) if tools.bpftrace else None


def auditd(tools):
    return Auditd(tools) if tools.auditd and tools.auditctl and not Auditd.is_running(tools) else None


PEERS = [execsnoop, bpftrace, auditd]


def variant(name, **how):
    return lambda tools: Agent(tools, name=name, **how)


def processor(kind, **options):
    return {"Type": f"processor_{kind}", **options}


VARIANTS = [
    variant("2 pipelines", pipelines=2),
    variant("filter", processors=[processor("filter", Include={"field": "uid", "equals": "65534"})]),
    variant("filter_regex",
            processors=[processor("filter_regex_native", Include={"binary": ".*(target|storm)[0-9]*$"})]),
    variant("add_fields", processors=[processor("add_fields", Fields={"cluster": "one"})]),
    variant("drop_fields", processors=[processor("drop_fields", DropKeys=["cwd"])]),
    variant("rename", processors=[processor("rename", SourceKeys=["cwd"], DestKeys=["directory"])]),
]

STORMS = [
    Row("1-worker", "1 worker", {"n": 10_000}, PEERS, is_quick=True),
    Row("2-workers", "2 workers", {"n": 20_000, "workers": 2}, PEERS, is_quick=True, quick_n=10_000),
    Row("8-workers", "8 workers", {"n": 40_000, "workers": 8}, PEERS),
    Row("rate", "1000 execs/s", {"n": 4_000, "workers": 2, "rate": 1_000}, [execsnoop], is_quick=True, quick_n=2_000),
    Row("root", "1 worker, root", {"n": 10_000, "user": 0}),
    Row("arguments", "24 arguments of 80 B", {"n": 10_000, "workers": 2, "arguments": 24}, [execsnoop]),
    Row("fork", "fork only", {"n": 20_000, "kind": "fork"}),
    Row("thread", "threads only", {"n": 50_000, "kind": "thread"}),
    Row("calls", "another system call", {"n": 5_000_000, "kind": "call"}),
    Row("variants", "1 worker: variants", {"n": 10_000}, VARIANTS, base="agent"),
]
