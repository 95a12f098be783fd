#!/usr/bin/env python3
"""Write the pages that say what the program itself knows, from the program: `make docs`.

    docs/generate.py            write them
    docs/generate.py --check    change nothing; end with 1 and name the pages that are out of date

Whole pages: codes/, codes.md, commands.md, exit-codes.md, report.md, man/netdoctor.1. In hand-written pages only what
stands between ``<!-- from: WHAT -->`` and ``<!-- end -->`` is replaced: a file of this repository, ``pages`` or
``formats``.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

import click  # noqa: E402 - after the path to this checkout
from man import PAGE, man_page  # noqa: E402

from netdoctor.cli.main import cli  # noqa: E402
from netdoctor.cli.settings import Settings  # noqa: E402
from netdoctor.exits import MEANING  # noqa: E402
from netdoctor.formats.interface import FORMATS  # noqa: E402
from netdoctor.rules._pages import Page, pages  # noqa: E402

SCHEMA = "netdoctor/formats/report-1.schema.json"
MADE = "<!-- Made from the program by `make docs`; change it there. -->"
INSERT = re.compile(r"(<!-- from: (?P<what>.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
EXPLAINED = re.compile(r"^(netdoctor .*?)( {2,})(?=\S)(.*)$", re.MULTILINE)
"""An example and what it does, in columns."""
GROUPS = {
    "1": "Membership: which networks containers are on",
    "2": "Names",
    "3": "Transport: addresses and ports",
    "4": "Protocol: what answers",
    "5": "The target itself",
    "6": "Configuration",
    "7": "Engine and host",
    "8": "Permanence: what the next deploy does",
    "9": "netdoctor itself",
}
LANGUAGES = {".yml": "yaml", ".yaml": "yaml", ".sh": "sh", ".json": "json"}


def generated() -> dict[Path, str]:
    """Every page that is wholly or partly made from the program, with what it should hold."""
    found = {HERE / "codes" / f"{page.code.lower()}.md": code_page(page) for page in pages()}
    found[HERE / "codes.md"] = codes_page()
    found[HERE / "commands.md"] = commands_page()
    found[HERE / "exit-codes.md"] = exits_page()
    found[HERE / "report.md"] = report_page()
    found[PAGE] = man_page()
    for path in sorted(HERE.glob("*.md")):
        if path not in found and INSERT.search(path.read_text("utf-8")):
            found[path] = ""
    for path, text in found.items():
        if not text:
            found[path] = INSERT.sub(_inserted(found), path.read_text("utf-8"))
    return found


# --- codes ---------------------------------------------------------------------------------------------------------


def code_page(page: Page) -> str:
    lines = [MADE, "", f"# {page.code}: {page.title}", "", prose(page.summary)]
    for heading, text in page.sections:
        lines += ["", f"## {heading}", ""]
        if heading == "References":
            lines += [f"- {_reference(line)}" for line in text.splitlines() if line.strip()]
        else:
            lines.append(prose(text))
    lines += ["", f"The same in a terminal: `netdoctor explain {page.code}`. [All codes](../codes.md)"]
    return "\n".join(lines) + "\n"


def codes_page() -> str:
    lines = [MADE, "", "# Codes", "", "One code, one cause, one page. Numbers are never used again for something else."]
    for first, heading in GROUPS.items():
        mine = [page for page in pages() if page.code[2] == first]
        if mine:
            lines += ["", f"## {heading}", "", "| code | cause | in one sentence |", "|---|---|---|"]
            lines += [
                f"| [{page.code}](codes/{page.code.lower()}.md) | {prose(page.title)} | {cell(prose(page.summary))} |"
                for page in mine
            ]
    return "\n".join(lines) + "\n"


def prose(text: str) -> str:
    """Text of a docstring as Markdown: code in backticks stays, nothing else becomes markup."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\*<\[\]~])", r"\\\1", part) for part in parts)


def _reference(line: str) -> str:
    return re.sub(r"https?://\S+", lambda found: f"<{found[0]}>", line.strip())


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# --- commands ------------------------------------------------------------------------------------------------------


