"""Promotion and rollback: the gates decide, the ledger remembers, the aliases follow.

The order of writing is always the same: the ledger (the truth), then ``aliases.json`` (what a
running server watches), then MLflow's aliases. A command killed in between leaves the later
ones behind, and the next command, or ``hiu-risk models verify --repair``, brings them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hiu_features import default_catalogue
from hiu_risk.errors import ModelError, UsageError
from hiu_risk.model import Bundle, ModelHome
from hiu_risk.model.ledger import Entry, Ledger, standing
from hiu_risk.model.signing import check_reason, check_who
from hiu_training.protocol.settings import GateSettings
from hiu_training.registry.following import follow_or_note
from hiu_training.registry.gates import Gate
from hiu_training.registry.judged import champion_of, judge_model
from hiu_training.registry.registered import Registered, evaluations_of, registered, where

QUESTION = ("definition", "target", "horizon_days", "washout_days", "overlap", "policy")
"""What a model's scores mean: champions that follow each other agree on it."""


@dataclass(frozen=True)
class Decision:
    """What came of a promotion or a rollback.

    Parameters
    ----------
    version, previous_version : str
        The model it was about, and the champion before.
    entry : Entry or None
        The ledger's row; None where nothing was changed.
    gates : tuple of Gate
    notes : tuple of str
        What the user should know besides.
    """

    version: str
    previous_version: str
    entry: Entry | None
    gates: tuple[Gate, ...] = ()
    notes: tuple[str, ...] = ()


def promote(
    home: ModelHome,
    model: str,
    *,
    who: str,
    at: int,
    settings: GateSettings | None = None,
    override: bool = False,
    reason: str = "",
) -> Decision:
    """Make a model champion if it passes every gate, or if somebody answers for it.

    Parameters
    ----------
    who, reason : str
        Who decides and why; a reason is needed for an override and for other gates.
    at : int
        UTC seconds.
    settings : GateSettings, optional
        Other gates than those of the model's own protocol: written down with the reason.
    override : bool
        Promote although a gate is not passed: written down with name and reason.

    Raises
    ------
    UsageError
        No name, an override or other gates without a reason, a model that is champion already,
        or one that answers another question than the champion, without an override.
    ModelError
        No such model, features that changed, MLflow that can't be reached or doesn't know the
        model, a champion that changed meanwhile. Nothing was changed then.
    """
    who = check_who(who)
    reason = check_reason(reason, needed=override)
    ledger = Ledger(home)
    notes = _kept_aside(ledger.settle())
    before = champion_of(home)  # read before judging: if it changes meanwhile, nothing is written
    known = _known_to_mlflow(home, model)
    remembered = [] if isinstance(known, ModelError) else evaluations_of(known)
    judged = judge_model(home, model, settings, remembered=remembered)
    version = judged.bundle.version
    if version == ledger.champion:
        raise UsageError(
            f"{version} is champion already", where=model, fix="name another; see hiu-risk models"
        )
    check_usable(judged.bundle)
    if judged.other_gates:
        check_reason(reason, needed=True)
    changed = _asked_otherwise(home, before, judged.bundle)
    if changed and not override:
        raise UsageError(
            f"{version} answers another question than the champion: {changed} differ",
            where=model,
            fix="keep it in a home of its own (train --home), or let the daily list mean "
            "something else by --override --reason TEXT",
        )
    if changed:
        notes += (f"From now on lists answer another question: {changed} changed.",)
    if judged.not_passed and not override:
        return Decision(version, before, None, judged.gates, notes)
    _require_registered(home, judged.bundle, known)
    entry = ledger.append(
        at=at,
        action="promote",
        version=version,
        previous_version=before,
        who=who,
        reason=reason,
        override=bool(judged.not_passed or changed),
        gates=[asdict(gate) for gate in judged.gates],
        evidence=judged.evidence,
    )
    return Decision(version, before, entry, judged.gates, notes + _mlflow_follows(home))


