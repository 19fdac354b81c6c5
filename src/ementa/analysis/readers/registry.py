"""All readers in the order in which they run, and the door that uses them."""

from collections.abc import Iterator

import msgspec

from ementa.analysis.readers.access_keys import AccessKeyReader
from ementa.analysis.readers.amounts import AmountReader
from ementa.analysis.readers.barcodes import BarcodeReader
from ementa.analysis.readers.base import Reader, Sheet
from ementa.analysis.readers.boletos import BoletoReader
from ementa.analysis.readers.booleans import BooleanReader
from ementa.analysis.readers.ceps import CepReader
from ementa.analysis.readers.codes import CodeReader
from ementa.analysis.readers.crosschecks import cross_check
from ementa.analysis.readers.dates import DateReader
from ementa.analysis.readers.emails import EmailReader
from ementa.analysis.readers.fiscal_xml import is_fiscal, read_fiscal_xml
from ementa.analysis.readers.items import ItemReader
from ementa.analysis.readers.labelled import LabelledReader
from ementa.analysis.readers.letterheads import LetterheadReader
from ementa.analysis.readers.phones import PhoneReader
from ementa.analysis.readers.pix import PixReader
from ementa.analysis.readers.plates import PlateReader
from ementa.analysis.readers.registrations import RegistrationReader
from ementa.analysis.readers.signatures import SignatureReader
from ementa.analysis.readers.states import StateReader
from ementa.analysis.readers.taxpayers import TaxpayerReader
from ementa.analysis.readers.unchecked import UncheckedReader
from ementa.analysis.types import Candidate, Kind
from ementa.analysis.view import DocumentView
from ementa.extraction.types import Extraction

# Strong forms first: what they claim, weaker forms leave alone.
READERS: tuple[Reader, ...] = (
    BarcodeReader(),
    PixReader(),
    AccessKeyReader(),
    BoletoReader(),
    EmailReader(),
    TaxpayerReader(),
    UncheckedReader(),
    PhoneReader(),
    CepReader(),
    RegistrationReader(),
    PlateReader(),
    DateReader(),
    AmountReader(),
    CodeReader(),
    StateReader(),
    BooleanReader(),
    ItemReader(),
    LabelledReader(),
    LetterheadReader(),
    SignatureReader(),
)
_TAXPAYERS = frozenset({Kind.CPF, Kind.CNPJ})
_KEY_FORMS = _TAXPAYERS | {Kind.EMAIL, Kind.PHONE}
_ALWAYS = frozenset({Kind.ACCESS_KEY, Kind.BOLETO, Kind.CNPJ, Kind.CPF})
"""Read even when nobody asks: they tell whose the other values are, and which of them hold together."""


def read_candidates(extraction: Extraction, kinds: frozenset[Kind]) -> list[Candidate]:
    """Every value of the asked kinds that the document shows, with its proof, page by page in reading order, and those
    that follow from them.

    One value may come up more than once: under different labels, at different places, as different kinds. Pure and CPU
    only; time grows linearly with the words."""
    wanted = kinds | _ALWAYS
    if Kind.PIX in kinds:
        wanted |= _KEY_FORMS
    document = DocumentView(extraction)
    fiscal = is_fiscal(extraction.data)
    found: list[Candidate] = read_fiscal_xml(document, wanted) if fiscal else []
    for view in document.pages:
        sheet = Sheet(document, view, wanted)
        for reader in READERS:
            # Numbers in XML have a decimal dot, which printed ones in Brazil have not.
            if not (fiscal and isinstance(reader, AmountReader)):
                found.extend(reader.read(sheet))
    scanned = frozenset(view.page.number for view in document.pages if view.is_ocr())
    checked = cross_check(list(_distinct(found)), kinds, scanned)
    return list(_asked(checked, kinds))


def _asked(found: list[Candidate], kinds: frozenset[Kind]) -> Iterator[Candidate]:
    """The candidates of asked kinds: a number may also be what "CPF or CNPJ" and "PIX key" ask for."""
    for candidate in found:
        if candidate.kind in kinds:
            yield candidate
        if candidate.kind in _TAXPAYERS and Kind.CPF_OR_CNPJ in kinds:
            yield msgspec.structs.replace(candidate, kind=Kind.CPF_OR_CNPJ)
        if candidate.kind in _KEY_FORMS and Kind.PIX in kinds and "pix" in candidate.label.lower():
            yield msgspec.structs.replace(candidate, kind=Kind.PIX)


def _distinct(candidates: list[Candidate]) -> Iterator[Candidate]:
    seen: set[tuple[object, ...]] = set()
    for c in candidates:
        key = (c.kind, repr(c.value), c.evidence.page, c.evidence.boxes[:1], c.label)
        if key not in seen:
            seen.add(key)
            yield c
