"""The files that people fill in, field by field.

The hazards of a new hazard log are a start: what can go wrong with a list like this one and
what the software does about it. Grading them, adding to them and accepting them is for the
clinical safety officer. The fields of the transparency record follow the sections of the
government's Algorithmic Transparency Recording Standard (version 3).
"""

from __future__ import annotations

from hiu_training.board.fields import Field, Rows, Topic
from hiu_training.report.tripod import ITEMS


def sentence(text: str) -> str:
    """Let a phrase begin with a capital."""
    return f"{text[:1].upper()}{text[1:]}"


LEAD = "the High Intensity Use lead"
OWNER = "the senior responsible owner"
SAFETY = "the clinical safety officer"
PRIVACY = "the data protection officer"
CALDICOTT = "the Caldicott Guardian"
ASSETS = "the information asset owner"
TRANSPARENCY = "the transparency lead"

QUARTER = Topic(
    "quarter.toml",
    "What the service says about this quarter. Change `quarter` and write it anew each time:\n"
    "a pack of another quarter leaves these words out.",
    (
        Field("quarter", "Quarter", LEAD, "Which quarter this file speaks of, such as 2026Q3."),
        Field("summary", "The quarter in the service's own words", LEAD),
        Field("response_to_fairness", "What is done about the fairness findings", LEAD),
        Field("response_to_misses", "What is done about people who were missed", LEAD),
        Field("changes", "Changes to the service or its capacity", LEAD),
        Field("asks", "What the board is asked to decide", LEAD),
        Field(
            "incidents_confirmed_by", "Who confirms that the list of incidents is complete", SAFETY,
            "A name: also when there was none. Without it the pack can't say that there was none.",
        ),
        Field(
            "last_ledger_hash", "The ledger's hash as the pack before printed it", LEAD,
            "12 characters. With it the check finds a ledger that was rewritten.", optional=True,
        ),
    ),
)  # fmt: skip

ROLES = Topic(
    "roles.toml",
    "Who answers for what: a name or a post.",
    tuple(
        Field(key, label[:1].upper() + label[1:], OWNER)
        for key, label in (
            ("organisation", "the organisation"),
            ("senior_responsible_owner", "senior responsible owner"),
            ("service_lead", "High Intensity Use lead"),
            ("clinical_safety_officer", "Clinical Safety Officer"),
            ("caldicott_guardian", "Caldicott Guardian"),
            ("data_protection_officer", "Data Protection Officer"),
            ("information_asset_owner", "information asset owner"),
            ("data_scientist", "data scientist (who trains and defends the model)"),
            ("patient_voice", "lay or patient representative"),
        )
    ),
)

_STOPS = "What happens before it can be recorded as accepted."

HAZARDS = Topic(
    "hazard-log.toml",
    "The hazard log, in the manner of DCB0129 and DCB0160. The hazards below are suggested by\n"
    "the software. They are not a clinical safety assessment: grade, add, change and accept.\n"
    "Severity and likelihood: 1 (least) to 5 (most), by your own matrix.",
    (
        Field("accepted_by", "Accepted by", SAFETY, _STOPS),
        Field("accepted_on", "Accepted on", SAFETY, kind="day"),
        Field("safety_case", "Where the safety case report is kept", SAFETY),
    ),
    Rows(
        "hazard",
        (
            Field("id", "Number", SAFETY),
            Field("description", "Hazard", SAFETY),
            Field("causes", "Causes", SAFETY),
            Field("effect", "Effect", SAFETY),
            Field("existing_controls", "Existing controls", SAFETY),
            Field("initial_severity", "Initial severity", SAFETY, kind="grade"),
            Field("initial_likelihood", "Initial likelihood", SAFETY, kind="grade"),
            Field("new_controls", "New controls", SAFETY),
            Field("residual_severity", "Residual severity", SAFETY, kind="grade"),
            Field("residual_likelihood", "Residual likelihood", SAFETY, kind="grade"),
            Field("owner", "Owner", SAFETY),
            Field("status", "Status", SAFETY, "Open, controlled or closed."),
        ),
        (
            {
                "id": "H1",
                "description": "A person in need is not listed",
                "causes": "Few or unlinked contacts; new to the area; the list is full; the model "
                "ranks them low",
                "effect": "No offer of help before the crisis",
                "existing_controls": "The share missed is measured by group with intervals; people "
                "may be referred without the list; absence from the list is never read as low risk",
            },
            {
                "id": "H2",
                "description": "The score is used to delay, downgrade or refuse care",
                "causes": "The list reaches people outside the team; its purpose is misread",
                "effect": "Harm to a person who calls in an emergency",
                "existing_controls": "The safety notice stands on every page, answer and file; "
                "the API gives lists to keys of that role alone; no score is written to a dispatch "
                "system",
            },
            {
                "id": "H3",
                "description": "The list rests on late or missing data",
                "causes": "A feed stops or arrives late",
                "effect": "People whose trouble began lately are missed",
                "existing_controls": "Each list names late feeds; beyond a limit none is made; "
                "this pack shows how late each feed was",
            },
            {
                "id": "H4",
                "description": "Events of another person are shown beside a name",
                "causes": "Wrong or doubtful identity in the extracts",
                "effect": "A call to the wrong person, or with a false reason",
                "existing_controls": "Events below a confidence of identity are not linked; "
                "nobody is merged by address alone; doubtful identity is said beside the name",
            },
            {
                "id": "H5",
                "description": "One group is missed more often than others",
                "causes": "Different contact with services; poorer linkage; model error",
                "effect": "Unequal offer of help",
                "existing_controls": "The fairness audit by group with intervals; too few cases is "
                "reported as insufficient evidence, never as a pass",
            },
            {
                "id": "H6",
                "description": "A person can be recognised from an output",
                "causes": "Small numbers; a list that leaves the team",
                "effect": "Breach of confidence",
                "existing_controls": "Keyed pseudonyms; small numbers are hidden and others "
                "rounded in everything that leaves the team",
            },
            {
                "id": "H7",
                "description": "A worse model is put in use unnoticed",
                "causes": "Retraining on changed data; a wrong setting",
                "effect": "More people missed",
                "existing_controls": "Promotion passes gates or is overridden with a name and a "
                "reason; the ledger keeps every promotion and its evidence, and its chain is "
                "checked",
            },
        ),
    ),
)  # fmt: skip

