"""What was typed is said once more, so that a child reads it as this process did."""

from __future__ import annotations

import click
import pytest

from netdoctor.cli._retyped import retyped


@click.group()
@click.option("--host", "-H", envvar="NETDOCTOR_HOST")
@click.option("--verbose", "-v", count=True)
@click.pass_context
def top(ctx, **_):
    pass


@top.command()
@click.argument("export")
@click.option("--to")
@click.option("--index", multiple=True)
@click.option("--number", type=int, default=3)
@click.option("--flag", is_flag=True)
@click.option("--on/--off", default=True)
@click.pass_context
def verb(ctx, **_):
    ctx.find_root().meta["words"] = retyped(ctx, without={"number"}, more=["--extra=1"])
    ctx.find_root().meta["params"] = dict(ctx.params)


def words(*typed):
    ctx = top.make_context("netdoctor", list(typed))
    with ctx:
        top.invoke(ctx)
    return ctx.meta["words"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["verb", "e.json"], ["verb", "--extra=1", "--", "e.json"]),
        (["-H", "ssh://a", "verb", "e"], ["--host=ssh://a", "verb", "--extra=1", "--", "e"]),
        (["-vv", "verb", "e"], ["--verbose", "--verbose", "verb", "--extra=1", "--", "e"]),
        (["verb", "--to", "-x", "e"], ["verb", "--to=-x", "--extra=1", "--", "e"]),
        (["verb", "--to=", "e"], ["verb", "--to=", "--extra=1", "--", "e"]),
        (["verb", "--index", "a=b", "--index", "c d", "e"],
         ["verb", "--index=a=b", "--index=c d", "--extra=1", "--", "e"]),
        (["verb", "--flag", "--off", "e"], ["verb", "--flag", "--off", "--extra=1", "--", "e"]),
        (["verb", "--on", "e"], ["verb", "--on", "--extra=1", "--", "e"]),
        (["verb", "--number", "4", "--", "--odd"], ["verb", "--extra=1", "--", "--odd"]),
    ],
)  # fmt: skip
def test_what_was_typed_is_said_once_more(typed, said):
    assert words(*typed) == said


def test_what_a_variable_said_is_left_to_the_variable(monkeypatch):
    monkeypatch.setenv("NETDOCTOR_HOST", "ssh://secret")
    assert words("verb", "e") == ["verb", "--extra=1", "--", "e"]
