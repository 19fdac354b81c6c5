"""Files made to hurt: each ends in a clear error or in bounded text, never in a hang, a crash or another's file."""

import contextlib
import struct
import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_documents import (
    DOCX,
    XLSX,
    context,
    doc,
    docx,
    extractor,
    inline,
    msg,
    odf,
    ole,
    pack,
    paragraph,
    ppt,
    pptx,
    read,
    shape,
    sheet,
    text_of,
    xlsx,
)

from ementa.extraction.archives import open_zip, parse_xml
from ementa.extraction.base import Limits
from ementa.extraction.errors import DecompressionBomb, FileCorrupt, TooDeep, TooManyPages, TooManyWords
from ementa.kit.errors import EmentaError
from ementa.testing.extractors import check_extractor

CPU_SECONDS = 30
"""Far above what these files take, far below what they take where they still hurt."""


@pytest.fixture(autouse=True)
def bounded():
    started = time.process_time()
    yield
    assert time.process_time() - started < CPU_SECONDS


@pytest.fixture
def write(tmp_path: Path):
    def _write(name: str, data: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return _write


class TestContainers:
    def test_a_zip_that_grows_out_of_proportion(self, write):
        data = pack({"word/document.xml": b"<w>" + b" " * 30_000_000 + b"</w>"})
        with pytest.raises(DecompressionBomb):
            read("docx", write("b.docx", data), DOCX)

    def test_a_zip_that_grows_past_the_whole_limit(self, write):
        with pytest.raises(DecompressionBomb):
            read("docx", write("b.docx", docx(paragraph("abc " * 5000))), DOCX, max_decompressed_bytes=10_000)

    def test_a_zip_of_too_many_members(self, write):
        data = pack({f"m{at}": "" for at in range(50)})
        with pytest.raises(DecompressionBomb), open_zip(data, Limits(max_members=10)):
            pass

    def test_a_zip_that_lies_about_sizes(self, write):
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("content.xml", b" " * 5_000_000)
        data = buffer.getvalue().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 100))
        with pytest.raises(EmentaError):
            read("odf", write("b.odt", data))

    @pytest.mark.parametrize("cut", [4, 100, 400])
    @pytest.mark.parametrize("name", ["docx", "pptx", "odf", "spreadsheet"])
    def test_a_zip_cut_short(self, write, name, cut):
        data = docx(paragraph("a" * 100))[:-cut]
        with pytest.raises(EmentaError):
            read(name, write("c.zip", data))

    def test_ole_chains_that_bite_their_tail(self, write):
        data = bytearray(doc("a\r"))
        table = len(data) - 512  # the allocation table is the last sector
        for at in range(0, 64, 4):
            struct.pack_into("<I", data, table + at, 0)
        for name in ("doc", "ppt", "msg", "spreadsheet"):
            check_extractor(extractor(name), write("o.ole", bytes(data)), context("o.ole", ""))

    def test_powerpoint_edits_that_name_each_other(self, write):
        data = bytearray(ppt(["a"]))
        at = data.find(struct.pack("<HH", 0, 4085))
        struct.pack_into("<I", data, at + 16, at - 512)
        outcome = check_extractor(extractor("ppt"), write("p.ppt", bytes(data)), context("p.ppt", ""))
        assert not isinstance(outcome, EmentaError)


class TestXml:
    def test_a_billion_laughs_are_not_laughed(self, write):
        entities = "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 12))
        source = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><x>&a11;</x>'
        with contextlib.suppress(FileCorrupt):
            assert text_of(read("xml", write("b.xml", source))).count("ha") < 100

    def test_no_other_file_is_read(self, write, tmp_path):
        (tmp_path / "secret").write_text("segredo")
        source = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]><x>a &e; b</x>'
        root = parse_xml(source.encode())
        assert "segredo" not in "".join(root.itertext())
        assert "segredo" not in text_of(read("xml", write("e.xml", source)))

    def test_elements_nested_without_end(self, write):
        with pytest.raises((TooDeep, FileCorrupt)):
            read("xml", write("d.xml", "<a>" * 100_000 + "</a>" * 100_000))
        nested = "<w:tbl><w:tr><w:tc>" * 40 + paragraph("x") + "</w:tc></w:tr></w:tbl>" * 40
        with pytest.raises(TooDeep):
            read("docx", write("d.docx", docx(nested)), DOCX)


