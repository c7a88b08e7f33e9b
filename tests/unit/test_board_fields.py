"""Files that people fill in: made once, never written again, never filled with inventions."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hiu_risk.errors import DataError, UsageError
from hiu_training.board.blocks import ToDo
from hiu_training.board.fields import make_missing, read_topic, template
from hiu_training.board.topics import DPIA, HAZARDS, INCIDENTS, QUARTER, TOPICS


def written(folder: Path, topic, text: str):
    (folder / topic.file).write_text(text, encoding="utf-8")
    return read_topic(folder, topic)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.file)
def test_a_new_file_reads_as_nothing_filled_in(topic, tmp_path: Path) -> None:
    make_missing(tmp_path, (topic,))
    made, absent = read_topic(tmp_path, topic), read_topic(tmp_path / "none", topic)
    assert made.values == absent.values == {}
    assert list(map(dict, made.entries)) == list(map(dict, absent.entries))
    asked = [field for field in topic.fields if not field.optional]
    assert sum(isinstance(text, ToDo) for _, text in made.facts()) == len(asked)
    assert tomllib.loads(template(topic)) is not None


def test_a_file_that_is_there_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / DPIA.file).write_text('lawful_basis = "mine"\n', encoding="utf-8")
    made = make_missing(tmp_path, TOPICS)
    assert tmp_path / DPIA.file not in made
    assert len(made) == len(TOPICS) - 1
    assert read_topic(tmp_path, DPIA)["lawful_basis"] == "mine"
    assert make_missing(tmp_path, TOPICS) == []


def test_what_is_written_is_printed_and_the_rest_says_who_is_to_write_it(tmp_path: Path) -> None:
    got = written(tmp_path, DPIA, 'reference = "D-7"\nassessed_on = 2026-02-03\nretention = " "\n')
    assert got["reference"] == "D-7"
    assert got["assessed_on"] == "3 February 2026"
    assert got["retention"] == ToDo("the information asset owner", "dpia.toml, retention")


def test_suggested_hazards_are_not_graded_nor_accepted(tmp_path: Path) -> None:
    make_missing(tmp_path, (HAZARDS,))
    got = read_topic(tmp_path, HAZARDS)
    assert len(got.entries) >= 5
    for number in range(len(got.entries)):
        entry = got.entry(number)
        assert isinstance(entry["initial_severity"], ToDo)
        assert isinstance(entry["owner"], ToDo)
        assert isinstance(entry["description"], str)
    assert isinstance(got["accepted_by"], ToDo)


@pytest.mark.parametrize(
    ("topic", "text", "what", "where"),
    [
        (DPIA, 'reference = "a"\nlawful_bases = "b"\n', "unknown key", "dpia.toml line 2"),
        (DPIA, 'reference = "a\n', "not valid TOML", "dpia.toml"),
        (DPIA, "reference = 7\n", "not a text", "dpia.toml line 1, reference"),
        (DPIA, 'assessed_on = "soon"\n', "not a date", "dpia.toml line 1, assessed_on"),
        (DPIA, f'reference = "{"x" * 4001}"\n', "longer than 4,000", "dpia.toml line 1"),
        (DPIA, 'reference = "a\\u0007b"\n', "control characters", "dpia.toml line 1"),
        (DPIA, 'reference = "seen by 999 000 1200"\n', "NHS number", "dpia.toml line 1"),
        (HAZARDS, '[[hazard]]\nid = "H"\ninitial_severity = 6\n', "not a grade",
         "hazard-log.toml line 3, hazard.initial_severity"),
        (HAZARDS, "[[hazard]]\ninitial_severity = true\n", "not a grade", "line 2"),
        (HAZARDS, '[[hazard]]\nid = "a"\n[[hazard]]\nowners = "b"\n', "unknown key 'owners'",
         "hazard-log.toml line 4"),
        (HAZARDS, 'hazard = "none"\n', "not a list of entries", "hazard-log.toml line 1"),
        (INCIDENTS, '[incident]\nwhat = "x"\n', "not a list of entries", "incidents.toml line 1"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_line(topic, text, what, where, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        written(tmp_path, topic, text)
    assert what in str(refused.value)
    assert where in str(refused.value)
    assert refused.value.exit_code == 1


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / QUARTER.file).write_bytes(b"summary = '\xff\xfe'")
    with pytest.raises(DataError, match="not UTF-8"):
        read_topic(tmp_path, QUARTER)


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="can't write"):
        make_missing(tmp_path / "file" / "fields", (DPIA,))
