from hypothesis import given
from hypothesis import strategies as st

from ementa.extraction.layout.grids import Rule, count_crossings, find_grids
from ementa.extraction.layout.page import lay_out
from ementa.extraction.layout.plausible import is_plausible
from ementa.extraction.layout.segments import RawWord
from ementa.extraction.layout.tilt import tilt
from ementa.kit.language_guess import guess_language

coordinate = st.floats(0, 600, allow_nan=False, width=32)
size = st.floats(0.125, 90, allow_nan=False, width=32)


@st.composite
def words(draw: st.DrawFn) -> RawWord:
    x, y = draw(coordinate), draw(coordinate)
    return x, y, x + draw(size), y + draw(size), draw(st.text("abcאب1.", min_size=1, max_size=5)), 1.0


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    start = draw(coordinate)
    return Rule(draw(st.booleans()), draw(coordinate), start, start + draw(size))


@given(st.lists(words(), max_size=60), st.lists(rules(), max_size=30))
def test_whatever_stands_on_a_page_every_word_is_in_one_line_and_every_line_in_one_block(
    given_words: list[RawWord], given_rules: list[Rule]
) -> None:
    layout = lay_out(given_words, given_rules)
    assert sorted(word.text for word in layout.words) == sorted(word[4] for word in given_words)
    ends = [0]
    for line in layout.lines:
        assert line.first == ends[-1] < line.last
        ends.append(line.last)
        held = layout.words[line.first : line.last]
        assert line.box[0] == min(word.box[0] for word in held)
        assert line.box[3] == max(word.box[3] for word in held)
    assert ends[-1] == len(layout.words)
    assert [block.first for block in layout.blocks] == [0, *(b.last for b in layout.blocks)][: len(layout.blocks)]
    for table in layout.tables:
        for cell in table.cells:
            assert " ".join(layout.words[index].text for index in cell.words) == cell.text
            assert cell.row + cell.row_span <= table.rows
            assert cell.column + cell.column_span <= table.columns


def test_merged_cells_span() -> None:
    lines = [Rule(True, y, 0, 100) for y in (0, 20, 40)] + [Rule(False, x, 0, 40) for x in (0, 100)]
    lines.append(Rule(False, 50, 20, 40))
    found = [
        (5.0, 5.0, 60.0, 12.0, "title", 1.0),
        (5.0, 25.0, 20.0, 32.0, "a", 1.0),
        (60.0, 25.0, 80.0, 32.0, "b", 1.0),
    ]
    (grid,) = find_grids(lines, found, [0, 1, 2])
    assert [(c.row, c.column, c.column_span, c.words) for c in grid.cells] == [
        (0, 0, 2, [0]),
        (1, 0, 1, [1]),
        (1, 1, 1, [2]),
    ]
    assert count_crossings(lines) == 8


def test_a_tilted_page_keeps_its_words_about_where_they_were() -> None:
    layout = lay_out([(100.0, 100.0, 140.0, 110.0, "x", 1.0)])
    turned, _ = tilt(layout, (), 5.0, 600.0, 800.0)
    back, _ = tilt(turned, (), -5.0, 600.0, 800.0)
    assert turned.words[0].box != layout.words[0].box
    assert all(abs(a - b) < 0.1 for a, b in zip(back.words[0].box, layout.words[0].box, strict=True))


def test_languages() -> None:
    assert guess_language("O valor da nota não inclui os impostos que são devidos pela empresa.") == "pt"
    assert guess_language("The amount of this invoice is due to the supplier by the end of the month.") == "en"
    assert guess_language("El importe de la factura se paga en los primeros días del mes y no después.") == "es"
    assert guess_language("4711 0815 XYZ") == ""


def test_plausible_writing() -> None:
    assert is_plausible(["o", "contrato", "vale", "para", "todas", "as", "partes", "desde", "hoje"] * 5)
    assert is_plausible(["合同", "有效", "期限", "自", "今日", "起"] * 20)
    assert not is_plausible(["xkcdf", "wqrtpl", "bnmvcx", "zzxqkj", "hgfds"] * 10)
