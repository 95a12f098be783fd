"""Snapshots of a collection: a tar of its folder, kept beside the collections, with its SHA-256."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tarfile
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .collection import META, Collection
from .config import check_name
from .errors import BadInput, NotFound, Unsupported, engine_errors
from .http import MAX_BODY, Request, Response

if TYPE_CHECKING:
    from pathlib import Path

    from .store import Store

Json = dict[str, Any]
_HOME = ".snapshots"
_CAREFULLY: Json = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def serve(store: Store, name: str, rest: tuple[str, ...], request: Request) -> Any:
    """The calls below ``/collections/{name}/snapshots``; a download is a whole response, all else a result."""
    match request.method, rest:
        case "POST", ():
            return create(store, name)
        case "GET", ():
            return listed(store, name)
        case "GET", (snapshot,):
            return Response(200, _file(store, name, snapshot).read_bytes(), "application/octet-stream")
        case "DELETE", (snapshot,):
            _file(store, name, snapshot).unlink()
            return True
        case "POST", ("upload",):
            return restore(store, name, _uploaded(request), request.query.get("checksum"))
    raise Unsupported(f"the lab stand-in does not serve {request.method} {request.path}")


def create(store: Store, name: str) -> Json:
    collection = store.get(name)
    home = _home(store, collection.name)
    home.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime())
    file = home / f"{collection.name}-1-{stamp}-{uuid4().hex[:6]}.snapshot"
    with collection._shard_in_use() as shard, tarfile.open(file, "w:gz", compresslevel=1) as archive:
        # After the flush the log holds nothing that the segments lack; they are mostly room for more, hence the gzip.
        shard.flush()
        archive.add(collection.folder, arcname=".", filter=lambda each: None if each.name == "./shard/wal" else each)
    return _told(file)


def listed(store: Store, name: str) -> list[Json]:
    return [_told(file) for file in sorted(_home(store, store.get(name).name).glob("*.snapshot"))]


def restore(store: Store, name: str, data: bytes, checksum: str | None) -> bool:
    """The collection becomes what the archive holds; it is created when there is none."""
    check_name(name)
    found = hashlib.sha256(data).hexdigest()
    if checksum and checksum != found:
        raise BadInput(f"Wrong input: Snapshot checksum mismatch: expected {checksum}, actual {found}")
    folder = store.folder / uuid4().hex
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(folder, **_CAREFULLY)
        meta = json.loads((folder / META).read_text())
        (folder / META).write_text(json.dumps({**meta, "name": name}))
        with engine_errors():
            collection = Collection.load(folder)
    except (tarfile.TarError, OSError, ValueError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BadInput(f"Wrong input: Failed to read the snapshot archive: {error}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    store.adopt(collection)
    return True


def _uploaded(request: Request) -> bytes:
    if request.body is None:
        raise BadInput(f"Payload error: payload is larger than allowed (limit: {MAX_BODY} bytes).")
    mark = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    for part in request.body.split(b"--" + mark[1].encode()) if mark else ():
        head, _, content = part.partition(b"\r\n\r\n")
        if b'name="snapshot"' in head:
            return content.removesuffix(b"\r\n")
    raise BadInput("Multipart error: Field `snapshot` is required")


def _home(store: Store, name: str) -> Path:
    return store.folder / _HOME / name


def _file(store: Store, name: str, snapshot: str) -> Path:
    file = _home(store, store.get(name).name) / snapshot
    if not re.fullmatch(r"[^/]+\.snapshot", snapshot) or not file.is_file():
        raise NotFound(f"Not found: Snapshot {snapshot} not found")
    return file


def _told(file: Path) -> Json:
    made = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(file.stat().st_mtime))
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"name": file.name, "creation_time": made, "size": file.stat().st_size, "checksum": checksum}
