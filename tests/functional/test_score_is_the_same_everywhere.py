"""One person, one model, one date: the same score, to the last bit, wherever it is asked for."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiu_features.build import build
from hiu_risk.codes import SEX
from hiu_risk.counting import Counting
from hiu_risk.eligibility import at_risk, eligibility
from hiu_risk.histories import UNKNOWN_TIME, Histories
from hiu_risk.incidents import Event
from hiu_risk.times import DAY
from hiu_serving.api.inline import histories_of
from hiu_serving.api.models import ScoreRequest
from hiu_serving.explain import explain
from hiu_serving.score import make_worklist
from hiu_serving.scorer import Scorer
from tests.support.api import Client, make_client
from tests.support.region import iso, random_region
from tests.support.serving import AS_OF, make_bundle, without_intervals

DATES = [AS_OF - 90 * DAY, AS_OF - 31 * DAY - 3_601, AS_OF]


@pytest.fixture(scope="module")
def region() -> tuple[list[Event], Histories]:
    return random_region(seed=3, n_people=150, n_events=1_800, until=AS_OF)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.of(make_bundle())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> Client:
    return make_client(tmp_path_factory.mktemp("api"), scorer.bundle)


Chance = tuple[float, float, float]
"""A score and the limits of its interval."""


def in_training(histories: Histories, as_ofs: list[int], scorer: Scorer) -> dict[Any, Chance]:
    """Scores the way training makes them: many dates at once, one big table."""
    moments = np.array(as_ofs)
    manifest = scorer.bundle.manifest
    who = eligibility(histories, moments, scorer.definition, scorer.policy).mask
    rows = at_risk(
        histories, moments, scorer.definition, "onset",
        washout_days=manifest.washout_days, rows=who,
    ).mask  # fmt: skip
    table = build(histories, moments, scorer.catalogue, rows=rows)
    scores = scorer.bundle.score(table.values)
    chances = np.column_stack([scores, *scorer.bundle.interval(scores)])
    ids = histories.people.id[table.person]
    return {
        (str(id_), int(as_of)): tuple(chance)
        for id_, as_of, chance in zip(ids, table.as_of, chances.tolist(), strict=True)
    }


def in_batch(histories: Histories, as_ofs: list[int], scorer: Scorer) -> dict[Any, Chance]:
    return {
        (entry.person, as_of): (entry.score, *(entry.interval or ()))
        for as_of in as_ofs
        for entry in make_worklist(
            histories, as_of, scorer, capacity=10_000, store_hash="s"
        ).entries
    }


def as_request(events: list[Event], histories: Histories, as_of: int) -> dict[str, Any]:
    """Everybody and what was known of them at the date, as a caller of the API would send it."""
    people = []
    for row, name in enumerate(histories.people.id.tolist()):
        known = [
            {
                "source": e.source, "occurred_at": iso(e.occurred_at),
                "available_at": iso(e.known_at), "event_id": e.event_id,
                "incident_id": e.incident_id, "reason": e.reason, "outcome": e.outcome,
                "urgency": e.urgency, "caller_type": e.caller_type,
                "address_type": e.address_type, "arrival": e.arrival, "kind": e.kind,
            }
            for e in events
            if e.person == name and e.occurred_at < as_of and e.known_at <= as_of
        ]  # fmt: skip
        who = histories.people
        asked: dict[str, Any] = {
            "id": name,
            "sex": SEX.names[who.sex[row]],
            "extensive_care": bool(who.extensive_care[row]),
            "opted_out": bool(who.opted_out[row]),
            "events": known,
        }
        if who.born_at[row] != UNKNOWN_TIME:
            year = 1970 + round(int(who.born_at[row]) / (365.2425 * DAY) - 0.375)
            asked["born_on"] = date(year, 5, 17).isoformat()
        if who.imd_decile[row]:
            asked["imd_decile"] = int(who.imd_decile[row])
        if who.registered_from[row] != UNKNOWN_TIME:
            asked["registered_from"] = iso(int(who.registered_from[row]))
        people.append(asked)
    feeds = [
        {
            "source": f.source, "starts_at": iso(f.starts_at),
            "complete_until": iso(f.complete_until), "delay_seconds": f.delay,
            "gaps": [{"starts_at": iso(since), "ends_at": iso(to)} for since, to in f.gaps],
        }
        for f in histories.feeds
    ]  # fmt: skip
    return {"as_of": iso(as_of), "feeds": feeds, "people": people}


def in_api(client: Client, request: dict[str, Any], as_of: int) -> dict[Any, Chance]:
    found = {}
    for start in range(0, len(request["people"]), 37):
        some = {**request, "people": request["people"][start : start + 37]}
        answer = client.post(some)
        assert answer.status_code == 200, answer.text
        for person in answer.json()["people"]:
            if person["status"] == "scored":
                found[person["id"], as_of] = (person["score"], *person["interval"])
    return found


def test_training_batch_and_api_give_the_same_bits(
    region: tuple[list[Event], Histories], scorer: Scorer, client: Client
) -> None:
    events, histories = region
    training = in_training(histories, DATES, scorer)
    assert len(training) > 150
    assert len(set(training.values())) > 75
    assert all(low < score < high for score, low, high in training.values())
    assert in_batch(histories, DATES, scorer) == training
    from_api = {}
    for as_of in DATES:
        from_api |= in_api(client, as_request(events, histories, as_of), as_of)
    assert from_api == training


def test_a_model_that_knows_no_interval_gives_none(
    region: tuple[list[Event], Histories], scorer: Scorer, tmp_path: Path
) -> None:
    events, histories = region
    silent = Scorer.of(without_intervals(scorer.bundle))
    listed = make_worklist(histories, AS_OF, silent, capacity=10, store_hash="s")
    assert [entry.interval for entry in listed.entries] == [None] * 10
    sent = as_request(events, histories, AS_OF)
    sent["people"] = sent["people"][:50]
    answered = make_client(tmp_path, silent.bundle).post(sent).json()["people"]
    assert {person["interval"] for person in answered} == {None}
    assert sum(person["status"] == "scored" for person in answered) > 5


def test_every_feature_of_a_request_has_the_bits_of_the_batch(
    region: tuple[list[Event], Histories],
) -> None:
    events, histories = region
    for as_of in DATES:
        request = as_request(events, histories, as_of)
        batch = build(histories, [as_of], rows=np.ones((histories.n_people, 1), np.bool_))
        assert len(batch.names) > 60
        for row in range(0, histories.n_people, 10):
            asked = {**request, "people": request["people"][row : row + 3]}
            inline = histories_of(
                ScoreRequest.model_validate_json(json.dumps(asked)),
                zone=histories.zone, counting=Counting(), gap=0,
            )  # fmt: skip
            alone = build(inline, [as_of], rows=np.ones((inline.n_people, 1), np.bool_))
            assert alone.values.tobytes() == batch.values[row : row + 3].tobytes()


def test_the_reasons_are_the_same_too(
    region: tuple[list[Event], Histories], scorer: Scorer, client: Client
) -> None:
    events, histories = region
    listed = make_worklist(histories, AS_OF, scorer, capacity=1_000, store_hash="s").entries
    sent = as_request(events, histories, AS_OF)
    sent["people"] = sent["people"][:100]
    told = {p["id"]: p["reasons"] for p in client.post(sent).json()["people"]}
    for entry in listed:
        if entry.person in told:
            assert told[entry.person] == [
                {"concept": r.concept, "sentence": r.sentence, "contribution": r.contribution}
                for r in entry.reasons
            ]


def test_everybody_is_listed_or_counted_once(
    region: tuple[list[Event], Histories], scorer: Scorer
) -> None:
    _, histories = region
    for as_of in DATES:
        made = make_worklist(histories, as_of, scorer, capacity=20, store_hash="s")
        assert made.n_scored + sum(made.exclusions.values()) == histories.n_people
        assert len(made.entries) == min(20, made.n_scored)
        scores = [entry.score for entry in made.entries]
        assert scores == sorted(scores, reverse=True)


def test_every_explanation_adds_up(region: tuple[list[Event], Histories], scorer: Scorer) -> None:
    _, histories = region
    listed = make_worklist(histories, AS_OF, scorer, capacity=25, store_hash="s").entries
    ids = histories.people.id.tolist()
    for entry in listed:
        found = explain(histories, ids.index(entry.person), AS_OF, scorer)
        assert (found.score, found.interval) == (entry.score, entry.interval)
        assert found.adds_up
        assert abs(found.difference) < 1e-9
        assert found.not_scored is None
        assert found.raising == entry.reasons
        total = sum(concept.contribution for concept in found.concepts)
        assert total + found.base == pytest.approx(found.log_odds, abs=1e-9)
        assert {p.feature for c in found.concepts for p in c.features} == set(
            scorer.catalogue.names
        )


def test_serving_reaches_no_heavy_library(tmp_path: Path) -> None:
    """LightGBM, once it scores, takes scikit-learn and pandas along where they are installed."""
    import subprocess
    import sys

    code = (
        "import sys, hiu_serving.api.app, hiu_serving.score, hiu_serving.explain, "
        "hiu_serving.files, hiu_serving.state\n"
        "heavy = {'mlflow', 'shap', 'matplotlib', 'fairlearn', 'sklearn', 'pandas', 'duckdb'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "import tests.support.serving as s\n"
        "from hiu_serving.scorer import Scorer\n"
        "Scorer.of(s.make_bundle()).warm_up()\n"
        "print(sorted((heavy - {'sklearn', 'pandas'}) & set(sys.modules)))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "[]"]
