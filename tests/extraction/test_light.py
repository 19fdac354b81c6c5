"""Uneven light, lone digits and the way up: what a scan loses before its words are read."""

import random

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont

from ementa.extraction.layout.grids import Rule
from ementa.extraction.ocr.light import even_out
from ementa.extraction.ocr.missed import find_missed
from ementa.extraction.ocr.skew import find_lie


def page(width: int = 1240, height: int = 1754) -> Image.Image:
    image = Image.new("L", (width, height), 245)
    draw = ImageDraw.Draw(image)
    chosen = random.Random(7)
    for line in range(40):
        words = " ".join(chosen.choice(("nota", "fiscal", "valor", "total", "emitente")) for _ in range(9))
        draw.text((120, 120 + 36 * line), words, fill=20, font=ImageFont.load_default(24))
    return image


def shaded(image: Image.Image) -> Image.Image:
    """Down to half the light at the right edge."""
    shade = Image.linear_gradient("L").rotate(90).resize(image.size).point([255 - value // 2 for value in range(256)])
    return ImageChops.multiply(image, shade)


def test_paper_in_shadow_becomes_white_and_its_ink_stays() -> None:
    dark = shaded(page())
    assert min(dark.getpixel((5, 5)), dark.getpixel((1235, 5))) < 140
    even = even_out(dark)
    for x in (0, 600, 1200):
        assert even.crop((x, 20, x + 40, 90)).getextrema()[0] > 225
    for x in (120, 500):
        assert even.crop((x, 120, x + 250, 1500)).getextrema()[0] < 90


def test_even_light_and_small_pictures_are_left_alone() -> None:
    clean = page()
    assert even_out(clean) is clean
    small = Image.new("L", (20, 20), 128)
    assert even_out(small) is small


def test_large_dark_areas_stay_dark() -> None:
    image = shaded(page())
    image.paste(10, (400, 900, 1000, 1500))
    assert even_out(image).crop((550, 1050, 850, 1350)).getextrema()[1] < 150


def test_a_digit_that_no_word_covers_is_found_and_lines_are_not() -> None:
    image = page()
    draw = ImageDraw.Draw(image)
    draw.text((1100, 200), "7", fill=20, font=ImageFont.load_default(24))
    draw.line((60, 1600, 1180, 1600), fill=0, width=3)
    words = [(110.0, 122.0 + 36 * line, 1000.0, 146.0 + 36 * line, "palavras", 0.9) for line in range(40)]
    (rest,) = find_missed(image, words, [Rule(True, 1601, 60, 1180)])
    assert 1092 <= rest[0] <= 1112
    assert 196 <= rest[1] <= 216
    assert find_missed(image, words[:3], []) == []


@pytest.mark.parametrize("skew", [-2.5, 0.0, 1.75])
def test_the_skew_is_measured(skew: float) -> None:
    lie = find_lie(page().rotate(-skew, Image.Resampling.BICUBIC, fillcolor=245))
    assert lie.turn == 0
    assert lie.skew == pytest.approx(skew, abs=0.26)
