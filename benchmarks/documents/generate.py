"""Draw one document, or many; `python -m benchmarks.documents` writes them to a folder."""

import json
from collections.abc import Iterator
from random import Random
from typing import Literal

from benchmarks.documents.kinds import boleto, contract, invoice, nfce, nfe, receipt
from benchmarks.documents.scan import Effects, draw_effects, photograph, skewed, to_image_pdf, to_jpeg
from benchmarks.documents.truth import Draft, Expected, Sample

KINDS = {
    "invoice": invoice.LAYOUTS,
    "receipt": receipt.LAYOUTS,
    "boleto": boleto.LAYOUTS,
    "contract": contract.LAYOUTS,
    "nfe": nfe.LAYOUTS,
    "nfce": nfce.LAYOUTS,
}
Medium = Literal["digital", "scan"]
MEDIA: tuple[Medium, ...] = ("digital", "scan")


def sample(kind: str, layout: int, medium: Medium, seed: int) -> Sample:
    """One document with its question and truth. The same arguments always give the same bytes."""
    rng = Random(f"{kind}/{layout}/{medium}/{seed}")
    draft = KINDS[kind][layout](rng)
    ask = rng.choice(draft.asks)
    effects = draw_effects(rng) if medium == "scan" else Effects()
    pdf = draft.canvas.to_pdf()
    name, data = f"{kind}-{layout}-{seed}", pdf
    if medium == "scan":
        pages = photograph(pdf, effects, seed)
        as_photo = len(pages) == 1 and rng.random() < 0.5
        data = to_jpeg(pages[0], effects) if as_photo else to_image_pdf(pages, effects)
        name = f"{name}.jpg" if as_photo else f"{name}-scan.pdf"
    else:
        name = f"{name}.pdf"
    return Sample(
        kind=kind,
        layout=layout,
        medium=medium,
        seed=seed,
        filename=name,
        data=data,
        prompt=ask.prompt,
        format=json.dumps(ask.form, ensure_ascii=False),
        expected=_truth(draft, ask.fields, effects.skew if medium == "scan" else 0.0),
        page_sizes=tuple((draft.canvas.width, draft.canvas.height) for _ in range(draft.canvas.page)),
        effects=effects.record() if medium == "scan" else {},
    )


def _truth(draft: Draft, fields: dict[str, str], skew: float) -> tuple[Expected, ...]:
    canvas = draft.canvas
    return tuple(
        Expected(
            pointer,
            *draft.values[tag],
            tuple(skewed(mark, canvas.width, canvas.height, skew) for mark in canvas.marks[tag]),
        )
        for pointer, tag in fields.items()
    )


def samples(each: int, *, first_seed: int = 1, media: tuple[Medium, ...] = MEDIA) -> Iterator[Sample]:
    """`each` documents of every kind, layout and medium."""
    for kind, layouts in KINDS.items():
        for layout in range(len(layouts)):
            for medium in media:
                for seed in range(first_seed, first_seed + each):
                    yield sample(kind, layout, medium, seed)
