"""A signal is acted on wherever the main thread is, also when the system gave the signal to another thread."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from .conftest import settings

SLEEPER = """
import signal, sys, threading, time
from netdoctor.cli import _interrupts, _orders

_interrupts.install()
# A thread that may take the signal, and a main one that may not: what is left of its wait is not interrupted.
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
begun = time.monotonic()
try:
    with _orders.obeying():
        print("waiting", flush=True)
        threading.Event().wait(60)
except KeyboardInterrupt:
    sys.exit(42 if time.monotonic() - begun < 30 else 43)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wait_ends_at_a_signal_that_another_thread_took(number):
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=settings()
    ) as sleeper:
        assert sleeper.stdout.readline() == b"waiting\n"
        sleeper.send_signal(number)
        assert sleeper.wait(50) == 42
        assert sleeper.stderr.read() == b""


WAITER = """
import os, signal, sys, threading, time
from concurrent.futures import Future, wait
from netdoctor.cli import _interrupts

_interrupts.install()
first, last = sorted((Future(), Future()), key=id)  # in this order their locks are taken
held, done = threading.Event(), threading.Event()

def others():
    with last._condition:
        held.set()
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
    first.set_result(1)
    done.set()

threading.Thread(target=others, daemon=True).start()
held.wait()
try:
    wait([first, last])
except KeyboardInterrupt:
    sys.exit(42 if done.wait(20) else 43)
"""


def test_ctrl_c_leaves_no_lock_behind_that_another_thread_waits_for():
    ended = subprocess.run(
        [sys.executable, "-c", WAITER], capture_output=True, text=True, env=settings(), timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (42, "")


TUNNEL = """
import sys, time
from netdoctor.cli import _interrupts, tunnel

_interrupts.install()
sleep = time.sleep
tunnel.time.sleep = lambda seconds: (print("waiting", flush=True), sleep(seconds))
tunnel._until_told()
sys.exit(42)
"""


@pytest.mark.parametrize("times", [1, 5])
def test_a_tunnel_is_ended_by_sigterm_however_often_it_is_told(times):
    with subprocess.Popen(
        [sys.executable, "-c", TUNNEL], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=settings()
    ) as tunnel:
        assert tunnel.stdout.readline() == b"waiting\n"
        for _ in range(times):
            tunnel.send_signal(signal.SIGTERM)
        ended = tunnel.wait(30)
        assert (ended, tunnel.stderr.read()) in {(42, b""), (-signal.SIGTERM, b"")}
        assert ended == 42 or times > 1, "once it no longer waits, SIGTERM is what it always is"
