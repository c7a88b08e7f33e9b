"""The mapping that tells ingest how to read a synthetic region."""

from __future__ import annotations

from hiu_risk.codes import REASON
from hiu_risk.synth.extracts import (
    ACUITIES,
    AMBULANCE,
    COMPLAINTS,
    GROUPS,
    LEFT,
    OTHER_ARRIVALS,
    SUICIDAL_FEELINGS,
)


def _exact(pairs: dict[str, str]) -> str:
    inside = ", ".join(f'"{raw}" = "{name}"' for raw, name in pairs.items())
    return f"exact = {{ {inside} }}"


def _urgencies(codes: tuple[str, ...]) -> str:
    names = ("immediate", "very_urgent", "urgent", "standard", "low")
    return _exact(dict(zip(codes, names, strict=True)))


_GROUPS = _exact(dict(zip(GROUPS[1:], REASON.names[1:], strict=True)))
_COMPLAINTS = _exact(
    {**dict(zip(COMPLAINTS[1:], REASON.names[1:], strict=True)), SUICIDAL_FEELINGS: "mental_health"}
)
_ARRIVALS = _exact(
    {
        **dict.fromkeys(AMBULANCE, "ambulance"),
        **dict(zip(OTHER_ARRIVALS, ("own", "public", "police"), strict=True)),
    }
)
_STATUSES = _exact(
    {**dict.fromkeys(LEFT, "left_unseen"), "182992009": "treated", "1077031000000103": "streamed"}
)


def mapping_text(
    *, kind: str, starts_at: str, complete_until: str, extract_until: str, admission_delay_days: int
) -> str:
    """Write ``mapping.toml``.

    Parameters
    ----------
    kind : str
        What identifiers are: ``nhs_number`` or ``local_id``.
    starts_at, complete_until, extract_until : str
        Local times between which the feeds are complete, and when the extracts were made.
    admission_delay_days : int
        Declared delay of the admissions feed.
    """
    covers = (
        f'extract_until = "{extract_until}"\n'
        f'starts_at = "{starts_at}"\n'
        f'complete_until = "{complete_until}"'
    )
    return f"""\
# How to read this synthetic region: hiu-risk ingest --mapping mapping.toml --store store

[store]
zone = "Europe/London"
entity = "person"

[identity]
kind = "{kind}"
min_confidence = 0.5

[[feed]]
name = "calls"
table = "calls"
path = "calls.csv"
delay_hours = 24
{covers}
[feed.columns]
event_id = "call_id"
incident_id = "incident_id"
person_id = "nhs_number"
occurred_at = "call_connected_at"
available_at = "available_at"
reason = "complaint_group"
outcome = "outcome"
urgency = "response_category"
caller_type = "caller_type"
address_id = "address_id"
address_type = "address_type"
identity_method = "identity_method"
identity_confidence = "identity_confidence"
site = "site"
[feed.values.reason]
{_GROUPS}
[feed.values.outcome]
{
        _exact(
            {
                "HT": "hear_treat",
                "ST": "see_treat",
                "STC-ED": "see_convey_ed",
                "STC-OTHER": "see_convey_other",
                "OTHER": "other",
            }
        )
    }
[feed.values.urgency]
{_urgencies(("C1", "C2", "C3", "C4", "C5"))}
[feed.values.caller_type]
{_exact({"SELF": "self", "RELATIVE": "relative", "PROFESSIONAL": "professional", "OTHER": "other"})}
[feed.values.address_type]
{
        _exact(
            {
                "PRIVATE": "private",
                "CARE HOME": "care_home",
                "COMMUNAL": "communal",
                "NFA": "no_fixed_address",
                "PUBLIC": "public_place",
            }
        )
    }
[feed.values.identity_method]
{_exact({"NONE": "none", "NHS": "nhs_number", "PDS": "demographics"})}

[[feed]]
name = "ae"
table = "ae"
path = "ae.csv"
delay_hours = 48
{covers}
[feed.columns]
event_id = "EC_Ident"
person_id = "Der_Pseudo_NHS_Number"
occurred_at = ["Arrival_Date", "Arrival_Time"]
ended_at = ["EC_Departure_Date", "EC_Departure_Time"]
available_at = "Received_At"
kind = "EC_AttendanceCategory"
arrival = "EC_Arrival_Mode_SNOMED_CT"
urgency = "EC_Acuity_SNOMED_CT"
reason = "EC_Chief_Complaint_SNOMED_CT"
outcome = "EC_Discharge_Status_SNOMED_CT"
site = "Site"
[feed.values.kind]
{_exact({"1": "first", "2": "follow_up", "3": "follow_up"})}
[feed.values.arrival]
{_ARRIVALS}
[feed.values.urgency]
{_urgencies(ACUITIES)}
[feed.values.reason]
{_COMPLAINTS}
default = "other"
[feed.values.outcome]
{_STATUSES}
default = "other"
[feed.constants]
identity_method = "nhs_number"

[[feed]]
name = "admissions"
table = "admissions"
path = "admissions.csv"
delay_hours = {admission_delay_days * 24}
{covers}
[feed.columns]
event_id = "APCS_Ident"
person_id = "Der_Pseudo_NHS_Number"
occurred_at = ["Admission_Date", "Admission_Time"]
ended_at = ["Discharge_Date", "Discharge_Time"]
kind = "Admission_Method"
site = "Site"
[feed.values.kind]
{_exact({"28": "emergency_legacy", "2B": "transfer", "2C": "birth"})}
regex = {{ "^2[1-5AD]$" = "emergency", "^1[123]$" = "elective" }}
[feed.constants]
identity_method = "nhs_number"

[[feed]]
name = "people"
table = "people"
path = "people.csv"
delay_hours = 336
[feed.columns]
person_id = "nhs_number"
born_at = "date_of_birth"
sex = "sex"
ethnic_category = "ethnic_category"
imd_decile = "imd_decile"
imd_version = "imd_version"
registered_from = "registered_from"
registered_to = "registered_to"
move_known_at = "move_known_at"
died_at = "died_on"
death_known_at = "death_known_at"
extensive_care = "extensive_care"
opted_out = "opted_out"
site = "site"
[feed.values.sex]
{_exact({"1": "male", "2": "female", "9": "other"})}

[[feed]]
name = "caseload"
table = "caseload"
path = "caseload.csv"
allow_empty = true
[feed.columns]
person_id = "nhs_number"
programme = "programme"
start = "start"
end = "end"
"""