def commands_page() -> str:
    shared = set(Settings.__dataclass_fields__)
    root = click.Context(cli, info_name="netdoctor")
    lines = [MADE, "", "# Commands", "", *_told(cli)]
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        assert command is not None
        lines += _command(command, f"netdoctor {name}", shared, "##")
    lines += ["", "## Options of every command", "", "They work before and after the command's name.", ""]
    lines += _options(each for each in cli.params if each.name in shared)
    return "\n".join(lines) + "\n"


def _command(command: click.Command, name: str, shared: set[str], level: str) -> Iterator[str]:
    words = [each.make_metavar(click.Context(command)) for each in command.params if isinstance(each, click.Argument)]
    inner = isinstance(command, click.Group)
    usage = " ".join([name, *(["COMMAND"] if inner else []), "[OPTIONS]", *words])
    yield from ("", f"{level} {name}", "", f"    {usage}", "", *_told(command))
    own = [each for each in command.params if isinstance(each, click.Option) and each.name not in shared]
    if own:
        yield from ("", *_options(own))
    more = (command.epilog or "").replace("\b", "").strip()
    if more:
        heading, _, text = more.partition("\n")
        examples = heading == "Examples:"
        text = EXPLAINED.sub(r"\1\2# \3", textwrap.dedent(text)) if examples else textwrap.dedent(text)
        yield from ("", heading, "", "```sh" if examples else "```", *text.strip("\n").splitlines(), "```")
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for each in command.list_commands(ctx):
            found = command.get_command(ctx, each)
            assert found is not None
            yield from _command(found, f"{name} {each}", shared, f"{level}#")


def _told(command: click.Command) -> list[str]:
    paragraphs = (command.help or "").partition("\f")[0].replace("\b", "").strip().split("\n\n")
    return "\n\n".join(prose(" ".join(each.split())) for each in paragraphs).split("\n")


def _options(options: Any) -> Iterator[str]:
    yield from ("| option | variable | |", "|---|---|---|")
    for each in options:
        names = ", ".join(f"`{name}`" for name in sorted([*each.opts, *each.secondary_opts], key=len, reverse=True))
        value = "" if each.is_flag or each.count else f" `{cell(_value(each))}`"
        variable = f"`{each.envvar}`" if each.envvar else ""
        yield f"| {names}{value} | {variable} | {cell(prose(each.help or ''))} |"


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "|".join(str(choice) for choice in option.type.choices)
    if isinstance(option.type, click.types.FloatParamType | click.types.IntParamType):
        return option.metavar or "NUMBER"
    return option.metavar or option.type.name.upper()


# --- exit statuses, formats, the report ----------------------------------------------------------------------------


EXIT_NOTE = """\
`--fail-on` moves the line between 0 and 1: `error` (the default), `warning` or `info`. A finding that is only
possible never fails a run. `--exit-zero` turns 1, and 3 for an unknown connection, into 0; an error of netdoctor
itself (2, 3) stays one, so that a gate that cannot look is never a green gate.

A container that the engine lists and does not show (`docker inspect` fails for it alone, or says what no engine says)
makes a run end with 3 too, although it was not asked about: the rest is diagnosed, and it stands in the report with
the reason. Who names it gets the reason and nothing else, and `fix`, `undo` and `expect --learn` do nothing until it
can be looked at."""


def exits_page() -> str:
    rows = [f"| {int(code)} | {cell(text)} |" for code, text in MEANING.items()]
    lines = [MADE, "", "# Exit codes", "", "| exit | meaning |", "|---|---|", *rows, "", EXIT_NOTE]
    return "\n".join(lines) + "\n"


def formats_table() -> str:
    rows = []
    for name in FORMATS.names():
        FORMATS.get(name)
        told = (sys.modules[FORMATS.home(name)].__doc__ or "").strip().split("\n\n")[0]
        rows.append(f"| `{name}` | {cell(re.sub('``', '`', told))} |")
    return "\n".join(["| format | what it is |", "|---|---|", *rows])


