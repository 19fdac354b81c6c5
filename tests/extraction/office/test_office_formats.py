"""Every format of Office, built by hand: what is said in it comes out, in order, on its page, in its table."""

import email.message
from pathlib import Path

import pytest
from office_documents import (
    DOCX,
    PPTX,
    XLSX,
    context,
    doc,
    docx,
    extractor,
    inline,
    msg,
    odf,
    paragraph,
    ppt,
    pptx,
    read,
    relations,
    shape,
    sheet,
    text_of,
    xlsx,
)

from ementa.extraction.errors import FileCorrupt, FileEncrypted, FormatUnsupported
from ementa.testing.extractors import check_extractor, check_reading


@pytest.fixture
def write(tmp_path: Path):
    def _write(name: str, data: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return _write


STYLES = (
    '<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    '<w:style w:type="paragraph" w:styleId="Ttulo1"><w:name w:val="heading 1"/></w:style></w:styles>'
)
NUMBERING = (
    '<w:numbering xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    '<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="3"><w:abstractNumId w:val="7"/></w:num></w:numbering>'
)


def numbered(text: str, depth: int = 0) -> str:
    return paragraph(text, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="3"/></w:numPr>')


class TestWord:
    def test_headings_and_numbered_lists_carry_their_labels(self, write):
        body = paragraph("Contrato", '<w:pStyle w:val="Ttulo1"/>') + "".join(
            (numbered("Objeto"), numbered("Prazo"), numbered("início", 1), numbered("fim", 1), numbered("Preço"))
        )
        parts = {"word/styles.xml": STYLES, "word/numbering.xml": NUMBERING}
        rels = (("a", "styles", "styles.xml"), ("b", "numbering", "numbering.xml"))
        reading = read("docx", write("c.docx", docx(body, parts, rels)), DOCX)
        page = reading.pages[0]
        assert [block.kind for block in page.blocks] == ["heading", *["list_item"] * 5]
        assert page.blocks[0].level == 1
        lines = [page.line_text(line) for line in page.lines]
        assert lines == ["Contrato", "1. Objeto", "2. Prazo", "2.a) início", "2.b) fim", "3. Preço"]

    def test_tracked_changes_are_read_as_accepted(self, write):
        body = (
            "<w:p><w:r><w:t>Valor </w:t></w:r><w:del><w:r><w:delText>antigo</w:delText></w:r></w:del>"
            "<w:ins><w:r><w:t>novo</w:t></w:r></w:ins><w:r><w:rPr><w:vanish/></w:rPr><w:t>oculto</w:t></w:r></w:p>"
        )
        assert text_of(read("docx", write("t.docx", docx(body)), DOCX)) == "Valor novo"

    def test_pages_follow_the_breaks_in_the_file(self, write):
        body = (
            "<w:p><w:r><w:t>um</w:t><w:br w:type='page'/></w:r></w:p>"
            "<w:p><w:r><w:lastRenderedPageBreak/><w:t>dois</w:t></w:r></w:p>"
            "<w:p><w:r><w:lastRenderedPageBreak/><w:t>três</w:t></w:r></w:p>"
        )
        assert [page.text for page in read("docx", write("p.docx", docx(body)), DOCX).pages] == ["um", "dois", "três"]

    def test_merged_cells_keep_their_spans(self, write):
        def cell(text: str, properties: str = "") -> str:
            return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

        body = (
            "<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>"
            + cell("Produto", '<w:vMerge w:val="restart"/>')
            + cell("Preço", '<w:gridSpan w:val="2"/>')
            + "</w:tr><w:tr>"
            + cell("", "<w:vMerge/>")
            + cell("à vista")
            + cell("a prazo")
            + "</w:tr><w:tr>"
            + cell("Café")
            + cell("10,00")
            + cell("12,00")
            + "</w:tr></w:tbl>"
        )
        table = read("docx", write("m.docx", docx(body)), DOCX).pages[0].tables[0]
        spans = {cell.text: (cell.row, cell.column, cell.row_span, cell.column_span) for cell in table.cells}
        assert (table.rows, table.columns, table.header_rows) == (3, 3, 1)
        assert spans["Produto"] == (0, 0, 2, 1)
        assert spans["Preço"] == (0, 1, 1, 2)
        assert spans["12,00"] == (2, 2, 1, 1)

    def test_notes_comments_headers_boxes_and_controls_are_read(self, write):
        w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
        body = (
            '<w:p><w:r><w:t>Texto</w:t><w:footnoteReference w:id="2"/><w:commentReference w:id="0"/></w:r></w:p>'
            f"<w:sdt><w:sdtContent>{paragraph('Controle')}</w:sdtContent></w:sdt>"
            f"<w:p><w:r><w:pict><w:txbxContent>{paragraph('Caixa')}</w:txbxContent></w:pict></w:r></w:p>"
            '<w:sectPr><w:headerReference r:id="h"/></w:sectPr>'
        )
        parts = {
            "word/footnotes.xml": f'<w:footnotes {w}><w:footnote w:id="2">{paragraph("Nota")}</w:footnote>'
            "</w:footnotes>",
            "word/comments.xml": f'<w:comments {w}><w:comment w:id="0" w:author="Bia">{paragraph("Ver")}'
            "</w:comment></w:comments>",
            "word/header1.xml": f"<w:hdr {w}>{paragraph('Empresa X')}</w:hdr>",
        }
        rels = (("f", "footnotes", "footnotes.xml"), ("c", "comments", "comments.xml"), ("h", "header", "header1.xml"))
        page = read("docx", write("n.docx", docx(body, parts, rels)), DOCX).pages[0]
        assert page.blocks[0].kind == "header"
        for expected in ("Empresa X", "Texto", "Controle", "Caixa", "Nota", "[Bia]", "Ver"):
            assert expected in page.text

    def test_a_field_shows_its_result_and_a_formula_reads_as_text(self, write):
        m = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
        body = (
            "<w:p><w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>DATE \\@</w:instrText></w:r>"
            "<w:r><w:fldChar w:fldCharType='separate'/></w:r><w:r><w:t>2026</w:t></w:r>"
            "<w:r><w:fldChar w:fldCharType='end'/></w:r></w:p>"
            f"<w:p><m:oMath {m}><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f>"
            "</m:oMath></w:p>"
        )
        assert text_of(read("docx", write("f.docx", docx(body)), DOCX)) == "2026\n\na/b"


class TestSpreadsheet:
    def test_sheets_are_titled_pages_dates_are_iso_and_hidden_sheets_are_read(self, write):
        data = xlsx(
            {
                "Notas": sheet(
                    f'<row r="1">{inline("A1", "Data")}{inline("B1", "Valor")}</row>'
                    '<row r="2"><c r="A2" s="1"><v>46023</v></c><c r="B2"><v>0.1</v></c></row>'
                ),
                "Segredo": sheet(f'<row r="1">{inline("A1", "oculta")}</row>'),
            },
            hidden=frozenset({"Segredo"}),
        )
        reading = read("spreadsheet", write("n.xlsx", data), XLSX)
        assert [page.title for page in reading.pages] == ["Notas", "Segredo"]
        assert [cell.text for cell in reading.pages[0].tables[0].cells] == ["Data", "Valor", "2026-01-01", "0.1"]
        assert reading.pages[0].tables[0].header_rows == 1
        assert "oculta" in reading.pages[1].text

    def test_what_empty_rows_divide_are_tables_apart_and_a_title_is_no_column(self, write):
        rows = (
            f'<row r="1">{inline("B1", "Vendas")}</row>'
            f'<row r="2">{inline("A2", "Mês")}{inline("B2", "Total")}</row>'
            f'<row r="3">{inline("A3", "jan")}<c r="B3"><v>5</v></c></row>'
            f'<row r="9">{inline("C9", "Ano")}{inline("D9", "Meta")}</row>'
        )
        page = read("spreadsheet", write("v.xlsx", xlsx({"Sheet1": sheet(rows)})), XLSX).pages[0]
        assert [(table.rows, table.columns) for table in page.tables] == [(2, 2), (1, 2)]
        assert page.blocks[0].kind == "paragraph"

    def test_comments_of_both_kinds_follow_their_sheet(self, write):
        from zipfile import ZipFile

        path = write("c.xlsx", xlsx({"Sheet1": sheet(f'<row r="1">{inline("A1", "x")}</row>')}))
        space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        with ZipFile(path, "a") as archive:
            archive.writestr(
                "xl/worksheets/_rels/sheet1.xml.rels",
                relations(("a", "comments", "../comments1.xml"), ("b", "threadedComment", "../threads/t.xml")),
            )
            archive.writestr(
                "xl/comments1.xml",
                f"<comments {space}><authors><author>Bia</author><author>tc=1</author></authors><commentList>"
                '<comment ref="A1" authorId="0"><text><t>velho</t></text></comment>'
                '<comment ref="A1" authorId="1"><text><t>em lugar de</t></text></comment></commentList></comments>',
            )
            archive.writestr(
                "xl/threads/t.xml",
                '<ThreadedComments><threadedComment ref="A1" personId="p"><text>novo</text></threadedComment>'
                "</ThreadedComments>",
            )
        assert text_of(read("spreadsheet", path, XLSX)) == "x\n\nA1 [Bia]: velho\n\nA1: novo"


class TestPresentation:
    def test_a_page_a_slide_with_its_title_its_notes_and_empty_ones_kept(self, write):
        data = pptx([shape("texto") + shape("Abertura", "title"), "", shape("fim")], {1: "diga olá"})
        reading = read("pptx", write("s.pptx", data), PPTX)
        assert [page.title for page in reading.pages] == ["Abertura", "", ""]
        assert reading.pages[0].text == "Abertura\n\ntexto\n\ndiga olá"
        assert reading.pages[1].source == "empty"
        assert reading.pages[2].text == "fim"


class TestOpenDocument:
    def test_text_lists_tables_notes_and_repeated_spaces(self, write):
        body = (
            '<text:h text:outline-level="2">Título</text:h>'
            '<text:p>a<text:s text:c="3"/>b<text:note><text:note-citation>1</text:note-citation><text:note-body>'
            "<text:p>nota</text:p></text:note-body></text:note></text:p>"
            "<text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>"
            '<table:table><table:table-row><table:table-cell table:number-columns-spanned="2"><text:p>x</text:p>'
            "</table:table-cell><table:covered-table-cell/></table:table-row><table:table-row><table:table-cell>"
            "<text:p>y</text:p></table:table-cell><table:table-cell><text:p>z</text:p></table:table-cell>"
            "</table:table-row></table:table>"
        )
        page = read("odf", write("t.odt", odf("text", body))).pages[0]
        assert page.text == "Título\n\na b\n\n• item\n\nx\ny z\n\n1 nota"
        assert page.blocks[0].level == 2
        assert page.tables[0].cells[0].column_span == 2

    def test_a_sheet_with_a_million_empty_rows_costs_nothing(self, write):
        body = (
            '<table:table table:name="Plan1"><table:table-row table:number-rows-repeated="1048575"><table:table-cell '
            'table:number-columns-repeated="16384"/></table:table-row><table:table-row><table:table-cell>'
            "<text:p>fim</text:p></table:table-cell></table:table-row></table:table>"
        )
        reading = read("odf", write("s.ods", odf("spreadsheet", body)))
        assert text_of(reading) == "fim"

    def test_encrypted_parts_say_so(self, write):
        manifest = {"META-INF/manifest.xml": "<manifest><encryption-data/></manifest>"}
        with pytest.raises(FileEncrypted):
            read("odf", write("e.odt", odf("text", "", extra=manifest)))


class TestBinaryOffice:
    def test_word_reads_pieces_fields_and_tables(self, write):
        text = "Contrato\rValor: \x13 DATE \x14R$ 10,00\x15 à vista\r"
        assert text_of(read("doc", write("c.doc", doc(text)))) == "Contrato\n\nValor: R$ 10,00 à vista"

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (doc("x", flags=0x100), FileEncrypted),
            (doc("x", version=0x65), FormatUnsupported),
            (b"\xffWPC\x10\0\0\0", FormatUnsupported),
            (b"plain", FileCorrupt),
        ],
    )
    def test_word_that_cannot_be_read_says_why(self, write, data, error):
        with pytest.raises(error):
            read("doc", write("x.doc", data))

    def test_powerpoint_reads_slides_in_order(self, write):
        reading = read("ppt", write("s.ppt", ppt(["primeiro", "segundo\rlinha"])))
        assert [page.text for page in reading.pages] == ["primeiro", "segundo\n\nlinha"]

    def test_an_office_file_under_a_password_is_called_encrypted(self, write):
        from office_documents import ole

        data = ole({"EncryptedPackage": b"x", "EncryptionInfo": b"y"})
        for name in ("docx", "pptx", "spreadsheet"):
            with pytest.raises(FileEncrypted):
                read(name, write("x.bin", data))


