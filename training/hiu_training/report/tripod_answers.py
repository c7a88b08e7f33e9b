"""What software knows about each TRIPOD+AI item; an empty answer means: nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hiu_risk import NOT_FOR, __version__
from hiu_risk.suppression import SmallNumbers
from hiu_risk.times import index_day
from hiu_risk.words import plural
from hiu_training.report.known import ROUNDED, Known, interval, middle_capacity


def title(known: Known) -> str:
    """Item 1."""
    made = known.bundle.manifest
    return (
        f"Development and evaluation of a prediction model of {made.target} within "
        f"{made.horizon_days} days of high intensity use ({known.definition}), among "
        f"{known.entity} known to the services."
    )


def context(_: Known) -> str:
    """Item 3a."""
    return (
        "Prognostic. Published models of frequent use rarely beat a count of recent calls: a study "
        "of 451,775 people found none better than logistic regression. So counts and the anchor "
        "regression are judged beside this model, at the same dates."
    )


def purpose(known: Known) -> str:
    """Item 3b."""
    return (
        f"To put {known.entity} on a list whom a High Intensity Use service may offer help before "
        f"they meet the rule. A person decides on every entry. {NOT_FOR}"
    )


def objectives(known: Known) -> str:
    """Item 4."""
    if not known.evaluation:
        return "Development; no evaluation is kept with this model."
    return "Both: development, and evaluation at later dates of the same data."


def sources(known: Known) -> str:
    """Item 5a."""
    feeds = [f for f in known.store.get("feeds", ()) if f.get("source")]
    if not feeds:
        return f"Routine records in the store {known.bundle.manifest.data_hash[:12]}."
    told = "; ".join(
        f"{f['name']} ({f['source']}): {f['accepted']:,} of {f['read']:,} rows accepted"
        for f in feeds
    )
    return f"Routine records, the same for learning and judging. {told}."


def dates(known: Known) -> str:
    """Item 5b."""
    feeds = [f for f in known.store.get("feeds", ()) if f.get("starts_at") is not None]
    day = known.local_day
    parts = [
        f"{f['name']} from {day(f['starts_at'])} to {day(f['complete_until'])}"
        for f in feeds
        if f.get("complete_until") is not None
    ]
    learned = [index_day(day) for day in known.learning.get("dates", ())]
    if learned:
        parts.append(f"index dates of learning {learned[0]} to {learned[-1]}")
    if known.dates:
        parts.append(f"index dates of judging {known.dates[0]} to {known.dates[-1]}")
    horizon = known.bundle.manifest.horizon_days
    return f"{'; '.join(parts)}; follow-up {horizon} days from each index date." if parts else ""


def setting(known: Known) -> str:
    """Item 6a."""
    sites = known.evaluation.get("breakdowns", {}).get("site", {})
    told = f"{len(sites)} sites are recorded." if len(sites) > 1 else ""
    return f"Emergency care as the feeds record it. {told}".strip()


def eligible(known: Known) -> str:
    """Item 6b."""
    return known.eligibility


def treatments(known: Known) -> str:
    """Item 6c."""
    if known.bundle.manifest.policy.get("exclude_caseload"):
        return (
            "Time on a service's caseload neither teaches nor judges: people on it at the index "
            "date are left out, and a spell that begins in the horizon censors the row."
        )
    return "People on a caseload were not left out at the index date."


def preparation(known: Known) -> str:
    """Item 7."""
    feeds = [f for f in known.store.get("feeds", ()) if f.get("read")]
    rejected = sum(f["rejected"] for f in feeds)
    merged = sum(f["merged"] for f in feeds)
    counted = f" {rejected:,} rows rejected, {merged:,} merged." if feeds else ""
    return (
        "Every row is checked against the data contract; rejected rows are kept with the rule and "
        f"the line.{counted} Calls about one event are one incident. Each row carries when it "
        "became known, and nothing later than the index date is used."
    )


def outcome(known: Known) -> str:
    """Item 8a."""
    return (
        f"{known.outcome} Counted by software from the final state of the records, alike for "
        "everybody. The outcome is contact with a service, not need."
    )


def assessors(_: Known) -> str:
    """Item 8b."""
    return "Not applicable: the outcome is counted from records, without judgement."


def blinded(_: Known) -> str:
    """Item 8c."""
    return (
        "Outcomes are counted by software that sees no score; predictors use only what was known "
        "at the index date, outcomes only what happened after it."
    )


def chosen_predictors(known: Known) -> str:
    """Item 9a."""
    n = len(known.bundle.feature_names)
    return (
        f"{n} features of a catalogue that was declared beforehand: how often, how recently, "
        "changes, times of day, reasons, outcomes. Training picks none by looking at the outcome "
        "before fitting."
    )


def predictors(known: Known) -> str:
    """Item 9b."""
    catalogue = known.bundle.manifest.catalogue_hash[:12]
    return (
        f"The catalogue (hash {catalogue}) declares each feature with window, unit, rule for "
        "missing values and direction; features/catalogue.md prints them. All are measured at the "
        "index date from what was known then."
    )


def predictor_assessors(_: Known) -> str:
    """Item 9c."""
    return ""


def sample_size(known: Known) -> str:
    """Item 10."""
    learned, judged = known.learning, known.population
    if not learned and not judged:
        return ""
    return (
        "All there were. Learned from "
        f"{_count(learned.get('rows'))} rows, {_count(learned.get('positives'))} positive; judged "
        f"on {_count(judged.get('rows'))} rows, {_count(judged.get('positives'))} positive "
        f"({_count(judged.get('positive_people'))} different {known.entity}). {ROUNDED}"
    )


def missing(known: Known) -> str:
    """Item 11."""
    dropped = known.learning.get("dropped", {})
    said = "; ".join(
        f"{part.replace('_', ' ')}: "
        + ", ".join(f"{k.replace('_', ' ')} {_count(n)}" for k, n in some)
        for part, reasons in dropped.items()
        if (some := [(k, n) for k, n in reasons.items() if n])
    )
    left = f" Rows left out of learning: {said}. {ROUNDED}" if said else ""
    both = ""
    if known.evaluation.get("whole_lists", {}).get("censored"):
        both = (
            " Lists are judged without them, and with them between the worst and the best that "
            "their unknown outcomes allow."
        )
    return (
        "A feature whose source did not cover its window is missing, not zero. The anchor puts the "
        "training mean in its place; trees learn a direction for it. Rows whose horizon was not "
        f"fully observed (death, move, end of data, caseload) are left out and counted.{left}{both}"
    )


def split(known: Known) -> str:
    """Item 12a."""
    embargo = known.learning.get("embargo_days")
    told = f" The embargo is {embargo:g} days." if embargo is not None else ""
    notes = " ".join(f"{note[:1].upper()}{note[1:]}." for note in known.learning.get("notes", ()))
    return (
        "By time: earlier index dates teach, the last ones judge, and between them lies an embargo "
        "of the horizon and the reporting delay. Trees, their weight and the calibration are "
        f"decided on later blocks in the same way.{told} {notes}"
    ).strip()


def handled(known: Known) -> str:
    """Item 12b."""
    used = [item for item in known.bundle.anchor.terms if item.coefficient]
    return (
        f"The anchor uses {len(used)} inputs, transformed (log of counts, recency) and "
        "standardised. The trees take all features as they are, monotone where the catalogue "
        "declares a direction."
    )


def model_type(known: Known) -> str:
    """Item 12c."""
    trees = known.bundle.booster.n_trees
    made = (
        f"{trees} shallow trees (LightGBM) start from the anchor's log-odds"
        if trees
        else "the trees did not prove to add anything, so the model is the anchor alone"
    )
    return (
        f"Anchored boosting: a small logistic regression (the anchor); {made}; then calibration "
        f"({known.bundle.calibrator.method}) on a later block. Chosen because boosting alone lost "
        "to such a regression on event logs. Settings are in the protocol (item 18c)."
    )


def clusters(known: Known) -> str:
    """Item 12d."""
    if len(known.evaluation.get("breakdowns", {}).get("site", {})) > 1:
        return "One model for all sites; performance is broken down by site (item 23b)."
    return "Not examined: the data name no more than one site."


def measures(_: Known) -> str:
    """Item 12e."""
    return (
        "At each test date all eligible are ranked, as the service would. For lists of K: "
        "recall, precision, lift, number needed to review, days from first listing to onset, calls "
        "before onset. Over all: average precision, AUROC, Brier score, log loss, calibration "
        "slope, intercept and curve, net benefit. Equal scores count by their expected value. 95% "
        "intervals from resampling people with all their rows; differences from each baseline on "
        "the same resamples."
    )


def updating(known: Known) -> str:
    """Item 12f."""
    if getattr(known.bundle.manifest, "mitigation", None):
        return "Groups' thresholds or levels were adjusted after the audit; the bundle says how."
    return "None after the evaluation: the model that was judged is the model that is used."


def calculated(known: Known) -> str:
    """Item 12g."""
    return (
        f"By the bundle {known.version}, with hiu-risk {__version__}: the same code scores one "
        "person by API, the nightly list and the evaluation."
    )


def imbalance(_: Known) -> str:
    """Item 13."""
    return "No rows were weighted or sampled by outcome, so nothing had to be put right after."


def fairness_methods(known: Known) -> str:
    """Item 14."""
    method = (
        "The audit compares, by group, the share of cases that the list misses, then calibration, "
        "then who is listed; groups with few cases read 'insufficient evidence', never a pass. Age "
        "and sex are never shown as reasons."
    )
    return method if known.audit else f"{method} No audit is kept with this model yet."


def output(known: Known) -> str:
    """Item 15."""
    bands = ", ".join(
        f"{name.replace('_', ' ')} from {low:.3f}"
        for name, low in known.bundle.manifest.bands.items()
    )
    return (
        "A probability for each person and index date, and a place on a list of K. Bands, cut at "
        f"fixed shares of the calibration block: {bands}. The list is cut by capacity, not by a "
        "threshold."
    )


def differences(known: Known) -> str:
    """Item 16."""
    if not known.dates:
        return ""
    return (
        f"The same services, rules and predictors; the people are judged at later dates, from "
        f"{known.dates[0]}. Nothing from {known.trained_through} on was used for learning."
    )


def protocol(known: Known) -> str:
    """Item 18c."""
    return f"In the bundle (protocol.toml), hash {known.bundle.manifest.protocol_hash[:12]}."


def code(known: Known) -> str:
    """Item 18f."""
    return f"hiu-risk, sources {known.bundle.manifest.code_version}."


def flow(known: Known) -> str:
    """Item 20a."""
    judged = known.population
    if not judged:
        return ""
    who = f"{_count(judged.get('people'))} {known.entity}"
    dates, cases = plural(len(known.dates), "date"), _count(judged.get("positive_people"))
    return f"Judged: {who} at {dates}, {cases} with the outcome at some date. {ROUNDED}"


def characteristics(known: Known) -> str:
    """Item 20b."""
    parts = [
        f"{dimension.replace('_', ' ')}: {', '.join(str(group) for group in groups)}"
        for dimension, groups in known.evaluation.get("breakdowns", {}).items()
    ]
    return f"The evaluation shows size and outcomes by {'; by '.join(parts)}." if parts else ""


def compared(known: Known) -> str:
    """Item 20c."""
    learned, judged = known.learning, known.population
    if not learned.get("rows") or not judged.get("rows"):
        return ""
    return (
        f"Share of positive rows: {learned['positives'] / learned['rows']:.2%} where learned, "
        f"{judged['positives'] / judged['rows']:.2%} where judged."
    )


def numbers(known: Known) -> str:
    """Item 21."""
    return sample_size(known)


def specification(known: Known) -> str:
    """Item 22."""
    return (
        f"The bundle {known.version} is text: anchor.json (coefficients), booster.txt (trees), "
        f"calibrator.json, and a manifest with their hashes. {NOT_FOR}"
    )


def performance(known: Known) -> str:
    """Item 23a."""
    found = known.ranker()
    if not found:
        return ""
    k = middle_capacity(known.evaluation)
    groups = "; groups in the evaluation and the audit" if known.audit else ""
    return (
        f"Average precision {interval(found.get('average_precision'))}, AUROC "
        f"{interval(found.get('auroc'))}; for lists of {k}: recall "
        f"{interval(_at(found, 'recall_at', k))}, precision "
        f"{interval(_at(found, 'precision_at', k))}; calibration slope "
        f"{interval(found.get('calibration_slope'), 2)}{groups}. {_verdict(known)}"
    ).strip()


def cluster_results(known: Known) -> str:
    """Item 23b."""
    sites = known.evaluation.get("breakdowns", {}).get("site", {})
    told = [
        f"{site}: average precision "
        f"{interval(group['rankers']['model'].get('average_precision'), 2)}"
        for site, group in sites.items()
        if group.get("rankers", {}).get("model")
    ]
    return "; ".join(told) + "." if len(told) > 1 else "Not examined."


def updated(known: Known) -> str:
    """Item 24."""
    if getattr(known.bundle.manifest, "mitigation", None):
        return ""
    return "Not applicable: the model was not updated."


def interpretation(known: Known) -> str:
    """Item 25."""
    return _verdict(known)


def limitations(known: Known) -> str:
    """Item 26."""
    notes = [f"{note[:1].upper()}{note[1:]}." for note in known.learning.get("notes", ())]
    people = known.population.get("positive_people")
    if people is not None and people < 100:
        notes.append(f"Fewer than 100 different {known.entity} had the outcome where judged.")
    notes.append(
        "Judged at later dates of the same services, not elsewhere. People whose events can't be "
        "linked are not seen. Whether an offer of help helps is not shown by any of this."
    )
    if not known.audit:
        notes.append("No fairness audit is kept with this model.")
    return " ".join(notes)


def poor_input(_: Known) -> str:
    """Item 27a."""
    return (
        "A feed that is late or has gaps makes its features missing, and coverage is shown beside "
        "the score; rows that break the contract are refused with the rule; a bundle refuses "
        "features whose declaration changed."
    )


def users(_: Known) -> str:
    """Item 27b."""
    return (
        "Users enter nothing. They read the list with its reasons and record a decision with who, "
        "why and when for every listed person."
    )


def _verdict(known: Known) -> str:
    return str(known.evaluation.get("verdict", ""))


def _at(found: Mapping[str, Any], kind: str, k: str) -> Mapping[str, Any] | None:
    estimate: Mapping[str, Any] | None = found.get(kind, {}).get(k)
    return estimate


_RULE = SmallNumbers()


def _count(n: int | None) -> str:
    """Write a count as it may leave the team."""
    if n is None:
        return "an unknown number of"
    shown = _RULE.show(n)
    return shown if isinstance(shown, str) else f"{shown:,}"
