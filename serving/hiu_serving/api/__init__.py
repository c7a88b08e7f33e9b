"""The scoring API: inline histories in, scores with reasons out; worklists for those who may."""