INCIDENTS = Topic(
    "incidents.toml",
    "Incidents that touched the list or the model, whenever they were. No names of patients and\n"
    "no pseudonyms: the pack is read outside the team.",
    (),
    Rows(
        "incident",
        (
            Field("happened_on", "Happened on", SAFETY, kind="day"),
            Field("what", "What happened", SAFETY),
            Field("effect", "Effect on people", SAFETY),
            Field("action", "What was done", SAFETY),
            Field("reported_to", "Reported to", SAFETY, optional=True),
            Field("status", "Status", SAFETY, "Open or closed."),
        ),
    ),
)

DPIA = Topic(
    "dpia.toml",
    "Data protection impact assessment: the answers that only the organisation can give.",
    (
        Field("reference", "Reference and version of the assessment", PRIVACY),
        Field("assessed_on", "Date of the assessment", PRIVACY, kind="day"),
        Field("next_review", "Next review", PRIVACY, kind="day"),
        Field("controllers", "Controllers and processors", PRIVACY),
        Field("lawful_basis", "Lawful basis (UK GDPR article 6)", PRIVACY),
        Field("special_category", "Condition for special category data (article 9)", PRIVACY),
        Field("confidentiality", "Basis under the common law duty of confidentiality", CALDICOTT),
        Field("opt_out", "How the national data opt-out and objections are applied", PRIVACY),
        Field("sharing_agreements", "Data sharing agreements", ASSETS),
        Field("retention", "How long extracts, store, lists and models are kept", ASSETS),
        Field("access", "Who has access, and how it is reviewed", ASSETS),
        Field("transparency", "How people are told", PRIVACY),
        Field("consultation", "Who was consulted", PRIVACY),
        Field("residual_risks", "Risks that remain, and who accepted them", PRIVACY),
        Field("dpo_advice", "Advice of the Data Protection Officer", PRIVACY),
        Field("article_22", "Whether decisions are solely automated (article 22)", PRIVACY),
    ),
)

TRANSPARENCY_RECORD = Topic(
    "transparency-record.toml",
    "The Algorithmic Transparency Recording Standard record: what the software can't know.\n"
    "Compare with the current template before publishing.",
    (
        Field("name", "Name of the tool", TRANSPARENCY),
        Field("description", "Description for the public", TRANSPARENCY),
        Field("website", "Website", TRANSPARENCY, optional=True),
        Field("contact", "Contact email", TRANSPARENCY),
        Field("organisation", "Organisation", TRANSPARENCY),
        Field("team", "Team", TRANSPARENCY),
        Field("owner", "Senior responsible owner", TRANSPARENCY),
        Field(
            "supplier", "Suppliers: name, company number, role, procurement, access to data",
            TRANSPARENCY, "Write 'none' where there is none.",
        ),
        Field("phase", "Phase", TRANSPARENCY, "Such as pilot, in use, or retired."),
        Field("benefit", "Expected benefits", TRANSPARENCY),
        Field("previous_process", "How it was done before", TRANSPARENCY),
        Field("alternatives", "Alternatives considered", TRANSPARENCY),
        Field("integration", "Place in the service's process", TRANSPARENCY),
        Field("training", "Training of those who use it", TRANSPARENCY),
        Field("appeals", "Appeals and review", TRANSPARENCY),
        Field("agreements", "Data sharing agreements", TRANSPARENCY),
        Field("impact_assessments", "Impact assessments: name, date, link", TRANSPARENCY),
        Field("risks", "Risks and how they are reduced, beyond the hazard log", TRANSPARENCY),
    ),
)  # fmt: skip

CARD = Topic(
    "model-card.toml",
    "What the model card can't know by itself.",
    (
        Field("owner", "Owner", LEAD, "Who answers for the model, and how to reach them."),
        Field("users", "Training that users get", SAFETY),
        Field("local_limits", "Local limits", LEAD, "What users here should know."),
    ),
)

TRIPOD = Topic(
    "tripod.toml",
    "TRIPOD+AI: what software can't fill in, item by item.",
    tuple(
        Field(
            f"item_{item.number}", f"Item {item.number}, {item.topic.lower()}", item.role,
            sentence(item.to_write),
        )
        for item in ITEMS
        if item.role
    ),
)  # fmt: skip

TOPICS = (QUARTER, ROLES, HAZARDS, INCIDENTS, DPIA, TRANSPARENCY_RECORD, CARD, TRIPOD)
"""Every file, in the order of the pack."""
