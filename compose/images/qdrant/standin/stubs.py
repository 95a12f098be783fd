"""Qdrant's generated gRPC classes, without the client around them.

`qdrant_client/grpc` is a self-contained folder of generated code. Loading it by its place spares
the rest of the client (pydantic, httpx, numpy) in the image and at start-up.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

NAME = "standin_stubs"


def load() -> ModuleType:
    """The module with all messages, servicers and `add_..._to_server` functions."""
    if NAME in sys.modules:
        return sys.modules[NAME]
    client = importlib.util.find_spec("qdrant_client")
    if client is None or client.origin is None:
        raise ModuleNotFoundError("qdrant_client is not installed: its generated gRPC stubs are needed")
    folder = Path(client.origin).parent / "grpc"
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no gRPC stubs in {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    return module
