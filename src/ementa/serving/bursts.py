"""Takes what a generator has ready in one go, so that pieces that arrived together leave together.

A model server's network chunk holds several pieces; each alone would cost a write, a frame and a wake-up of the client.
"""

from collections.abc import AsyncGenerator
from typing import TypeVar

from ementa.kit.stepping import Step

T = TypeVar("T")


async def bursts(source: AsyncGenerator[T, None]) -> AsyncGenerator[list[T], None]:
    """The items of `source` in lists: a list ends where the next item has to be waited for. Closes nothing."""
    ready: list[T] = []
    while True:
        step = Step(anext(source))
        try:
            waits = not step.run()
            if waits and ready:
                try:
                    yield ready
                except BaseException as error:  # the reader is gone: the step under way must learn of it, to let go
                    step.fail(error)
                ready = []
            item = await step if waits else step.value
        except StopAsyncIteration:
            break
        except Exception:
            if ready:
                yield ready  # what came before a failure is still told
            raise
        ready.append(item)
    if ready:
        yield ready
