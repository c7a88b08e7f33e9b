"""The compiled core: a catalogue becomes arrays, one pass per person fills its rows.

The kernel is compiled once for all catalogues: it knows only the types of its arguments.
"""
