"""Extracts of five small feeds, one row for each thing that ingest must get right."""

from __future__ import annotations

ONE = "1,p1,2024-01-01T10:00,2024-01-02,hear_treat"
REGION = """\
[store]
zone = "UTC"
[[feed]]
table = "calls"
path = "calls.csv"
extract_until = "2024-06-01"
[feed.columns]
event_id = "id"
incident_id = "incident"
person_id = "who"
occurred_at = "at"
available_at = "seen"
outcome = "outcome"
caller_type = "caller"
address_id = "address"
[[feed]]
table = "ae"
path = "ae.csv"
delay_hours = 48
[feed.columns]
event_id = "id"
person_id = "who"
occurred_at = ["day", "time"]
ended_at = "left"
kind = "kind"
[feed.dates]
occurred_at = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]
[feed.values.kind]
exact = { "1" = "first" }
default = "follow_up"
[[feed]]
table = "people"
path = "people.csv"
delay_hours = 24
[feed.columns]
person_id = "who"
born_at = "born"
sex = "sex"
ethnic_category = "ethnicity"
imd_decile = "imd"
died_at = "died"
registered_to = "moved"
opted_out = "out"
[feed.values.sex]
exact = { "2" = "female" }
[[feed]]
table = "addresses"
path = "addresses.csv"
[feed.columns]
address_id = "address"
address_type = "type"
[[feed]]
table = "caseload"
path = "caseload.csv"
[feed.columns]
person_id = "who"
start = "start"
end = "end"
"""
REGION_FILES = {
    "mapping.toml": REGION,
    "calls.csv": [
        "id,incident,who,at,seen,outcome,caller,address",
        "c1,i1,ann,2024-01-01T10:00,2024-01-02T00:00:00,hear_treat,self,a1",
        "c2,i1,ann,2024-01-01T10:05,2024-01-02T00:00:00,hear_treat,relative,a1",
        "c1,i1,ann,2024-01-01T10:00,2024-01-03T00:00:00,hear_treat,self,a1",
        "c1,i1,ann,2024-01-01T10:00,2024-01-09T00:00:00,see_treat,self,a1",
        "c3,,bob,2024-02-01T10:00,2024-02-02T00:00:00,other,professional,a1",
        "c4,,ann,2024-02-01T10:00,2024-02-02T00:00:00,other,self,home",
        "c5,,,2024-02-01T10:00,2024-02-02T00:00:00,see_convey_ed,self,a1",
    ],
    "ae.csv": [
        "id,who,day,time,left,kind",
        "x1,ann,02/01/2024,08:30,2024-01-02T09:00,1",
        "x2,cat,03/01/2024,,,2",
    ],
    "people.csv": [
        "who,born,sex,ethnicity,imd,died,moved,out",
        "ann,1950-05-06,2,A,3,2024-03-01,,",
        "dan,,,Z,,,2024-02-01,Y",
    ],
    "addresses.csv": ["address,type", "home,care_home", "a1,private"],
    "caseload.csv": ["who,start,end", "eve,2024-01-01,", "ann,2023-01-01,2023-02-01"],
}
