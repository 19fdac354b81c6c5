"""Every file of the test corpus through extraction: it ends as done or with its own code, and how much of it was read.

Needs the corpus (`EMENTA_TEST_DATA` or `../shared/data`), which is not part of the repository.
"""

import asyncio
import hashlib
import itertools
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from ementa.extraction.sandbox.pool import SandboxPool
from ementa.extraction.service import check_upload, extract
from ementa.extraction.settings import ExtractionSettings
from ementa.kit.errors import EmentaError
from ementa.storage.filesystem import FilesystemStore

OUR_FAULT = ("EXTRACTION_CRASHED", "EXTRACTION_FAILED", "INTERNAL")
"""Codes that mean a reader of ours broke, rather than that the file is wrong."""


def corpus_directory() -> Path | None:
    """Where the corpus is, if it is here."""
    root = Path(os.environ.get("EMENTA_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
    return root / "documents" if (root / "documents" / "manifest.json").is_file() else None


def run(categories: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Read the corpus (or some of its categories); see the module's text."""
    directory = corpus_directory()
    if directory is None:
        return {"skipped": "no corpus: set EMENTA_TEST_DATA"}
    manifest = json.loads((directory / "manifest.json").read_text())
    chosen = [item for item in manifest if not categories or item["category"] in categories]
    files = asyncio.run(_read_all(directory, chosen))
    return {"files": len(files), **_summary(files), "each": files}


async def _read_all(directory: Path, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    settings = ExtractionSettings()
    pool = SandboxPool(settings)
    gate = asyncio.Semaphore(pool.size + 1)
    with tempfile.TemporaryDirectory() as place:
        store = FilesystemStore(Path(place))

        async def one(item: dict[str, Any]) -> dict[str, Any]:
            async with gate:
                return await _read(directory, item, pool, store, settings)

        try:
            return list(await asyncio.gather(*(one(item) for item in items)))
        finally:
            await pool.close()


async def _read(
    directory: Path, item: dict[str, Any], pool: SandboxPool, store: FilesystemStore, settings: ExtractionSettings
) -> dict[str, Any]:
    path = directory / item["path"]
    result: dict[str, Any] = {"path": item["path"], "category": item["category"], "expect": item["expect"]}
    start = time.monotonic()
    try:
        check_upload(path, path.name, settings)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        read = await extract(
            path, filename=path.name, sha256=digest, scope="corpus", store=store, pool=pool, settings=settings
        )
    except EmentaError as error:
        result |= {"code": error.code, "details": str(error.details or "")[-600:]}
    else:
        result |= {"code": "DONE", "pages": len(read.pages), "warnings": list(read.warnings)}
        truth = item.get("ground_truth")
        if truth:
            result |= score(read.text, (directory / truth).read_text(errors="replace"))
    return result | {"seconds": round(time.monotonic() - start, 2)}


def score(text: str, truth: str) -> dict[str, float]:
    """Precision, recall and F of words, whatever their order, and F of pairs of neighbours, which order decides."""
    ours, theirs = _tokens(text), _tokens(truth)
    return {**_agreement(ours, theirs, ""), **_agreement(_pairs(ours), _pairs(theirs), "order_")}


def _tokens(text: str) -> list[Any]:
    return re.findall(r"\w+", text.lower())


def _pairs(tokens: list[Any]) -> list[Any]:
    return list(itertools.pairwise(tokens))


def _agreement(ours: list[Any], theirs: list[Any], prefix: str) -> dict[str, float]:
    common = sum((Counter(ours) & Counter(theirs)).values())
    precision = common / len(ours) if ours else float(not theirs)
    recall = common / len(theirs) if theirs else 1.0
    f = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {f"{prefix}precision": round(precision, 4), f"{prefix}recall": round(recall, 4), f"{prefix}f": round(f, 4)}


def _summary(files: list[dict[str, Any]]) -> dict[str, Any]:
    by_category: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file in files:
        if "f" in file:
            by_category[file["category"]].append(file)
    return {
        "codes": dict(Counter(file["code"] for file in files).most_common()),
        "our_fault": [file["path"] for file in files if file["code"] in OUR_FAULT],
        "slowest_seconds": max((file["seconds"] for file in files), default=0.0),
        "word_f": {
            category: {
                "files": len(scored),
                **{
                    key: round(sum(f[key] for f in scored) / len(scored), 4)
                    for key in ("precision", "recall", "f", "order_f")
                },
            }
            for category, scored in sorted(by_category.items())
        },
    }


if __name__ == "__main__":
    report = run(frozenset(sys.argv[1:]))
    for file in sorted(report.pop("each", []), key=lambda f: f.get("f", 1.0)):
        if file["code"] != "DONE" or file.get("f", 1.0) < 0.8 or file["seconds"] > 20:
            print(json.dumps(file, ensure_ascii=False))
    print(json.dumps(report, indent=1, ensure_ascii=False))
