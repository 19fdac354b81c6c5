"""CSV that no spreadsheet splits in the wrong place, nor runs."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from ementa.serving.sheets import write_csv


def test_texts_are_quoted_and_numbers_are_not() -> None:
    rows = [{"model": 'a;b,"c"\nd', "calls": 3, "cost": 0.5, "latency_ms": None}]
    written = write_csv(["model", "calls", "cost", "latency_ms"], rows)
    assert written == b'"model","calls","cost","latency_ms"\r\n"a;b,""c""\nd",3,0.5,""\r\n'


@given(st.text())
def test_no_text_is_a_formula_and_every_text_comes_back(text: str) -> None:
    [_, [read]] = list(csv.reader(io.StringIO(write_csv(["x"], [{"x": text}]).decode(), newline="")))
    assert not read.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert read in (text, f"'{text}")
