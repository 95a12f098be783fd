"""Compose files as a topology: read, merged and filled in as Compose itself does it, with no engine and no compose."""

from __future__ import annotations

from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.read import EVERY_PROFILE, read_compose

__all__ = ["EVERY_PROFILE", "Unreadable", "read_compose"]
