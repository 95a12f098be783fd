"""ND604, on real folders: what a build needs and does not have, and placeholders that outlive it."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdoctor.diagnosis.lint import lint
from netdoctor.model import Severity
from netdoctor.topology.compose import read_compose

COMPOSE = """
services:
  app:
    build: ./app
    environment:
      QDRANT_URL: http://qdrant:6333
    depends_on: [qdrant]
  qdrant:
    image: qdrant/qdrant:v1.16.1
"""
UNSET = COMPOSE.replace("    environment:\n      QDRANT_URL: http://qdrant:6333\n", "")
EAGER = """import { QdrantClient } from "@qdrant/js-client-rest";
const url = process.env.QDRANT_URL;
if (!url) {
  throw new Error("QDRANT_URL is required");
}
export const client = new QdrantClient({ url });
"""
LAZY = """export function client() {
  const url = process.env.QDRANT_URL;
  if (!url) {
    throw new Error("QDRANT_URL is required");
  }
  return url;
}
"""
PACKAGE = '{"scripts": {"build": "next build", "db": "prisma migrate deploy"}}'
START = "FROM node:22\nWORKDIR /app\nCOPY . .\n"
BUILD = "RUN npm run build\n"
PLACEHOLDER = 'ENV QDRANT_URL="http://placeholder:6333"\n'
CLEARED = 'ENV QDRANT_URL=""\n'


def judged(tmp_path: Path, dockerfile: str, source: str = EAGER, compose: str = COMPOSE):
    (tmp_path / "app" / "src").mkdir(parents=True)
    (tmp_path / "compose.yaml").write_text(compose)
    (tmp_path / "app" / "Dockerfile").write_text(dockerfile)
    (tmp_path / "app" / "package.json").write_text(PACKAGE)
    (tmp_path / "app" / "src" / "qdrant.ts").write_text(source)
    report = lint(read_compose([[str(tmp_path / "compose.yaml")]], environment={}), only=frozenset({"ND604"}))
    return report.findings, report.topology


def test_the_incidents_first_failure_is_found_at_the_line_that_builds(tmp_path):
    (finding,), topology = judged(tmp_path, START + BUILD)
    assert finding.severity is Severity.ERROR
    place = topology.place(*finding.about)
    assert (Path(place.file).name, place.line) == ("Dockerfile", 4)
    assert "QDRANT_URL" in finding.cause and "qdrant.ts:3" in finding.evidence[0]


@pytest.mark.parametrize(
    "dockerfile",
    [
        START + PLACEHOLDER + BUILD + CLEARED,
        START + "RUN QDRANT_URL=http://placeholder:6333 npm run build\n",
        START.replace("node:22", "node:22 AS build")
        + PLACEHOLDER
        + BUILD
        + "FROM node:22\nCOPY --from=build /app /app\n",
        START + "RUN npm ci\n",
        START + "ARG QDRANT_URL=http://placeholder:6333\n" + BUILD,
    ],
)
def test_a_build_that_has_what_it_needs_and_leaves_nothing_behind_is_no_finding(tmp_path, dockerfile):
    assert judged(tmp_path, dockerfile)[0] == ()


def test_code_that_asks_on_first_use_needs_nothing_at_build(tmp_path):
    assert judged(tmp_path, START + BUILD, LAZY)[0] == ()


def test_a_placeholder_that_is_never_cleared_is_a_warning(tmp_path):
    (finding,), topology = judged(tmp_path, START + PLACEHOLDER + BUILD)
    assert finding.severity is Severity.WARNING
    assert topology.place(*finding.about).line == 4


def test_and_an_error_where_nothing_else_sets_the_variable(tmp_path):
    (finding,), _ = judged(tmp_path, START + PLACEHOLDER + BUILD, compose=UNSET)
    assert finding.severity is Severity.ERROR


def test_a_real_default_in_the_image_is_no_placeholder(tmp_path):
    assert judged(tmp_path, START + 'ENV QDRANT_URL="http://qdrant:6333"\n' + BUILD)[0] == ()


def test_a_migration_in_the_build_reaches_no_service(tmp_path):
    dockerfile = START + "ENV DATABASE_URL=postgres://qdrant/x\nRUN npm run db\n"
    (finding,), _ = judged(tmp_path, dockerfile, LAZY)
    assert "on none of the project's networks" in finding.cause
