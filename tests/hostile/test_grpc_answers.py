"""A gRPC server in Qdrant's place that answers with junk: in time, one sentence, a documented status."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from cli.conftest import netdoctor

from .attack import SECRET, raw

ANSWERS = {
    "junk": lambda _: b"\xff\x1b[31m\0" * 100,
    "nothing": lambda _: b"",
    "text": lambda _: b"\x0a\x05\xff\xfe\x1b[3",
    "length": lambda _: b"\x0a\xff\xff\xff\xff\x7f",
    "deep": lambda _: b"\x0a\x7f" * 5000,
    "endless": lambda _: b"\0" * (300 << 20),
}


@contextmanager
def grpc_server(answer, health: bool):
    """Answers every call; ``health``: a health check and a list of collections as Qdrant's."""
    import grpc
    import qdrant_client.grpc as api

    class Any(grpc.GenericRpcHandler):
        def service(self, call):
            def reply(_request, context):
                if health and call.method.endswith("HealthCheck"):
                    return api.HealthCheckReply(title="qdrant", version="1.17.0").SerializeToString()
                if health and call.method.endswith("Collections/List"):
                    return api.ListCollectionsResponse(time=0.1).SerializeToString()
                return answer(context)

            return grpc.unary_unary_rpc_method_handler(reply)

    made = grpc.server(
        ThreadPoolExecutor(4),
        handlers=[Any()],
        options=[("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)],
    )
    port = made.add_insecure_port("127.0.0.1:0")
    made.start()
    try:
        yield port
    finally:
        made.stop(None).wait(10)


def refusing(words: str, how: str):
    def answer(context):
        import grpc

        context.abort(getattr(grpc.StatusCode, how), words)

    return answer


STEERING = f"\x1b[31m\u202e api-key: {SECRET}" + "A" * 5000
ANSWERS["abort"] = refusing(STEERING, "INVALID_ARGUMENT")
ANSWERS["internal"] = refusing(STEERING, "INTERNAL")
ANSWERS["denied"] = refusing(STEERING, "UNAUTHENTICATED")


@pytest.mark.parametrize("health", [False, True], ids=["at once", "after its health"])
@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_a_migration_to_it(tmp_path, monkeypatch, kind, health):
    monkeypatch.chdir(tmp_path)
    record = {"id": "a", "values": [0.5, 0.25], "metadata": {"x": 1}, "namespace": "n"}
    (tmp_path / "e.json").write_text(json.dumps([record]))
    with grpc_server(ANSWERS[kind], health) as port:
        began = time.monotonic()
        words = ["migrate", "e.json", "--to", "http://127.0.0.1:6334", "--grpc-port", str(port), "--transport", "grpc"]
        more = ["--patience", "0.5", "--request-timeout", "5"]
        ended = netdoctor(*words, *more, env={"QDRANT_API_KEY": SECRET})
        assert time.monotonic() - began < 60
    assert ended.status in (1, 3), ended
    assert (raw(ended.out), raw(ended.err.replace("\r", ""))) == ([], [])
    assert SECRET not in ended.out + ended.err
    assert "itself failed" not in ended.err, ended.err
    assert len(ended.out + ended.err) < 5000
