"""Local extracts into a store: mapping, checks, pseudonyms, versions, incidents."""

from hiu_risk.ingest.run import IngestReport, run_ingest

__all__ = ["IngestReport", "run_ingest"]
