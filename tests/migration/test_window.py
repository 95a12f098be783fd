"""The number of requests under way follows the server."""

from __future__ import annotations

from netdoctor.migration.window import Window


def test_it_halves_down_to_one_and_comes_back_slowly() -> None:
    window = Window(8)
    sizes = []
    for _ in range(5):
        window.busy()
        sizes.append(window.size)
    assert sizes == [4, 2, 1, 1, 1]
    batches = 0
    while window.size < 8:
        window.fine()
        batches += 1
    assert batches == 2 * sum(range(1, 8))
    for _ in range(100):
        window.fine()
    assert window.size == 8


def test_one_bad_moment_starts_the_quiet_count_anew() -> None:
    window = Window(2)
    window.busy()
    window.fine()
    window.busy()
    window.fine()
    assert window.size == 1
    window.fine()
    assert window.size == 2
