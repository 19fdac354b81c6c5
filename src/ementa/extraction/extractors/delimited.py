"""CSV and its relatives: the delimiter and the encoding are found out, every row becomes a row of one table."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from ementa.extraction.base import Context, Limits, Reading
from ementa.extraction.decoding import decode_text
from ementa.extraction.errors import FileCorrupt, TooManyWords
from ementa.extraction.native import Grid, GridCell, PageBuilder, Paragraph
from ementa.extraction.scoring import score

_TYPES = ("text/csv", "text/tab-separated-values", "application/csv", "text/x-csv")
_DELIMITERS = ";,\t|"
_SAMPLE_ROWS = 50
_ROWS_PER_PAGE = 1000
_MAX_FIELD = 10_000_000


class Delimited:
    """Reads comma, semicolon, tab and pipe separated text."""

    name = "delimited"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for the media types of CSV and TSV."""
        return score(media_type, filename, _TYPES, (".csv", ".tsv", ".tab"))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the rows. Raises `TooManyWords` past the limit of cells."""
        text = decode_text(path.read_bytes()).replace("\x00", "")
        if text.lower().startswith("sep=") and len(text) > 4:
            delimiter, text = text[4], text.partition("\n")[2]
        else:
            delimiter = find_delimiter(text)
        builder = PageBuilder(context.limits, _ROWS_PER_PAGE)
        for block in _blocks(text, delimiter, context.limits):
            builder.add(Grid(block))
        return Reading(builder.pages())


def find_delimiter(text: str) -> str:
    """The delimiter that splits the first rows into the most even number of columns; a comma when none does."""
    sample = "\n".join(text[:200_000].splitlines()[:_SAMPLE_ROWS])
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        if delimiter not in sample:
            continue
        widths = [len(row) for row in _rows(sample, delimiter) if row]
        wide = [width for width in widths if width > 1]
        if not wide:
            continue
        usual = max(set(wide), key=wide.count)
        evenness = wide.count(usual) / len(widths)
        found = evenness + min(usual, 20) / 1000
        if found > best_score:
            best, best_score = delimiter, found
    return best


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_MAX_FIELD)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    except csv.Error as error:
        raise FileCorrupt(cause=str(error)) from error


def _blocks(text: str, delimiter: str, limits: Limits) -> Iterator[list[GridCell]]:
    """The rows, a page of them at a time, so that a large file is never held twice."""
    cells: list[GridCell] = []
    count = 0
    for at, row in enumerate(_rows(text, delimiter)):
        count += sum(1 for value in row if value.strip())
        if count > limits.max_cells:
            raise TooManyWords(limit=limits.max_cells)
        if at % _ROWS_PER_PAGE == 0 and cells:
            yield cells
            cells = []
        cells.extend(GridCell(at, column, [Paragraph(value)]) for column, value in enumerate(row) if value.strip())
    if cells:
        yield cells
