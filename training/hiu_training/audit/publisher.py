"""Every number of an audit as it may be printed: groups in, published groups out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from hiu_risk.successive import NOTHING_SAID
from hiu_risk.suppression import HIDDEN, MadeOf, Shown, SmallNumbers
from hiu_training.audit.coarse import Span, count_ratio, difference, proportion, quotient
from hiu_training.audit.estimates import Change, Interval
from hiu_training.audit.findings import Z95, Family, Finding, cases_needed, smallest_seen
from hiu_training.audit.printed import Ends, as_printed
from hiu_training.audit.published import Published
from hiu_training.audit.report import AuditReport
from hiu_training.audit.result import (
    AtCapacity,
    Estimate,
    GroupingResult,
    GroupResult,
    Number,
    Reserving,
    Verdict,
)
from hiu_training.audit.table import capacities_of, count_table


class Publisher:
    """Turns positions in the report's arrays into publishable groups."""

    def __init__(
        self,
        report: AuditReport,
        rule: SmallNumbers,
        earlier: Sequence[Published] = (),
        *,
        fine: bool = False,
        made_of: MadeOf = NOTHING_SAID,
    ) -> None:
        self._r, self._rule, self._fine = report, rule, fine
        self._table = count_table(report, rule, earlier, made_of)
        self._primary = report.plan.capacities.index(report.plan.primary)
        self._everybody = len(report.people.all) - 1
        self._first_pair = report.starts[report.singles]
        m, people, k = report.measures, report.people, self._primary
        self._per_case = _design(
            _triple(report.recall, (-1, k)), m.cases[-1], people.cases[-1]
        )  # fmt: skip
        self._per_listed = _design(
            _triple(report.precision, (-1, k)), m.listed[-1, k], people.listed[-1, k]
        )  # fmt: skip

    def groupings(self) -> tuple[GroupingResult, ...]:
        """Give every grouping, the planned ones before the pairs."""
        return tuple(
            GroupingResult(
                name=g.name,
                title=g.title,
                note=g.note,
                reference=self._reference_label(i),
                from_rounded=self._rule.enabled,
                groups=tuple(
                    self.group(self._r.starts[i] + j, label) for j, label in enumerate(g.labels)
                ),
            )
            for i, g in enumerate(self._r.groupings)
        )

    def group(self, g: int, label: str) -> GroupResult:
        """Give one group, by its number across groupings."""
        r, table = self._r, self._table
        finding, calibration = self._findings(g)
        gap = self._difference(g, self._primary) if g < self._everybody else None
        verdict = self._recall_verdict(g, finding.verdict, gap)
        compared = verdict not in ("not_compared", "insufficient_evidence")
        observed, ratio = self._calibration(g)
        counted = not table.is_hidden("cases", g)
        line = r.calibration[g] if counted else None
        apart = r.discrimination[g] if counted else None
        beside, beside_wide, beside_verdict = (
            self._beside_reference(g) if g < self._everybody else (None, None, "not_compared")
        )
        return GroupResult(
            label=label,
            rows=table.shown("rows", g),
            cases=table.shown("cases", g),
            at=tuple(self._at(g, k) for k in capacities_of(r, g) if k < len(r.plan.capacities)),
            recall_verdict=verdict,
            recall_difference_simultaneous=self._simultaneous(g, gap) if compared else None,
            smallest_difference_seen=self._smallest(g, gap) if compared else None,
            cases_needed=self._needed(),
            reference_difference=beside,
            reference_difference_simultaneous=beside_wide,
            reference_verdict=beside_verdict,
            lead_days=self._lead(g),
            auroc=self._number(apart.auroc) if apart else None,
            average_precision=self._number(apart.average_precision) if apart else None,
            expected=self._expected(r.measures.expected[g], g),
            observed_expected=self._number(observed),
            calibration_ratio=self._number(ratio) if g < self._everybody else None,
            calibration_verdict=self._calibration_verdict(calibration.verdict, ratio),
            calibration_slope=self._number(line.slope) if line else None,
            calibration_intercept=self._number(line.intercept) if line else None,
        )

    def reserving(self) -> Reserving | None:
        """Give what reserving places costs: the same lists drawn by score, for everybody."""
        price = self._r.reserving
        if price is None:
            return None
        return Reserving(
            column=self._r.plan.reserved,
            by_score=self._at(self._everybody, len(self._r.plan.capacities)),
            found_change=changed(price, self._rule),
        )

    def _findings(self, g: int) -> tuple[Finding, Finding]:
        none = Finding("not_compared")
        return (
            none if g == self._everybody else self._r.finding(g),
            self._r.calibration_family.findings[g] if g < self._first_pair else none,
        )

    def _at(self, g: int, k: int) -> AtCapacity:
        recall = self._number(self._recall(g, k))
        missed = recall
        if isinstance(recall, Estimate):
            missed = Estimate(
                value=None if recall.value is None else round(1 - recall.value, 6),
                low=round(1 - recall.high, 6),
                high=round(1 - recall.low, 6),
            )
        return AtCapacity(
            capacity=self._r.plan.lists[k].capacity,
            reserved=self._r.plan.lists[k].reserved,
            listed=self._table.shown("listed", g, k),
            found=self._table.shown("found", g, k),
            recall=recall,
            false_negative_rate=missed,
            precision=self._number(
                self._rate(self._r.precision, "found", "listed", g, k, self._per_listed)
            ),
            selection_rate=self._number(
                self._rate(self._r.selection_rate, "listed", "rows", g, k, self._per_listed),
                significant=True,
            ),
            recall_difference=self._number(self._difference(g, k)) if g < self._everybody else None,
        )

    def _reference_label(self, grouping: int) -> str:
        start, end = self._r.starts[grouping : grouping + 2]
        chosen = set(self._r.reference[start:end].tolist())
        found = self._r.groupings[grouping]
        return found.labels[chosen.pop() - start] if len(chosen) == 1 and not found.note else ""

    def _beside_reference(self, g: int) -> tuple[Number, Number, Verdict]:
        """Give the difference of recall from the reference group, stretched, and judged."""
        if g >= self._first_pair or self._r.reference[g] == g:
            return None, None, "not_compared"
        finding = self._r.reference_family.findings[g]
        if finding.verdict == "not_compared":
            return None, None, finding.verdict
        other = int(self._r.reference[g])
        gap, critical = self._gap(g, other), self._r.reference_family.critical
        if isinstance(gap, str):
            known = not any(self._hides(name, other, self._primary) for name in ("found", "cases"))
            theirs = self._recall(other, self._primary) if known else HIDDEN
            return HIDDEN, HIDDEN, self._by_the_star(g, finding.verdict, theirs, critical)
        verdict = self._supported(finding.verdict, gap, critical)
        judged = verdict != "insufficient_evidence"
        return self._number(gap), self._number(_wide(gap, critical)) if judged else None, verdict

    # --- findings: by the exact numbers, and no stronger than the printed ones -----------------

    def _supported(
        self, verdict: Verdict, gap: _Known | None, critical: float, margin: float | None = None
    ) -> Verdict:
        if not self._rule.enabled:
            return verdict
        margin = self._r.plan.margin if margin is None else margin
        if gap is None or isinstance(gap, str):
            return as_printed(verdict, None, None, margin)
        return as_printed(verdict, self._ends(gap), self._ends(_wide(gap, critical)), margin)

    def _ends(self, gap: tuple[float, float, float]) -> Ends | None:
        """Give the ends of an interval as they are printed."""
        shown = self._number(gap)
        return (shown.low, shown.high) if isinstance(shown, Estimate) else None

    def _recall_verdict(self, g: int, verdict: Verdict, gap: _Known | None) -> Verdict:
        if g == self._everybody:
            return verdict
        critical = self._family(g).critical
        if isinstance(gap, str):
            return self._by_the_star(g, verdict, self._rest(g, self._primary), critical)
        return self._supported(verdict, gap, critical)

    def _by_the_star(self, g: int, verdict: Verdict, other: _Known, critical: float) -> Verdict:
        """Judge a group whose difference is hidden: the star shows it missed more, or nothing."""
        supported = self._supported(verdict, self._at_most(g, other), critical)
        shown = ("lower", "perhaps_lower", "not_compared")
        return supported if supported in shown else "insufficient_evidence"

    def _calibration_verdict(self, verdict: Verdict, ratio: _Known) -> Verdict:
        logs = ratio
        if not isinstance(ratio, str):
            with np.errstate(invalid="ignore"):
                value, low, high = np.log(np.maximum(ratio, 1e-9)).tolist()
            logs = (value, low, high)
        return self._supported(verdict, logs, self._r.calibration_family.critical, 0.0)

    def _at_most(self, g: int, other: _Known) -> _Known:
        """Give the difference if as many were found as a small number found can be.

        So few may be found that the star itself says that the group is missed more often.
        """
        k = self._primary
        cases = self._span("cases", g, k)
        if (
            isinstance(other, str)
            or not self._table.is_small("found", g, k)
            or cases is None
            or np.isnan(cases.value)
        ):
            return HIDDEN
        most = self._rule.largest + 0.5
        value, _, high = difference(
            proportion(Span(most, most, most), cases, self._per_case), other
        )
        return value, -1.0, high

    def _gap(self, g: int, other: int) -> _Known:
        k = self._primary
        if not self._rule.enabled:
            return _triple(self._r.reference_difference, (g,))
        names = [(name, group) for group in (g, other) for name in ("found", "cases")]
        mine, theirs = self._recall(g, k), self._recall(other, k)
        hidden = any(self._hides(name, group, k) for name, group in names)
        if hidden or isinstance(mine, str) or isinstance(theirs, str):
            return HIDDEN
        return difference(mine, theirs)

    def _lead(self, g: int) -> Number:
        """Give the median lead of those found; of fewer than 8 people there is none."""
        leads, people = self._r.lead_days, self._r.people.found[g, self._primary]
        if leads is None or (g < self._everybody and g >= self._first_pair):
            return None
        if self._table.is_hidden("found", g, self._primary):
            return HIDDEN
        if people == 0:
            return None
        if self._rule.enabled and people < self._rule.mean_needs:
            return HIDDEN
        ends = (leads.value[g], leads.low[g], leads.high[g])
        value, low, high = (float(round(float(x))) for x in ends)
        return Estimate(value=value, low=low, high=high)

    # --- from rounded counts alone, unless small numbers are shown --------------------------

    def _span(self, name: str, g: int, k: int) -> Span | None:
        """Give a count as a reader knows it; None where it is hidden to protect another."""
        k = k if (name, g, k) in self._table.at else 0
        shown = self._table.shown(name, g, k)
        if isinstance(shown, int):
            return Span.of(shown, self._rule.base)
        if self._table.is_small(name, g, k):
            return Span(np.nan, 0.0, self._rule.largest + 0.5)
        return None

    def _rate(
        self, interval: Interval, part: str, whole: str, g: int, k: int, per_person: float
    ) -> _Known:
        hidden = self._hides(part, g, k) or self._hides(whole, g, k)
        if not hidden and not self._rule.enabled:
            return _triple(interval, (g, k))
        top, bottom = self._span(part, g, k), self._span(whole, g, k)
        if top is None or bottom is None or np.isnan(bottom.value):
            return HIDDEN
        if np.isnan(top.value):  # a small part of a known whole: between nothing and the most
            _, _, high = proportion(
                Span(top.high, top.low, top.high), bottom, per_person
            )  # fmt: skip
            return np.nan, 0.0, high
        return proportion(top, bottom, per_person)

    def _hides(self, name: str, g: int, k: int) -> bool:
        return self._table.is_hidden(name, g, k if (name, g, k) in self._table.at else 0)

    def _recall(self, g: int, k: int) -> _Known:
        return self._rate(self._r.recall, "found", "cases", g, k, self._per_case)

    def _difference(self, g: int, k: int) -> _Known:
        keys = (("cases", g, k), ("found", g, k))
        if any(self._hides(*key) for key in keys):
            return HIDDEN
        if not self._rule.enabled:
            return _triple(self._r.recall_difference, (g, k))
        mine = self._recall(g, k)
        rest = self._rest(g, k)
        return HIDDEN if isinstance(mine, str) or isinstance(rest, str) else difference(mine, rest)

    def _rest(self, g: int, k: int) -> _Known:
        """Give recall of everybody but a group."""
        cases, found = (self._span(name, g, k) for name in ("cases", "found"))
        all_cases, all_found = (
            self._span(name, self._everybody, k) for name in ("cases", "found")
        )  # fmt: skip
        if not (cases and found and all_cases and all_found):
            return HIDDEN
        if np.isnan(found.value):  # a star: anything from none to the most
            found = Span((found.low + found.high) / 2, found.low, found.high)
        if np.isnan([cases.value, all_cases.value, all_found.value]).any():
            return HIDDEN
        return proportion(all_found.less(found), all_cases.less(cases), self._per_case)

    def _calibration(self, g: int) -> tuple[_Known, _Known]:
        """Give observed over expected, and its ratio to the rest's."""
        if self._table.is_hidden("cases", g) or self._table.is_hidden("rows", g):
            return HIDDEN, HIDDEN
        if not self._rule.enabled:
            ratio = _triple(self._r.calibration_ratio, (g,)) if g < self._everybody else HIDDEN
            return _triple(self._r.observed_expected, (g,)), ratio
        cases, all_cases = self._span("cases", g, 0), self._span("cases", self._everybody, 0)
        expected, all_expected = (
            self._rule.show(self._r.measures.expected[i]) for i in (g, self._everybody)
        )
        if cases is None or all_cases is None or isinstance(expected, str):
            return HIDDEN, HIDDEN
        # the scores' sum as printed: the exact one is known to whoever knows one person's score
        of = Span.of(expected, self._rule.base)
        mine = count_ratio(cases, of, self._per_case)
        if isinstance(all_expected, str):
            return mine, HIDDEN
        left = Span.of(all_expected, self._rule.base).less(of)
        return mine, quotient(mine, count_ratio(all_cases.less(cases), left, self._per_case))

    def _expected(self, expected: float, g: int) -> Shown:
        hidden = self._table.is_hidden("cases", g) or self._table.is_hidden("rows", g)
        return self._rule.show(expected, hidden=hidden)

    def _family(self, g: int) -> Family:
        return self._r.recall_family if g < self._first_pair else self._r.pair_family

    def _simultaneous(self, g: int, gap: _Known | None) -> Number:
        """Stretch the difference's interval by what the number of comparisons asks for."""
        if gap is None or isinstance(gap, str):
            return HIDDEN
        if not self._rule.enabled:
            finding = self._r.finding(g)
            return self._number((gap[0], finding.low, finding.high))
        return self._number(_wide(gap, self._family(g).critical))

    def _number(self, known: _Known, *, significant: bool = False) -> Number:
        """Round a value and its interval; ``significant``: to two figures instead of per cent."""
        if isinstance(known, str):
            return HIDDEN
        value, low, high = known
        unknown = np.isnan(value) and not self._rule.enabled  # nobody to estimate it from
        if unknown or not np.isfinite([low, high]).all():
            return None
        digits = (4 if self._fine else 2) if self._rule.enabled else 6
        if significant and 0 < high < 1:
            digits = max(digits, 1 - int(np.floor(np.log10(high))))
        return Estimate(
            value=None if np.isnan(value) else round(value, digits),
            low=round(low, digits),
            high=round(high, digits),
        )

    def _smallest(self, g: int, gap: _Known | None) -> float | Literal["*"] | None:
        """Give the smallest difference that 8 of 10 audits of this size would have shown."""
        if gap is None or isinstance(gap, str):
            return HIDDEN
        return round(smallest_seen((gap[2] - gap[1]) / (2 * Z95), self._family(g).critical), 2)

    def _needed(self) -> int | None:
        """Give the cases needed to see the margin, to two significant figures."""
        recall = float(self._r.measures.recall[-1, self._primary])
        if not 0 < recall < 1 or not self._r.plan.margin > 0:
            return None
        exact = cases_needed(recall, self._r.plan.margin)
        step = 10 ** max(len(str(exact)) - 2, 0)
        return int(np.ceil(exact / step) * step)


