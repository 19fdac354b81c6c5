"""What the prompt says of the form: whose values, one or many, an open question or a value."""

import re

import msgspec

from ementa.analysis.kinds import infer_kind, key_words
from ementa.analysis.selection.concepts import SIDES, concepts_of, roles_of
from ementa.analysis.spec.from_example import singular, text_style
from ementa.analysis.spec.nodes import Group, Leaf, Many, Member, Node
from ementa.analysis.types import Kind
from ementa.analysis.validators.folding import fold

_CLAUSE = re.compile(r"[,;.\n:?!()]|\se\s|\sand\s|\sbem como\s|\sou\s")
_EVERY = re.compile(
    r"\b(?:todos|todas|cada|liste|listar|lista de|relacione|enumere|all|every|each|list|quantos|varios|varias)\b"
)
_OPEN = re.compile(
    r"\b(?:resum\w*|sumari\w*|summar\w*|expli\w*|descrev\w*|describe|analis\w*|coment\w*|opin\w*|sobre o que|"
    r"do que se trata|what is this|por que|porque|why|how|como|objeto|clausul\w*|conclu\w*|obrigac\w*|riscos?|risks?)\b"
)
_CONDITION = re.compile(
    r"\b(?:acima|abaixo|maior(?:es)?|menor(?:es)?|superior(?:es)?|inferior(?:es)?|mais|menos|above|below|over|under|more|"
    r"less|greater|exceeding|a partir)\b(?:\s(?:de|do que|que|a|than))?\s(?:r\$\s?)?\d"
)
_ENGLISH = re.compile(
    r"\b(?:the|what|which|extract|find|list|give|return|please|from|this|of|is|are|and|who|when|summari[sz]e|invoice)\b"
)
_PORTUGUESE = re.compile(
    r"\b(?:o|os|as|qual|quais|extraia|do|da|dos|das|de|nota|este|esta|deste|desta|leia|liste|para|com|uma|que|por|quem|resuma)\b"
)


class Ask:
    """A prompt, taken apart once."""

    def __init__(self, prompt: str) -> None:
        self.text = prompt
        self.folded = fold(prompt)
        clauses = [clause for clause in _CLAUSE.split(self.folded) if clause.strip()]
        self._clauses = [(concepts_of(clause), roles_of(clause)) for clause in clauses]
        self.concepts = concepts_of(prompt)
        self.roles = roles_of(prompt)
        self.wants_every = bool(_EVERY.search(self.folded))
        self.has_condition = bool(_CONDITION.search(self.folded))
        """Whether it wants only the rows beyond a figure, which the readers do not judge."""
        self.is_open = bool(_OPEN.search(self.folded))
        english, portuguese = len(_ENGLISH.findall(self.folded)), len(_PORTUGUESE.findall(self.folded))
        self.english, self.portuguese = english > portuguese, portuguese > english
        self.words = frozenset(re.findall(r"[a-z0-9]+", self.folded))

    def role_for(self, key: str, kind: Kind) -> str:
        """Whose value a key without a party of its own wants, as the clause that names it says."""
        wanted = concepts_of(key)
        if kind in (Kind.CNPJ, Kind.CPF, Kind.CPF_OR_CNPJ):
            wanted = wanted | {"cnpj", "cpf"}
        named = {roles[0] for concepts, roles in self._clauses if roles and wanted & concepts}
        if len(named) == 1:
            return named.pop()
        sides = {SIDES.get(role, role) for role in self.roles}
        return self.roles[0] if len(sides) == 1 and not named else ""

    def wants_many(self, key: str) -> bool:
        """Whether more than one of `key` is asked for: "todos", "cada", or the plural of its own words."""
        if self.wants_every:
            return True
        return any(f"{word}{ending}" in self.words for word in key_words(key) for ending in ("s", "es"))

    def resolve(self, node: Node) -> Node:
        """The form with the kinds that only the prompt decides: a bare `""` asks for what the prompt names."""
        if isinstance(node, Group):
            return msgspec.structs.replace(
                node, members=tuple(Member(member.name, self.resolve(member.node)) for member in node.members)
            )
        if isinstance(node, Many):
            return msgspec.structs.replace(node, item=self.resolve(node.item))
        return self._resolve_leaf(node)

    def _resolve_leaf(self, leaf: Leaf) -> Leaf:
        if not leaf.keyless or leaf.kind is not Kind.TEXT or leaf.choices:
            return leaf
        kind = self.kind()
        return msgspec.structs.replace(leaf, kind=kind, style=text_style(kind) or leaf.style)

    def kind(self) -> Kind:
        """What the prompt as a whole asks for; an answer in words when it names no kind of value."""
        if self.is_open:
            return Kind.ANSWER
        for word in re.findall(r"[a-z0-9\-]+", self.folded):
            for form in (word, singular(word)):
                kind = infer_kind(form, "")
                if kind not in (Kind.TEXT, Kind.ANSWER, Kind.BOOLEAN) and form not in (
                    "nota",
                    "documento",
                    "no",
                    "doc",
                ):
                    return kind
        return Kind.ANSWER


def is_plural(key: str) -> bool:
    """Whether a key names several: `itens`, `CNPJs`, `parcelas`."""
    words = key_words(key)
    return bool(words) and any(singular(word) != word for word in words[:1])
