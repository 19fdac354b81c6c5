"""Calls to models in the audit trail."""

from collections.abc import Sequence

from ementa.db.database import Session
from ementa.identity.audit import Event, record_events
from ementa.llm.calls import CallRecord


async def audit_calls(session: Session, calls: Sequence[CallRecord]) -> None:
    """Tell the trail of the calls that somebody made with a key: which model, by whom, from where; no word of what was
    said. The `seal` of the recorder of calls."""
    await record_events(session, [_event(call) for call in calls if call.caller.key])


def _event(call: CallRecord) -> Event:
    return Event(
        action="model.call",
        resource=call.model or call.asked_model,
        at=call.at,
        details={
            "api": call.caller.api,
            "call": call.id,
            "output_tokens": call.output_tokens,
            "prompt_tokens": call.prompt_tokens,
            "status": call.status,
        },
        tenant_id=call.caller.tenant,
        user_id=call.caller.user,
        key_id=call.caller.key,
        ip=call.client,
        request_id=call.request_id,
    )
