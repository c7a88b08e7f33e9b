"""Recording a chosen mitigation: in a copy of the model, and in the ledger."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from hiu_risk.errors import UsageError
from hiu_risk.model import Bundle, ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.model.ledger import Ledger
from hiu_risk.model.signing import check_reason, check_who
from hiu_risk.reserve import reserved_by
from hiu_training.audit.drivers import ITSELF
from hiu_training.audit.options import DISCRIMINATION, LEFT_OUT, chosen_in_words
from hiu_training.audit.result import AuditDocument
from hiu_training.registry.following import follow_or_note
from hiu_training.registry.intake import add_model
from hiu_training.registry.provenance import made_from
from hiu_training.registry.tracking import Run

KINDS = ("none", "reserve:COLUMN", "drop:protected", "drop:CONCEPT")
"""What may be recorded."""


def check_choice(choice: str, bundle: Bundle, who: str, reason: str) -> None:
    """Refuse a choice that a model can't carry, before anything is worked out.

    Raises
    ------
    UsageError
        Not such an option, no name or reason, or inputs that the model still has.
    """
    check_who(who)
    check_reason(reason, needed=True)
    kind, _, what = choice.partition(":")
    if kind == "reductions":
        raise UsageError(
            "a mixture of fairlearn's reductions is priced for comparison; a model can't carry it",
            where="--choose",
            fix=f"choose one of {', '.join(KINDS)}",
        )
    if not re.fullmatch(r"none|(reserve|drop):[a-z_]+", choice):
        raise UsageError(
            f"no such option {choice!r}", where="--choose", fix=f"write {', '.join(KINDS)}"
        )
    if kind == "drop":
        left = [name for name in _inputs(what, bundle) if name in bundle.feature_names]
        if left:
            raise UsageError(
                f"the model still has {', '.join(left)}",
                where="--choose",
                fix="train with a protocol whose features leave them out, then record the choice "
                "for that model",
            )


def check_compared(choice: str, document: AuditDocument) -> None:
    """Refuse to reserve places by what the audit couldn't compare: no list could be drawn so.

    Raises
    ------
    UsageError
        The column isn't among those audited, or the store tells no groups by it.
    """
    kind, _, column = choice.partition(":")
    compared = [grouping.name for grouping in document.groupings if not grouping.note]
    if kind == "reserve" and column not in compared:
        raise UsageError(
            f"the audit doesn't compare people by {column!r}: no places can be reserved by it",
            where="--choose",
            fix=f"choose one of {', '.join(compared) or 'the columns that the store tells'}",
        )


def _inputs(what: str, bundle: Bundle) -> list[str]:
    from hiu_features import default_catalogue

    if what == "protected":
        return sorted({name for names in ITSELF.values() for name in names})
    return [f.name for f in default_catalogue().features if f.concept == what]


def record(
    home: ModelHome,
    model: str,
    choice: str,
    *,
    who: str,
    reason: str,
    at: int,
    document: AuditDocument,
    evidence: str,
    whole: bool = True,
) -> tuple[str, tuple[str, ...]]:
    """Keep a copy of the model that carries the choice, and write the ledger.

    Gives its version, and notes where MLflow is behind.

    The copy scores as the model does. It becomes challenger: only promoting it makes it
    champion. For reserved places the lists that it makes are then drawn so; the note tells that
    it was decided, and by whom.

    Parameters
    ----------
    home : ModelHome
        Where the model is.
    model : str
        Its alias or version.
    choice : str
        See :data:`KINDS`.
    who, reason : str
        Who answers for it, and why.
    at : int
        UTC seconds.
    document : AuditDocument
        The audit it was decided on.
    evidence : str
        Hash of that audit as kept; empty if it wasn't.
    whole : bool
        Whether it is of all groupings: only then it is the copy's audit too, and only where the
        copy draws its lists as the audited model does.

    Raises
    ------
    UsageError
        No name or reason.
    ModelError
        MLflow can't be reached: nothing is kept then.
    """
    bundle = home.load(model)
    who, reason = check_who(who), check_reason(reason, needed=True)
    note: dict[str, Any] = {
        "name": choice,
        "title": _title(choice),
        "caution": _caution(choice),
        "who": who,
        "reason": reason,
        "at": at,
        "of_model": bundle.version,
    }
    copy = replace(bundle, manifest=replace(bundle.manifest, mitigation=note))
    kept = document.model_dump(mode="json") | {"chosen_mitigation": chosen_in_words(note)}
    evaluation = find(home, bundle.version, "evaluation")

    def documents(_run_id: str) -> dict[str, dict[str, Any]]:
        found = {"mitigation": note}
        if evaluation is not None:  # the scores are the same
            made = {**evaluation.get("made", {}), **made_from(copy)}
            found["evaluation"] = {**evaluation, "made": made}
        if document.suppressed and whole and as_served(document, choice):
            found["audit"] = kept
        return found

    run = Run(
        parameters={"mitigation": note["name"], "of_model": note["of_model"]},
        metrics={},
        tags={"mitigation": str(note["name"])},
        files=(),
    )
    added = add_model(home, copy, run, documents)
    decided_on = {"decided_on": evidence} if evidence else {}
    Ledger(home).append(
        at=at, action="mitigation", alias="challenger", version=copy.version, who=who,
        reason=f"{choice}: {reason}", evidence=added.evidence | decided_on,
    )  # fmt: skip
    return copy.version, follow_or_note(home, "The choice is recorded")


def as_served(document: AuditDocument, choice: str) -> bool:
    """Tell whether an audit judges lists as a model with this choice draws them."""
    audited = document.reserving.column if document.reserving else ""
    return audited == reserved_by({"name": choice})


def _title(choice: str) -> str:
    kind, _, what = choice.partition(":")
    words = what.replace("_", " ")
    return {
        "none": "No mitigation, after looking at the prices",
        "reserve": f"Places reserved by {words}",
        "drop": "Age, sex and deprivation left out" if what == "protected" else f"Without {words}",
    }[kind]


def _caution(choice: str) -> str:
    return {"reserve": DISCRIMINATION, "drop": LEFT_OUT}.get(choice.partition(":")[0], "")
