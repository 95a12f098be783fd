"""A person's word for a container finds one container, or says what it could have meant."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rules.build import container, network, topology

from netdoctor.errors import Ambiguous, NotFound, NotLookedAt, UsageError
from netdoctor.model import State, Unseen
from netdoctor.topology.names import find_container, nearest

NET = network("n")
STOPPED = State("exited")
SHOP_DB = container("shop-db-1", NET, service="db", project="shop")
BLOG_DB = container("blog-db-1", NET, service="db", project="blog")
WEB = container("shop-web-1", NET, service="web", project="shop")
OLD_WEB = container("old-web-1", NET, service="web", project="old", state=STOPPED)
QDRANT = container("qdrant-qkkkc8", NET, labels={"coolify.name": "vectors"})
SEEN = topology(NET, SHOP_DB, BLOG_DB, WEB, OLD_WEB, QDRANT)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("shop-db-1", SHOP_DB),
        (SHOP_DB.id, SHOP_DB),
        (SHOP_DB.id[:12], SHOP_DB),
        (SHOP_DB.id[:6], SHOP_DB),
        ("shop/db", SHOP_DB),
        ("blog/db", BLOG_DB),
        ("web", WEB),
        ("old/web", OLD_WEB),
        ("vectors", QDRANT),
    ],
)
def test_a_word_finds_its_container(word, found):
    assert find_container(SEEN, word) is found


def test_an_ambiguous_word_lists_the_candidates_and_how_to_say_it():
    with pytest.raises(Ambiguous) as caught:
        find_container(SEEN, "db")
    assert caught.value.candidates == ("shop-db-1 (shop/db)", "blog-db-1 (blog/db)")
    assert "shop-db-1 (shop/db), blog-db-1 (blog/db)" in caught.value.message
    assert "project/service" in caught.value.hint


def test_an_id_prefix_of_two_is_ambiguous():
    twins = topology(replace(SHOP_DB, id="abcdef0" + "0" * 57), replace(BLOG_DB, id="abcdef1" + "0" * 57))
    with pytest.raises(Ambiguous, match="names 2 containers"):
        find_container(twins, "abcdef")


def test_a_name_wins_over_an_id_prefix():
    named = container("cafe", NET)
    other = replace(container("x1", NET), id="cafe" + "0" * 60)
    assert find_container(topology(NET, other, named), "cafe") is named


def test_a_short_hex_word_is_a_name_only():
    with pytest.raises(NotFound):
        find_container(SEEN, SHOP_DB.id[:3])


def test_one_off_containers_of_a_service_are_not_the_service():
    oneoff = container("web-run-1", NET, service="web", project="shop", labels={"com.docker.compose.oneoff": "True"})
    assert find_container(topology(NET, WEB, oneoff), "web") is WEB


def test_an_unknown_word_names_the_nearest():
    with pytest.raises(NotFound) as caught:
        find_container(SEEN, "shop-wbe-1")
    assert "shop-web-1" in caught.value.candidates
    assert "Did you mean shop-web-1" in caught.value.hint


def test_a_part_of_a_name_is_near_it():
    assert nearest(SEEN, "qdrant") == ("qdrant-qkkkc8",)


def test_without_anything_near_the_hint_says_how_to_list_them():
    with pytest.raises(NotFound) as caught:
        find_container(SEEN, "zzzzzzzzzzzzzzzz")
    assert caught.value.hint == "List the containers with: netdoctor"


@pytest.mark.parametrize("word", ["", " ", " db", "db\n"])
def test_an_empty_or_padded_word_is_refused(word):
    with pytest.raises(UsageError):
        find_container(SEEN, word)


def test_control_characters_in_the_word_do_not_reach_the_message():
    with pytest.raises(NotFound) as caught:
        find_container(SEEN, "a\x1b[31mb")
    assert "\x1b" not in caught.value.message


HIDDEN = Unseen("beef" * 16, "shop-web-2", "Could not inspect it: no State.", "look", "shop", "web", ("pages",))


@pytest.mark.parametrize("word", ["shop-web-2", HIDDEN.id, HIDDEN.id[:6], "shop/web", "web", "pages"])
def test_a_word_that_may_mean_one_that_could_not_be_looked_at_says_so(word):
    """A replica that is seen does not stand for one that is not."""
    with pytest.raises(NotLookedAt) as caught:
        find_container(replace(SEEN, unseen=(HIDDEN,)), word)
    assert (caught.value.message, caught.value.hint) == (HIDDEN.reason, "look")


@pytest.mark.parametrize("word", ["shop-web-1", "shop-db-1", "shop/db", "vectors"])
def test_and_every_other_word_means_what_it_did(word):
    assert find_container(replace(SEEN, unseen=(HIDDEN,)), word) is find_container(SEEN, word)


def test_a_name_that_is_nearly_its_own_finds_it():
    assert "shop-web-2" in nearest(replace(SEEN, unseen=(HIDDEN,)), "shop-web-22")
