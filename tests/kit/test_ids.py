import uuid

from ementa.kit.ids import is_id, new_id


def test_ids_are_version_seven_and_unique() -> None:
    made = {new_id() for _ in range(2000)}
    assert len(made) == 2000
    assert {uuid.UUID(one).version for one in made} == {7}
    assert {uuid.UUID(one).variant for one in made} == {uuid.RFC_4122}


def test_ids_sort_by_the_millisecond_they_were_made_in() -> None:
    made = [new_id() for _ in range(50)]
    assert sorted(one[:13] for one in made) == [one[:13] for one in made]


def test_what_is_not_an_id() -> None:
    assert is_id(new_id())
    for text in ("", "../etc/passwd", "123", "{0198}", new_id().replace("-", "")):
        assert not is_id(text)
