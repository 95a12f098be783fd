"""Only a 404 says that there is no such collection."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from netdoctor.migration.targets.interface import TargetUnreachable
from netdoctor.migration.targets.rest import RestTarget


class Answer(http.server.BaseHTTPRequestHandler):
    said: tuple[int, object] = (200, {})

    def do_GET(self) -> None:
        body = json.dumps(self.said[1]).encode()
        self.send_response(self.said[0])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def target() -> Iterator[RestTarget]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        opened = RestTarget(f"http://127.0.0.1:{server.server_port}")
        try:
            yield opened
        finally:
            opened.close()
            server.shutdown()
            thread.join()


def test_a_404_says_it(target: RestTarget) -> None:
    Answer.said = (404, {"status": {"error": "Not found: Collection `c` doesn't exist!"}})
    assert target.collection("c") is None


@pytest.mark.parametrize("result", [None, {}, [], "c", 0])
def test_an_answer_that_describes_no_collection_is_not_qdrants(target: RestTarget, result: object) -> None:
    Answer.said = (200, {"result": result, "status": "ok"})
    with pytest.raises(TargetUnreachable, match="is not Qdrant"):
        target.collection("c")


def test_a_measure_that_is_not_known_here_is_still_a_collection(target: RestTarget) -> None:
    config = {"params": {"vectors": {"size": 4, "distance": "Hamming"}}, "optimizer_config": {}}
    Answer.said = (200, {"result": {"status": "green", "points_count": None, "config": config}})
    state = target.collection("c")
    assert state is not None
    assert (state.dimension, state.metric, state.points) == (4, None, 0)
