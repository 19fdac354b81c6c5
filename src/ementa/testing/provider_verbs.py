"""What every provider does that embeds, reranks, or manages the models of its server."""

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import ClassVar

from ementa.kit.errors import Invalid
from ementa.llm.base import Embeds, ManagesModels, Reranks
from ementa.llm.errors import ModelCannotEmbed, ModelRejected, ModelUnavailable, ServerUnreachable
from ementa.llm.types import EmbedRequest, PullProgress, RerankRequest
from ementa.testing.providers import Ability, Bench, error_of

MANY = 300
"""More texts than servers take at once."""


class EmbeddingBehaviour:
    """The behaviour of a provider whose server turns texts into vectors."""

    ability: ClassVar[Ability] = "embed"

    async def test_one_vector_a_text_in_their_order(self, bench: Bench) -> None:
        """The same text has the same vector, wherever it stands."""
        result = await _embeds(bench).embed(_texts(bench, "contrato", "nota fiscal", "contrato"))
        first, other, again = result.vectors
        assert len(first) == len(other) > 1
        assert _near(first, again)
        assert not _near(first, other)
        assert result.prompt_tokens > 0
        assert result.latency_ms >= 0

    async def test_many_texts(self, bench: Bench) -> None:
        """However many a server takes at once."""
        texts = [f"documento número {number}" for number in range(MANY)]
        vectors = (await _embeds(bench).embed(_texts(bench, *texts))).vectors
        assert len(vectors) == MANY
        (single,) = (await _embeds(bench).embed(_texts(bench, texts[-1]))).vectors
        assert _near(vectors[-1], single)

    async def test_no_text(self, bench: Bench) -> None:
        """Asks nothing of the server."""
        assert list((await _embeds(bench).embed(_texts(bench))).vectors) == []

    async def test_dimensions_are_honoured_or_refused(self, bench: Bench) -> None:
        """Never ignored."""
        request = EmbedRequest(bench.abilities["embed"], ["contrato"], dimensions=8)
        try:
            result = await _embeds(bench).embed(request)
        except (Invalid, ModelRejected):
            return
        assert [len(vector) for vector in result.vectors] == [8]

    async def test_a_model_that_does_not_embed(self, bench: Bench) -> None:
        """Is named, with what it can do instead."""
        await error_of(ModelCannotEmbed, _embeds(bench).embed(EmbedRequest(bench.model, ["contrato"])))

    async def test_embedding_with_an_absent_model(self, bench: Bench) -> None:
        """As with chat."""
        request = EmbedRequest(bench.faulty("absent"), ["contrato"])
        error = await error_of(ModelUnavailable, _embeds(bench).embed(request))
        assert not isinstance(error, ServerUnreachable)


class RerankBehaviour:
    """The behaviour of a provider whose server scores documents."""

    ability: ClassVar[Ability] = "rerank"

    async def test_one_score_a_document_in_their_order(self, bench: Bench) -> None:
        """The one that answers the query has the highest."""
        documents = ["o céu azul", "o prazo do contrato de locação é de 30 meses", "nota fiscal"]
        request = RerankRequest(bench.abilities["rerank"], "prazo do contrato de locação", documents)
        result = await _reranks(bench).rerank(request)
        assert len(result.scores) == len(documents)
        assert max(result.scores) == result.scores[1]
        turned = RerankRequest(request.model, request.query, documents[::-1])
        assert _near((await _reranks(bench).rerank(turned)).scores, list(result.scores)[::-1])

    async def test_no_document(self, bench: Bench) -> None:
        """Asks nothing of the server."""
        request = RerankRequest(bench.abilities["rerank"], "prazo", [])
        assert list((await _reranks(bench).rerank(request)).scores) == []

    async def test_reranking_with_an_absent_model(self, bench: Bench) -> None:
        """As with chat."""
        request = RerankRequest(bench.faulty("absent"), "prazo", ["contrato"])
        await error_of(ModelUnavailable, _reranks(bench).rerank(request))


class ManagingBehaviour:
    """The behaviour of a provider whose server downloads, removes, loads and unloads models."""

    ability: ClassVar[Ability] = "manage"

    async def test_the_life_of_a_model(self, bench: Bench) -> None:
        """Pulled with progress, warmed, unloaded, deleted; what is known of it follows."""
        provider, model = _manages(bench), bench.abilities["manage"]
        steps = await _steps(provider.pull(model))
        assert steps[-1].status == "success"
        sizes = [(step.completed, step.total) for step in steps if step.total]
        assert sizes
        assert all(0 <= completed <= total for completed, total in sizes)
        assert model in [info.name for info in await bench.provider.list_models()]
        assert (await bench.provider.show(model)).name == model
        await provider.warm(model)
        assert model in (await bench.provider.health()).loaded
        await provider.unload(model)
        assert model not in (await bench.provider.health()).loaded
        await provider.delete(model)
        assert model not in [info.name for info in await bench.provider.list_models()]
        await error_of(ModelUnavailable, bench.provider.show(model))

    async def test_an_absent_model_is_not_managed(self, bench: Bench) -> None:
        """Can be neither pulled, deleted, warmed nor unloaded."""
        provider, model = _manages(bench), bench.faulty("absent")
        await error_of(ModelUnavailable, _steps(provider.pull(model)))
        for verb in (provider.delete, provider.warm, provider.unload):
            error = await error_of(ModelUnavailable, verb(model))
            assert not isinstance(error, ServerUnreachable)


def _texts(bench: Bench, *texts: str) -> EmbedRequest:
    return EmbedRequest(bench.abilities["embed"], texts, timeout_seconds=30.0)


def _embeds(bench: Bench) -> Embeds:
    assert isinstance(bench.provider, Embeds)
    return bench.provider


def _reranks(bench: Bench) -> Reranks:
    assert isinstance(bench.provider, Reranks)
    return bench.provider


def _manages(bench: Bench) -> ManagesModels:
    assert isinstance(bench.provider, ManagesModels)
    return bench.provider


def _near(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-4) for a, b in zip(one, other, strict=True))


async def _steps(progress: AsyncGenerator[PullProgress, None]) -> list[PullProgress]:
    async with aclosing(progress):
        return [step async for step in progress]
