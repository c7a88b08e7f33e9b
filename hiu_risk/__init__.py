"""The vocabulary everyone shares: codes, times, definitions, histories, outcomes, the store.

The score this project computes supports an offer of help. It must never be used to downgrade
or delay a live 999 call.
"""

__version__ = "0.1.0"

NOT_FOR = (
    "This score supports an offer of help. It must never be used to downgrade or delay a live "
    "999 call, to send warning letters, or to refuse care."
)
"""The sentence every page and report carries."""
