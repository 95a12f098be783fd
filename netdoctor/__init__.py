"""netdoctor finds out why one container cannot reach another, fixes it, and proves the fix from inside."""

from netdoctor.version import __version__

__all__ = ["__version__"]
