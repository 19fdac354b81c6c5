"""Who may see which analyses: the SELECT from which every query starts."""

from sqlalchemy import Select, select

from ementa.analysis.models import Analysis
from ementa.identity.types import Principal


def readable(principal: Principal) -> Select[Analysis]:
    """The analyses that `principal` may see: their own; an administrator sees the whole tenant."""
    statement = select(Analysis).where(Analysis.tenant_id == principal.tenant_id)
    if not principal.is_admin:
        statement = statement.where(Analysis.user_id == principal.user_id)
    return statement
