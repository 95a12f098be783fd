"""What a build needs to know: its steps, the variables in effect, what the image keeps, what the source reads."""

from __future__ import annotations

import pytest

from netdoctor.model import Place
from netdoctor.topology.compose.dockerfile import builds_application, instructions, read_dockerfile

from .build import read, service, write

INCIDENT = """\
# syntax=docker/dockerfile:1
FROM node:20 AS deps
WORKDIR /app
COPY package*.json ./
RUN npm ci

FROM deps AS build
ENV QDRANT_URL="http://placeholder:6333"
COPY . .
RUN npm run build

FROM node:20-slim AS run
COPY --from=build /app/.next ./.next
ENV NODE_ENV=production
CMD ["node", "server.js"]
"""
COMPOSE = "services:\n  app:\n    build: .\n    environment: {QDRANT_URL: 'http://qdrant:6333'}\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def environment(dockerfile: str, **args: str) -> dict[str, str | None]:
    return {each.name: each.value for each in read_dockerfile(dockerfile, args).environment}


def test_the_steps_know_the_variables_in_effect_and_where_they_stand(here):
    write(here, {"Dockerfile": INCIDENT, "package.json": '{"scripts": {"build": "next build"}}'})
    found = read(COMPOSE, here)
    build = service(found, "app").build
    assert [(step.command, step.stage, step.builds, step.script) for step in build.steps] == [
        ("npm ci", "deps", False, ""), ("npm run build", "build", True, "next build"),
    ]  # fmt: skip
    step = build.steps[1]
    assert step.env("QDRANT_URL") == "http://placeholder:6333"
    assert found.places[step.ref] == Place("Dockerfile", 10)
    assert found.places[step.environment[0].ref] == Place("Dockerfile", 8)
    # The placeholder stayed behind in the build stage.
    assert {each.name: each.value for each in build.environment} == {"NODE_ENV": "production"}


def test_a_placeholder_that_is_never_cleared_is_in_the_image_and_a_cleared_one_is_empty():
    kept = "FROM x\nENV URL=http://placeholder\nRUN npm run build\n"
    assert environment(kept) == {"URL": "http://placeholder"}
    assert environment(kept + 'ENV URL=""\n') == {"URL": ""}
    assert environment(kept + "FROM x\n") == {}
    assert environment("FROM x AS a\nENV URL=1\nFROM a\nENV B=2\n") == {"URL": "1", "B": "2"}


def test_arguments_are_known_to_their_stage_only_and_never_to_the_image():
    text = "ARG TAG=1\nFROM x:$TAG AS a\nARG URL=default\nARG TAG\nENV SEEN=$URL-$TAG\nRUN build\nFROM a\nRUN again\n"
    found = read_dockerfile(text, {"URL": "given"})
    first, second = found.runs
    assert {each.name: each.value for each in first.environment} == {"URL": "given", "TAG": "1", "SEEN": "given-1"}
    assert {each.name: each.value for each in second.environment} == {"SEEN": "given-1"}
    assert environment(text) == {"SEEN": "default-1"}


def test_only_the_stages_that_the_target_needs_are_run():
    text = "FROM x AS a\nRUN one\nFROM x AS b\nRUN two\nFROM x AS c\nCOPY --from=a /x /x\nRUN three\n"
    assert [run.command for run in read_dockerfile(text, {}).runs] == ["one", "three"]
    assert [run.command for run in read_dockerfile(text, {}, "b").runs] == ["two"]
    with pytest.raises(ValueError, match="no stage d"):
        read_dockerfile(text, {}, "d")
    with pytest.raises(ValueError, match="no FROM"):
        read_dockerfile("RUN x\n", {})


def test_continued_lines_comments_and_heredocs():
    text = "FROM x\n\nRUN a && \\\n  # why\n\n  b\nRUN <<EOF\nc\nENV NOT=1\nEOF\n"
    text += 'RUN ["d", "e f"]\nenv A=1 B=\'2 3\'\nENV C d e\n'
    assert [(each.word, each.line) for each in instructions(text)] == [
        ("FROM", 1), ("RUN", 3), ("RUN", 7), ("RUN", 11), ("ENV", 12), ("ENV", 13),
    ]  # fmt: skip
    found = read_dockerfile(text, {})
    assert [run.command for run in found.runs] == ["a && b", "<<EOF\nc\nENV NOT=1", "d e f"]
    assert {each.name: each.value for each in found.environment} == {"A": "1", "B": "2 3", "C": "d e"}