def report_page() -> str:
    schema = json.loads((ROOT / SCHEMA).read_text("utf-8"))
    lines = [MADE, "", f"# The report: {schema['title']}", "", prose(schema["description"]), ""]
    file = Path(SCHEMA).name
    read = f"from importlib.resources import files; print(files('netdoctor.formats').joinpath('{file}').read_text())"
    lines += [f"The JSON Schema is [{file}](../{SCHEMA}) (draft 2020-12), and is installed with netdoctor:", ""]
    lines += ["<!-- run: files -->", "```sh", f'python3 -c "{read}"', "```", ""]
    lines += ["## The document", "", *_fields(schema)]
    for name, part in schema["$defs"].items():
        lines += ["", f"## {name}", ""]
        lines += [prose(part["description"]), ""] if "description" in part else []
        choices = [each for each in part.get("oneOf", part.get("anyOf", [])) if "properties" in each]
        if "enum" in part:
            lines.append(_type(part))
        for number, each in enumerate(choices or [part]):
            if "properties" in each:
                lines += ["or", ""] if number else []
                lines += [*_fields(each), *([""] if each is not (choices or [part])[-1] else [])]
    return "\n".join(lines) + "\n"


def _fields(part: dict[str, Any]) -> Iterator[str]:
    yield from ("| field | type | |", "|---|---|---|")
    yield from _rows(part, "")


def _rows(part: dict[str, Any], before: str) -> Iterator[str]:
    for name, field in part["properties"].items():
        yield f"| `{before}{name}` | {cell(_type(field))} | {cell(prose(field.get('description', '')))} |"
        inner = field.get("items", field) if isinstance(field.get("items", field), dict) else {}
        if "properties" in inner:
            yield from _rows(inner, f"{before}{name}{'[]' if 'items' in field else ''}.")
        for choice in field.get("anyOf", []):
            if "properties" in choice:
                yield from _rows(choice, f"{before}{name}.")


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " · ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(choice) for choice in field["anyOf"]))
    if "prefixItems" in field:
        return f"({', '.join(_type(each) for each in field['prefixItems'])})"
    if isinstance(field.get("items"), dict):
        return f"list of {_type(field['items'])}"
    return str(field.get("type", "anything"))


# --- insertions ----------------------------------------------------------------------------------------------------


def _inserted(found: dict[Path, str]) -> Callable[[re.Match[str]], str]:
    def insert(match: re.Match[str]) -> str:
        what = match["what"]
        if what == "formats":
            text = formats_table()
        elif what == "pages":
            text = "\n".join(_listed(found))
        else:
            path = ROOT / what
            text = f"```{LANGUAGES[path.suffix]}\n{path.read_text('utf-8').rstrip()}\n```"
        return f"{match[1]}{text}\n{match[3]}"

    return insert


def _listed(found: dict[Path, str]) -> Iterator[str]:
    """Every page beside the index, by its first heading."""
    paths = {*HERE.glob("*.md"), *(path for path in found if path.parent == HERE)} - {HERE / "index.md"}
    titles = {path: _title(found.get(path) or path.read_text("utf-8")) for path in paths}
    for path, title in sorted(titles.items(), key=lambda item: item[1].lower()):
        yield f"- [{title}]({path.name})"


def _title(text: str) -> str:
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    assert found, "every page has a heading"
    return found[1]


def stale() -> list[Path]:
    """Pages that differ from what they should hold, and pages of codes that are no more."""
    wanted = generated()
    differ = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    return [*differ, *(path for path in (HERE / "codes").glob("*.md") if path not in wanted)]


def main(words: list[str]) -> int:
    check = words == ["--check"]
    # Twice: what lists the pages may have a new one to list.
    for _ in range(1 if check else 2):
        wanted = generated()
        for path in stale():
            sys.stderr.write(f"docs: {path.relative_to(ROOT)}\n")
            if check:
                continue
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], "utf-8") if path in wanted else path.unlink()
    return 1 if stale() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
