"""The bars of a boleto, clean and as a scan has them."""

import pytest
import zxingcpp
from PIL import Image, ImageFilter

from ementa.extraction.barcodes import read_codes

BANK_CODE = "00193373700000001000500940144816060680935031"


def slip(dots_per_bar: int, *, crooked: float = 0.0, blur: float = 0.0, turn: int = 0) -> Image.Image:
    """An A4 page at 300 dpi with the 44 digits as Interleaved 2 of 5."""
    made = zxingcpp.create_barcode(BANK_CODE, zxingcpp.BarcodeFormat.ITF)
    bars = Image.fromarray(made.to_image(scale=dots_per_bar)).convert("L").resize((405 * dots_per_bar, 150))
    page = Image.new("L", (2480, 3508), 255)
    page.paste(bars, (200, 2600))
    page = page.rotate(crooked, Image.Resampling.BICUBIC, fillcolor=255).rotate(turn, expand=True)
    return page.filter(ImageFilter.GaussianBlur(blur)) if blur else page


@pytest.mark.parametrize(
    ("crooked", "blur", "turn"), [(0.0, 0.0, 0), (0.2, 1.0, 0), (0.0, 0.8, 90)], ids=["digital", "scan", "sideways"]
)
def test_the_bars_of_a_boleto(crooked: float, blur: float, turn: int) -> None:
    (code,) = read_codes(slip(4, crooked=crooked, blur=blur, turn=turn))
    assert (code.format, code.text) == ("ITF", BANK_CODE)
