"""Every failure leaves in the one form, with the right status, and says nothing of our insides."""

import json

import pytest
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from ementa.app.errors import error_response, explain, status_of
from ementa.cli.reference import import_everything
from ementa.kit.errors import EmentaError, LimitExceeded, all_errors
from ementa.storage.errors import StorageFull


def test_every_error_has_a_status_and_both_sentences() -> None:
    import_everything()
    for code, kind in all_errors().items():
        assert 400 <= status_of(kind) < 600, code
        assert kind.pt.strip(), code
        assert kind.en.strip(), code
        if kind is not EmentaError:
            assert status_of(kind) != 500, code


def test_an_unforeseen_exception_tells_nothing() -> None:
    for error in (ValueError("/home/x/secret.py"), OperationalError("SELECT secret", {}, Exception("db at 10.0.0.1"))):
        body = error_response(explain(error, method="GET", path="/"), None).body
        assert b"secret" not in body
        assert b"10.0.0.1" not in body


def test_a_database_in_trouble_is_unavailable_and_worth_another_try() -> None:
    error = OperationalError("SELECT 1", {}, Exception("locked"))
    response = error_response(explain(error, method="GET", path="/"), "en")
    assert response.status_code == 503
    assert response.headers["retry-after"].isdigit()


def test_retry_after_comes_from_the_error_when_it_knows() -> None:
    assert error_response(LimitExceeded(retry_after=17), None).headers["retry-after"] == "17"
    assert error_response(StorageFull(), None).status_code == 507


def test_validation_names_the_parameter_and_never_echoes_its_value() -> None:
    problem = {"loc": ("query", "limit"), "msg": "Input should be a valid integer", "input": "hunter2", "type": "int"}
    response = error_response(explain(RequestValidationError([problem]), method="GET", path="/"), None)
    assert response.status_code == 422
    told = json.loads(response.body)
    assert told["details"] == [{"in": "query", "name": "limit", "problem": "Input should be a valid integer"}]
    assert b"hunter2" not in response.body


@pytest.mark.parametrize(("status", "expected"), [(404, 404), (405, 405), (400, 400), (415, 400), (500, 500)])
def test_framework_errors_take_our_form(status: int, expected: int) -> None:
    error = explain(HTTPException(status, headers={"Allow": "GET"}), method="PUT", path="/x")
    assert error_response(error, None).status_code == expected


def test_half_a_surrogate_pair_in_details_is_still_json() -> None:
    response = error_response(EmentaError(details={"value": "\ud800"}), None)
    assert json.loads(response.body)["details"] == {"value": "\ud800"}
