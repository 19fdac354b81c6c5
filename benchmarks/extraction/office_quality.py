"""Word F of Office, OpenDocument, HTML and CSV extraction against ground truth, and the fate of every other file.

Run: `python -m benchmarks.extraction.office_quality [--files]`. The data are other projects' test files, found at
`EMENTA_TEST_DATA` or `../shared/data`; without them it says so and measures nothing.
"""

import argparse
import json
import os
import re
import resource
import statistics
import time
import unicodedata
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ementa.extraction.base import Context, Limits
from ementa.extraction.media_types import detect
from ementa.kit.errors import EmentaError
from ementa.testing.extractors import check_reading

CATEGORIES = ("docx", "doc", "pptx", "ppt", "xlsx", "xls", "odf", "html", "csv")
OTHERS = ("rtf", "text", "email", "encrypted", "misc", "nasty_office", "nasty_other")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_LATEX = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
_COMMAND = re.compile(r"\\[a-zA-Z]+|&(?:lt|gt|amp);")
_WORD = re.compile(r"[^\W_]+")


def data_folder() -> Path | None:
    """Where the documents are, or None."""
    root = Path(os.environ.get("EMENTA_TEST_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")
    folder = root / "documents"
    return folder if (folder / "manifest.json").exists() else None


def words_of(text: str, *, markdown: bool = False) -> Counter[str]:
    """Letters and digits in runs, case folded. From Markdown, what is markup and not text goes first."""
    if markdown:
        text = _LATEX.sub(lambda found: _COMMAND.sub(" ", found[0]), _LINK.sub(r"\1", _COMMENT.sub(" ", text)))
        text = re.sub(r"&(lt|gt|amp);", " ", text)
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def word_f(found: Counter[str], truth: Counter[str]) -> float:
    """Harmonic mean of precision and recall of words, as a bag."""
    if not found or not truth:
        return 1.0 if not found and not truth else 0.0
    common = sum((found & truth).values())
    return 2 * common / (sum(found.values()) + sum(truth.values()))


def run() -> dict[str, Any]:
    """Mean word F by category, and how every file ended. `{"skipped": …}` when the data are absent."""
    folder = data_folder()
    if folder is None:
        return {"skipped": "no documents at EMENTA_TEST_DATA or ../shared/data"}
    extractors = [point.load()() for point in entry_points(group="ementa.extractors")]
    scores: dict[str, dict[str, float]] = {}
    fates: dict[str, str] = {}
    for entry in json.loads((folder / "manifest.json").read_text()):
        if entry["category"] not in (*CATEGORIES, *OTHERS):
            continue
        started = time.process_time()
        text, fate = _read(folder / entry["path"], extractors)
        spent = time.process_time() - started
        fates[entry["path"]] = f"{fate} ({spent:.1f} s)" if spent > 1 else fate
        truth = entry.get("ground_truth")
        if truth and entry["category"] in CATEGORIES:
            expected = words_of((folder / truth).read_text(), markdown=True)
            scores.setdefault(entry["category"], {})[entry["path"]] = round(word_f(words_of(text), expected), 3)
    every = [value for category in scores.values() for value in category.values()]
    return {
        "mean": round(statistics.mean(every), 4),
        "files": len(every),
        "by_category": {name: round(statistics.mean(found.values()), 4) for name, found in sorted(scores.items())},
        "scores": scores,
        "fates": fates,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _read(path: Path, extractors: list[Any]) -> tuple[str, str]:
    """The text of a file and how reading ended: `ok`, an error's code, or the name of a bug."""
    media_type = detect(path, path.name).media_type
    extractor = max(extractors, key=lambda one: one.score(media_type, path.name))
    if path.suffix == ".pdf" or not extractor.score(media_type, path.name):
        return "", f"not Office: {media_type}"
    context = Context(Limits(), path.name, media_type)
    try:
        reading = extractor.extract(path, context)
        check_reading(reading, context)
    except EmentaError as error:
        return "", f"{error.code}: {error}"
    except Exception as error:
        return "", f"BUG {type(error).__name__}: {str(error)[:120]}"
    return "\n".join(page.text for page in reading.pages), "ok"


def main() -> None:
    """Print the result; with `--files`, every score and fate too."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", action="store_true")
    result = run()
    if not parser.parse_args().files:
        fates = Counter(fate.split(":")[0].split(" (")[0] for fate in result.pop("fates", {}).values())
        result.pop("scores", None)
        result["fates"] = dict(fates.most_common())
    print(json.dumps(result, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
