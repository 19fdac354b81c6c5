"""The examples of the documentation, as users will try them."""

import json
import re
from pathlib import Path

import pytest

from .conftest import analyse, document

_DOCS = Path(__file__).parents[3] / "docs" / "concepts"
_ROW = re.compile(r"^\| (.+?) \| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)


@pytest.mark.parametrize("name", ["format-response.md", "format-response.pt-BR.md"])
async def test_every_example_gives_the_answer_shown(name: str) -> None:
    page = (_DOCS / name).read_text(encoding="utf-8")
    lines = re.search(r"```text\n(.+?)```", page, re.DOTALL)
    assert lines is not None
    examples = _ROW.findall(page)
    assert len(examples) >= 10
    for prompt, form, answer in examples:
        result = await analyse(document(lines[1]), prompt, json.loads(form))
        assert (prompt, form, result.response) == (prompt, form, json.loads(answer))
