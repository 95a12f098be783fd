"""What the site (mkdocs.yml) has beyond the pages: the codes in its menu, and the schema of the report as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
SCHEMA = "netdoctor/formats/report-1.schema.json"
"""The one file beyond docs/ that a page links; beside the pages it has its own name alone."""


def on_config(config: Any) -> Any:
    """Every code under the heading "Codes", in the order of its number, titled as its page is."""
    codes = next(part["Codes"] for part in config.nav if "Codes" in part)
    codes += [{_title(path): f"codes/{path.name}"} for path in sorted((HERE / "codes").glob("nd*.md"))]
    return config


def _title(path: Path) -> str:
    return next(line.removeprefix("# ") for line in path.read_text("utf-8").splitlines() if line.startswith("# "))


def on_files(files: Files, config: Any) -> Files:
    content = (HERE.parent / SCHEMA).read_text("utf-8")
    files.append(File.generated(config, Path(SCHEMA).name, content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    return markdown.replace(f"](../{SCHEMA})", f"]({Path(SCHEMA).name})")
