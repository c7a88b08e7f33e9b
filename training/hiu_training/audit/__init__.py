"""The fairness audit: who is missed, by group, with honest uncertainty.

``report.audit`` measures, ``publish.publish`` suppresses small numbers, ``page.render_page``
draws. Importing this package is cheap; the heavy libraries load inside those modules.
"""
