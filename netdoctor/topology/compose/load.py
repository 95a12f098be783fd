"""The files of one project as one merged tree: variables filled in, `extends` and `include` followed, files merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from netdoctor.model import Place
from netdoctor.terminal import plain
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.files import STDIN, Wanted, project_environment, project_name, read_bytes, shown
from netdoctor.topology.compose.interpolate import Interpolation
from netdoctor.topology.compose.merge import canonical, merged, without_tags
from netdoctor.topology.compose.tree import RESET, Node, documents

MOST_FILES = 500
"""Files of one project, with everything they include and extend."""
DEEPEST = 50
"""Files (or services) that include (or extend) each other in a row."""


@dataclass(frozen=True, slots=True)
class Project:
    """``root`` is the merged tree. Paths in it (contexts, env files) are resolved; ``files`` were read, in order."""

    name: str
    root: Node
    directory: Path
    files: tuple[str, ...]
    environment: Mapping[str, str]
    blanks: Mapping[Place, str]
    optional: Mapping[Place, str]
    named: bool = False
    """The files, or the environment, give the name; else it is the folder's."""


@dataclass(slots=True)
class _Run:
    """What one project's reading shares."""

    blanks: dict[Place, str] = field(default_factory=dict)
    optional: dict[Place, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    raw: dict[str, list[Node]] = field(default_factory=dict)
    trees: dict[tuple[str, int], Node] = field(default_factory=dict)
    environments: list[Mapping[str, str]] = field(default_factory=list)
    """Kept alive: ``trees`` tells them apart by identity."""

    def documents(self, file: str, named_at: Place | None = None) -> list[Node]:
        """As written. Raises Unreadable."""
        if file not in self.raw:
            name = "stdin" if file == STDIN else file
            if name not in self.files:
                self.files.append(name)
            if len(self.files) > MOST_FILES:
                raise Unreadable(f"the project has more than {MOST_FILES} files", named_at)
            self.raw[file] = documents(read_bytes(file, named_at), name)
        return self.raw[file]

    def read(self, file: str, environment: Mapping[str, str], named_at: Place | None) -> Node:
        """A file's documents, merged, its services in long form, nothing else resolved. Raises Unreadable."""
        known = self.trees.get((file, id(environment)))
        if known is not None:
            return known
        filling = Interpolation(environment)
        found: Node | None = None
        for document in self.documents(file, named_at):
            if not isinstance(document.value, dict):
                raise Unreadable("the file is not a mapping of sections", document.place)
            tree = _canonical(filling.node(document))
            found = tree if found is None else merged(found, tree)
        if found is None:
            raise Unreadable("the file is empty", Place(self.files[-1] if file == STDIN else file, 1))
        self.environments.append(environment)
        self.blanks.update(filling.blanks)
        self.optional.update(filling.optional)
        self.trees[file, id(environment)] = found
        return found


def load(wanted: Wanted) -> Project:
    """Raises Unreadable for everything that Compose refuses too (and that was looked at)."""
    run = _Run()
    environment = dict(wanted.environment)
    name, named = _name(wanted, run)
    environment.setdefault("COMPOSE_PROJECT_NAME", name)
    root = _files(run, wanted.files, wanted.directory, environment, ())
    services = root.get("services")
    if services is None or not services.fields:
        raise _no_services(root, run.files[0])
    return Project(name, root, wanted.directory, tuple(run.files), environment, run.blanks, run.optional, named)


def _name(wanted: Wanted, run: _Run) -> tuple[str, bool]:
    """From outside, else the last file that has one, else the folder's; and whether somebody gave it."""
    if wanted.name:
        return project_name(wanted.name) or "default", True
    filling = Interpolation({**wanted.environment})
    given = ""
    for file in wanted.files:
        for document in run.documents(file):
            found = document.get("name")
            if found is not None and found.text is not None:
                given = filling.text(found.text, found.place)
    if given:
        return given, True
    return project_name(wanted.directory.resolve().name) or "default", False


def _files(
    run: _Run,
    files: tuple[str, ...],
    directory: Path,
    environment: Mapping[str, str],
    trail: tuple[str, ...],
    named_at: Place | None = None,
) -> Node:
    """Several files merged, each with its ``extends`` resolved, then what they include."""
    found: Node | None = None
    for file in files:
        tree = _extended(run, run.read(file, environment, named_at), file, directory, environment)
        found = tree if found is None else merged(found, tree)
    assert found is not None
    return _included(run, without_tags(found), directory, environment, (*trail, *files))


def _canonical(tree: Node) -> Node:
    services = tree.fields.get("services")
    if services is None or services.value is None or services.tag == RESET:
        return tree
    if not isinstance(services.value, dict):
        raise Unreadable("services is not a mapping of names to services", services.place)
    written = services.with_value({name: canonical(body, name) for name, body in services.fields.items()})
    return tree.with_value({**tree.fields, "services": written})


# --- extends -------------------------------------------------------------------------------------------------------


def _extended(run: _Run, tree: Node, file: str, directory: Path, environment: Mapping[str, str]) -> Node:
    services = tree.fields.get("services")
    if services is None or not services.fields:
        return tree
    done = {name: _service(run, tree, file, directory, environment, name, ()) for name in services.fields}
    return tree.with_value({**tree.fields, "services": services.with_value(dict(done))})


def _service(
    run: _Run,
    tree: Node,
    file: str,
    directory: Path,
    environment: Mapping[str, str],
    name: str,
    trail: tuple[tuple[str, str], ...],
) -> Node:
    """A service with its bases merged under it and its paths resolved."""
    body = tree.fields["services"].fields[name]
    own = _with_paths(body, directory)
    extends = own.fields.get("extends")
    if extends is None or extends.value is None or extends.tag == RESET:
        return own
    base_name, named = extends.string("service"), extends.string("file")
    place = extends.place
    if not base_name:
        raise Unreadable(f"extends of service {plain(name)!r} names no service", place)
    if len(trail) >= DEEPEST:
        raise Unreadable(f"more than {DEEPEST} services extend each other in a row", place)
    if (file, name) in trail:
        raise Unreadable(f"service {plain(name)!r} extends itself, by way of others", place)
    base_tree, base_file, base_directory = tree, file, directory
    if named:
        base_file = shown(directory / named)
        base_tree = run.read(base_file, environment, extends.fields["file"].place)
        base_directory = Path(base_file).parent
    if base_tree.get("services") is None or base_name not in base_tree.fields["services"].fields:
        where = f" in {plain(base_file)}" if named else ""
        raise Unreadable(f"service {plain(name)!r} extends {plain(base_name)!r}, which does not exist{where}", place)
    base = _service(run, base_tree, base_file, base_directory, environment, base_name, (*trail, (file, name)))
    return replace(merged(base, _without(own, "extends"), ("services", name)), place=body.place, tag=body.tag)


def _without(node: Node, key: str) -> Node:
    return node.with_value({name: value for name, value in node.fields.items() if name != key})


def _with_paths(body: Node, directory: Path) -> Node:
    """Env files and the build's context as paths from here."""
    fields = dict(body.fields)
    files = fields.get("env_file")
    if files is not None and files.items:
        fields["env_file"] = files.with_value([_resolved(entry, "path", directory) for entry in files.items])
    build = fields.get("build")
    if build is not None and build.fields:
        fields["build"] = _resolved(build, "context", directory)
    return body.with_value(fields) if fields else body


def _resolved(entry: Node, key: str, directory: Path) -> Node:
    given = entry.string(key)
    if given is None or "://" in given or given.startswith(("git@", "github.com/")):
        return entry
    path = replace(entry.fields[key], value=shown(directory / Path(given).expanduser()))
    return entry.with_value({**entry.fields, key: path})


# --- include -------------------------------------------------------------------------------------------------------


def _included(run: _Run, tree: Node, directory: Path, environment: Mapping[str, str], trail: tuple[str, ...]) -> Node:
    """The included projects' parts under this one's own, which win."""
    section = tree.fields.get("include")
    if section is None or section.value is None:
        return tree
    if not isinstance(section.value, list):
        raise Unreadable("include is not a list", section.place)
    below: Node | None = None
    for entry in section.items:
        part = _without(_one_include(run, entry, directory, environment, trail), "include")
        part = _without(part, "name")
        # Of two includes that bring the same thing, the first has the last word.
        below = part if below is None else merged(part, below)
    own = _without(tree, "include")
    return own if below is None else replace(merged(below, own), place=tree.place)


def _one_include(
    run: _Run, entry: Node, directory: Path, environment: Mapping[str, str], trail: tuple[str, ...]
) -> Node:
    listed = entry if entry.text is not None else entry.get("path")
    paths = [listed] if listed is not None and listed.text is not None else listed.items if listed is not None else []
    if not paths or any(not each.text for each in paths):
        raise Unreadable("include names no file", entry.place)
    files = tuple(shown(directory / (each.text or "")) for each in paths)
    if len(trail) >= DEEPEST:
        raise Unreadable(f"more than {DEEPEST} files include each other in a row", entry.place)
    for file in files:
        if file in trail:
            raise Unreadable(f"{plain(file)} is included by itself", entry.place)
    given = entry.string("project_directory")
    home = directory / given if given else Path(files[0]).parent
    named = entry.get("env_file")
    env_files = [each.text or "" for each in (named.items or [named])] if named is not None else []
    for each in env_files:
        read_bytes(str(directory / each), entry.place)
    inner = project_environment(home, environment, [str(directory / each) for each in env_files])
    return _files(run, files, home, inner, trail, paths[0].place)


def _no_services(root: Node, file: str) -> Unreadable:
    old = [value for key, value in root.fields.items() if {"image", "build"} & set(value.fields)]
    if old and "services" not in root.fields:
        return Unreadable(
            "the file has no services section: it is in the format of Compose before 2016",
            old[0].place,
            hint="Put the services under a top-level `services:` key; current Compose reads nothing else.",
        )
    place = root.fields["services"].place if "services" in root.fields else Place(file, 1)
    return Unreadable("the file declares no services, so there is nothing to judge", place)
