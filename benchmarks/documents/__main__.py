"""Write a set of documents with their ground truth: `python -m benchmarks.documents FOLDER [--each N] [--seed N]`."""

import argparse
from pathlib import Path

from benchmarks.documents.generate import samples


def main() -> None:
    """Each document lies beside a JSON file of the same name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=2, help="documents of every kind, layout and medium")
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for sample in samples(arguments.each, first_seed=arguments.seed):
        target = arguments.folder / sample.filename
        target.write_bytes(sample.data)
        target.with_name(f"{target.name}.truth.json").write_text(sample.to_json(), encoding="utf-8")
        print(target)


if __name__ == "__main__":
    main()
