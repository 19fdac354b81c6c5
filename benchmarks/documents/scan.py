"""From a clean page to a scan or photograph of it: rendering, skew, shadow, blur, noise, JPEG, a page fed sideways."""

import io
import math
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageFilter

from benchmarks.documents.canvas import Box, Mark, assemble


@dataclass(frozen=True, slots=True)
class Effects:
    """How a page was spoilt. Angles in degrees, sigmas in pixels and grey levels."""

    dpi: int = 200
    skew: float = 0.0
    """Positive turns the page counterclockwise."""
    turn: int = 0
    """0, 90, 180 or 270: how the sheet was fed."""
    blur: float = 0.0
    noise: float = 0.0
    shadow: float = 0.0
    """Share of light lost at the darkest edge."""
    shadow_angle: float = 0.0
    paper: tuple[int, int, int] = (255, 255, 255)
    ink: int = 20
    """Grey level of black ink."""
    quality: int = 70

    def record(self) -> dict[str, Any]:
        """For the ground truth."""
        return asdict(self)


def draw_effects(rng: Random) -> Effects:
    """The range that the accuracy goals speak of: skew within 3 degrees, JPEG 40 to 80, 150 to 250 dpi."""
    paper = rng.randint(228, 255)
    return Effects(
        dpi=rng.choice((150, 175, 200, 200, 225, 250)),
        skew=round(rng.uniform(-3, 3), 2),
        turn=rng.choice((0, 0, 0, 0, 0, 0, 90, 180, 270)),
        blur=round(rng.uniform(0, 0.8), 2),
        noise=round(rng.uniform(0, 9), 1),
        shadow=round(rng.choice((0.0, rng.uniform(0.1, 0.45))), 2),
        shadow_angle=round(rng.uniform(0, 360), 1),
        paper=(paper, paper - rng.randint(0, 4), paper - rng.randint(0, 12)),
        ink=rng.randint(0, 70),
        quality=rng.randint(40, 80),
    )


def photograph(pdf: bytes, effects: Effects, seed: int) -> list[Image.Image]:
    """Every page of the file, spoilt."""
    document = pdfium.PdfDocument(pdf)
    try:
        pages = [page.render(scale=effects.dpi / 72).to_pil().convert("RGB") for page in document]
    finally:
        document.close()
    return [_spoil(page, effects, seed + number) for number, page in enumerate(pages)]


def _spoil(page: Image.Image, effects: Effects, seed: int) -> Image.Image:
    if effects.skew:
        page = page.rotate(effects.skew, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))
    if effects.blur:
        page = page.filter(ImageFilter.GaussianBlur(effects.blur * effects.dpi / 200))
    levels = np.asarray(page, dtype=np.float32) / 255
    levels = effects.ink + levels * (np.array(effects.paper, dtype=np.float32) - effects.ink)
    if effects.shadow:
        levels *= _shade(levels.shape[0], levels.shape[1], effects)[:, :, None]
    if effects.noise:
        grain = np.random.default_rng(seed).normal(0, effects.noise, levels.shape[:2])
        levels += grain[:, :, None].astype(np.float32)
    spoilt = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8), "RGB")
    return spoilt.rotate(effects.turn, expand=True) if effects.turn else spoilt


def _shade(height: int, width: int, effects: Effects) -> np.ndarray:
    angle = math.radians(effects.shadow_angle)
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :] * math.cos(angle)
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] * math.sin(angle)
    depth = np.clip(across + down + 0.3, 0, 1) ** 1.5
    return 1 - effects.shadow * depth


def to_jpeg(image: Image.Image, effects: Effects) -> bytes:
    """One JPEG that says its resolution."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=effects.quality, dpi=(effects.dpi, effects.dpi))
    return out.getvalue()


def to_image_pdf(images: list[Image.Image], effects: Effects) -> bytes:
    """A scanned PDF: one JPEG a page and no text layer."""
    kids = " ".join(f"{3 + 3 * number} 0 R" for number in range(len(images)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(images)} >>".encode(),
    ]
    for number, image in enumerate(images):
        width, height = image.width * 72 / effects.dpi, image.height * 72 / effects.dpi
        data = to_jpeg(image, effects)
        commands = f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /Im Do Q".encode()
        page = 3 + 3 * number
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.2f} {height:.2f}] "
            f"/Resources << /XObject << /Im {page + 2} 0 R >> >> /Contents {page + 1} 0 R >>".encode(),
            f"<< /Length {len(commands)} >>\nstream\n".encode() + commands + b"\nendstream",
            f"<< /Type /XObject /Subtype /Image /Width {image.width} /Height {image.height} /ColorSpace /DeviceRGB "
            f"/BitsPerComponent 8 /Filter /DCTDecode /Length {len(data)} >>\nstream\n".encode()
            + data
            + b"\nendstream",
        ]
    return assemble(objects)


def skewed(mark: Mark, width: float, height: float, degrees: float) -> Mark:
    """Where a mark stands after the page was turned by `degrees` counterclockwise about its centre."""
    if not degrees:
        return mark
    angle = math.radians(degrees)
    return Mark(
        mark.page, tuple(_turned(box, width / 2, height / 2, math.cos(angle), math.sin(angle)) for box in mark.boxes)
    )


def _turned(box: Box, centre_x: float, centre_y: float, cos: float, sin: float) -> Box:
    corners = [(x - centre_x, y - centre_y) for x in (box[0], box[2]) for y in (box[1], box[3])]
    # With y downwards, counterclockwise on the page is (x cos + y sin, y cos - x sin).
    across = [centre_x + x * cos + y * sin for x, y in corners]
    down = [centre_y + y * cos - x * sin for x, y in corners]
    return (min(across), min(down), max(across), max(down))
