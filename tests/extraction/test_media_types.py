import zipfile
from pathlib import Path

import pytest
from PIL import Image

from ementa.extraction.errors import ContentMismatch, ExtensionRefused, FileEmpty, MediaTypeRefused
from ementa.extraction.media_types import BY_EXTENSION, check_upload, extension_of
from ementa.extraction.settings import ExtractionSettings
from ementa.testing.drawn_pdf import draw_pdf

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "upload"


def check(file: Path, data: bytes, name: str, **changes: object) -> str:
    file.write_bytes(data)
    return check_upload(file, name, ExtractionSettings.model_validate(changes))


def zipped(file: Path, *names: str) -> bytes:
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.read_bytes()


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (draw_pdf([[]]), "a.pdf", "application/pdf"),
        (draw_pdf([[]]), "SEM EXTENSAO", "application/pdf"),
        (b"\xef\xbb\xbfa;b\n1;2", "a.csv", "text/csv"),
        ("ação".encode("utf-16"), "a.txt", "text/plain"),
        ("ação".encode("latin-1"), "a.txt", "text/plain"),
        (b'{"a": 1}', "a.json", "application/json"),
        (b'{"a": 1}', "", "application/json"),
        (b"<?xml version='1.0'?><nfeProc/>", "a.XML", "application/xml"),
        (b"<!DOCTYPE html><p>x", "", "text/html"),
        (b"From: a@b.c\r\nSubject: x\r\n\r\ny", "a.eml", "message/rfc822"),
        (b"{\\rtf1 x}", "a.doc", "application/rtf"),
    ],
)
def test_types_are_told_by_content(file: Path, data: bytes, name: str, media_type: str) -> None:
    assert check(file, data, name) == media_type


def test_office_files_are_told_by_what_they_hold(file: Path) -> None:
    assert check(file, zipped(file, "[Content_Types].xml", "word/document.xml"), "a.docx") == WORD
    with pytest.raises(ContentMismatch):
        check(file, zipped(file, "[Content_Types].xml", "xl/workbook.xml"), "a.docx")
    embedded = zipped(file, "ppt/presentation.xml", "xl/workbook.xml")
    assert check(file, embedded, "a.pptx") == BY_EXTENSION["pptx"][0]
    with pytest.raises(ContentMismatch):
        check(file, zipped(file, "evil.exe"), "a.docx")


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (b"<html><body><table><tr><td>Total</td></tr></table>", "relatorio.xls", "text/html"),
        (b"Data\tValor\n01/02/2026\t10,00\n", "extrato.xls", "text/tab-separated-values"),
        (b"Data;Valor\n01/02/2026;10,00\n", "extrato.xls", "text/csv"),
        (b"<?xml version='1.0'?><Workbook/>", "a.xls", "application/xml"),
        (b"<html><p>x", "a.doc", "text/html"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "foto.jpg", "image/png"),
    ],
)
def test_what_other_programs_export_is_read_by_its_content(file: Path, data: bytes, name: str, media_type: str) -> None:
    assert check(file, data, name) == media_type


def test_relatives_of_office_are_read_by_content(file: Path) -> None:
    assert check(file, zipped(file, "[Content_Types].xml", "word/document.xml"), "a.doc") == WORD
    assert check(file, zipped(file, "ppt/presentation.xml"), "a.ppt") == BY_EXTENSION["pptx"][0]
    with pytest.raises(ContentMismatch):
        check(file, draw_pdf([[]]), "a.docx")
    with pytest.raises(ContentMismatch):
        check(file, b"just a sentence", "a.xls")


def test_an_empty_file(file: Path) -> None:
    with pytest.raises(FileEmpty):
        check(file, b"", "a.pdf")


@pytest.mark.parametrize("name", ["a.exe", "a.pdf.exe", "a.sh", "dir/a.heic"])
def test_extensions_off_the_list_are_refused(file: Path, name: str) -> None:
    with pytest.raises(ExtensionRefused):
        check(file, draw_pdf([[]]), name)


def test_the_list_is_the_administrators(file: Path) -> None:
    with pytest.raises(ExtensionRefused):
        check(file, draw_pdf([[]]), "a.pdf", extensions=["txt"])
    with pytest.raises(MediaTypeRefused):
        check(file, draw_pdf([[]]), "", extensions=["txt"])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"MZ\x90\x00" + bytes(300), "a.pdf"),
        (b"\x7fELF" + bytes(300), "a.txt"),
        (b"plain text", "a.pdf"),
        (b"plain text", "a.json"),
        (b"plain text", "a.eml"),
        (draw_pdf([[]]), "a.png"),
    ],
)
def test_content_that_contradicts_the_name_is_refused(file: Path, data: bytes, name: str) -> None:
    with pytest.raises(ContentMismatch):
        check(file, data, name)


def test_heic_is_refused_by_name_of_its_type(file: Path) -> None:
    with pytest.raises(MediaTypeRefused) as caught:
        check(file, b"\x00\x00\x00\x18ftypheic" + bytes(100), "a.jpg")
    assert "HEIC" in caught.value.text("pt")


@pytest.mark.parametrize("extension", ["png", "jpg", "tiff", "bmp", "webp", "gif"])
def test_pictures(file: Path, extension: str) -> None:
    path = file.with_suffix(f".{extension}")
    Image.new("RGB", (8, 8)).save(path)
    assert check_upload(path, path.name, ExtractionSettings()) == BY_EXTENSION[extension][0]


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("A.PDF", "pdf"),
        ("a.tar.gz", "gz"),
        ("..\\x\\b.Txt", "txt"),
        (".bashrc", ""),
        ("a.", ""),
        ("a. b", ""),
        ("", ""),
    ],
)
def test_extensions(name: str, extension: str) -> None:
    assert extension_of(name) == extension
