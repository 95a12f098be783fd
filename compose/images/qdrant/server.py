"""Run the lab stand-in for Qdrant: `python server.py --host 127.0.0.1 --rest-port 0 --grpc-port 0`.

Flags win over Qdrant's own variables (QDRANT__SERVICE__HOST, ..HTTP_PORT, ..GRPC_PORT, ..API_KEY,
QDRANT__STORAGE__STORAGE_PATH), so that compose files written for Qdrant work unchanged. Port 0
takes a free one; `--ports-file` receives `{"rest": N, "grpc": N}` once both ports answer.
"""

from __future__ import annotations

import signal
import sys

# Before the heavy imports: the first process of a container ignores a SIGTERM it does not handle,
# and one that comes in the first half second would cost the engine's ten seconds of patience.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import tempfile  # noqa: E402
import threading  # noqa: E402
from contextlib import ExitStack  # noqa: E402
from pathlib import Path  # noqa: E402

from standin import TITLE  # noqa: E402
from standin.http import HttpServer  # noqa: E402
from standin.rest import Rest  # noqa: E402
from standin.store import Store  # noqa: E402


def main() -> int:
    options = _options()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        folder = options.storage or stack.enter_context(tempfile.TemporaryDirectory(prefix="standin-"))
        store = Store(Path(folder))
        stack.callback(store.close)
        http = HttpServer((options.host, options.rest_port), Rest(store, options.api_key).answer)
        stack.callback(http.server_close)
        threading.Thread(target=http.serve_forever, args=(0.1,), daemon=True).start()
        stack.callback(http.shutdown)
        ports = {"rest": http.server_address[1]}
        if options.grpc_port >= 0:
            # Imported here: without gRPC the server starts in a third of the time.
            from standin.grpc_api import serve

            server, ports["grpc"] = serve(store, f"{options.host}:{options.grpc_port}", options.api_key)
            stack.callback(lambda: server.stop(0.2).wait())
        if options.ports_file:
            _announce(Path(options.ports_file), ports)
        print(f"{TITLE}: listening on {options.host}, {ports}", file=sys.stderr, flush=True)
        stop.wait()
    return 0


def _options() -> argparse.Namespace:
    environment = os.environ.get
    parser = argparse.ArgumentParser(description=TITLE)
    parser.add_argument("--host", default=environment("QDRANT__SERVICE__HOST", "0.0.0.0"))
    parser.add_argument("--rest-port", type=int, default=int(environment("QDRANT__SERVICE__HTTP_PORT", "6333")))
    parser.add_argument(
        "--grpc-port", type=int, default=int(environment("QDRANT__SERVICE__GRPC_PORT", "6334")), help="-1: no gRPC"
    )
    parser.add_argument(
        "--storage", default=environment("QDRANT__STORAGE__STORAGE_PATH"), help="default: a temporary folder"
    )
    parser.add_argument("--api-key", default=environment("QDRANT__SERVICE__API_KEY", ""))
    parser.add_argument("--ports-file", help="written when ready")
    return parser.parse_args()


def _announce(target: Path, ports: dict[str, int]) -> None:
    scratch = target.with_name(target.name + ".new")
    scratch.write_text(json.dumps(ports))
    os.replace(scratch, target)


if __name__ == "__main__":
    sys.exit(main())
