"""A panel's address and token: from the environment, a file or the terminal; never silently to the wrong one."""

from __future__ import annotations

import pytest

from netdoctor.cli._panels import panels_of
from netdoctor.errors import UsageError
from netdoctor.platforms.interface import PLATFORMS

NAME = "coolify"
TOKEN = "3|s3cret-t0ken"


@pytest.fixture
def said():
    return []


@pytest.fixture
def opened(monkeypatch, said):
    for word in ("URL", "TOKEN", "TOKEN_FILE", "CA_FILE"):
        monkeypatch.delenv(f"NETDOCTOR_COOLIFY_{word}", raising=False)
    with panels_of(said.append, disruptive=False) as panels:

        def open_panel(address=None, **variables):
            for word, value in variables.items():
                monkeypatch.setenv(f"NETDOCTOR_COOLIFY_{word}", value)
            return panels.open(NAME, PLATFORMS.get(NAME), address)

        yield open_panel


def test_address_and_token_come_from_the_environment_and_it_is_opened_once(opened):
    one = opened(URL="https://c.test/api/v1/", TOKEN=TOKEN)
    assert one.address == "https://c.test"
    assert opened() is one


def test_a_token_may_stand_in_a_file(opened, tmp_path):
    (tmp_path / "t").write_text(f"  {TOKEN}\n")
    assert opened(URL="https://c.test", TOKEN_FILE=str(tmp_path / "t"))


@pytest.mark.parametrize("content", [None, b"", b"two words", b"\xff\xfe", b"x" * 20_000])
def test_a_file_that_holds_no_token_is_said_so_without_its_content(opened, tmp_path, content):
    file = tmp_path / "t"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        opened(URL="https://c.test", TOKEN_FILE=str(file))
    assert "TOKEN_FILE" in caught.value.message
    assert "two words" not in caught.value.message


def test_without_a_terminal_it_is_said_what_to_set_and_where_a_token_is_made(opened):
    with pytest.raises(UsageError) as caught:
        opened()
    assert "NETDOCTOR_COOLIFY_URL" in caught.value.hint
    assert "read:sensitive" in caught.value.hint
    assert caught.value.status == 2


def test_an_undo_goes_to_the_panel_that_was_told_and_to_no_other(opened):
    with pytest.raises(UsageError, match=r"told at https://old\.test"):
        opened("https://old.test", URL="https://new.test", TOKEN=TOKEN)


def test_an_undo_needs_only_the_token(opened):
    assert opened("https://old.test", TOKEN=TOKEN).address == "https://old.test"


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://c.test", True),
        ("http://10.0.0.9:8000", True),
        ("http://127.0.0.1:8000", False),
        ("https://c.test", False),
    ],
)
def test_a_token_that_goes_unencrypted_over_a_network_is_said_so(opened, said, url, warned):
    opened(URL=url, TOKEN=TOKEN)
    assert bool(said) == warned
    assert not any(TOKEN in each for each in said)
