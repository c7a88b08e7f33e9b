"""What the API takes and gives: strict, closed and bounded."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

from hiu_risk import NOT_FOR
from hiu_risk.codes import (
    ADDRESS_TYPE,
    ARRIVAL,
    CALLER_TYPE,
    KIND,
    OUTCOME,
    REASON,
    SEX,
    SOURCE,
    URGENCY,
    Vocabulary,
)
from hiu_serving.api.limits import MOST_EVENTS, MOST_PEOPLE

Label = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]


class OneOf:
    """Marks a text field as holding one name of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, *, unknown: bool = True) -> None:
        self.names = [name for name in vocabulary.names if unknown or name != "unknown"]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.literal_schema(self.names)


class Strict(BaseModel):
    """Base of what is taken: no unknown field, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class EventIn(Strict):
    """One version of one event, as it was known at the index date."""

    source: Annotated[str, OneOf(SOURCE, unknown=False)]
    occurred_at: AwareDatetime = Field(description="Before as_of; with its time zone")
    available_at: AwareDatetime | None = Field(
        None, description="When the row became known; the time of the event where left out"
    )
    event_id: Label | None = Field(
        None, description="Rows with the same one are versions of one event; the latest counts"
    )
    incident_id: Label | None = Field(
        None, description="Calls with the same one count as one incident"
    )
    reason: Annotated[str, OneOf(REASON)] = "unknown"
    outcome: Annotated[str, OneOf(OUTCOME)] = "unknown"
    urgency: Annotated[str, OneOf(URGENCY)] = "unknown"
    caller_type: Annotated[str, OneOf(CALLER_TYPE)] = "unknown"
    address_type: Annotated[str, OneOf(ADDRESS_TYPE)] = "unknown"
    arrival: Annotated[str, OneOf(ARRIVAL)] = "unknown"
    kind: Annotated[str, OneOf(KIND)] = "unknown"


class PersonIn(Strict):
    """One person and every event known about them at the index date."""

    id: Label = Field(
        description="Your own reference, to find the answer again; never an NHS number or a name"
    )
    born_on: date | None = None
    sex: Annotated[str, OneOf(SEX)] = "unknown"
    imd_decile: Annotated[int, Field(ge=1, le=10)] | None = Field(
        None, description="Index of Multiple Deprivation; 1 is the most deprived"
    )
    registered_from: AwareDatetime | None = Field(
        None, description="Start of the registration with the area; always where left out"
    )
    on_caseload: bool = False
    extensive_care: bool = False
    opted_out: bool = False
    events: Annotated[list[EventIn], Field(max_length=MOST_EVENTS)]


class GapIn(Strict):
    """A span that a feed is known to lack."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime


class FeedIn(Strict):
    """What one source covers, so that silence can be told from missing data."""

    source: Annotated[str, OneOf(SOURCE, unknown=False)]
    starts_at: AwareDatetime
    complete_until: AwareDatetime
    delay_seconds: Annotated[int, Field(ge=0, le=366 * 86_400)] = 0
    gaps: Annotated[list[GapIn], Field(max_length=100)] = Field(
        default_factory=list, description="No data there, which is not the same as no events"
    )


class ScoreRequest(Strict):
    """One or many people to score at one index date."""

    as_of: AwareDatetime = Field(description="Only what was known at this moment is used")
    feeds: Annotated[list[FeedIn], Field(max_length=3)] = Field(
        default_factory=list, description="Best given: without it, a short history can't be told"
    )
    people: Annotated[list[PersonIn], Field(min_length=1, max_length=MOST_PEOPLE)]


