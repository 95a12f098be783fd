"""Plug-ins are found by walking a folder; a name is given once."""

from __future__ import annotations

import sys

import pytest

from netdoctor.registry import Registry


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of plug-ins on the path; returns (name, folder)."""
    folder = tmp_path / "plugged"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "interface.py").write_text("from netdoctor.registry import Registry\nTHINGS = Registry('plugged')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [each for each in sys.modules if each == "plugged" or each.startswith("plugged.")]:
        del sys.modules[name]


def plug(folder, module, name):
    (folder / f"{module}.py").write_text(
        f"from plugged.interface import THINGS\nTHINGS.add({name!r}, {module!r}, home=__name__)\n"
    )


def registry() -> Registry[str]:
    from plugged.interface import THINGS

    return THINGS


def test_one_more_module_is_one_more_thing(package):
    plug(package, "b", "second")
    plug(package, "a", "first")
    things = registry()
    assert things.names() == ("first", "second")
    assert (things.get("first"), things.home("first")) == ("a", "plugged.a")
    assert list(things) == ["a", "b"]
    assert "second" in things and "third" not in things


def test_nothing_is_imported_before_it_is_asked_for(package):
    (package / "broken.py").write_text("raise RuntimeError('imported')\n")
    things = registry()
    with pytest.raises(RuntimeError, match="imported"):
        things.names()


def test_a_private_module_is_no_plugin(package):
    (package / "_helper.py").write_text("raise RuntimeError('imported')\n")
    assert registry().names() == ()


def test_a_second_thing_of_one_name_is_refused_with_both_homes(package):
    plug(package, "a", "same")
    plug(package, "b", "same")
    with pytest.raises(ValueError, match=r"'same' is registered by plugged\.a and again by plugged\.b"):
        registry().load()


def test_an_unknown_name_is_a_key_error(package):
    with pytest.raises(KeyError):
        registry().get("none")


def test_the_decorator_registers_under_the_module_that_defines_the_thing():
    things: Registry[object] = Registry("netdoctor.nowhere")

    class Thing:
        pass

    assert things.register("t")(Thing) is Thing
    assert things._homes == {"t": __name__}