class TestRichText:
    def test_charsets_unicode_tables_and_headings(self, write):
        data = (
            rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}{\f1\fcharset204 B;}}{\stylesheet{\s1 heading 1;}}"
            rb"{\header Cabe\'e7alho\par}\pard\s1 T\'edtulo\par\pard caf\u233?{\f1 \'cf\'f0} {\v oculto}fim\par"
            rb"\trowd\intbl a\cell b\cell\row\intbl c\cell d\cell\row\pard depois{\*\bkmkstart x}\par}"
        )
        page = read("rtf", write("t.rtf", data)).pages[0]
        assert page.text == "Cabeçalho\n\nTítulo\n\ncaféПр fim\n\na b\nc d\n\ndepois"
        assert [block.kind for block in page.blocks] == ["header", "heading", "paragraph", "table", "paragraph"]

    def test_what_is_no_rtf_is_corrupt(self, write):
        with pytest.raises(FileCorrupt):
            read("rtf", write("t.rtf", b"hello"))


class TestText:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_any_usual_encoding(self, write, encoding):
        path = write("a.txt", "ação é útil\nsegunda linha".encode(encoding))
        assert text_of(read("text", path, "text/plain")) == "ação é útil\nsegunda linha"

    def test_columns_stay_aligned(self, write):
        page = read("text", write("a.txt", "Item      Valor\nCafé      10,00\n"), "text/plain").pages[0]
        assert page.words[1].box[0] == page.words[3].box[0]

    def test_markdown(self, write):
        source = "# Título\n\nUm **texto** com [elo](http://x)\n\n- item\n\n| a | b |\n| - | - |\n| 1 | 2 |\n"
        page = read("text", write("a.md", source), "text/markdown").pages[0]
        assert page.text == "Título\n\nUm texto com elo\n\n• item\n\na b\n1 2"

    @pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
    def test_the_delimiter_is_found_and_quotes_are_honoured(self, write, delimiter):
        rows = [["nome", "valor"], ['"Silva; e, cia|x"', '"1.234,56"'], ["b", "2"]]
        path = write("a.csv", "\n".join(delimiter.join(row) for row in rows))
        table = read("delimited", path, "text/csv").pages[0].tables[0]
        assert (table.rows, table.columns, table.header_rows) == (3, 2, 1)
        assert [cell.text for cell in table.cells][2:4] == ["Silva; e, cia|x", "1.234,56"]

    def test_json_names_its_values_and_keeps_the_source(self, write):
        source = '{"cnpj": "12", "n": 1.50, "itens": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}'
        reading = read("json", write("a.json", source), "application/json")
        assert text_of(reading).splitlines()[:2] == ["cnpj: 12", "n: 1.50"]
        assert [cell.text for cell in reading.pages[0].tables[0].cells] == ["a", "b", "1", "2", "3", "4"]
        assert reading.data == source

    def test_xml_names_its_values_and_keeps_the_source(self, write):
        source = '<?xml version="1.0" encoding="ISO-8859-1"?><nfe><emit><CNPJ>12</CNPJ></emit><x v="ção"/></nfe>'
        reading = read("xml", write("a.xml", source.encode("latin-1")), "application/xml")
        assert text_of(reading).split() == ["nfe:", "emit:", "CNPJ:", "12", "x:", "v:", "ção"]
        assert reading.data == source

    def test_html_shows_what_a_reader_sees(self, write):
        source = (
            "<html><head><title>T</title><style>x</style></head><body><h2>Nota</h2><p>um<br>dois <b>três</b></p>"
            "<ol><li>a<ul><li>b</ul><li>c</ol><p hidden>não</p><script>não()</script>"
            "<table><tr><th>k<th>v<tr><td rowspan=2>x<td>1<tr><td>2</table></body></html>"
        )
        reading = read("html", write("a.html", source), "text/html")
        page = reading.pages[0]
        assert page.text == "Nota\n\num\ndois três\n\n1. a\n\n• b\n\n2. c\n\nk v\nx 1\n2"
        assert page.tables[0].header_rows == 1
        assert reading.metadata == {"title": "T"}


