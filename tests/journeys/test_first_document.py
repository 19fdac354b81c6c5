"""The first document: what Ementa is for, told as it happens."""

from pathlib import Path

from people import Person, eventually

from ementa.testing.server import RunningServer

QUESTION = {
    "Prompt": "Extraia o CNPJ do emitente, o número da nota e o valor total",
    "Format_Response": '{"cnpj": "", "numero": "", "total": 0}',
    "Model": "ementa-reader",
}


async def test_an_accounts_clerk_gets_json_with_the_proof_of_every_value(clerk: Person, invoice: Path) -> None:
    # She sends the scan with her question and is told where to look.
    status, accepted = await clerk.send(invoice, **QUESTION)
    assert status == 202
    assert accepted["status"] == "uploaded"
    assert accepted["status_label"] == "Upload realizado"

    # The queue shows it on its way.
    _, queue = await clerk.call("GET", "/queue")
    assert [document["id"] for document in queue["documents"]] == [accepted["id"]]
    assert queue["documents"][0]["filename"] == "teste.jpg"

    # The answer comes in the form she asked for.
    status, answer = await clerk.call("GET", accepted["response_url"] + "?wait=60")
    assert status == 200, answer
    assert answer["status"] == "done"
    assert answer["model"] == "ementa-reader"
    assert answer["response"].keys() == {"cnpj", "numero", "total"}

    # Every value says where it stands on the page and which checks it passed.
    proof = {leaf["path"]: leaf for leaf in answer["proof"]}
    assert proof.keys() == {"/cnpj", "/numero", "/total"}
    assert "cnpj_digits" in proof["/cnpj"]["checks"]
    for leaf in proof.values():
        assert leaf["how"] in ("exact", "normalised", "ocr_repaired")
        assert leaf["page"] == 1
        for x0, y0, x1, y1 in leaf["boxes"]:
            assert 0 <= x0 < x1 <= leaf["page_width"]
            assert 0 <= y0 < y1 <= leaf["page_height"]

    # A program that wants only the JSON asks for the bare form.
    _, bare = await clerk.call("GET", accepted["response_url"] + "?form=bare")
    assert bare == answer["response"]


async def test_cancelling_erases_every_byte_of_it(clerk: Person, server: RunningServer) -> None:
    word = "mascavo93517"
    asked = {**QUESTION, "Prompt": f"Qual é o segredo {word}?", "Format_Response": '{"segredo": ""}'}
    answer = await clerk.ask(f"Contrato.\nSegredo: açúcar {word}".encode(), **asked)
    assert word in str(answer["response"])
    assert holding(server.data, word)

    status, cancelled = await clerk.call("DELETE", f"/queue/{answer['id']}")
    assert (status, cancelled["status"]) == (200, "cancelled")
    status, gone = await clerk.call("GET", f"/response/{answer['id']}")
    assert (status, gone["code"]) == (410, "ANALYSIS_CANCELLED")
    assert holding(server.data, word) == []


def holding(data: Path, word: str) -> list[str]:
    """The files below `data` that contain `word`, packed or not."""
    found = []
    for path in data.rglob("*"):
        if path.is_file() and (word.encode() in path.read_bytes() or path.parts[-3:-2] == ("uploads",)):
            found.append(path.name)
    return found


async def test_what_expires_is_erased_and_says_so(clerk: Person) -> None:
    status, accepted = await clerk.send(b"CNPJ 11.222.333/0001-81", **QUESTION, TTL="1")
    assert status == 202

    async def expired() -> bool:
        status, body = await clerk.call("GET", f"/response/{accepted['id']}")
        return (status, body.get("code")) == (410, "ANALYSIS_EXPIRED")

    assert await eventually(expired)
    _, queue = await clerk.call("GET", "/queue")
    assert queue["total"] == 0


async def test_a_power_cut_loses_nothing_that_was_accepted(server: RunningServer, clerk: Person) -> None:
    ids = []
    for number in range(12):
        status, accepted = await clerk.send(f"Nota {number}\nCNPJ: 11.222.333/0001-81".encode(), **QUESTION)
        assert status == 202
        ids.append(accepted["id"])
    server.kill()
    server.start()
    for analysis_id in ids:
        status, answer = await clerk.answer(analysis_id)
        assert status == 200
        assert answer["response"]["cnpj"] == "11.222.333/0001-81"


async def test_the_same_request_sent_twice_is_one_document(clerk: Person) -> None:
    asked = {**QUESTION, "Idempotency_Key": "pedido-77"}
    _, first = await clerk.send(b"CNPJ 11.222.333/0001-81", **asked)
    status, again = await clerk.send(b"CNPJ 11.222.333/0001-81", **asked)
    assert (status, again["id"]) == (202, first["id"])
    status, other = await clerk.send(b"CNPJ 60.701.190/0001-04", **asked)
    assert (status, other["code"]) == (409, "IDEMPOTENCY_CONFLICT")


async def test_a_model_that_is_not_there_is_said_so_at_once(clerk: Person, server: RunningServer) -> None:
    status, error = await clerk.send(b"CNPJ 11.222.333/0001-81", **{**QUESTION, "Model": "gemma3:1b"})
    assert (status, error["code"]) == (503, "MODEL_UNAVAILABLE")
    assert "ollama pull gemma3:1b" in error["error"]
    assert not [path for path in (server.data / "blobs").rglob("*") if path.is_file()]


async def test_a_stranger_is_turned_away_in_their_language(server: RunningServer, invoice: Path) -> None:
    stranger = Person(server, key="wrong")
    try:
        status, error = await stranger.send(invoice, **QUESTION)
        assert (status, error["code"]) == (401, "UNAUTHENTICATED")
        status, english = await stranger.call("GET", "/queue", {"Accept-Language": "en"})
        assert status == 401
        assert english["error"] != error["error"]
    finally:
        await stranger.close()
