"""netdoctor's lab stand-in for Qdrant: a small REST and gRPC server over qdrant-edge.

This is not Qdrant. It serves the calls that netdoctor and its tests make, over Qdrant's own
storage engine, on machines that cannot pull `qdrant/qdrant`. Everything else answers 501.
"""

from __future__ import annotations

TITLE = "netdoctor lab stand-in for Qdrant (qdrant-edge)"
VERSION = "1.20.0"
"""The protocol level spoken here: clients refuse servers more than one minor version away."""
