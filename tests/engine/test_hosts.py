"""The engine is found where the docker CLI would find it, and the answer says who named it."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest

from netdoctor.engine.hosts import DEFAULT_SOCKET, EngineHost, resolve_host
from netdoctor.errors import EngineUnreachable, UsageError


@pytest.fixture
def config(tmp_path):
    """A Docker configuration folder; returns an environment that names it."""
    return {"DOCKER_CONFIG": str(tmp_path), "HOME": "/nonexistent"}


def add_context(config, name, host, *, tls=False, skip_verify=False):
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = Path(config["DOCKER_CONFIG"]) / "contexts"
    (folder / "meta" / digest).mkdir(parents=True)
    meta = {"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": skip_verify}}}
    (folder / "meta" / digest / "meta.json").write_text(json.dumps(meta))
    if tls:
        (folder / "tls" / digest / "docker").mkdir(parents=True)
    return folder / "tls" / digest / "docker"


def make_current(config, name):
    (Path(config["DOCKER_CONFIG"]) / "config.json").write_text(json.dumps({"currentContext": name}))


def test_the_order_is_the_docker_commands(config):
    for name in ("flag", "variable", "current"):
        add_context(config, name, f"tcp://{name}:2375")
    make_current(config, "current")
    everything = {**config, "DOCKER_HOST": "tcp://env:2375", "DOCKER_CONTEXT": "variable"}
    assert resolve_host("tcp://typed:1", environment=everything).url == "tcp://typed:1"
    assert resolve_host(None, "flag", environment=everything).url == "tcp://flag:2375"
    assert resolve_host(environment=everything).url == "tcp://env:2375"
    del everything["DOCKER_HOST"]
    assert resolve_host(environment=everything).url == "tcp://variable:2375"
    del everything["DOCKER_CONTEXT"]
    assert resolve_host(environment=everything).url == "tcp://current:2375"
    (Path(config["DOCKER_CONFIG"]) / "config.json").unlink()
    assert resolve_host(environment=everything).url == DEFAULT_SOCKET


def test_each_answer_says_who_named_it(config):
    add_context(config, "far", "ssh://me@far")
    assert resolve_host("tcp://x", environment=config).said_by == "--host"
    assert resolve_host(environment={**config, "DOCKER_HOST": "tcp://x"}).said_by == "DOCKER_HOST"
    assert resolve_host(None, "far", environment=config).said_by == "context far"
    assert resolve_host(environment=config).said_by == "the default"


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("/run/docker.sock", "unix:///run/docker.sock"),
        ("unix:///a/b", "unix:///a/b"),
        ("host:2375", "tcp://host:2375"),
        ("host", "tcp://host:2375"),
        ("tcp://host:", "tcp://host:2375"),
        ("tcp://", "tcp://localhost:2375"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("tcp://host/behind/a/proxy", "tcp://host:2375/behind/a/proxy"),
        ("ssh://u@h", "ssh://u@h"),
        ("fd://", DEFAULT_SOCKET),
        ("unix://", DEFAULT_SOCKET),
    ],
)
def test_addresses_are_written_as_the_docker_command_takes_them(config, typed, url):
    assert resolve_host(typed, environment=config).url == url


def test_an_unknown_scheme_is_refused_by_name(config):
    with pytest.raises(UsageError, match="no engine address"):
        resolve_host("ftp://x", environment=config)


@pytest.mark.parametrize("typed", ["tcp://host:99999", "tcp://host:http", "tcp://::1:2375", "tcp://[::1"])
def test_a_port_that_is_none_is_refused(config, typed):
    with pytest.raises(UsageError, match="no engine address") as caught:
        resolve_host(typed, environment=config)
    assert "tcp://host:port" in caught.value.hint


def test_host_and_context_together_are_refused(config):
    with pytest.raises(UsageError, match="Both"):
        resolve_host("tcp://x", "y", environment=config)


def test_the_context_named_default_is_the_variable_or_the_socket(config):
    make_current(config, "default")
    assert resolve_host(environment=config).url == DEFAULT_SOCKET
    assert resolve_host(None, "default", environment={**config, "DOCKER_HOST": "tcp://e"}).url == "tcp://e:2375"


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"currentContext": 5}', '{"currentContext": ""}', "\xff\xfe"])
def test_a_damaged_configuration_is_no_configuration(config, text):
    (Path(config["DOCKER_CONFIG"]) / "config.json").write_text(text, "latin-1")
    assert resolve_host(environment=config).url == DEFAULT_SOCKET


@pytest.mark.parametrize("meta", ["{}", '{"Endpoints": null}', '{"Endpoints": {"docker": null}}', "[]", "{"])
def test_a_damaged_or_missing_context_is_named_with_the_command_that_lists_them(config, meta):
    add_context(config, "odd", "tcp://x")
    digest = hashlib.sha256(b"odd").hexdigest()
    (Path(config["DOCKER_CONFIG"]) / "contexts" / "meta" / digest / "meta.json").write_text(meta)
    with pytest.raises(UsageError, match="'odd', which does not exist") as caught:
        resolve_host(None, "odd", environment=config)
    assert "docker context ls" in caught.value.hint
    make_current(config, "gone")
    with pytest.raises(UsageError, match=r"currentContext in .*config\.json names .*'gone'"):
        resolve_host(environment=config)


def test_tls_comes_from_the_variables_for_tcp_only(config):
    tls = {**config, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}
    found = resolve_host("tcp://x:2376", environment=tls)
    assert (found.tls, found.tls_verify) == (Path("/certs"), True)
    assert resolve_host("/run/x.sock", environment=tls).tls is None
    assert resolve_host("tcp://x:2376", environment={**config, "DOCKER_TLS": "1"}).tls_verify is False
    assert resolve_host("tcp://x:2376", environment={**config, "DOCKER_TLS_VERIFY": ""}).tls is None


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("tcp://127.0.0.1:2375", True),
        ("tcp://localhost:2375", True),
        ("tcp://[::1]:2375", True),
        ("tcp://10.0.0.1:2375", False),
        ("tcp://localhost.example.org:2375", False),
        (DEFAULT_SOCKET, False),
    ],
)
def test_an_address_of_this_machine_is_known_as_one(url, near):
    assert EngineHost(url).at_loopback is near


def test_a_proxy_for_the_web_is_none_for_loopback(monkeypatch):
    """As to the docker command; port 9 has nobody, the proxy least of all."""
    from netdoctor.engine.client import open_engine

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with pytest.raises(EngineUnreachable, match="refused"):
            open_engine(EngineHost("tcp://127.0.0.1:9"), timeout=5)
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_a_contexts_own_certificates_are_used(config):
    folder = add_context(config, "secure", "tcp://x:2376", tls=True)
    found = resolve_host(None, "secure", environment=config)
    assert (found.tls, found.tls_verify) == (folder, True)
    add_context(config, "loose", "tcp://x:2376", tls=True, skip_verify=True)
    assert resolve_host(None, "loose", environment=config).tls_verify is False
    add_context(config, "empty-handed", "tcp://x:2376", skip_verify=True)
    assert resolve_host(None, "empty-handed", environment=config).tls is not None
    add_context(config, "beside", "unix:///x", skip_verify=True)
    assert resolve_host(None, "beside", environment=config).tls is None


def test_a_user_without_a_home_still_has_the_default_socket(monkeypatch):
    def nobody(_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    assert resolve_host(environment={}).url == DEFAULT_SOCKET


@pytest.mark.parametrize("given", [(), ("cert.pem", "key.pem"), ("ca.pem", "key.pem"), ("ca.pem", "cert.pem")])
def test_missing_certificates_are_named_before_anybody_connects(config, tmp_path, given):
    from netdoctor.engine.client import open_engine

    for name in given:
        (tmp_path / name).write_text("x")
    env = {**config, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    with pytest.raises(UsageError) as caught:
        open_engine(resolve_host("tcp://127.0.0.1:9", environment=env))
    for name in {"ca.pem", "cert.pem", "key.pem"} - set(given):
        assert name in caught.value.message
    assert "DOCKER_CERT_PATH" in caught.value.hint


def test_an_ssh_address_that_is_an_option_is_refused():
    from netdoctor.engine.ssh import ssh_command

    dialled = ["ssh", "-o", "ConnectTimeout=30", "-T", "-l", "me", "-p", "2222", "--", "far"]
    assert ssh_command("ssh://me@far:2222") == [*dialled, "docker", "system", "dial-stdio"]
    for bad in ("ssh://", "ssh://-oProxyCommand=x", "ssh://-l@host", "ssh://u:pw@host", "ssh://host:notaport"):
        with pytest.raises(UsageError):
            ssh_command(bad)
