"""The version, in one place; kept free of imports so that `--version` stays instant."""

__version__ = "0.1.0"
