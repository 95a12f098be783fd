"""Truths about the set: which room may know which, that every plug-in registers, is tested and has its page."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import netdoctor
from netdoctor.errors import NetdoctorError
from netdoctor.exits import MEANING, Exit
from netdoctor.registry import Registry
from netdoctor.rules.registry import RULES

PACKAGE = Path(netdoctor.__file__).parent
ROOT = PACKAGE.parent
TESTS = ROOT / "tests"

HEAVY = ("docker", "qdrant_client", "grpc", "numpy", "rich", "yaml", "dns", "httpx", "ijson")
ROOMS = ("rules", "probes", "formats", "migration.sources", "platforms", "readiness", "maps")
BOUNDARIES = frozenset({"interface", "registry"})

SPOKEN_FOR = frozenset(
    f"ND{number}"
    for first, last in ((101, 112), (201, 210), (301, 308), (401, 406), (501, 506), (601, 605), (701, 705), (801, 803))
    for number in range(first, last + 1)
)
"""Codes with a meaning, built or not: a rule may already name one that it will suppress."""

SMALL, SMALLER = 400, 150
"""Lines of a module; of a rule or a probe."""


# --- which room may import what ------------------------------------------------------------------------------------


def sources() -> Iterator[tuple[str, Path]]:
    """Every module's dotted name and file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(path: Path) -> set[str]:
    """Everything a module imports, wherever in it: ``from a.b import c`` gives ``a.b.c`` when that is a module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(path, node.level, node.module)
            found |= {_deeper(module, alias.name) for alias in node.names}
    return found


def _absolute(path: Path, dots: int, module: str | None) -> str:
    if dots == 0:
        return module or ""
    package = path.relative_to(ROOT).parts[:-dots]
    return ".".join([*package, *([module] if module else [])])


def _deeper(module: str, name: str) -> str:
    below = ROOT.joinpath(*module.split("."), name)
    return f"{module}.{name}" if below.with_suffix(".py").is_file() or (below / "__init__.py").is_file() else module


def within(name: str, *homes: str) -> bool:
    return any(name == home or name.startswith(f"{home}.") for home in homes)


def offenders(room: str, forbidden) -> list[str]:
    """``module imports name`` for each import of the room's modules that ``forbidden`` refuses."""
    asked = [(module, path) for module, path in sources() if within(module, f"netdoctor.{room}")]
    assert asked, f"there is no room {room}"
    return [
        f"{module} imports {name}" for module, path in asked for name in sorted(imports_of(path)) if forbidden(name)
    ]


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("docker", "netdoctor.engine"),
        ("requests", "netdoctor.engine"),
        ("urllib3", "netdoctor.engine"),
        ("qdrant_client", "netdoctor.migration"),
        ("qdrant_edge", "netdoctor.migration"),
        ("grpc", "netdoctor.migration"),
        ("ijson", "netdoctor.migration"),
        ("click", "netdoctor.cli"),
    ],
)
def test_a_library_is_imported_in_its_own_room_only(library, home):
    elsewhere = [
        f"{module} imports {name}"
        for module, path in sources()
        if not within(module, home)
        for name in imports_of(path)
        if within(name, library)
    ]
    assert elsewhere == []


def test_the_import_rule_reads_imports_inside_functions_too(tmp_path):
    module = tmp_path / "m.py"
    module.write_text("def f():\n    import docker.errors\n    from netdoctor.engine import client\n")
    assert imports_of(module) == {"docker.errors", "netdoctor.engine.client"}


def test_the_model_imports_nothing_of_ours():
    assert offenders("model", lambda name: within(name, "netdoctor") and not within(name, "netdoctor.model")) == []


def test_compose_edit_knows_nothing_of_netdoctor():
    ours = offenders(
        "compose_edit", lambda name: within(name, "netdoctor") and not within(name, "netdoctor.compose_edit")
    )
    assert ours == []


def test_rules_know_the_nouns_and_what_probes_ask_and_nothing_else():
    def forbidden(name: str) -> bool:
        if within(name, "netdoctor.probes"):
            return name in ("netdoctor.probes", "netdoctor.probes.interface")
        allowed = ("netdoctor.model", "netdoctor.registry", "netdoctor.rules")
        return (within(name, "netdoctor") and not within(name, *allowed)) or _reaches_out(name)

    assert offenders("rules", forbidden) == []


def test_formats_know_the_nouns_and_how_to_make_text_safe():
    formats = ("formats.interface", "formats._paint", "formats._findings", "formats.json")
    allowed = ("model", *formats, "redact", "terminal", "version", "registry")
    homes = tuple(f"netdoctor.{each}" for each in allowed)

    def forbidden(name: str) -> bool:
        return (within(name, "netdoctor") and not within(name, *homes)) or _reaches_out(name)

    assert offenders("formats", forbidden) == []


