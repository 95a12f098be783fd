"""Programs that run in a process of their own, where nothing of this package can be imported."""

from __future__ import annotations

from importlib import resources


def text(name: str) -> str:
    """The source of one of them."""
    return resources.files(__name__).joinpath(name).read_text("utf-8")