def rollback(home: ModelHome, *, who: str, reason: str, at: int, to: str | None = None) -> Decision:
    """Make the champion before the present one champion again.

    MLflow need not be there: a bad model must be stoppable at any time.

    Parameters
    ----------
    to : str, optional
        An earlier champion, to go back further.

    Raises
    ------
    UsageError
        No name, no reason, no earlier champion, or a model that never was champion.
    ModelError
        Its bundle is gone or changed, or its features are not those of this version.
    """
    who, reason = check_who(who), check_reason(reason, needed=True)
    ledger = Ledger(home)
    notes = _kept_aside(ledger.settle())
    champions = standing(ledger.entries())
    if len(champions) < 2:
        raise UsageError(
            "there is no champion to go back to",
            where=str(home.path),
            fix="promote another model: see hiu-risk models",
        )
    target = champions[-2] if to is None else home.folder(to).name
    if target == champions[-1]:
        raise UsageError(
            f"{target} is not an earlier champion but the present one",
            where="--to",
            fix="name another; see hiu-risk models",
        )
    if target not in champions[:-1]:
        raise UsageError(
            f"{target} is not an earlier champion",
            where="--to",
            fix="earlier champions are " + ", ".join(dict.fromkeys(champions[:-1])),
        )
    bundle = home.load(target)
    check_usable(bundle)
    entry = ledger.append(
        at=at,
        action="rollback",
        version=target,
        previous_version=champions[-1],
        who=who,
        reason=reason,
        evidence={"bundle_id": bundle.id, "data_hash": bundle.manifest.data_hash},
    )
    return Decision(target, champions[-1], entry, (), notes + _mlflow_follows(home))


def _kept_aside(put_right: Sequence[str]) -> tuple[str, ...]:
    """Choose what the user should hear of what was put right."""
    return tuple(words for words in put_right if "could not be read" in words)


def _asked_otherwise(home: ModelHome, champion: str, bundle: Bundle) -> str:
    """Name what of the question differs from the champion's; nothing where there is none."""
    try:
        before = home.load(champion).manifest if champion else bundle.manifest
    except ModelError:  # it can't be read, and is to be replaced
        return ""
    return ", ".join(
        name for name in QUESTION if getattr(before, name) != getattr(bundle.manifest, name)
    )


def note(home: ModelHome, *, who: str, text: str, at: int, model: str = "champion") -> Entry:
    """Write an incident about a model into the ledger."""
    words = check_reason(text, needed=True, where="--text")
    version = home.folder(model).name
    return Ledger(home).append(at=at, action="incident", version=version, who=who, reason=words)


def check_usable(bundle: Bundle) -> None:
    """Refuse a model that this version could not give scores with.

    Raises
    ------
    BundleError
        The features, or their declarations, changed since it was trained.
    """
    known = default_catalogue()
    same = set(bundle.feature_names) <= set(known.names)
    bundle.check_catalogue(known.select(bundle.feature_names) if same else known)


def _known_to_mlflow(home: ModelHome, model: str) -> Sequence[Registered] | ModelError:
    """Give MLflow's versions of a model, or why it can't be asked: the gates are judged first."""
    bundle = home.load(model)
    try:
        return [v for v in registered(home.path) if v.bundle_id == bundle.id]
    except ModelError as error:
        return error


def _require_registered(
    home: ModelHome, bundle: Bundle, known: Sequence[Registered] | ModelError
) -> None:
    if isinstance(known, ModelError):
        raise ModelError(
            f"{known.what}; nothing was changed", where=known.where, fix=known.fix
        ) from known
    if not known:
        raise ModelError(
            f"MLflow has no version of model {bundle.version}; nothing was changed",
            where=where(home.path),
            fix="set MLFLOW_TRACKING_URI as it was when the model was trained, or train again",
        )


def _mlflow_follows(home: ModelHome) -> tuple[str, ...]:
    return follow_or_note(home, "The ledger and the server have it")
