"""One whole audit: from a store and a model to the document that may be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import DataError, UsageError, near_match
from hiu_risk.groups import groups_of, people_columns
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.reserve import groups_told, reserved_by
from hiu_risk.store import Store
from hiu_risk.suppression import SmallNumbers
from hiu_training.audit.dates import audit_dates
from hiu_training.audit.drivers import drivers_of, proxies_of
from hiu_training.audit.identity import identity_of
from hiu_training.audit.kept import trend_of
from hiu_training.audit.last_date import last_date
from hiu_training.audit.linkage import linkage_of
from hiu_training.audit.mitigation import Asked, options_of, price, worth_evening
from hiu_training.audit.options import chosen_in_words
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.published import hash_of
from hiu_training.audit.report import Plan, all_pairs
from hiu_training.audit.report import audit as measured
from hiu_training.audit.result import AuditDocument, SecondOutcome
from hiu_training.audit.second import audit_second, publish_second
from hiu_training.protocol import Protocol
from hiu_training.rows.scored import Columns, Scored, ScoredRows, scored_at


@dataclass(frozen=True)
class Request:
    """What is asked of an audit beyond the protocol.

    Parameters
    ----------
    model : str
        What the reader calls the model, besides its version.
    protocol_name : str
        What the reader calls the protocol.
    quarter : str
        Such as ``2026Q3``: list dates of that quarter alone; empty for the protocol's.
    rule : SmallNumbers
        The rule for small numbers.
    mitigation : bool
        Whether to price mitigation.
    evened : tuple of str
        Groupings to even out; empty: those with a group missed more often.
    drop : tuple of str
        Concepts to leave out, besides the protected inputs.
    """

    model: str
    protocol_name: str = ""
    quarter: str = ""
    rule: SmallNumbers = SmallNumbers()  # noqa: RUF009  (frozen)
    mitigation: bool = False
    evened: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


def plan_of(protocol: Protocol) -> Plan:
    """Read the plan out of a protocol; pairs are laid out when the groupings are known."""
    asked = protocol.audit
    capacities = {k for k in protocol.capacities if isinstance(k, int)}  # shares have no one list
    middle = sorted(capacities)[len(capacities) // 2] if capacities else 75
    usual = 75 if 75 in capacities else middle
    primary = usual if asked.capacity is None else asked.capacity
    return Plan(
        capacities=tuple(sorted(capacities | {primary})),
        primary=primary,
        by=asked.by or None,
        min_cases=asked.min_cases,
        margin=asked.margin,
        resamples=asked.resamples,
        seed=protocol.seed,
        reference=dict(asked.reference),
    )


def run_audit(
    store: Store,
    bundle: Bundle,
    protocol: Protocol,
    request: Request,
    earlier: Sequence[AuditDocument] = (),
) -> AuditDocument:
    """Audit a model on a store.

    Parameters
    ----------
    store : Store
        The data.
    bundle : Bundle
        The model.
    protocol : Protocol
        Its protocol; ``[audit]`` says what is compared.
    request : Request
        What else is asked.
    earlier : sequence of AuditDocument
        Audits printed before, of any model.

    Raises
    ------
    UsageError, DataError, ModelError
        A grouping that isn't there or can't be used, dates not observed, a model of another
        catalogue or purpose.
    """
    rule, histories = request.rule, store.histories()
    columns = people_columns(store, protocol.audit.columns)
    dates, not_yet = audit_dates(histories, bundle, protocol, request.quarter)
    reserved, more = _reserved(store, histories, bundle, int(dates.max()), columns)
    scored = scored_at(histories, bundle, protocol, dates, {**columns, **more})
    rows = scored.rows
    plan = replace(plan_of(protocol), reserved=reserved, by_score=bool(reserved))
    if more and plan.by is None:  # a column read for drawing alone is not compared by
        plan = replace(plan, by=tuple(name for name in rows.groups if name not in more))
    plan = _checked(plan, rows, pairs=protocol.audit.pairs)
    unobserved = tuple(sorted({*rows.unobserved, *not_yet}))
    context = _context(store, bundle, protocol, request, rows, unobserved)
    document = publish(
        measured(rows, plan, rule), context, rule, linkage_of(store.manifest.linkage, rule), earlier
    )
    by = [g.name for g in document.groupings]
    date = last_date(histories, bundle, protocol, int(rows.as_of.max()), columns)
    everybody = groups_of(histories, _all(len(histories.people)), int(rows.as_of.max()))
    document = document.model_copy(
        update={
            "second_outcome": _second(scored, plan, document, rule, earlier),
            "identity": identity_of(
                store, {n: v for n, v in {**everybody, **columns}.items() if n in by}, rule
            ),
            "drivers": drivers_of(date, bundle, by, rule),
            "proxies": proxies_of(date, by, rule, seed=protocol.seed),
            "chosen_mitigation": _chosen(bundle),
        }
    )
    if request.mitigation:
        asked = Asked(_evened(request, document), request.drop)
        _check_concepts(request.drop)
        options = options_of(rows, histories, bundle, protocol, asked, plan.primary, reserved)
        document = document.model_copy(
            update={"mitigation": price(rows, options, plan, document, rule)}
        )
    return document.model_copy(update={"trend": trend_of(document, earlier)})


def _reserved(
    store: Store, histories: Histories, bundle: Bundle, as_of: int, columns: Columns
) -> tuple[str, dict[str, NDArray[np.str_]]]:
    """Give the column that the model's places are reserved by, and its values if still unread."""
    note = bundle.manifest.mitigation
    column = reserved_by(note)
    if note is None or not column:
        return "", {}
    labels = groups_told(
        column, histories, as_of, lambda name: people_columns(store, [name])[name],
        version=bundle.version, of_model=str(note["of_model"]),
    )  # fmt: skip
    known = {*groups_of(histories, _all(0), as_of), *columns}
    return column, {} if column in known else {column: labels}