class Given(BaseModel):
    """Base of what is given."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class ModelOut(Given):
    """Which model answered, and what its score means."""

    version: str
    definition_id: str
    definition: str = Field(description="The rule in words")
    target: str
    horizon_days: int


class ReasonOut(Given):
    """What raises or lowers the score, in a sentence about this person; not a cause."""

    concept: str
    sentence: str
    contribution: float = Field(
        description="Log-odds that the whole concept adds; below 0 it lowers"
    )


class MoveOut(Given):
    """How one concept moved a score since the last list."""

    concept: str = Field(description="other: what is never given as a reason")
    contribution: float = Field(description="Log-odds now less log-odds then")
    chance: float = Field(description="Its part of the change of the probability")


class SinceOut(Given):
    """What changed about a person since the last list, by the model in use now."""

    as_of: str = Field(description="Index date of the last list")
    score: float | None = Field(
        description="The person's score then, whether listed or not; null: nothing was known"
    )
    text: str = Field(description="Events in between, and how the chance moved")
    moves: list[MoveOut] = Field(description="The largest first; they add up")


class WarningOut(Given):
    """What isn't known about this person."""

    code: str
    text: str


class PersonOut(Given):
    """The answer for one person."""

    id: str
    status: Literal["scored", "abstained"]
    abstained_because: str | None = Field(
        description="Why there is no score; null when there is one"
    )
    score: float | None = Field(
        description="Probability of meeting the definition within the horizon, 0 to 1"
    )
    interval: tuple[float, float] | None = Field(
        description="For 90%, the chance of people with such a score lies between these two; null:"
        " no score, or the model doesn't know"
    )
    band: str | None
    reasons: list[ReasonOut] = Field(
        description="What raises the score: at most three, the strongest first"
    )
    lowering: list[ReasonOut] = Field(
        description="What lowers it: at most three, the strongest first"
    )
    warnings: list[WarningOut]


class ScoreResponse(Given):
    """Scores in the order of the request."""

    as_of: str
    model: ModelOut
    people: list[PersonOut]
    not_for: str = NOT_FOR


class EntryOut(Given):
    """One name on the worklist."""

    rank: int
    person: str = Field(description="Pseudonym")
    score: float
    interval: tuple[float, float] | None = Field(
        description="For 90%, the chance of people with such a score lies between these two; null:"
        " not known"
    )
    band: str
    change: str
    previous_rank: int | None
    reasons: list[ReasonOut]
    lowering: list[ReasonOut]
    since: SinceOut | None = Field(description="Null where there is no earlier list")
    cautions: list[str]


class ReservedOut(Given):
    """That places on the whole list are reserved by group; it is said of no person."""

    column: str
    text: str
    decided_at: str


class AbstainedOut(Given):
    """Somebody of whom too little is known to score them."""

    person: str = Field(description="Pseudonym")
    abstained_because: str = Field(
        description="too_little_history (theirs) or feeds_too_short (everybody's)"
    )
    days_known: int = Field(description="Of the last 90 days")
    incidents: int = Field(description="What the definition counts, in those days")


class FeedOut(Given):
    """How far a feed reached when the list was made."""

    source: str
    complete_until: str
    days_behind: float
    status: str


class WorklistResponse(Given):
    """The ranked list of one index date."""

    as_of: str
    model: ModelOut
    capacity: int
    n_people: int
    n_scored: int
    exclusions: dict[str, int]
    feeds: list[FeedOut]
    previous_as_of: str | None
    reserved: ReservedOut | None = Field(
        description="Null where the highest scores are listed, whoever has them"
    )
    entries: list[EntryOut]
    least_days_known: int = Field(description="Below it nobody is scored")
    not_scored: list[AbstainedOut] = Field(
        description="Those with most incidents, at most as many as the capacity; exclusions count"
        " all"
    )
    inside_only: str
    not_for: str = NOT_FOR


class StatusCheck(Given):
    """One thing looked at."""

    status: Literal["pass", "warn", "fail"]
    output: str


class StatusResponse(Given):
    """Health of the service, in the form NHS APIs use."""

    status: Literal["pass", "warn", "fail"]
    version: str
    revision: str
    release_id: str = Field(serialization_alias="releaseId")
    commit_id: str = Field(serialization_alias="commitId")
    checks: dict[str, list[StatusCheck]]


class PingResponse(Given):
    """Alive."""

    status: Literal["pass"] = "pass"
