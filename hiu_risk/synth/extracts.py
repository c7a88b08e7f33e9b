"""The raw extracts of a block: rows as local systems would hand them over, faults included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hiu_risk.codes import REASON
from hiu_risk.synth.contacts import CALL_OUTCOMES, METHODS, Admissions, Attendances, Incidents
from hiu_risk.synth.parameters import RegionParameters
from hiu_risk.synth.people import SITES, Residents, identifiers, lsoa_codes
from hiu_risk.synth.uktime import day_number, local_clock_text, local_date_text, local_text
from hiu_risk.times import DAY, HOUR

GROUPS = tuple(name.upper().replace("_", " ") for name in REASON.names)
"""Complaint groups as the call system writes them; our own grouping, in the order of REASON."""
_AMPDS = (26, 23, 25, 26, 26, 25, 26, 26, 26, 17, 6, 10, 5, 30, 12, 32)
"""A protocol number for each reason: 6, 17, 26 published, the others general knowledge."""
_PROFESSIONAL_PROTOCOL = 35
COMPLAINTS = (
    "", "25702006", "48694002", "183932001", "105531004", "248062006", "267076002", "105412007",
    "704502000", "161898004", "267036007", "29857009", "22253000", "417746004", "91175000",
    "74964007",
)  # fmt: skip
"""A chief complaint (SNOMED CT) for each reason: 248062006 published, the others general."""
SUICIDAL_FEELINGS = "6471006"
ACUITIES = (
    "1064891000000107",
    "1064911000000105",
    "1064901000000108",
    "1077241000000103",
    "1077251000000100",
)
AMBULANCE = ("1048031000000100", "1048041000000109", "1048051000000107", "1048081000000101")
OTHER_ARRIVALS = ("1048071000000103", "1048061000000105", "1048001000000106")
LEFT = ("1066301000000103", "1066311000000101", "1066321000000107")
SEEN = ("182992009", "1077031000000103")
CALL_CODES = ("HT", "ST", "STC-ED", "STC-OTHER", "OTHER")
"""Outcomes as the call system writes them, in the order of ``CALL_OUTCOMES``."""
ADDRESS_CODES = ("PRIVATE", "CARE HOME", "COMMUNAL", "NFA", "PUBLIC")
_PUBLIC = 4
_BLOCK_IDS = 10_000_000

assert len(CALL_CODES) == len(CALL_OUTCOMES)  # noqa: S101


@dataclass(frozen=True)
class Extract:
    """The rows of one feed of one block, and how many of them only repeat another."""

    table: pa.Table
    repeats: int


@dataclass(frozen=True)
class _Versions:
    """Which event each submitted row is about, in order of arrival."""

    event: NDArray[np.int64]
    draft: NDArray[np.bool_]
    """Carries content that a later row corrects."""
    blank: NDArray[np.bool_]
    """Carries no identity, which a later row supplies."""
    available: NDArray[np.int64]
    repeats: int


def _versions(
    rng: np.random.Generator,
    at: NDArray[np.int64],
    mean_delay: float,
    traced: NDArray[np.bool_],
    extracted: int,
    parameters: RegionParameters,
) -> _Versions:
    feeds, n = parameters.feeds, len(at)
    late = rng.random(n) < feeds.late_share
    delay = rng.exponential(mean_delay, n) + late * (2 + rng.exponential(feeds.late_days, n))
    first = at + 4 * HOUR + (delay * DAY).astype(np.int64)
    draft = rng.random(n) < feeds.corrected
    wait = (rng.uniform(5, 40, n) * DAY).astype(np.int64)
    again = rng.random(n) < feeds.repeated
    more = (rng.uniform(3, 30, n) * DAY).astype(np.int64)
    changed = draft | traced
    final = np.where(changed, first + wait, first)
    rows, no = np.arange(n), np.zeros(n, np.bool_)
    event = np.concatenate([rows, rows[changed], rows[again]])
    available = np.concatenate([first, final[changed], (final + more)[again]])
    is_draft = np.concatenate([draft, no[changed], no[again]])
    is_blank = np.concatenate([traced, no[changed], no[again]])
    is_repeat = np.concatenate([no, no[changed], ~no[again]])
    order = np.lexsort((event, available))
    order = order[available[order] <= extracted]
    return _Versions(
        event[order], is_draft[order], is_blank[order], available[order],
        int(is_repeat[order].sum()),
    )  # fmt: skip


def _ids(prefix: str, block: int, rows: NDArray[np.int64]) -> pa.Array:
    numbers = pa.array(rows + block * _BLOCK_IDS).cast(pa.string())
    return pc.binary_join_element_wise(prefix, numbers, "")


def _text(names: tuple[str, ...], codes: NDArray[Any]) -> pa.Array:
    """Names of codes; an empty name is a blank."""
    return pa.array([name or None for name in names]).take(pa.array(codes))


def _blanked(values: pa.Array, blank: NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(blank), pa.scalar(None, values.type), values)


def _another(
    rng: np.random.Generator, codes: NDArray[Any], low: int, size: int
) -> NDArray[np.int64]:
    """Draw some other code than the right one, from ``low`` to ``size - 1``."""
    step = rng.integers(1, size - low, len(codes))
    return np.asarray(low + (codes - low + step) % (size - low), dtype=np.int64)


def calls_extract(
    rng: np.random.Generator,
    block: int,
    people: int,
    who: Residents,
    incidents: Incidents,
    extracted: int,
    parameters: RegionParameters,
) -> Extract:
    """Write the block's rows of ``calls.csv``: several calls an incident, several rows a call."""
    feeds = parameters.feeds
    many = rng.geometric(1 - feeds.further_calls, len(incidents.person))
    incident = np.repeat(np.arange(len(many)), many)
    starts = np.cumsum(many) - many
    place = np.arange(len(incident)) - np.repeat(starts, many)
    at = incidents.at[incident] + place * (180 + rng.integers(0, 900, len(incident)))
    n, person = len(incident), incidents.person[incident]
    linked = incidents.linked[incident]
    traced = linked & (rng.random(n) < parameters.identity.traced_later)
    rows = _versions(rng, at, feeds.call_delay_days, traced, extracted, parameters)
    confidence, method, guessed = _identity(rng, linked, parameters)
    home = who.home[person]
    away = (rng.random(n) < 0.06) & ((home == 0) | (home == 3))
    address = np.where(away, _PUBLIC, home)
    professional = incidents.professional[incident]
    reason = incidents.reason[incident].astype(np.int64)
    urgency = np.minimum(4, rng.binomial(4, 0.42, n))
    letters = rng.integers(0, 5, n)
    code = np.where(professional, _PROFESSIONAL_PROTOCOL, np.array(_AMPDS)[reason])
    subcode = rng.integers(1, 9, n)
    caller = np.where(professional, 2, np.array([0, 0, 0, 1, 1, 3])[rng.integers(0, 6, n)])
    origin = (rng.random(n) < 0.12).astype(np.int64)
    wrong_reason = _another(rng, reason, 1, len(GROUPS))
    e, draft = rows.event, rows.draft
    anonymous = rows.blank | (~linked & ~guessed)[e]
    group = np.where(draft, wrong_reason[e], reason[e])
    raw = pc.binary_join_element_wise(
        pa.array(code[e]).cast(pa.string()), _text(("A", "B", "C", "D", "E"), letters[e]),
        pa.array(subcode[e]).cast(pa.string()), "-",
    )  # fmt: skip
    table = pa.table(
        {
            "provider_org": pa.array(np.full(len(e), "SYN01")),
            "call_id": _ids("C", block, e),
            "call_connected_at": local_text(at[e]),
            "call_origin": _text(("999", "111"), origin[e]),
            "incident_id": _ids("I", block, incident[e]),
            "response_category": _text(("C1", "C2", "C3", "C4", "C5"), urgency[e]),
            "triage_system": pa.array(np.full(len(e), "AMPDS")),
            "triage_version": pa.array(np.full(len(e), "13.3")),
            "triage_code": raw,
            "complaint_group": _text(GROUPS, group),
            "outcome": _text(CALL_CODES, incidents.outcome[incident][e]),
            "caller_type": _text(("SELF", "RELATIVE", "PROFESSIONAL", "OTHER"), caller[e]),
            "address_id": _blanked(
                _ids("A", 0, who.address[person][e]), ((address == 3) | (address == _PUBLIC))[e]
            ),
            "address_type": _text(ADDRESS_CODES, address[e]),
            "nhs_number": _blanked(
                identifiers(who.index, people).take(pa.array(person[e])), anonymous
            ),
            "identity_method": _text(("NONE", "NHS", "PDS"), np.where(anonymous, 0, method[e])),
            "identity_confidence": pa.array(np.where(anonymous, 0.0, np.round(confidence[e], 2))),
            "site": _text(SITES, who.site[person][e]),
            "available_at": local_text(rows.available),
        }
    )
    return Extract(table, rows.repeats)