def test_probes_know_the_vantage_interface_and_no_vantage():
    # Files are a place to ask as well: a probe may read them, a rule sees its evidence only.
    leaves = ("model", "errors", "redact", "terminal", "commands")
    allowed = (*leaves, "probes", "registry", "vantage.interface", "topology.compose")
    homes = tuple(f"netdoctor.{each}" for each in allowed)
    ours = offenders("probes", lambda name: within(name, "netdoctor") and not within(name, *homes))
    assert ours == []


def test_the_library_never_imports_the_command_line():
    found = [
        f"{module} imports {name}"
        for module, path in sources()
        if not within(module, "netdoctor.cli", "netdoctor.__main__")
        for name in imports_of(path)
        if within(name, "netdoctor.cli")
    ]
    assert found == []


def test_only_the_command_line_prints():
    found = []
    for module, path in sources():
        # What runs in somebody else's process speaks through its standard streams.
        if within(module, "netdoctor.cli", "netdoctor.vantage.programs"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                found.append(f"{module}:{node.lineno}")
    assert found == []


def _reaches_out(name: str) -> bool:
    return name.partition(".")[0] in {"socket", "subprocess", "os", "ssl", "http", "urllib", "asyncio", "threading"}


@pytest.mark.parametrize("module", ["netdoctor", "netdoctor.cli.main", "netdoctor.model", "netdoctor.exits"])
def test_importing_costs_no_heavy_library(module):
    code = f"import {module}, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout.split() == []


def test_asking_for_the_version_loads_neither_the_engine_nor_the_diagnosis():
    code = (
        "import sys; from netdoctor.cli.main import run; run(['--version']);"
        f"print(*[n for n in (*{HEAVY!r}, 'netdoctor.engine.client', 'netdoctor.diagnosis.run') if n in sys.modules],"
        " file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout.startswith("netdoctor ")
    assert found.stderr.split() == []


def test_the_formats_and_rules_load_without_the_engine_or_the_migration():
    code = (
        "import sys; from netdoctor.formats.interface import FORMATS; from netdoctor.rules.registry import RULES;"
        f"FORMATS.load(); RULES.load(); print(*[n for n in {HEAVY!r} if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout.split() == []


# --- plug-ins ------------------------------------------------------------------------------------------------------


def registry_of(room: str) -> Registry:
    for boundary in sorted(BOUNDARIES):
        try:
            module = importlib.import_module(f"netdoctor.{room}.{boundary}")
        except ModuleNotFoundError:
            continue
        for _, thing in inspect.getmembers(module, lambda each: isinstance(each, Registry)):
            if thing.package == f"netdoctor.{room}":
                return thing
    raise AssertionError(f"{room} has no registry")


def plugins(room: str) -> list[str]:
    """The room's public modules: each is one plug-in."""
    package = importlib.import_module(f"netdoctor.{room}")
    names = [info.name for info in pkgutil.iter_modules(package.__path__) if not info.ispkg]
    return [name for name in names if not name.startswith("_") and name not in BOUNDARIES]


EVERY = [(room, plugin) for room in ROOMS for plugin in plugins(room)]


def test_every_room_with_plugins_has_some():
    assert {room for room, _ in EVERY} == set(ROOMS)


@pytest.mark.parametrize(("room", "plugin"), EVERY)
def test_every_plugin_registers_something(room, plugin):
    registry = registry_of(room)
    homes = {registry.home(name) for name in registry.names()}
    assert f"netdoctor.{room}.{plugin}" in homes


@pytest.mark.parametrize(("room", "plugin"), EVERY)
def test_every_plugin_has_a_test_file_of_its_name(room, plugin):
    file = TESTS.joinpath(*room.split("."), f"test_{plugin}.py")
    assert file.is_file(), f"{file.relative_to(ROOT)} is missing"
    assert "def test_" in file.read_text("utf-8")


# --- rules ---------------------------------------------------------------------------------------------------------


def every_rule() -> list[str]:
    return list(RULES.names())


def slug_of(code: str) -> str:
    return RULES.home(code).rpartition(".")[2]


def test_no_code_is_used_twice_and_every_file_is_named_after_its_code():
    shown = [(code, slug_of(code)) for code in every_rule()]
    assert all(re.fullmatch(r"ND\d{3}", code) for code, _ in shown)
    assert all(slug.startswith(f"{code.lower()}_") for code, slug in shown), shown
    numbers = [slug.partition("_")[0] for slug in plugins("rules")]
    assert len(numbers) == len(set(numbers))
    assert {RULES.get(code).code for code in every_rule()} == set(every_rule())


@pytest.mark.parametrize("code", every_rule())
def test_every_rule_has_a_page_in_the_fixed_sections(code):
    page = inspect.getdoc(importlib.import_module(RULES.home(code))) or ""
    title, _, rest = page.partition("\n")
    assert title.strip().endswith(".")
    heads = [line for line in rest.splitlines() if line and not line.startswith(" ")]
    assert heads == [
        "What is looked for",
        "Why it breaks",
        "What would prove it wrong",
        "The fix and its safety",
        "References",
    ]


@pytest.mark.parametrize("code", every_rule())
def test_every_rule_is_proven_on_a_broken_stack(code):
    """A clinic stack for an engine, or a recorded topology where no engine can be had that shows it."""
    slug = slug_of(code).replace("_", "-")
    stack = ROOT / "compose" / "clinic" / slug
    recorded = list((TESTS / "rules").glob(f"**/{slug_of(code)}*.json"))
    assert recorded or (stack.is_dir() and any(stack.iterdir())), f"compose/clinic/{slug}/ is missing"


@pytest.mark.parametrize("code", every_rule())
def test_a_rule_suppresses_only_codes_that_mean_something_and_never_itself(code):
    suppressed = RULES.get(code).suppresses
    assert isinstance(suppressed, frozenset)
    assert code not in suppressed
    assert suppressed <= SPOKEN_FOR | set(every_rule())


def test_suppression_has_no_cycles():
    """Two causes that suppress each other would both vanish from the report."""
    below = {code: RULES.get(code).suppresses for code in every_rule()}

    def visit(code: str, path: tuple[str, ...]) -> None:
        assert code not in path, " -> ".join([*path, code])
        for each in sorted(below.get(code, frozenset())):
            visit(each, (*path, code))

    for code in below:
        visit(code, ())


# --- errors, exits, command line -----------------------------------------------------------------------------------


def error_classes(root: type[NetdoctorError] = NetdoctorError) -> list[type[NetdoctorError]]:
    for module, _ in sources():
        if "errors" in module or within(module, "netdoctor.migration", "netdoctor.fixes", "netdoctor.engine"):
            importlib.import_module(module)
    found = [root]
    for each in root.__subclasses__():
        found += error_classes(each)
    return found


def test_every_error_code_of_netdoctor_itself_has_a_page():
    from netdoctor.cli.main import run

    codes = sorted({each.code for each in error_classes() if each.code})
    assert codes == ["ND901", "ND902", "ND903"]
    for code in codes:
        assert run(["explain", code]) == 0


def test_every_error_ends_with_a_status_of_the_table():
    assert {each.status for each in error_classes()} <= set(Exit)


def test_every_exit_status_has_its_meaning():
    assert set(MEANING) == set(Exit)


def test_the_readme_shows_the_exit_table_as_it_is():
    readme = ROOT / "README.md"
    if not readme.is_file():
        pytest.skip("there is no README.md yet")
    text = readme.read_text("utf-8")
    shown = dict(re.findall(r"^\| *`?(\d+)`? *\| *(.+?) *\|$", text, re.MULTILINE))
    told = {str(int(status)): meaning for status, meaning in MEANING.items()}
    assert {number: meaning.replace("`", "") for number, meaning in shown.items() if number in told} == told


def verbs() -> list[str]:
    from netdoctor.cli.main import cli

    return cli.list_commands(None)  # type: ignore[arg-type]


def test_check_is_a_verb():
    assert "check" in verbs()


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_helps_and_takes_the_shared_options(verb):
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb"}
    shown = subprocess.run(
        [sys.executable, "-m", "netdoctor", verb, "--help"],
        capture_output=True, text=True, timeout=30, check=False, env=environment,
    )  # fmt: skip
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Usage: netdoctor {verb} ")
    assert "--format" in shown.stdout
    assert "Traceback" not in shown.stdout


@pytest.mark.parametrize("verb", verbs())
def test_every_option_has_a_variable(verb):
    import click

    from netdoctor.cli.main import cli

    command = cli.get_command(None, verb)  # type: ignore[arg-type]
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert options
    for option in options:
        longest = max(option.opts, key=len).lstrip("-").replace("-", "_").upper()
        assert option.envvar == f"NETDOCTOR_{longest}", option.opts


def test_every_setting_is_an_option_and_every_shared_option_a_setting():
    import click

    from netdoctor.cli.main import cli
    from netdoctor.cli.settings import Settings

    options = {each.name for each in cli.params if isinstance(each, click.Option)} - {"version", "help"}
    assert options == {field.name for field in fields(Settings)}


# --- size ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "path"), [*sources()], ids=[module for module, _ in sources()])
def test_a_module_is_small_enough_to_read(module, path):
    lines = len(path.read_text("utf-8").splitlines())
    small = within(module, "netdoctor.rules") and not path.name.startswith("_")
    assert lines <= (SMALLER if small else SMALL), f"{path.relative_to(ROOT)} has {lines} lines"
