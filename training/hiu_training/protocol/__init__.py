"""The training protocol: read, written, and its sections as declarations."""

from hiu_training.protocol.reading import (
    Protocol,
    load_protocol,
    parse_protocol,
    read_protocol_text,
)

__all__ = ["Protocol", "load_protocol", "parse_protocol", "read_protocol_text"]
