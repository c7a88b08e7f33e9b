"""Promotion and rollback: the gates decide, the ledger remembers, the aliases follow.

The order of writing is always the same: the ledger (the truth), then ``aliases.json`` (what a
running server watches), then MLflow's aliases. A command killed in between leaves the later
ones behind, and the next command, or ``hiu-risk models verify --repair``, brings them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import Any

from hiu_features import default_catalogue
from hiu_risk.errors import ModelError, UsageError
from hiu_risk.model import Bundle, ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.model.ledger import CROWNING, Entry, Ledger, standing
from hiu_risk.model.manifest import digest
from hiu_risk.model.signing import check_reason, check_who
from hiu_risk.times import to_seconds
from hiu_training.protocol import Protocol, parse_protocol
from hiu_training.protocol.settings import GateSettings
from hiu_training.registry.gates import Gate, GateEvidence, judge_gates
from hiu_training.registry.probe import scores_differ
from hiu_training.registry.registered import (
    Registered,
    is_there,
    point,
    registered,
    remember_evaluation,
    where,
)
from hiu_training.registry.tracking import check_reachable

TRAINING = "hiu-risk train"
"""Who answers for a first champion: the protocol allowed it."""


@dataclass(frozen=True)
class Judged:
    """A model, its gates, and what they were judged by.

    Parameters
    ----------
    bundle : Bundle
    gates : tuple of Gate
    evidence : dict
        Hashes of what the gates looked at, as the ledger keeps them.
    other_gates : bool
        Whether the gates were set otherwise than in the model's own protocol.
    """

    bundle: Bundle
    gates: tuple[Gate, ...]
    evidence: dict[str, Any]
    other_gates: bool = False

    @property
    def not_passed(self) -> tuple[Gate, ...]:
        """The gates that failed or could not be judged."""
        return tuple(gate for gate in self.gates if not gate.passed)


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


def champion_of(home: ModelHome) -> str:
    """Give the champion as the ledger has it; before there was a ledger, as the alias has it."""
    return Ledger(home).champion or home.aliases().get("champion", "")


def judge_model(
    home: ModelHome,
    model: str,
    settings: GateSettings | None = None,
    *,
    remembered: Sequence[str] = (),
) -> Judged:
    """Judge a model by the gates of its own protocol, or by others.

    Parameters
    ----------
    remembered : sequence of str
        Hashes of the model's evaluations as MLflow remembers them, where it was asked.

    Raises
    ------
    BundleError
        No such model; a bundle that was changed; evidence that was changed.
    """
    bundle = home.load(model)
    champion = champion_of(home)
    champion = "" if champion == bundle.version else champion
    own = _own_gates(bundle, needed=settings is None)
    settings = settings or own or GateSettings()
    looked_at = {
        "evaluation": find(home, bundle.version, "evaluation"),
        "audit": find(home, bundle.version, "audit"),
        "champion_audit": find(home, champion, "audit") if champion else None,
    }
    evaluation = looked_at["evaluation"] or {}
    made = evaluation.get("made", {})
    manifest = bundle.manifest
    gates = judge_gates(
        GateEvidence(
            evaluation=evaluation,
            audit=looked_at["audit"] or {},
            champion_audit=looked_at["champion_audit"] or {},
            champion=champion,
            bundle_id=bundle.id,
            data_hash=manifest.data_hash,
            protocol_hash=manifest.protocol_hash,
            code_version=manifest.code_version,
            scores_differ=scores_differ(bundle, made.get("scores")),
            evaluation_changed=bool(remembered) and digest(evaluation) not in remembered,
        ),
        settings,
    )
    evidence = {
        "bundle_id": bundle.id,
        "data_hash": manifest.data_hash,
        "run_id": made.get("run_id", ""),
        "gates": asdict(settings),
        **{name: digest(data) for name, data in looked_at.items() if data is not None},
    }
    if settings != own:
        evidence["gates_of_another_protocol"] = True
    return Judged(bundle, gates, evidence, settings != own)


def _own_gates(bundle: Bundle, *, needed: bool) -> GateSettings | None:
    try:
        return parse_protocol(bundle.protocol, where=f"protocol of {bundle.version}").gates
    except UsageError:  # one of another version's: others may be named instead
        if needed:
            raise
        return None


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
        No name, an override or other gates without a reason, a model that is champion already.
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
        override=bool(judged.not_passed),
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


def check_ready(home: ModelHome) -> None:
    """Refuse to begin a training whose model could not be kept and registered.

    Raises
    ------
    UsageError
        The folder can't be written to.
    ModelError
        MLflow can't be reached; the ledger was changed or cut off.
    """
    try:
        home.path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=home.path):
            pass
    except OSError as error:
        raise UsageError(
            f"can't write: {error.strerror}",
            where=str(home.path),
            fix="choose a model home you may write to",
        ) from None
    check_reachable(home.path)
    Ledger(home).settle()


def take_in(home: ModelHome, bundle: Bundle, protocol: Protocol, *, now: str) -> tuple[str, ...]:
    """Give a model that was just trained its aliases.

    It becomes challenger; the very first one also champion, where the protocol says so, and the
    ledger then says that it was that.

    Raises
    ------
    ModelError
        MLflow can't be reached any more: its aliases are behind.
    """
    ledger = Ledger(home)
    ledger.settle()
    with ledger.locked():
        home.set_alias("challenger", bundle.version)
    aliases: tuple[str, ...] = ("challenger",)
    if protocol.promote == "first" and not champion_of(home):
        try:
            _crown_first(ledger, bundle, protocol.gates, now)
            aliases = ("challenger", "champion")
        except ModelError:
            if not ledger.champion:  # else another training was first, a moment ago
                raise
    evaluation = find(home, bundle.version, "evaluation")
    if evaluation is not None:
        remember_evaluation(home.path, bundle.id, digest(evaluation))
    follow(home)
    return aliases


def _crown_first(ledger: Ledger, bundle: Bundle, settings: GateSettings, now: str) -> None:
    judged = judge_model(ledger.home, bundle.version, settings)
    ledger.append(
        at=to_seconds(datetime.fromisoformat(now)),
        action="first",
        version=bundle.version,
        previous_version="",
        who=TRAINING,
        reason='first model of this home; its protocol says promote = "first"',
        gates=[asdict(gate) for gate in judged.gates],
        evidence=judged.evidence,
    )


def note(home: ModelHome, *, who: str, text: str, at: int, model: str = "champion") -> Entry:
    """Write an incident about a model into the ledger."""
    words = check_reason(text, needed=True)
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


def follow(home: ModelHome) -> list[str]:
    """Let MLflow's aliases stand for the models that ours stand for; names those changed.

    Raises
    ------
    ModelError
        MLflow can't be reached.
    """
    if not is_there(home.path):
        return []
    ledger = Ledger(home)
    done = []
    with ledger.locked():
        versions = registered(home.path)
        crowned = [entry for entry in ledger.entries() if entry.action in CROWNING]
        mark = f"{crowned[-1].sequence}:{crowned[-1].hash}" if crowned else ""
        for alias, version in home.aliases().items():
            wanted = [v for v in versions if v.bundle_id.startswith(version)]
            held = [v for v in wanted if alias in v.aliases]
            tag = mark if alias == "champion" else ""
            if wanted and (not held or (tag and held[0].ledger != tag)):
                point(home.path, alias, (held or wanted)[0].number, tag)
                done.append(f"MLflow's {alias}")
    return done


def mlflow_versions(home: ModelHome, bundle: Bundle) -> Sequence[Registered]:
    """Give MLflow's versions of a bundle, newest first."""
    return [v for v in registered(home.path) if v.bundle_id == bundle.id]


def evaluations_of(versions: Sequence[Registered]) -> list[str]:
    """Give the hashes of evaluations that MLflow's versions remember."""
    return [version.evaluation for version in versions if version.evaluation]


def _known_to_mlflow(home: ModelHome, model: str) -> Sequence[Registered] | ModelError:
    """Give MLflow's versions of a model, or why it can't be asked: the gates are judged first."""
    bundle = home.load(model)
    try:
        return mlflow_versions(home, bundle)
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
    try:
        follow(home)
    except ModelError as error:
        return (
            f"The ledger and the server have it, but {error} Then run hiu-risk models verify "
            "--repair.",
        )
    return ()
