"""A model of a home put to the gates: what is kept about it is read, and the gates judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hiu_risk.errors import UsageError
from hiu_risk.model import Bundle, ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.model.ledger import Ledger
from hiu_risk.model.manifest import digest
from hiu_training.protocol import parse_protocol
from hiu_training.protocol.settings import GateSettings
from hiu_training.registry.gates import Gate, GateEvidence, judge_gates
from hiu_training.registry.probe import scores_differ


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
