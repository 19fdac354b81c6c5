import pytest

from ementa.kit.registry import AdapterMissing, Registry


def test_our_own_adapters_are_listed_without_being_imported() -> None:
    assert {"pdf", "image"} <= set(Registry("ementa.extractors").names())


def test_an_unknown_adapter_is_named_with_what_there_is() -> None:
    with pytest.raises(AdapterMissing, match="pdf"):
        Registry("ementa.extractors").load("papyrus")
