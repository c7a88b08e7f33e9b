"""Bad rows planted in each extract, so that a reader can be held to finding them."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

FAULTS: Mapping[str, tuple[tuple[str, dict[str, str | None]], ...]] = {
    "calls": (
        ("unparsable_time", {"call_connected_at": "31/02/2023 25:61"}),
        (
            "after_extract",
            {"call_connected_at": "2099-01-01 10:00:00", "available_at": "2099-01-02 10:00:00"},
        ),
        ("known_before_it_occurred", {"available_at": "2001-01-01 00:00:00"}),
        ("unknown_code", {"outcome": "BEAMED UP"}),
        ("missing", {"call_connected_at": None}),
    ),
    "ae": (
        ("unparsable_time", {"Arrival_Date": "2023-13-41"}),
        ("before_its_start", {"EC_Departure_Date": "2001-01-01"}),
        ("unknown_code", {"EC_Acuity_SNOMED_CT": "12345"}),
    ),
    "admissions": (
        ("unparsable_time", {"Admission_Date": "yesterday"}),
        ("before_its_start", {"Discharge_Date": "2001-01-01"}),
        ("unknown_code", {"Admission_Method": "9Z"}),
    ),
    "people": (
        ("before_its_start", {"died_on": "1850-01-01"}),
        ("unknown_code", {"ethnic_category": "Q"}),
        ("missing", {"nhs_number": None}),
    ),
}
"""By feed: the rule that each kind of bad row breaks, and what is wrong in it."""

_EVENT_ID = {"calls": "call_id", "ae": "EC_Ident", "admissions": "APCS_Ident"}


def bad_rows(feed: str, table: pa.Table, each: int) -> pa.Table:
    """Make bad rows out of a feed's first good ones, each with an event id of its own."""
    whole = table
    if feed == "admissions":  # a bad row is bad in one respect only: not also still in hospital
        whole = table.filter(pc.is_valid(table["Discharge_Date"]))
    templates = whole.slice(0, 1).to_pylist()
    rows = []
    for template in templates:
        for kind, (_, wrong) in enumerate(FAULTS[feed]):
            for number in range(each):
                row = {**template, **wrong}
                if feed in _EVENT_ID:
                    row[_EVENT_ID[feed]] = f"BAD{kind}{number:04d}"
                rows.append(row)
    return pa.Table.from_pylist(rows, schema=table.schema)
