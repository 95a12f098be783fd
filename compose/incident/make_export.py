"""Write a Pinecone export like the incident's: `python make_export.py -o pinecone_export.json`.

A JSON array of `{id, values, metadata, namespace}`; 103 vectors of 1024 dimensions in two namespaces
(102 and 1), about 1.2 MB. The same seed gives the same bytes. `--count` and `--dim` make others of
any size, written record by record. The people are invented and their addresses end in example.com.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import string
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

COUNT = 103
DIMENSIONS = 1024
SEED = 20251125
NAMESPACE = "user_IFxPCgSA8NapEq5W8jh6yHrtJGJ2"
LAST_NAMESPACE = "user_ScmVq6p8ubQ9JFbniF2Vg5ocmbv2"
FIRST_ID = "contact_1764088271366_mj1ve5wuv"
FIRST_MILLISECOND = 1764088271366

FIRST_NAMES = ("Ada", "Bruno", "Chiara", "Dmitri", "Eunice", "Farid", "Greta", "Hiro", "Inés", "Jonas", "Käthe", "Luis")
LAST_NAMES = ("Abara", "Bergmann", "Castellan", "Dvořák", "Eriksen", "Fontaine", "Grünwald", "Halloran", "Ivanova")
COMPANIES = ("Copper Kettle Works", "Northlight Paper", "Quiet Harbour Ltd", "Tin Roof Studio", "Umbrella & Sons")
JOBS = ("Accountant", "Buyer", "Engineer", "Head of Sales", "Librarian", "Site Manager", "Translator")
BASE36 = string.digits + string.ascii_lowercase


def records(count: int = COUNT, dimensions: int = DIMENSIONS, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """The export's records in order. Vectors are not normalised; the last record has a namespace of its own."""
    source = random.Random(seed)
    millisecond = FIRST_MILLISECOND
    for number in range(count):
        suffix = "".join(source.choices(BASE36, k=9))
        millisecond += source.randint(1, 900) if number else 0
        first, last = source.choice(FIRST_NAMES), source.choice(LAST_NAMES)
        spread = source.uniform(0.01, 0.09)
        yield {
            "id": FIRST_ID if number == 0 else f"contact_{millisecond}_{suffix}",
            "values": [round(source.gauss(0, spread), 8) for _ in range(dimensions)],
            "metadata": {
                "name": f"{first} {last}",
                "email": f"contact{number + 1}@example.com",
                "company": source.choice(COMPANIES),
                "jobTitle": source.choice(JOBS),
            },
            "namespace": LAST_NAMESPACE if count > 1 and number == count - 1 else NAMESPACE,
        }


def write(target: TextIO, found: Iterator[dict[str, Any]]) -> None:
    """One record a line inside one array; never more than one record in memory."""
    separator = "[\n"
    for record in found:
        target.write(separator + json.dumps(record, ensure_ascii=False, separators=(",", ":")))
        separator = ",\n"
    target.write("\n]\n" if separator == ",\n" else "[]\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Write a Pinecone export like the incident's.")
    parser.add_argument("-o", "--output", default="pinecone_export.json", help="a file, or - (default: %(default)s)")
    parser.add_argument("--count", type=int, default=COUNT, help="vectors (default: %(default)s)")
    parser.add_argument("--dim", type=int, default=DIMENSIONS, help="dimensions (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    found = records(options.count, options.dim, options.seed)
    if options.output == "-":
        write(sys.stdout, found)
        return 0
    target = Path(options.output)
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with scratch.open("w", encoding="utf-8") as file:
            write(file, found)
        scratch.replace(target)
    finally:
        with suppress(FileNotFoundError):
            scratch.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