def _identity(
    rng: np.random.Generator, linked: NDArray[np.bool_], parameters: RegionParameters
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Confidence, method, and which of the unlinked carry a guess too unsure to be used."""
    n = len(linked)
    traced = rng.random(n) < parameters.identity.by_demographics
    confidence = np.where(traced, rng.uniform(0.75, 0.99, n), 1.0)
    guessed = ~linked & (rng.random(n) < 0.25)
    confidence = np.where(guessed, rng.uniform(0.15, 0.45, n), confidence)
    return confidence, np.where(traced | guessed, 2, 1), guessed


def _linked(
    rng: np.random.Generator, share: float, who: Residents, person: NDArray[np.int32]
) -> NDArray[np.bool_]:
    missing = np.minimum(1.0, (1 - share) * who.unlinked_factor[person])
    return np.asarray(rng.random(len(person)) >= missing)


def ae_extract(
    rng: np.random.Generator,
    block: int,
    people: int,
    who: Residents,
    attendances: Attendances,
    extracted: int,
    parameters: RegionParameters,
) -> Extract:
    """Write the block's rows of ``ae.csv``."""
    person, n = attendances.person, len(attendances.person)
    linked = _linked(rng, parameters.identity.attendances, who, person)
    none = np.zeros(n, np.bool_)
    rows = _versions(
        rng, attendances.ended, parameters.feeds.attendance_delay_days, none, extracted, parameters
    )
    reason = attendances.reason.astype(np.int64)
    suicidal = (reason == REASON.code("mental_health")) & (rng.random(n) < 0.15)
    harm = reason == REASON.code("self_harm")
    mode = np.where(
        attendances.by_ambulance,
        rng.integers(0, 4, n),
        4 + np.minimum(2, rng.geometric(0.85, n) - 1),
    )
    status = np.where(attendances.left_unseen, rng.integers(0, 3, n), 3 + (rng.random(n) < 0.12))
    acuity = np.minimum(4, rng.binomial(4, 0.55, n))
    wrong = _another(rng, reason, 1, len(COMPLAINTS))
    e, who_of = rows.event, person[rows.event]
    code = np.where(rows.draft, wrong[e], np.where(suicidal, len(COMPLAINTS), reason)[e])
    day = (attendances.at[e] // DAY) - day_number(parameters.start)
    age = np.maximum(0, np.floor((day - who.born[who_of]) / 365.25)).astype(np.int64)
    sex = _text(("2", "1", "9"), who.sex[who_of])
    table = pa.table(
        {
            "EC_Ident": _ids("E", block, e),
            "Der_Pseudo_NHS_Number": _blanked(
                identifiers(who.index, people).take(pa.array(who_of)), ~linked[e]
            ),
            "Arrival_Date": local_date_text(attendances.at[e]),
            "Arrival_Time": local_clock_text(attendances.at[e]),
            "EC_Departure_Date": local_date_text(attendances.ended[e]),
            "EC_Departure_Time": local_clock_text(attendances.ended[e]),
            "EC_Department_Type": pa.array(np.full(len(e), "01")),
            "EC_AttendanceCategory": pa.array(attendances.category[e]),
            "Age_At_Arrival": pa.array(age),
            "Sex": sex,
            "Ethnic_Category": _text(
                tuple(parameters.people.ethnic_categories), who.ethnic[who_of]
            ),
            "Index_Of_Multiple_Deprivation_Decile": pa.array(who.decile[who_of]),
            "Der_Postcode_LSOA_2011_Code": lsoa_codes(who.area[who_of]),
            "EC_Arrival_Mode_SNOMED_CT": _text(AMBULANCE + OTHER_ARRIVALS, mode[e]),
            "EC_Acuity_SNOMED_CT": _text(ACUITIES, acuity[e]),
            "EC_Chief_Complaint_SNOMED_CT": _text((*COMPLAINTS, SUICIDAL_FEELINGS), code),
            "EC_Injury_Intent_SNOMED_CT": _text(("", "276853009"), harm[e].astype(np.int8)),
            "EC_Discharge_Status_SNOMED_CT": _text(LEFT + SEEN, status[e]),
            "Site": _text(SITES, who.site[who_of]),
            "Received_At": local_text(rows.available),
        }
    )
    return Extract(table, rows.repeats)


def admissions_extract(
    rng: np.random.Generator,
    block: int,
    people: int,
    who: Residents,
    admissions: Admissions,
    extracted: int,
    parameters: RegionParameters,
) -> Extract:
    """Write the block's rows of ``admissions.csv``, which say nothing about their arrival."""
    person = admissions.person
    linked = _linked(rng, parameters.identity.admissions, who, person)
    order = np.argsort(admissions.at, kind="stable")
    arrived = admissions.at[order] + parameters.feeds.admission_delay_days * DAY <= extracted
    order = order[arrived]
    again = rng.random(len(order)) < parameters.feeds.repeated
    e = np.concatenate([order, order[again]])
    staying = admissions.ended[e] > extracted
    table = pa.table(
        {
            "APCS_Ident": _ids("S", block, e),
            "Der_Pseudo_NHS_Number": _blanked(
                identifiers(who.index, people).take(pa.array(person[e])), ~linked[e]
            ),
            "Admission_Date": local_date_text(admissions.at[e]),
            "Admission_Time": local_clock_text(admissions.at[e]),
            "Discharge_Date": local_date_text(admissions.ended[e], staying),
            "Discharge_Time": _blanked(local_clock_text(admissions.ended[e]), staying),
            "Admission_Method": _text(METHODS, admissions.method[e]),
            "Site": _text(SITES, who.site[person[e]]),
        }
    )
    return Extract(table, int(again.sum()))
