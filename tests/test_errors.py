"""One root, and the exit status that belongs to each failure."""

from __future__ import annotations

import pytest

from netdoctor import errors
from netdoctor.errors import NetdoctorError, UsageError
from netdoctor.exits import MEANING, Exit

EVERY = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, NetdoctorError)]


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_carries_its_sentence_its_hint_and_its_status(kind):
    error = kind("It broke.", hint="Do this.")
    assert (str(error), error.message, error.hint) == ("It broke.", "It broke.", "Do this.")
    assert error.status in Exit


@pytest.mark.parametrize("kind", EVERY)
def test_no_error_claims_health(kind):
    assert kind("x").status not in (Exit.OK, Exit.INTERRUPTED)


def test_wrong_usage_is_2_and_netdoctors_own_failures_are_3():
    assert {kind("x").status for kind in EVERY if issubclass(kind, UsageError)} == {Exit.USAGE}
    assert {kind("x").status for kind in EVERY if kind("x").code} == {Exit.UNKNOWN}
    assert NetdoctorError("x").status is Exit.UNKNOWN


def test_a_status_given_by_hand_counts_for_that_error_only():
    assert NetdoctorError("x", status=Exit.FINDINGS).status is Exit.FINDINGS
    assert NetdoctorError("x").status is Exit.UNKNOWN


def test_the_exit_numbers_are_the_published_ones():
    assert {each.name: int(each) for each in Exit} == {
        "OK": 0, "FINDINGS": 1, "USAGE": 2, "UNKNOWN": 3, "INTERRUPTED": 130,
    }  # fmt: skip
    assert all(MEANING[each] for each in Exit)