class TestMail:
    def mail(self, **attachments: bytes) -> bytes:
        message = email.message.EmailMessage()
        message["From"], message["To"], message["Subject"] = "Ana <a@x.br>", "b@y.br", "Cobrança nº 1"
        message.set_content("em texto")
        message.add_alternative("<p>em texto</p><table><tr><td>a<td>b</table>", subtype="html")
        for name, data in attachments.items():
            message.add_attachment(data, "application", "octet-stream", filename=name.replace("_", "."))
        return message.as_bytes()

    def test_headers_body_and_attachments_are_pages(self, write):
        reading = read("eml", write("m.eml", self.mail(nota_txt=b"anexo lido", planilha_csv=b"a;b\n1;2")))
        assert [page.title for page in reading.pages] == ["", "nota.txt", "planilha.csv"]
        assert reading.pages[0].text.startswith("From: Ana <a@x.br>\nTo: b@y.br\nSubject: Cobrança nº 1")
        assert len(reading.pages[0].tables) == 1
        assert reading.pages[1].text == "anexo lido"
        assert reading.metadata["subject"] == "Cobrança nº 1"
        check_reading(reading, context("m.eml", ""))

    def test_an_attachment_that_cannot_be_read_leaves_a_warning(self, write):
        reading = read("eml", write("m.eml", self.mail(x_docx=b"PK\x03\x04broken", ok_txt=b"bom")))
        assert [page.title for page in reading.pages] == ["", "ok.txt"]
        assert reading.warnings[0].startswith("ATTACHMENTS_SKIPPED:x.docx:")

    def test_mail_inside_mail_is_read_to_the_limit_of_depth(self, write):
        data = self.mail()
        for _ in range(4):
            data = self.mail(m_eml=data)
        reading = read("eml", write("m.eml", data), max_depth=2)
        assert len(reading.pages) == 3
        assert reading.warnings == ("ATTACHMENTS_SKIPPED:m.eml:TOO_DEEP",)

    def test_an_attached_picture_is_named_for_ocr_and_can_be_drawn(self, write):
        from io import BytesIO

        from PIL import Image

        picture = BytesIO()
        Image.effect_noise((300, 200), 80).save(picture, "PNG")
        path = write("m.eml", self.mail(scan_png=picture.getvalue()))
        reading = read("eml", path)
        assert reading.ocr_pages == (2,)
        image, width, height = extractor("eml").render(path, 2, 72, context("m.eml", ""))
        assert min(image.size) > 0
        assert min(width, height) > 0

    def test_outlook(self, write):
        reading = read("msg", write("m.msg", msg("Oi", "corpo\r\n\r\nda mensagem")))
        assert reading.pages[0].text == "From: Ana\nSubject: Oi\n\ncorpo\n\nda mensagem"


def test_every_format_passes_the_suite(write):
    documents = {
        "docx": docx(paragraph("a b")),
        "spreadsheet": xlsx({"Notas": sheet(f'<row r="1">{inline("A1", "x")}</row>')}),
        "pptx": pptx([shape("a")]),
        "odf": odf("text", "<text:p>a</text:p>"),
        "doc": doc("a\r"),
        "ppt": ppt(["a"]),
        "rtf": rb"{\rtf1 a}",
        "delimited": b"a;b",
        "html": b"<p>a",
        "text": b"a",
        "json": b"[1]",
        "xml": b"<a/>",
        "eml": TestMail().mail(a_txt=b"b"),
        "msg": msg("a", "b"),
    }
    for name, data in documents.items():
        found = check_extractor(extractor(name), write(f"f.{name}", data), context(f"f.{name}", ""))
        assert not isinstance(found, Exception), name


def test_relations_point_inside_the_package(write):
    outside = {"word/_rels/document.xml.rels": relations(("h", "header", "../../../../etc/passwd"))}
    body = paragraph("a") + '<w:sectPr><w:headerReference r:id="h"/></w:sectPr>'
    assert text_of(read("docx", write("o.docx", docx(body, outside)), DOCX)) == "a"