_Known = tuple[float, float, float] | Literal["*"]


def changed(change: Change, rule: SmallNumbers) -> Estimate:
    """Give a change of the share found; of fewer than 8 cases the interval alone is printed."""
    few = rule.enabled and abs(change.cases) < rule.largest + 0.5
    return Estimate(
        value=None if few else round(change.value, 2),
        low=round(change.low, 2),
        high=round(change.high, 2),
    )


def _wide(gap: tuple[float, float, float], critical: float) -> tuple[float, float, float]:
    """Stretch an interval by what the number of comparisons asks for."""
    value, low, high = gap
    stretch = critical / Z95
    return value, value - stretch * (value - low), value + stretch * (high - value)


def _triple(interval: Interval, place: tuple[int, ...]) -> tuple[float, float, float]:
    return float(interval.value[place]), float(interval.low[place]), float(interval.high[place])


def _design(share: tuple[float, float, float], rows: float, people: int) -> float:
    """Say how many rows are worth one independent row, rounded up to a tenth.

    From the exact interval of everybody together: rows of one person go together, but less than
    wholly. Where that can't be told, each person counts once. One number for a whole report: it
    sizes intervals and says next to nothing about any count.
    """
    if people <= 0:
        return 1.0
    most = float(np.ceil(10 * rows / people) / 10)
    value, low, high = share
    if people < 20 or not 0 < value < 1:
        return most
    spread = (high - low) / (2 * Z95)
    return float(np.clip(np.ceil(10 * spread**2 * rows / (value * (1 - value))) / 10, 1.0, most))