def test_another_escape_character():
    assert [each.rest for each in instructions("# escape=`\nFROM x\nRUN a `\n b\\\nRUN c\n")] == ["x", "a b\\", "c"]


@pytest.mark.parametrize(
    "command",
    ["npm run build", "yarn build", "pnpm build", "npm ci && npm run build:prod", "npx next build",
     "./node_modules/.bin/vite build", "python manage.py collectstatic --noinput", "bun run build",
     "bundle exec rails assets:precompile", "npm test"],
)  # fmt: skip
def test_commands_that_build_the_application(command):
    assert builds_application(command)


@pytest.mark.parametrize("command", ["npm ci", "npm install", "apt-get install build-essential", "go build ./...",
                                     "pip install -r requirements.txt", "mkdir build", "cmake --build ."])  # fmt: skip
def test_commands_that_do_not(command):
    assert not builds_application(command)


SOURCE = """\
import { QdrantClient } from "x";
const url = process.env.QDRANT_URL;
if (!url) {
  throw new Error("QDRANT_URL is missing");
}
export function later() {
  const key = process.env.API_KEY;
  if (!key) throw new Error("no");
}
export const port = process.env.PORT ?? "3000";
"""


def reads(here, files):
    write(here, {"Dockerfile": "FROM x\nRUN npm run build\n", **files})
    found = read(COMPOSE, here)
    return [
        (each.variable, found.places[each.ref].file, found.places[each.ref].line, each.at_import, each.required)
        for each in service(found, "app").build.reads
    ]


def test_what_the_source_reads_when_it_is_imported(here):
    assert reads(here, {"lib/q.ts": SOURCE, "node_modules/m/i.js": SOURCE, "lib/q.test.ts": SOURCE}) == [
        ("QDRANT_URL", "lib/q.ts", 2, True, False),
        ("QDRANT_URL", "lib/q.ts", 3, True, True),
        ("API_KEY", "lib/q.ts", 7, False, False),
        ("PORT", "lib/q.ts", 10, True, False),
    ]


def test_python_and_schemas(here):
    found = reads(here, {
        "settings.py": "import os\nA = os.environ['DB_URL']\nB = os.getenv('OTHER')\ndef f():\n    os.environ['LATE']\n"
                       "os.environ['SET'] = '1'\n",
        "env.ts": "export const env = z.object({\n  QDRANT_URL: z.string().url(),\n  PORT: z.string().optional(),\n"
                  "}).parse(process.env);\n",
    })  # fmt: skip
    assert found == [
        ("QDRANT_URL", "env.ts", 2, True, True), ("PORT", "env.ts", 3, True, False),
        ("DB_URL", "settings.py", 2, True, True), ("OTHER", "settings.py", 3, True, False),
        ("LATE", "settings.py", 5, False, False),
    ]  # fmt: skip


def test_source_is_not_looked_at_where_nothing_builds_it(here):
    write(here, {"Dockerfile": "FROM x\nRUN npm ci\n", "q.ts": SOURCE})
    assert service(read(COMPOSE, here), "app").build.reads == ()


def test_a_dockerfile_that_cannot_be_read_is_a_reason_and_no_error(here):
    build = service(read(COMPOSE, here), "app").build
    assert (build.steps, build.environment, build.reason) == (None, None, "Dockerfile cannot be read")
    away = service(read("services:\n  app: {build: 'https://x.test/r.git'}\n", here), "app").build
    assert (away.steps, away.reason) == (None, "the context https://x.test/r.git is elsewhere")


def test_an_inline_dockerfile_stands_in_the_compose_file(here):
    found = read(
        "services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM x\n        ENV A=1\n        RUN y\n",
        here,
    )
    build = service(found, "a").build
    assert found.places[build.steps[0].ref] == Place("compose.yaml", 7)
    assert build.env("A") == "1"


def test_build_arguments_come_from_the_file_or_the_shell(here):
    write(here, {"Dockerfile": "FROM x\nARG A\nARG B=b\nENV URL=$A$B\n"})
    text = "services:\n  a: {build: {context: ., args: [A, 'B=2']}}\n"
    assert service(read(text, here, environment={"A": "1"}), "a").build.env("URL") == "12"
    assert service(read(text, here), "a").build.args == (("A", None), ("B", "2"))
