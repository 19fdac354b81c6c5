"""What every provider does with tools, images and thoughts, where its server knows them."""

import json
from typing import ClassVar

from ementa.llm.base import collect
from ementa.llm.types import ChatDelta, ChatResult, Message, Tool, ToolCall
from ementa.testing.providers import Ability, Bench, ask, every

WEATHER = Tool(
    "clima",
    "Diz o tempo numa cidade.",
    {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]},
)
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""One pixel."""
QUESTION = "Como está o clima na cidade de Recife?"


class ToolBehaviour:
    """The behaviour of a provider whose models can ask for calls. The double calls a tool offered to it once, then
    answers with the result."""

    ability: ClassVar[Ability] = "tools"

    async def test_a_call_is_asked_for(self, bench: Bench) -> None:
        """Whole, in one piece, with an id and its arguments as JSON."""
        request = ask(bench.abilities["tools"], QUESTION, tools=(WEATHER,))
        *pieces, result = await every(bench.provider, request)
        assert isinstance(result, ChatResult)
        assert result.finish == "tool_calls"
        (call,) = result.tool_calls
        assert call.id
        assert call.name == "clima"
        assert isinstance(json.loads(call.arguments)["cidade"], str)
        told = [call for piece in pieces if isinstance(piece, ChatDelta) for call in piece.tool_calls]
        assert told == [call]

    async def test_a_result_of_a_tool_is_taken_into_account(self, bench: Bench) -> None:
        """The conversation so far reaches the server: what was called, with what, and what came of it."""
        call = ToolCall("call_7", "clima", '{"cidade": "Recife"}')
        messages = [
            Message("user", QUESTION),
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", "31 graus", tool_call_id="call_7", tool_name="clima"),
        ]
        result = await collect(
            bench.provider.stream(ask(bench.abilities["tools"], messages=messages, tools=(WEATHER,)))
        )
        assert result.finish == "stop"
        assert "31 graus" in result.text
        received = bench.received()
        assert received.tools == ("clima",)
        assert received.calls == (("clima", {"cidade": "Recife"}),)
        assert received.results == ("31 graus",)

    async def test_no_call_where_none_is_wanted(self, bench: Bench) -> None:
        """The tools may be known from before, but may not be called now."""
        request = ask(bench.abilities["tools"], QUESTION, tools=(WEATHER,), tool_choice="none")
        result = await collect(bench.provider.stream(request))
        assert result.tool_calls == ()
        assert result.text


class ImageBehaviour:
    """The behaviour of a provider whose models can see."""

    ability: ClassVar[Ability] = "images"

    async def test_images_reach_the_model(self, bench: Bench) -> None:
        """As the dialect wants them, in their order, with the text beside them."""
        message = Message("user", "O que há na imagem?", images=(PNG, PNG))
        result = await collect(bench.provider.stream(ask(bench.abilities["images"], messages=[message])))
        assert result.text
        assert bench.received().images == (PNG, PNG)


class ThinkingBehaviour:
    """The behaviour of a provider whose models can think before they answer."""

    ability: ClassVar[Ability] = "thinking"

    async def test_thoughts_are_apart_from_the_answer(self, bench: Bench) -> None:
        """In the pieces and in the result."""
        *pieces, result = await every(bench.provider, ask(bench.abilities["thinking"], think=True))
        assert isinstance(result, ChatResult)
        assert result.thinking
        assert result.text
        deltas = [piece for piece in pieces if isinstance(piece, ChatDelta)]
        assert result.thinking == "".join(piece.thinking for piece in deltas)
        assert result.text == "".join(piece.text for piece in deltas)
        assert result.thinking not in result.text

    async def test_no_thoughts_where_none_are_wanted(self, bench: Bench) -> None:
        """An analysis does not pay for them."""
        *pieces, result = await every(bench.provider, ask(bench.abilities["thinking"], think=False))
        assert isinstance(result, ChatResult)
        assert result.thinking == ""
        assert not any(isinstance(piece, ChatDelta) and piece.thinking for piece in pieces)
        assert result.text

    async def test_earlier_thoughts_do_no_harm(self, bench: Bench) -> None:
        """A conversation that holds them goes on."""
        messages = [Message("user", "Oi"), Message("assistant", "Olá", thinking="Cumprimentar."), Message("user", "E?")]
        request = ask(bench.abilities["thinking"], messages=messages, think=True)
        assert (await collect(bench.provider.stream(request))).text
