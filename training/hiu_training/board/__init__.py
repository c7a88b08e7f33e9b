"""The board pack: one quarter of the model's use, for a governance board with lay members.

What happened comes in as plain records (:mod:`.records`), is counted (:mod:`.listed`) and made
safe to publish (:mod:`.published`); people's own words come from text files (:mod:`.fields`).
Sections of plain blocks (:mod:`.blocks`) say it once, and two writers print them: a page and a
PDF.
"""
