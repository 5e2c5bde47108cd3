# SPDX-License-Identifier: Apache-2.0
"""The statistics of the benchmark: medians with their range, and the rank test of Mann and Whitney, exact."""
import itertools
import math
import statistics


class Samples(list):
    """Numbers of repeated runs, in the order of the runs."""

    @property
    def median(self):
        return statistics.median(self)

    def text(self, form="{:.2f}"):
        if not self:
            return "-"
        middle = form.format(self.median)
        return middle if len(self) == 1 else f"{middle} ({form.format(min(self))}..{form.format(max(self))})"

    def over(self, others):
        """Run by run, this divided by that."""
        return Samples(a / b for a, b in zip(self, others) if b)


def u_statistic(a, b):
    """How many pairs (one of a, one of b) have the greater one in a; equals count half."""
    return sum((x > y) + (x == y) / 2 for x in a for y in b)


def rank_test(a, b):
    """
    The probability, were a and b of the same kind, of ranks at least as one-sided as these (two-sided). Exact
    for small samples, by the normal approximation for larger ones.
    """
    n, m = len(a), len(b)
    if not n or not m:
        return 1.0
    distance = abs(u_statistic(a, b) - n * m / 2)
    if math.comb(n + m, n) > 20_000:
        deviation = math.sqrt(n * m * (n + m + 1) / 12)
        return math.erfc(max(0.0, distance - 0.5) / deviation / math.sqrt(2))
    values, extreme, total = [*a, *b], 0, 0
    for chosen in itertools.combinations(range(n + m), n):
        picked = set(chosen)
        left = [values[i] for i in chosen]
        right = [values[i] for i in range(n + m) if i not in picked]
        extreme += abs(u_statistic(left, right) - n * m / 2) >= distance
        total += 1
    return extreme / total


def judge(now, before, alpha=0.05, least=0.02):
    """'better', 'same' or 'worse', for what is better when it is small. A change below `least` is none."""
    if len(now) < 4 or len(before) < 4:
        return "too few"
    change = Samples(now).median - Samples(before).median
    if rank_test(now, before) > alpha or abs(change) <= least * Samples(before).median:
        return "same"
    return "better" if change < 0 else "worse"
