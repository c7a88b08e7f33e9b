"""A wrong mapping is refused with the line, the key and what to do."""

from __future__ import annotations

import re

import pytest

from hiu_risk.counting import Counting
from hiu_risk.errors import UsageError
from hiu_risk.ingest.checks import RULES
from hiu_risk.ingest.mapping_file import FEED_KEYS, read_mapping
from hiu_risk.schema import FEED_TABLES, STORE_FILES, as_markdown
from tests.support.extracts import CALLS, HEADER, ROOT, calls_mapping, write


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("[stor]\n" + CALLS, "unknown key 'stor' (mapping.toml line 1, stor). "
         "What to do: did you mean 'store'?"),
        ("[store]\nzone = 'Europe/Lundon'\n" + CALLS, "no time zone 'Europe/Lundon' "
         "(mapping.toml line 2, store.zone)"),
        (CALLS + 'occured_at = "x"\n', "the table calls has no column 'occured_at' "
         "(mapping.toml line 11, feed.columns.occured_at). What to do: did you mean 'occurred"),
        (CALLS.replace("delay_hours", "delay_ours"), "unknown key 'delay_ours' "
         "(mapping.toml line 4, feed.delay_ours). What to do: did you mean 'delay_hours'?"),
        (CALLS.replace('"calls"', '"call"', 1), "table can't be 'call' (mapping.toml line 2"),
        (CALLS.replace("calls.csv", "cals.csv"), "mapping.toml line 3, feed.path). "
         "What to do: did you mean 'calls.csv'?"),
        (CALLS.replace('occurred_at = "at"\n', ""), "the table calls needs occurred_at"),
        (CALLS + "[feed.values.outcome]\nexact = { HT = 'hear_treet' }\n",
         "'hear_treet' is not a name of outcome (mapping.toml line 11, feed.values.outcome). "
         "What to do: did you mean 'hear_treat'?"),
        (CALLS + "[feed.values.person_id]\n", "person_id is not a code"),
        (CALLS + "[feed.dates]\noutcome = '%Y'\n", "outcome is not a time"),
        (CALLS + "[feed.values.outcome]\nregex = { '(' = 'died' }\n", "not a regular expression"),
        (CALLS + "[feed.filter]\ncolumn = 'id'\n", "one of starts_with, equals, matches"),
        (CALLS + "[feed.constants]\nurgency = 'fast'\n", "'fast' is not a name of urgency"),
        (CALLS.replace("= 1\n", "= -1\n"), "delay_hours is a number from 0"),
        (CALLS.replace("= 1\n", "= 1\nextract_until = 'soon'\n"), "a date (mapping.toml line 5"),
        (CALLS.replace("= 1\n", "= 1\ngaps = ['2024-01-01']\n"),
         "gaps are pairs of dates, the earlier first (mapping.toml line 5, feed.gaps)"),
        (CALLS.replace("= 1\n", "= 1\ngaps = [['2024-02-01', '2024-01-01']]\n"), "the earlier"),
        (CALLS.replace("= 1\n", "= 1\ngaps = [['2024-02-01', 'x']]\n"), "not a date (mapping"),
        (CALLS.replace("= 1\n", "= 1\nencoding = 'utf-9'\n"), "unknown encoding 'utf-9'"),
        (CALLS.replace("= 1\n", "= 1\ndelimiter = ';;'\n"), "a delimiter is one character"),
        (CALLS.replace("= 1\n", "= 1\nname = 'a/b'\n"), "letters, digits, - and _"),
        (CALLS + CALLS, "two feeds are named 'calls'"),
        (CALLS.replace('outcome = "outcome"', 'outcome = ["outcome", "id"]'), "only one column"),
        ("[counting]\nbirth = true\n" + CALLS, "unknown key 'birth' (mapping.toml line 2"),
        ("[identity]\nmin_confidence = 2\n" + CALLS, "min_confidence is a number from 0 to 1"),
        ("[store]\n", "no [[feed]] in the mapping"),
        ("feed = 1\n[", "not valid TOML"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_names_its_line_and_the_near_match(tmp_path, mapping, says):
    path = calls_mapping(tmp_path, [], mapping)
    with pytest.raises(UsageError) as caught:
        read_mapping(path)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_mapping_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(UsageError, match="can't read the file: No such file"):
        read_mapping(tmp_path / "none.toml")


def test_a_pattern_finds_the_files_in_order(tmp_path):
    mapping = CALLS.replace("calls.csv", "calls-*.csv")
    path = write(tmp_path, {"calls-2.csv": HEADER, "calls-1.csv": HEADER, "mapping.toml": mapping})
    assert [p.name for p in read_mapping(path).feeds[0].files] == ["calls-1.csv", "calls-2.csv"]


def test_local_moments_of_the_mapping_are_in_the_feeds_zone(tmp_path):
    mapping = CALLS.replace("= 1\n", "= 1\nextract_until = 2024-07-01\n")
    path = calls_mapping(tmp_path, [], mapping)
    assert read_mapping(path).feeds[0].extract_until == 1_719_788_400  # 2024-06-30T23:00Z


def test_the_how_to_page_shows_a_mapping_that_can_be_read(tmp_path):
    page = (ROOT / "docs" / "how-to" / "ingest.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    names = ("calls", "ae", "admissions", "people", "caseload")
    path = write(tmp_path, {"mapping.toml": example, **{f"{name}.csv": "" for name in names}})
    assert [feed.table.name for feed in read_mapping(path).feeds] == list(names)


def test_the_how_to_page_names_every_key_and_every_rule():
    page = (ROOT / "docs" / "how-to" / "ingest.md").read_text(encoding="utf-8")
    assert all(f"| `{rule}` | {words} |" in page for rule, words in RULES.items())
    switches = Counting.__dataclass_fields__
    assert all(re.search(rf"^#? ?\[?feed.{key}|^#? ?{key} = ", page, re.M) for key in FEED_KEYS)
    assert all(f"\n{key} = false" in page for key in switches)


def test_every_column_of_the_contract_is_documented():
    page = as_markdown()
    for table in FEED_TABLES.values():
        for column in table.columns:
            assert f"| `{column.name}` | {column.meaning} |" in page
    assert all(f"**{name}**" in page for name in STORE_FILES)
