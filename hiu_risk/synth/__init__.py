"""A synthetic region: people, three feeds with their faults, and the truth beside them."""

from hiu_risk.synth.parameters import RegionParameters
from hiu_risk.synth.region import write_region
from hiu_risk.synth.truth import TruthRows, read_truth, truth_for_store

__all__ = ["RegionParameters", "TruthRows", "read_truth", "truth_for_store", "write_region"]
