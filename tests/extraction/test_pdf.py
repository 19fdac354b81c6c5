import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.extraction.base import Context, Limits, Reading
from ementa.extraction.errors import FileCorrupt, FileEncrypted, TooManyPages
from ementa.extraction.extractors.pdf import PdfExtractor
from ementa.testing.drawn_pdf import HEIGHT, WIDTH, assemble_pdf, draw_pdf

INVOICE = [
    (50.0, 60.0, 18.0, "NOTA FISCAL"),
    (50.0, 100.0, 10.0, "CNPJ: 12.345.678/0001-95"),
    (50.0, 116.0, 10.0, "Total: R$ 1.234,56"),
]


def read(path: Path, data: bytes, **limits: int) -> Reading:
    path.write_bytes(data)
    return PdfExtractor().extract(path, context(**limits))


def context(**limits: int) -> Context:
    return Context(limits=Limits(**limits), filename="a.pdf", media_type="application/pdf")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.pdf"


def test_words_come_with_boxes_where_they_were_drawn(file: Path) -> None:
    page = read(file, draw_pdf([INVOICE])).pages[0]
    assert (page.width, page.height, page.source) == (WIDTH, HEIGHT, "text_layer")
    assert [word.text for word in page.words][:4] == ["NOTA", "FISCAL", "CNPJ:", "12.345.678/0001-95"]
    x0, y0, x1, y1 = page.words[3].box
    assert 76 < x0 < 84
    assert x1 - x0 == pytest.approx(94, abs=6)  # 18 signs of Helvetica at 10 points
    assert 91 < y0 < 95
    assert y1 == pytest.approx(100, abs=2.5)


def test_headings_lines_and_blocks(file: Path) -> None:
    page = read(file, draw_pdf([INVOICE])).pages[0]
    assert [page.line_text(line) for line in page.lines] == ["NOTA FISCAL", INVOICE[1][3], INVOICE[2][3]]
    assert page.blocks[0].kind == "heading"
    assert page.text.startswith("NOTA FISCAL\n\nCNPJ:")


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_boxes_lie_on_the_page_as_it_is_shown(file: Path, rotate: int) -> None:
    page = read(file, draw_pdf([INVOICE], rotate=rotate)).pages[0]
    upright = read(file, draw_pdf([INVOICE])).pages[0]
    # the text itself runs along the turned page, so it is turned back to be read
    assert page.rotation == (360 - rotate) % 360
    assert [w.text for w in page.words] == [w.text for w in upright.words]
    for word, expected in zip(page.words, upright.words, strict=True):
        assert word.box == pytest.approx(expected.box, abs=0.5)


def test_two_columns_are_read_one_after_the_other(file: Path) -> None:
    left = [(50.0, 100 + 14.0 * n, 10.0, f"esquerda {n} segue o texto corrido da coluna") for n in range(12)]
    right = [(320.0, 100 + 14.0 * n, 10.0, f"direita {n} segue o texto corrido da coluna") for n in range(12)]
    mixed = [text for pair in zip(left, right, strict=True) for text in pair]
    page = read(
        file,
        draw_pdf(
            [[(50.0, 60.0, 10.0, "Um aviso que atravessa a folha inteira, de margem a margem, sem parar"), *mixed]]
        ),
    ).pages[0]
    order = [word.text for word in page.words if word.text in ("esquerda", "direita")]
    assert order == ["esquerda"] * 12 + ["direita"] * 12


ITEMS = [
    ("Item", "Qtd", "Unitário", "Total"),
    ("Parafuso sextavado", "10", "1,50", "15,00"),
    ("Porca", "20", "0,75", "15,00"),
    ("Arruela lisa", "5", "0,10", "0,50"),
]
COLUMNS = (50.0, 250.0, 330.0, 430.0)


def table_text() -> list[tuple[float, float, float, str]]:
    return [
        (x, 200 + 16.0 * r, 10.0, cell) for r, row in enumerate(ITEMS) for x, cell in zip(COLUMNS, row, strict=True)
    ]


def grid_lines() -> str:
    xs, ys = (45, 245, 325, 425, 520), [HEIGHT - 188 - 16 * n for n in range(len(ITEMS) + 1)]
    across = "".join(f"{xs[0]} {y} m {xs[-1]} {y} l S\n" for y in ys)
    return across + "".join(f"{x} {ys[0]} m {x} {ys[-1]} l S\n" for x in xs)


@pytest.mark.parametrize("ruled", [True, False])
def test_line_items_come_out_as_rows_and_cells(file: Path, ruled: bool) -> None:
    page = read(file, draw_pdf([[*INVOICE, *table_text()]], drawing=[grid_lines() if ruled else ""])).pages[0]
    assert len(page.tables) == 1
    table = page.tables[0]
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.text
        assert " ".join(page.words[index].text for index in cell.words) == cell.text
    assert [tuple(row) for row in rows] == ITEMS
    assert [b.kind for b in page.blocks].count("table") == 1


def test_words_divided_at_the_end_of_a_line_are_whole_again_but_numbers_keep_their_hyphen(file: Path) -> None:
    lines = [
        (50.0, 100.0, 10.0, "o contrato de forneci-"),
        (50.0, 114.0, 10.0, "mento vale para o CNPJ 12.345.678/0001-"),
        (50.0, 128.0, 10.0, "95 desta empresa"),
    ]
    text = read(file, draw_pdf([lines])).pages[0].text
    assert "fornecimento" in text
    assert "0001-" in text
    assert "000195" not in text