class TestText:
    def test_html_nested_without_end(self, write):
        with pytest.raises(TooDeep):
            read("html", write("d.html", "<div>" * 1_000_000))

    def test_html_tables_with_endless_spans(self, write):
        source = "<table>" + "<tr><td rowspan=99999999 colspan=99999999>x</td></tr>" * 30 + "</table>"
        assert "x" in text_of(read("html", write("s.html", source)))

    def test_rtf_nested_without_end(self, write):
        with pytest.raises(TooDeep):
            read("rtf", write("d.rtf", b"{\\rtf1" + b"{" * 1_000_000))

    def test_rtf_that_hangs_the_usual_reader(self, write):
        group = rb"{\field{\*\fldinst{HYPERLINK " * 3000
        assert read("rtf", write("h.rtf", rb"{\rtf1 fim \par " + group[:1_000] + rb'"a"' * 20_000)).pages

    def test_json_nested_without_end(self, write):
        for source in ("[" * 1_000_000, "[" * 500 + "]" * 500):
            with pytest.raises((TooDeep, FileCorrupt)):
                read("json", write("d.json", source))

    def test_a_million_columns(self, write):
        path = write("c.csv", ",".join("x" for _ in range(1_000_000)))
        with pytest.raises(TooManyWords):
            read("delimited", path, max_cells=100_000)

    def test_a_line_of_many_megabytes(self, write):
        reading = read("text", write("l.txt", "a" * 5_000_000), "text/plain")
        assert sum(len(word.text) for page in reading.pages for word in page.words) == 5_000_000

    def test_more_pages_and_words_than_the_limits(self, write):
        path = write("p.txt", "linha\n" * 10_000)
        with pytest.raises(TooManyPages):
            read("text", path, "text/plain", max_pages=10)
        with pytest.raises(TooManyWords):
            read("text", path, "text/plain", max_words=100)


class TestSheets:
    def test_two_cells_at_the_ends_of_the_world(self, write):
        rows = f'<row r="1">{inline("A1", "a")}</row><row r="1048576">{inline("XFD1048576", "z")}</row>'
        with pytest.raises(TooManyWords):
            read("spreadsheet", write("w.xlsx", xlsx({"Sheet1": sheet(rows)})), XLSX)

    def test_a_claimed_dimension_is_not_believed(self, write):
        content = sheet(f'<row r="1">{inline("A1", "a")}</row>').replace(
            "<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>'
        )
        assert text_of(read("spreadsheet", write("w.xlsx", xlsx({"Sheet1": content})), XLSX)) == "a"

    def test_rows_and_columns_repeated_without_end(self, write):
        body = (
            '<table:table><table:table-row table:number-rows-repeated="1000000"><table:table-cell '
            'table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell></table:table-row></table:table>'
        )
        with pytest.raises(TooManyWords):
            read("odf", write("r.ods", odf("spreadsheet", body)), max_cells=100_000)

    def test_a_panic_of_the_library_is_a_corrupt_file(self, write):
        with pytest.raises(FileCorrupt):
            read("spreadsheet", write("p.xls", ole({"Workbook": b"\x09\x08\xff\xff" + b"\x85" * 5000})))


def test_mail_of_endless_parts(write):
    source = "".join(f'Content-Type: multipart/mixed; boundary="b{at}"\n\n--b{at}\n' for at in range(2000))
    outcome = check_extractor(extractor("eml"), write("m.eml", source), context("m.eml", ""))
    assert isinstance(outcome, TooDeep)


SAMPLES = {
    "docx": docx(paragraph("um dois") + "<w:tbl><w:tr><w:tc>" + paragraph("c") + "</w:tc></w:tr></w:tbl>"),
    "pptx": pptx([shape("um", "title")]),
    "odf": odf("text", "<text:p>um</text:p><text:list><text:list-item><text:p>a</text:p></text:list-item></text:list>"),
    "spreadsheet": xlsx({"A": sheet(f'<row r="1">{inline("A1", "x")}</row>')}),
    "doc": doc("um\rdois\x07\x07\r"),
    "ppt": ppt(["um", "dois"]),
    "msg": msg("a", "b"),
    "rtf": rb"{\rtf1\ansi{\fonttbl{\f0 A;}}\trowd\intbl a\cell\row\pard b\u233?\par}",
    "html": b"<table><tr><td>a<td>b</table><ul><li>c</ul>",
    "eml": b"From: a\nSubject: b\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\noi\n--x--\n",
    "xml": b"<a b='c'><d>e</d>f</a>",
    "json": b'{"a": [1, {"b": null}]}',
    "delimited": b'a;"b";c\n1;2;3',
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_anywhere_it_is_read_or_refused(name, tmp_path, data):
    """Bytes changed, cut and doubled: only our errors come out, and what is read is valid."""
    sample = bytearray(SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(sample) - 1))
        sample[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(sample) // 4))
    path = tmp_path / "damaged"
    path.write_bytes(bytes(sample[: len(sample) - cut]))
    check_extractor(extractor(name), path, context("damaged", ""))
