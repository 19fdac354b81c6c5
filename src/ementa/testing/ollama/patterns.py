"""The shortest plain text that a regular expression accepts, for the patterns that schemas carry."""

from importlib import import_module
from typing import Any

# The parser of `re` is private but has kept this shape for decades; a schema's pattern is worth reading exactly.
sre: Any = import_module("re._constants")
parser: Any = import_module("re._parser")


def shortest_match(pattern: str) -> str:
    """A text that `pattern` matches. Knows literals, classes, groups, alternatives and repeats; no look-around."""
    return "".join(_node(operation, argument) for operation, argument in parser.parse(pattern))


def _node(operation: Any, argument: Any) -> str:
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.IN:
        return _member(argument)
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, _, inner = argument
        return "".join(_node(*part) for part in inner) * int(least)
    if operation is sre.SUBPATTERN:
        return "".join(_node(*part) for part in argument[-1])
    if operation is sre.BRANCH:
        return "".join(_node(*part) for part in argument[1][0])
    return {sre.ANY: "x", sre.NOT_LITERAL: "x"}.get(operation, "")


def _member(members: list[tuple[Any, Any]]) -> str:
    """The first member of a class; for a negated one, the first usual character that it lets in."""
    operation, argument = members[0]
    if operation is sre.NEGATE:
        allowed = (c for c in "x0 -" if not any(_covers(member, c) for member in members[1:]))
        return next(allowed, "x")
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.RANGE:
        return chr(argument[0])
    return {sre.CATEGORY_DIGIT: "0", sre.CATEGORY_WORD: "x", sre.CATEGORY_SPACE: " "}.get(argument, "x")


def _covers(member: tuple[Any, Any], character: str) -> bool:
    operation, argument = member
    if operation is sre.LITERAL:
        return argument == ord(character)
    if operation is sre.RANGE:
        return argument[0] <= ord(character) <= argument[1]
    if argument is sre.CATEGORY_DIGIT:
        return character.isdigit()
    if argument is sre.CATEGORY_SPACE:
        return character.isspace()
    return argument is sre.CATEGORY_WORD and (character.isalnum() or character == "_")
