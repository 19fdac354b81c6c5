"""Runs an awaitable as far as it goes without waiting: most are ready, and then need no timer of their own."""

from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Step(Generic[T]):
    """One awaitable, run as far as it goes without waiting, and the rest later by `await`."""

    __slots__ = ("_failure", "_inner", "_waited_for", "value")

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self.value: T
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
