"""The fairness audit: who is missed, by group, with honest uncertainty.

``report.audit`` measures, ``publish.publish`` suppresses small numbers, ``page.render_page``
draws; ``summary`` gives one page of it as plain data. Importing this package is cheap; the heavy
libraries load inside those modules.
"""

from hiu_training.audit.onepage import Box, Line, Summary, summary
from hiu_training.audit.result import AuditDocument

__all__ = ["AuditDocument", "Box", "Line", "Summary", "summary"]
