"""``tcp://`` with TLS, the verbs as a user types them: all that works beside the engine works over TLS to it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from engine.over_tls import Guarded, docker_context, over_tls
from vantage import peer

from .conftest import in_a_child, settings

pytestmark = pytest.mark.docker
PROGRAM = ["python3", "-c", Path(peer.__file__).read_text("utf-8")]
MANY = 24
BIG = 8 << 20


@pytest.fixture(scope="module")
def guarded(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    if engine.host.socket_path is None:
        pytest.skip("the engine is not reached by a socket of this machine")
    with over_tls(tmp_path_factory.mktemp("tls"), str(engine.host.socket_path)) as found:
        yield found


@dataclass(frozen=True)
class Reached:
    words: tuple[str, ...]
    env: dict[str, str]

    def __call__(self, *words: str) -> Any:
        return in_a_child(*self.words, *words, env=self.env)


def ways(guarded: Guarded, folder: Path) -> dict[str, Reached]:
    """The three ways to name such an engine."""
    env = guarded.environment()
    option = {name: env[name] for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")}
    return {
        "variables": Reached((), env),
        "option": Reached(("-H", guarded.url), option),
        "context": Reached((), docker_context(folder / "docker", "far", guarded.url, guarded.mine)),
    }


@pytest.fixture(scope="module")
def pair(module_lab: Any) -> tuple[Any, Any]:
    net = module_lab.network()
    target = module_lab.container("python", networks=[net], aliases=["target"], command=PROGRAM, word="target")
    app = module_lab.container("python", networks=[net], command=["sleep", "600"], word="app")
    module_lab.wait_for_listener(target, *peer.TCP)
    return app, target


@pytest.mark.parametrize("way", ["variables", "option", "context"])
def test_each_way_to_name_it_leads_there(guarded, tmp_path, way):
    told = ways(guarded, tmp_path)[way]("doctor", "--format", "json")
    lines = {line["subject"]: line for line in json.loads(told.out)["lines"]}
    said_by = {"variables": "DOCKER_HOST", "option": "--host", "context": "context far"}[way]
    assert (told.status, lines["engine"]["state"]) == (0, "ok"), told
    assert lines["engine"]["said"].endswith(f"at {guarded.url}, by {said_by}")


def test_check_map_fix_enter_and_undo(guarded, lab, tmp_path):
    context = ways(guarded, tmp_path)["context"]
    reached = Reached((), {**context.env, "NETDOCTOR_STATE_DIR": str(tmp_path / "state")})
    one, two = lab.network(), lab.network()
    target = lab.container(networks=[two], command=["httpd", "-f", "-p", "8080"], word="web")
    app = lab.container("scratch", networks=[one], env={"WEB_URL": f"http://{target.name}:8080"}, word="app")
    red = reached("check", app.name, target.name, "--format", "json")
    assert (red.status, json.loads(red.out)["findings"][0]["code"]) == (1, "ND101"), red
    assert "netns is not possible (the engine runs on another machine)" in red.err
    drawn = reached("map", app.name)
    assert "ND101" in drawn.out, drawn
    assert reached("fix", app.name, target.name, "--yes").status == 0
    green = reached("check", app.name, target.name)
    assert green.status == 0, green
    asked = f"import socket; socket.create_connection(('{target.name}', 8080), 9).close(); print('in')"
    entered = reached("enter", app.name, "--", "python3", "-c", asked)
    assert (entered.status, entered.out) == (0, "in\n"), entered
    assert reached("undo", "--yes").status == 0
    assert reached("check", app.name, target.name).status == 1
    for made in (app, target):
        assert not lab.api.containers(all=True, filters={"label": f"netdoctor.for={made.id}"})


def test_a_helpers_command_gets_its_stdin_and_its_end(guarded, pair):
    """Over TLS the end of what is piped in cannot be the end of the connection."""
    app, _ = pair
    program = "import sys; data = sys.stdin.buffer.read(); print(len(data)); sys.exit(7)"
    argv = [sys.executable, "-m", "netdoctor", "enter", app.name, "--", "python3", "-c", program]
    env = settings(PYTHONWARNINGS="error", **guarded.environment())
    done = subprocess.run(argv, input=b"line\n" * 100_000, capture_output=True, timeout=60, check=False, env=env)
    assert (done.returncode, done.stdout) == (7, b"500000\n"), done


def test_what_the_helpers_image_lacks_is_said_and_a_signal_ends_it(guarded, pair, lab):
    app, _ = pair
    ended = in_a_child("enter", app.name, "no-such-program", env=guarded.environment())
    assert (ended.status, ended.out) == (3, "")
    assert "no-such-program is no program of the helper's image" in ended.err
    argv = [sys.executable, "-m", "netdoctor", "enter", app.name, "--", "python3", "-c"]
    program = "print('here', flush=True); import time; time.sleep(600)"
    with subprocess.Popen([*argv, program], stdout=subprocess.PIPE, env=settings(**guarded.environment())) as process:
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while lab.api.containers(all=True, filters={"label": f"netdoctor.for={app.id}"}):
        assert time.monotonic() < deadline, "the helper outlives us"
        time.sleep(0.1)


@contextlib.contextmanager
def tunnel(guarded: Guarded, source: Any, to: str, vantage: str) -> Iterator[tuple[str, int]]:
    argv = [sys.executable, "-m", "netdoctor", "--vantage", vantage, "tunnel", source.name, to, "--format", "json"]
    env = settings(PYTHONWARNINGS="error", **guarded.environment())
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        killer = threading.Timer(90, process.kill)
        killer.start()
        try:
            said = process.stdout.readline()
            assert said, process.stderr.read()
            listen = json.loads(said)["listen"]
            yield listen["address"], listen["port"]
        finally:
            killer.cancel()
            process.terminate()
            _, err = process.communicate(timeout=30)
        assert (process.returncode, "Traceback" in err) == (0, False), err


def everything(near: socket.socket) -> bytes:
    whole = bytearray()
    while data := near.recv(1 << 16):
        whole += data
    return bytes(whole)


@pytest.mark.parametrize("vantage", ["sidecar", "exec"])
def test_a_tunnel_answers_after_the_end_of_the_question(guarded, pair, vantage):
    """Many at once, each ending its own half only; the answer of each is of all its bytes."""
    app, target = pair
    sent = [bytes([number]) * (number * 4099) for number in range(MANY)]

    def ask(data: bytes) -> bytes:
        with socket.create_connection(at, 30) as near:
            near.settimeout(30)
            near.sendall(data)
            near.shutdown(socket.SHUT_WR)
            return everything(near)

    with tunnel(guarded, app, f"{target.name}:{peer.TAIL}", vantage) as at, ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(ask, sent))
    assert answers == [b"%d %s" % (len(data), hashlib.sha256(data).hexdigest().encode()) for data in sent]


@pytest.mark.parametrize("vantage", ["sidecar", "exec"])
def test_a_tunnel_carries_much_in_both_directions_at_once_byte_for_byte(guarded, pair, vantage):
    """One TLS connection for all, on which one may not read while another writes."""
    app, target = pair
    data = peer.pattern(BIG)

    def both_ways(_: int) -> bool:
        with socket.create_connection(at, 30) as near:
            near.settimeout(60)
            sender = threading.Thread(target=lambda: (near.sendall(data), near.shutdown(socket.SHUT_WR)))
            sender.start()
            found = everything(near)
            sender.join(60)
            return found == data

    with tunnel(guarded, app, f"{target.name}:{peer.ECHO}", vantage) as at, ThreadPoolExecutor(3) as pool:
        assert list(pool.map(both_ways, range(3))) == [True] * 3


def test_one_who_does_not_read_does_not_hold_the_others_up(guarded, pair):
    app, target = pair
    with tunnel(guarded, app, f"{target.name}:{peer.POUR}", "sidecar") as at, socket.create_connection(at, 30) as idle:
        idle.sendall(b"%d\n" % (64 << 20))
        with socket.create_connection(at, 30) as near:
            near.settimeout(30)
            near.sendall(b"%d\n" % BIG)
            assert everything(near) == peer.pattern(BIG)


@pytest.mark.parametrize(
    ("who", "verb"),
    [
        ("stranger", ("tunnel", "app", "web:80")),
        ("deceived", ("enter", "app", "--", "true")),
        ("expired", ("map",)),
        ("expired", ("fix", "app", "web", "--yes")),
    ],
)
def test_each_verb_says_in_one_sentence_why_it_may_not(guarded, verb, who):
    ended = in_a_child(*verb, env=guarded.environment(getattr(guarded, who)))
    assert (ended.status, ended.out) == (3, "")
    said, hint = ended.err.splitlines()
    assert guarded.url in said
    assert said.startswith("netdoctor: ND902" if who == "deceived" else "netdoctor: ND903")
    assert hint.strip()


def test_doctor_says_it_in_its_first_line_with_the_remedy(guarded):
    ended = in_a_child("doctor", env=guarded.environment(guarded.expired))
    assert ended.status == 3
    first, remedy = ended.out.splitlines()[:2]
    assert "bad" in first and "certificate has expired" in first
    assert "-> Have it signed anew" in remedy
