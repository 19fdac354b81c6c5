"""Calls to models in the audit trail."""

from collections.abc import Sequence
from typing import Any

from ementa.db.database import Session
from ementa.identity.audit import Event, record_events
from ementa.llm.calls import CallRecord


async def audit_calls(session: Session, calls: Sequence[CallRecord]) -> None:
    """Tell the trail of the calls that somebody made with a key: which model, by whom, from where; no word of what was
    said. The `seal` of the recorder of calls.

    Calls that are alike and were stored together, which means within a second, are one event that counts them: one by
    one they cost more than the rest of their record, and the table `model_call` has each.
    """
    alike: dict[tuple[str, ...], list[CallRecord]] = {}
    for call in calls:
        caller = call.caller
        if caller.key:
            model = call.model or call.asked_model
            group = (caller.tenant, caller.user, caller.key, call.client, caller.api, model, call.status)
            alike.setdefault(group, []).append(call)
    await record_events(session, [_event(group) for group in alike.values()])


def _event(calls: Sequence[CallRecord]) -> Event:
    first, last = calls[0], calls[-1]
    details: dict[str, Any] = {
        "api": last.caller.api,
        "call": last.id,
        "calls": len(calls),
        "output_tokens": sum(call.output_tokens for call in calls),
        "prompt_tokens": sum(call.prompt_tokens for call in calls),
        "status": last.status,
    }
    if len(calls) > 1:
        details["first_call"] = first.id
    return Event(
        action="model.call",
        resource=last.model or last.asked_model,
        at=last.at,
        details=details,
        tenant_id=last.caller.tenant,
        user_id=last.caller.user,
        key_id=last.caller.key,
        ip=last.client,
        request_id=last.request_id,
    )
