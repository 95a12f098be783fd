#!/usr/bin/env python3
"""Reading a Pinecone index, which is mostly waiting: netdoctor against the loop that a script is.

A server on loopback that does what the published API says, and answers each request after ``--delay`` seconds, as a
service in another place does. The script lists a page and fetches it, one after the other, with 100 or with 50 ids, and
writes JSON lines. netdoctor writes the same file. Each ratio is of two times of this one run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

SERVER = Path(__file__).resolve().parents[1] / "migration" / "pinecone_server.py"
KEY = "pcsk_3fLocal_NotASecretOfAnybody"


def by_hand(url: str, page: int, file: Path) -> None:
    """As scripts do it."""
    with (
        httpx.Client(base_url=url, headers={"Api-Key": KEY}, trust_env=False, timeout=60) as client,
        file.open("w") as out,
    ):
        for namespace in client.post("/describe_index_stats", json={}).json()["namespaces"]:
            token = ""
            while True:
                asked = {"namespace": namespace, "limit": page, **({"paginationToken": token} if token else {})}
                listed = client.get("/vectors/list", params=asked).json()
                ids = [each["id"] for each in listed["vectors"]]
                found = client.get("/vectors/fetch", params=[("namespace", namespace), *(("ids", one) for one in ids)])
                for thing in found.json()["vectors"].values():
                    out.write(json.dumps({**thing, "namespace": namespace}) + "\n")
                token = listed.get("pagination", {}).get("next", "")
                if not token:
                    break


def exported(url: str, file: Path, *more: str) -> None:
    command = [
        sys.executable,
        "-m",
        "netdoctor",
        "vectors",
        "export",
        "--from",
        f"pinecone:{url}",
        "-o",
        str(file),
        "-q",
    ]
    environment = {**os.environ, "PINECONE_API_KEY": KEY}
    subprocess.run([*command, *more], env=environment, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--delay", type=float, default=0.08)
    given = parser.parse_args()
    size = ["--records", str(given.records), "--dimension", str(given.dimension), "--delay", str(given.delay)]
    command = [sys.executable, str(SERVER), "--port", "0", *size]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split(" at ")[1].partition(",")[0]
            print(f"{given.records} records x {given.dimension}, {given.delay * 1000:.0f} ms a request")
            base = 0.0
            for name, work in (
                ("script, 100 ids at a time", lambda file: by_hand(url, 100, file)),
                ("script, 50 ids at a time", lambda file: by_hand(url, 50, file)),
                ("netdoctor vectors export", lambda file: exported(url, file)),
                ("the same, pages of 1000 ids", lambda file: exported(url, file, "--source-option", "page=1000")),
            ):
                file = Path(folder, "export.jsonl")
                began = time.monotonic()
                work(file)
                seconds = time.monotonic() - began
                base = base or seconds
                with file.open("rb") as written:
                    assert sum(1 for _ in written) == given.records
                file.unlink()
                print(
                    f"  {name:<30} {seconds:7.2f} s {given.records / seconds:8,.0f} records/s   {base / seconds:5.2f} x"
                )
        finally:
            server.kill()


if __name__ == "__main__":
    main()
