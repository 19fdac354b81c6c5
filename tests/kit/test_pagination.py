import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.kit.pagination import CursorInvalid, decode_cursor, encode_cursor

parts = st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"]))


@given(st.lists(parts, min_size=1, max_size=4))
def test_a_cursor_gives_back_what_it_was_made_of(values: list[str]) -> None:
    assert decode_cursor(encode_cursor(*values), len(values)) == tuple(values)


@given(st.text())
def test_a_foreign_cursor_is_refused_or_decodes_but_never_breaks(cursor: str) -> None:
    try:
        decode_cursor(cursor, 2)
    except CursorInvalid:
        return


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(CursorInvalid):
        decode_cursor(encode_cursor("a"), 2)
