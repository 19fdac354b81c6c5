"""Reads barcodes and QR codes: boleto (ITF), access key (Code 128), NFC-e address and PIX (QR)."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet
from ementa.analysis.types import Candidate, Evidence, How, Kind
from ementa.analysis.validators.access_key import parse_access_key
from ementa.analysis.validators.boleto import format_line, parse_barcode
from ementa.analysis.validators.brcode import parse_brcode
from ementa.extraction.types import Barcode

_KEY = re.compile(r"(?<![0-9A-Za-z])[0-9]{6}[0-9A-Z]{12}[0-9]{26}(?![0-9A-Za-z])")


class BarcodeReader:
    """What the page's barcodes say."""

    name = "barcodes"
    kinds = frozenset({Kind.BOLETO, Kind.ACCESS_KEY, Kind.PIX})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Boleto lines, access keys and PIX codes in barcodes. Their own error correction makes them sure."""
        for barcode in sheet.view.page.barcodes:
            for kind, value, label, check in _values(barcode):
                if kind in sheet.kinds:
                    yield Candidate(
                        kind=kind,
                        value=value,
                        evidence=Evidence(sheet.view.page.number, (barcode.box,), barcode.text[:2000]),
                        how=How.EXACT if value == barcode.text else How.NORMALISED,
                        checks=("barcode", check),
                        label=label,
                        label_score=0.9,
                        reader=self.name,
                    )


def _values(barcode: Barcode) -> Iterator[tuple[Kind, str, str, str]]:
    text = barcode.text.strip()
    slip = parse_barcode(text)
    if slip is not None:
        yield Kind.BOLETO, format_line(slip.line), "código de barras", "boleto_general_digit"
    for match in _KEY.finditer(text[:2000]):
        key = parse_access_key(match[0])
        if key is not None:
            yield Kind.ACCESS_KEY, key.key, "chave de acesso", "access_key_digit"
    code = parse_brcode(text)
    if code is not None:
        yield Kind.PIX, code.text, "pix copia e cola", "pix_crc"