def test_a_page_without_text_but_with_a_picture_goes_to_ocr_and_a_blank_one_does_not(file: Path) -> None:
    picture = (10, 10, bytes(100))
    assert read(file, draw_pdf([[]], pictures=[picture])).ocr_pages == (1,)
    reading = read(file, draw_pdf([[]]))
    assert reading.ocr_pages == ()
    assert reading.pages[0].source == "empty"


def test_a_mixed_file_names_only_its_scanned_pages(file: Path) -> None:
    stamp = [(50.0, 820.0, 8.0, "Documento assinado digitalmente")]
    data = draw_pdf([stamp, INVOICE], pictures=[(10, 10, bytes(100))])
    assert read(file, data).ocr_pages == (1,)


def test_letters_that_spell_nothing_go_to_ocr(file: Path) -> None:
    nonsense = [(50.0, 100 + 14.0 * n, 10.0, "xkcdfg wqrtpl bnmvcx zzxqkj hgfdsw pltrqw") for n in range(8)]
    assert read(file, draw_pdf([nonsense])).ocr_pages == (1,)


def test_invisible_text_over_nothing_goes_to_ocr(file: Path) -> None:
    hidden = "BT 3 Tr /F1 12 Tf 50 700 Td (texto escondido que ninguem ve na folha) Tj ET"
    assert read(file, draw_pdf([[]], drawing=[hidden])).ocr_pages == (1,)


def test_metadata(file: Path) -> None:
    reading = read(file, draw_pdf([INVOICE], info="/Title (Nota 42) /Author (Fulana)"))
    assert reading.metadata["title"] == "Nota 42"
    assert reading.metadata["author"] == "Fulana"


def test_values_of_form_fields_are_words_with_a_place(file: Path) -> None:
    appearance = zlib.compress(b"/Tx BMC BT /F1 12 Tf 2 4 Td (Maria da Silva) Tj ET EMC")
    fonts = b"/Resources << /Font << /F1 3 0 R >> >>"
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 200 20]"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>",
        b"<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Annots [5 0 R] %b >>" % fonts,
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (nome) /V (Maria da Silva) /F 4 /Rect [100 700 300 720] "
        b"/P 4 0 R /AP << /N 6 0 R >> >>",
        b"<< %b %b /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream"
        % (form, fonts, len(appearance), appearance),
    ]
    page = read(file, assemble_pdf(objects)).pages[0]
    assert page.text == "Maria da Silva"
    assert page.words[0].box[0] == pytest.approx(103, abs=3)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "header only", "zeros"])
def test_damaged_files_say_so_or_give_what_is_left(file: Path, damage: str) -> None:
    whole = draw_pdf([INVOICE] * 3)
    data = {
        "truncated": whole[: len(whole) // 2],
        "garbage": b"%PDF-1.7\n" + bytes(range(256)) * 50,
        "header only": b"%PDF-1.7\n",
        "zeros": b"%PDF-1.7\n" + bytes(5000),
    }[damage]
    try:
        reading = read(file, data)
    except FileCorrupt:
        return
    assert reading.pages


def test_a_password_is_asked_for_clearly(file: Path) -> None:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 0 /Kids [] >>",
        b"<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <%b> /U <%b> >>" % (b"41" * 32, b"42" * 32),
    ]
    data = assemble_pdf(objects).replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 3 0 R /ID [<00> <00>]")
    with pytest.raises(FileEncrypted):
        read(file, data)


def test_too_many_pages_are_refused_before_they_are_read(file: Path) -> None:
    with pytest.raises(TooManyPages):
        read(file, draw_pdf([[]] * 30), max_pages=20)


@given(
    st.lists(
        st.text("abcdefghijklmnopqrstuvwxyzáéíóúçãõ0123456789.,/", min_size=1, max_size=12), min_size=1, max_size=6
    )
)
def test_every_word_drawn_is_read_with_a_box_on_the_page(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    file = tmp_path_factory.mktemp("pdf") / "a.pdf"
    page = read(file, draw_pdf([[(40.0, 100 + 30.0 * n, 9.0, word) for n, word in enumerate(words)]])).pages[0]
    if page.text.strip():
        assert [word.text for word in page.words] == words
    for word in page.words:
        x0, y0, x1, y1 = word.box
        assert 0 <= x0 < x1 <= page.width
        assert 0 <= y0 < y1 <= page.height
    assert [line.first for line in page.lines] == [0, *(line.last for line in page.lines[:-1])]
    assert page.lines[-1].last == len(page.words)


@pytest.mark.parametrize("flag", [b"", b"/NeedAppearances true"])
def test_form_fields_with_a_value_and_no_appearance(file: Path, flag: bytes) -> None:
    field = (
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (cnpj) /V (11.222.333/0001-81) /Rect [100 660 300 676] /F 4 >>"
    )
    form = b"/AcroForm << /Fields [5 0 R] /DA (/Helv 10 Tf 0 g) /DR << /Font << /Helv 4 0 R >> >> " + flag + b" >>"
    data = assemble_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R " + form + b" >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Annots [5 0 R] >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            field,
        ]
    )
    reading = read(file, data)
    (word,) = reading.pages[0].words
    assert word.text == "11.222.333/0001-81"
    assert 100 <= word.box[0] <= word.box[2] <= 300
    assert 166 <= word.box[1] <= word.box[3] <= 182
    assert not reading.ocr_pages
