"""Takes what a generator has ready in one go, so that pieces that arrived together leave together.

A model server's network chunk holds several pieces; each alone would cost a write, a frame and a wake-up of the client.
"""

from collections.abc import AsyncGenerator, Awaitable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def bursts(source: AsyncGenerator[T, None]) -> AsyncGenerator[list[T], None]:
    """The items of `source` in lists: a list ends where the next item has to be waited for. Closes nothing."""
    ready: list[T] = []
    while True:
        step = _Step(anext(source))
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


class _Step(Generic[T]):
    """One awaitable, run as far as it goes without waiting, and the rest later by `await`."""

    value: T

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._inner: Generator[Any, Any, T] = awaitable.__await__()
        self._waited_for: Any = None
        self._failure: BaseException | None = None

    def run(self) -> bool:
        """Whether the value is there already."""
        try:
            self._waited_for = next(self._inner)
        except StopIteration as end:
            self.value = end.value
            return True
        return False

    def fail(self, error: BaseException) -> None:
        """Let the rest fail with `error`."""
        self._failure = error

    def __await__(self) -> Generator[Any, Any, T]:
        while True:
            try:
                if self._failure is not None:
                    failure, self._failure = self._failure, None
                    raise failure
                sent = yield self._waited_for
            except BaseException as error:
                resume, argument = self._inner.throw, error
            else:
                resume, argument = self._inner.send, sent
            try:
                self._waited_for = resume(argument)
            except StopIteration as end:
                return end.value
