"""Gathers what a board pack is made of, from the store, the model home and people's files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from hiu_risk.errors import DataError, HiuRiskError

if TYPE_CHECKING:
    from hiu_risk.model import Bundle, ModelHome
    from hiu_risk.store import Store
    from hiu_serving.history import KeptList
    from hiu_serving.state import State
    from hiu_training.audit.result import AuditDocument
    from hiu_training.board.fields import Filled
    from hiu_training.board.happened import Happened
    from hiu_training.board.quarter import Quarter
    from hiu_training.board.records import Decision, LedgerState, ListMade, Material, Rule


@dataclass(frozen=True)
class Gathered:
    """The material, and everybody whose pseudonym may not be in the pack."""

    material: Material
    people: frozenset[str]


def gather(
    *,
    store: Store,
    home: ModelHome,
    model: str,
    quarter: Quarter,
    day: date,
    fields: Path,
    allow_no_lists: bool,
) -> Gathered:
    """Read everything about a quarter; nothing is written.

    Raises
    ------
    DataError
        No list was made in the quarter, a field file can't be read, evidence can't be used.
    ModelError
        There is no such model, or the store was made by other rules than the model's.
    """
    from hiu_risk.model.evidence import find
    from hiu_risk.suppression import SmallNumbers
    from hiu_training.board.kept import printed_before
    from hiu_training.board.records import Material
    from hiu_training.judging.rankers import check_same_rules
    from hiu_training.report.known import Known

    bundle = home.load(model)
    check_same_rules(store, bundle)
    filled = _filled(fields)
    now, before = (_kept_lists(home, each) for each in (quarter, quarter.before))
    _check_dated(day, quarter, now)
    if not now and not allow_no_lists:
        raise _no_lists(home, quarter)
    purpose = _purpose(bundle, now or before)
    lists, lists_before = _of(now, purpose), _of(before, purpose)
    rules = _rules(home, {kept.bundle_id for kept in (*lists, *lists_before)})
    happened, happened_before = _followed(store, (lists, lists_before), rules)
    _check_store(happened, lists, store)
    ledger = _ledger(home, filled["quarter.toml"].values.get("last_ledger_hash"))
    audit, audit_before = _audits(home, bundle.version)
    known = Known(
        bundle,
        evaluation=find(home, bundle.version, "evaluation") or {},
        audit={} if audit is None else audit.model_dump(mode="json"),
        store=store.manifest.model_dump(mode="json"),
        reasons={
            name: find(home, bundle.version, name) or {} for name in ("faithfulness", "stability")
        },
    )
    rule = next((rules[kept.bundle_id] for kept in reversed(lists) if kept.bundle_id in rules),
                _rule(bundle))  # fmt: skip
    material = Material(
        quarter=quarter,
        day=day,
        lists=tuple(_list_made(kept) for kept in lists),
        lists_before=tuple(_list_made(kept) for kept in lists_before),
        other_lists=len(now) - len(lists),
        happened=happened,
        happened_before=happened_before,
        decisions=_decisions(lists),
        decisions_before=_decisions(lists_before),
        definition=rule.definition.in_words(),
        target=rule.target,
        horizon_days=rule.horizon_days,
        model_name=model,
        known=known,
        audit=audit,
        audit_before=audit_before,
        ledger=ledger,
        store=store.manifest,
        filled=filled,
        rule=SmallNumbers(),
        printed=printed_before(home.path),
    )
    named = frozenset(store.people_ids.tolist())
    return Gathered(material, named.union(*(kept.people for kept in (*now, *before))))


def _filled(folder: Path) -> dict[str, Filled]:
    from hiu_training.board.fields import read_topic
    from hiu_training.board.topics import TOPICS

    return {topic.file: read_topic(folder, topic) for topic in TOPICS}


def _state(home: ModelHome) -> State | None:
    from hiu_serving.state import State

    return State.open_existing(home.path)


def _kept_lists(home: ModelHome, quarter: Quarter) -> list[KeptList]:
    from hiu_serving.history import lists_between

    state = _state(home)
    if state is None:
        return []
    try:
        return lists_between(state, quarter.start, quarter.end)
    finally:
        state.close()


def _no_lists(home: ModelHome, quarter: Quarter) -> DataError:
    from hiu_serving.history import span
    from hiu_training.board.words import day_at

    state = _state(home)
    dates = None
    if state is not None:
        try:
            dates = span(state)
        finally:
            state.close()
    made = (
        f"lists were made from {day_at(dates[0], quarter.zone)} to "
        f"{day_at(dates[1], quarter.zone)}; choose a quarter of theirs"
        if dates
        else "run hiu-risk score first, or check --home"
    )
    return DataError(
        f"no list was made in {quarter} ({quarter.words})",
        where=str(home.path / "state.db"),
        fix=f"{made}; for a pack that says so, add --allow-no-lists",
    )


def _check_dated(day: date, quarter: Quarter, lists: Sequence[KeptList]) -> None:
    """Refuse a pack dated before its quarter began, or before a list that is in it."""
    from hiu_risk.errors import UsageError
    from hiu_training.board.quarter import day_of, day_words

    last = max((day_of(kept.as_of, quarter.zone) for kept in lists), default=quarter.first_day)
    if day >= last:
        return
    later = (
        f"{quarter} begins on {day_words(quarter.first_day)}"
        if day < quarter.first_day
        else f"its last list is of {day_words(last)}"
    )
    raise UsageError(
        f"a pack of {quarter} can't be dated {day_words(day)}: {later}",
        where="--on, --quarter",
        fix="give a later day, or an earlier quarter",
    )


def _check_store(happened: Happened, lists: Sequence[KeptList], store: Store) -> None:
    """Refuse a store that most lists of the quarter can't have been made from."""
    from hiu_training.board.listed import OTHER_STORE

    others = [each.unobserved == OTHER_STORE for each in happened.lists]
    if 2 * sum(others) <= len(others):
        return
    made_from = str(lists[others.index(True)].summary.get("store_hash", ""))[:12]
    raise DataError(
        f"the lists weren't made from this store ({store.content_hash[:12]}), nor from an earlier "
        "one of the same people: most people on them are not in it, or its data end before theirs",
        where=str(store.path),
        fix=f"give --store the one that they were made from ({made_from}), or a later one of the "
        "same extracts, made with the same pseudonym key",
    )