def _all(n: int) -> NDArray[np.int32]:
    return np.arange(n, dtype=np.int32)


def _checked(plan: Plan, rows: ScoredRows, *, pairs: bool) -> Plan:
    if not len(rows.label):
        raise DataError(
            "nobody was eligible and at risk at these dates",
            where="list dates",
            fix="check the protocol's [eligibility] and the store's period",
        )
    return replace(plan, pairs=all_pairs(plan.by or tuple(rows.groups))) if pairs else plan


def _context(
    store: Store,
    bundle: Bundle,
    protocol: Protocol,
    request: Request,
    rows: ScoredRows,
    unobserved: tuple[int, ...],
) -> Context:
    manifest = bundle.manifest
    about = {
        "store": store.content_hash,
        "definition": dict(manifest.definition),
        "target": manifest.target,
        "overlap": manifest.overlap,
        "horizon_days": manifest.horizon_days,
        "washout_days": protocol.washout_days,
        "policy": protocol.policy.to_dict(),
        "dates": sorted(set(rows.as_of.tolist())),
    }
    version = bundle.version
    return Context(
        model=f"{request.model} {version}" if request.model != version else version,
        definition=bundle.definition.in_words(),
        target=manifest.target,
        horizon_days=manifest.horizon_days,
        washout_days=protocol.washout_days,
        protocol=request.protocol_name,
        store=store.content_hash[:12],
        zone=manifest.zone,
        rows_hash=hash_of(**about),
        lists_hash=hash_of(**about, scores=_scores(bundle)),
        quarter=request.quarter.upper(),
        unobserved=unobserved,
    )


def _scores(bundle: Bundle) -> str:
    """Hash what scores come from: the same model with another note gives the same lists."""
    return hash_of(
        features=bundle.feature_names,
        catalogue=bundle.manifest.catalogue_hash,
        anchor=bundle.anchor.to_dict(),
        booster=bundle.booster.text,
        calibrator=bundle.calibrator.to_dict(),
    )


def _second(
    scored: Scored,
    plan: Plan,
    main: AuditDocument,
    rule: SmallNumbers,
    earlier: Sequence[AuditDocument],
) -> SecondOutcome | None:
    if scored.second is None or not (scored.second.label == 1).any():
        return None
    report = audit_second(scored.second, replace(plan, reference={}), rule)
    return publish_second(report, scored.second_title, main, rule, earlier)


def _evened(request: Request, document: AuditDocument) -> tuple[str, ...]:
    known = {g.name: g.note for g in document.groupings}
    for name in request.evened:
        if name not in known:
            raise UsageError(
                f"there is no grouping {name!r} to even out",
                where="--even-out",
                fix=near_match(name, known),
            )
        if known[name]:
            raise UsageError(known[name], where=name, fix="choose another grouping")
    return request.evened or worth_evening(document)


def _check_concepts(drop: Sequence[str]) -> None:
    from hiu_features.feature import CONCEPTS

    for name in drop:
        if name not in CONCEPTS:
            raise UsageError(
                f"there is no concept {name!r}", where="--drop", fix=near_match(name, CONCEPTS)
            )


def _chosen(bundle: Bundle) -> str:
    chosen = bundle.manifest.mitigation
    return chosen_in_words(chosen) if chosen else ""
