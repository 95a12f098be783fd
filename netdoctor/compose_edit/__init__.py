"""Span-level editing of Compose files: one service joins one more network, by added text only.

Bytes in, bytes out; no file is read or written here. The file is parsed only to find places. Every planned edit has
passed the gates in `gates` (the model reads as intended, nothing but insertions) or is refused by name with
`EditRefused`. `oracle` compares with Compose itself, where a compose command is at hand.
"""

from __future__ import annotations

from .alike import same_meaning
from .diff import unified_diff
from .edit import Edit, leave_network
from .join import is_joined, join_network, plan_join
from .override import override_for, plan_override
from .refused import EditRefused
from .splice import Insertion

__all__ = [
    "Edit",
    "EditRefused",
    "Insertion",
    "is_joined",
    "join_network",
    "leave_network",
    "override_for",
    "plan_join",
    "plan_override",
    "same_meaning",
    "unified_diff",
]