def _purpose(bundle: Bundle, lists: Sequence[KeptList]) -> str:
    """Choose whose lists the pack is about: the model's own kind, else the most frequent."""
    from hiu_serving.worklist import purpose_of

    made = bundle.manifest
    own = purpose_of(made.definition, made.target, made.horizon_days)
    counts = Counter(kept.purpose for kept in lists)
    if own in counts or not counts:
        return own
    return max(sorted(counts), key=lambda purpose: counts[purpose])


def _of(lists: Sequence[KeptList], purpose: str) -> list[KeptList]:
    return [kept for kept in lists if kept.purpose == purpose]


def _list_made(kept: KeptList) -> ListMade:
    from hiu_training.board.records import FeedSeen, ListMade

    said = kept.summary
    feeds = said.get("freshness", ())
    return ListMade(
        as_of=kept.as_of,
        purpose=kept.purpose,
        model=kept.bundle_id,
        capacity=int(said["capacity"]),
        people=kept.people,
        n_people=int(said["n_people"]),
        n_scored=int(said["n_scored"]),
        exclusions=dict(said["exclusions"]),
        feeds=tuple(FeedSeen(f["source"], float(f["days_behind"]), f["status"]) for f in feeds),
    )


def _decisions(lists: Sequence[KeptList]) -> tuple[Decision, ...]:
    from hiu_training.board.records import ANSWERS, Decision

    known = {str(answer): answer for answer in ANSWERS}
    return tuple(
        Decision(kept.as_of, kept.purpose, d.person, known[d.answer], d.reason, d.decided_at)
        for kept in lists
        for d in kept.decisions
        if d.answer in known
    )


def _rules(home: ModelHome, models: set[str]) -> dict[str, Rule]:
    found = {}
    for model in sorted(models):
        try:
            found[model] = _rule(home.load(model))
        except HiuRiskError:  # the pack says that these lists can't be judged
            continue
    return found


def _rule(bundle: Bundle) -> Rule:
    from hiu_risk.eligibility import EligibilityPolicy, checked_target
    from hiu_training.board.records import Rule

    made = bundle.manifest
    checked_target(made.target)
    return Rule(
        definition=bundle.definition,
        target=made.target,  # type: ignore[arg-type]  # checked in the line above
        horizon_days=made.horizon_days,
        washout_days=made.washout_days,
        overlap=made.overlap,  # type: ignore[arg-type]  # outcomes() checks it
        policy=EligibilityPolicy.from_dict(made.policy),
    )


def _followed(
    store: Store, quarters: tuple[list[KeptList], list[KeptList]], rules: dict[str, Rule]
) -> tuple[Happened, Happened]:
    from hiu_risk.progress import progress
    from hiu_training.board.listed import what_happened

    histories = store.histories()
    with progress("Following the lists", sum(map(len, quarters)), "lists") as advance:
        first, second = (
            what_happened(histories, [_list_made(kept) for kept in lists], rules, advance=advance)
            for lists in quarters
        )
    return first, second


def _ledger(home: ModelHome, noted: str | None) -> LedgerState:
    from hiu_risk.model.ledger import Ledger
    from hiu_training.board.records import LedgerState

    ledger = Ledger(home.path)
    try:
        return LedgerState(tuple(ledger.entries()), tuple(ledger.verify(noted)))
    except HiuRiskError as error:  # a ledger that was tampered with belongs in the pack, loudly
        return LedgerState((), (error.what,))


def _audits(home: ModelHome, version: str) -> tuple[AuditDocument | None, AuditDocument | None]:
    """Give the audit kept with the model, and the one before it that it can be compared with."""
    from pydantic import ValidationError

    from hiu_risk.model.evidence import find
    from hiu_training.audit.kept import kept_audits
    from hiu_training.audit.result import AuditDocument

    data = find(home, version, "audit")
    if data is None:
        return None, None
    try:
        now = AuditDocument.model_validate(data)
    except ValidationError:
        raise DataError(
            "the audit kept with the model is of another version",
            where=f"evidence of model {version}",
            fix="run hiu-risk audit again",
        ) from None
    earlier = [
        audit
        for audit in kept_audits(home)
        if audit != now
        and audit.dates[-1] <= now.dates[-1]
        and (audit.definition, audit.target, audit.primary)
        == (now.definition, now.target, now.primary)
    ]
    return now, earlier[-1] if earlier else None
