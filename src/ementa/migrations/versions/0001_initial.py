"""The first tables. One function a domain, called in the order of their foreign keys."""

import sqlalchemy as sa
from alembic import op

from ementa.db.base import Id, Json, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    _jobs()
    _identity()
    _analyses()


def downgrade() -> None:
    """Drop every table, the dependent ones first."""
    for table in ("analysis", "audit_event", "api_key", "user", "tenant"):
        op.drop_table(table)
    op.drop_table("job")


def _jobs() -> None:
    op.create_table(
        "job",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("queue", sa.String(50), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("key", sa.String(200)),
        sa.Column("payload", Json, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("token", sa.String(32)),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("error", Json),
        sa.Column("engine_ref", sa.BigInteger),
        sa.Column("run_at", UtcDateTime, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("started_at", UtcDateTime),
        sa.Column("finished_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("key", name=op.f("uq_job_key")),
    )
    op.create_index(op.f("ix_job_queue_state_priority_run_at"), "job", ["queue", "state", "priority", "run_at"])
    op.create_index(op.f("ix_job_state_finished_at"), "job", ["state", "finished_at"])


def _identity() -> None:
    op.create_table(
        "tenant",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("name", name=op.f("uq_tenant_name")),
    )
    op.create_table(
        "user",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", Id, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("disabled_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_user_tenant_id_tenant")),
        sa.UniqueConstraint("tenant_id", "email", name=op.f("uq_user_tenant_id_email")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("prefix", sa.String(12), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("bootstrap", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("revoked_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_api_key_user_id_user")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_key_hash")),
    )
    op.create_index(op.f("ix_api_key_user_id"), "api_key", ["user_id"])
    _audit()


def _audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("tenant_id", Id),
        sa.Column("user_id", Id),
        sa.Column("key_id", Id),
        sa.Column("action", sa.String(50), nullable=False),
        sa.Column("resource", sa.String(200), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("ip", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_tenant_id_at"), "audit_event", ["tenant_id", "at"])
    op.create_index(op.f("ix_audit_event_resource"), "audit_event", ["resource"])


def _analyses() -> None:
    op.create_table(
        "analysis",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("job_id", Id),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("blob_key", sa.String(200)),
        sa.Column("extraction_key", sa.String(200)),
        sa.Column("prompt", sa.Text),
        sa.Column("format_text", sa.Text),
        sa.Column("example_text", sa.Text),
        sa.Column("spec", sa.LargeBinary),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("model_used", sa.String(200)),
        sa.Column("callback_url", sa.Text),
        sa.Column("selection", sa.LargeBinary),
        sa.Column("outcome", sa.LargeBinary),
        sa.Column("error", Json),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("erased_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis")),
        sa.UniqueConstraint("user_id", "idempotency_key", name=op.f("uq_analysis_user_id_idempotency_key")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_analysis_tenant_id_tenant")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_analysis_user_id_user")),
    )
    op.create_index(op.f("ix_analysis_tenant_id_user_id_id"), "analysis", ["tenant_id", "user_id", "id"])
    for column in ("expires_at", "extraction_key", "status", "updated_at"):
        op.create_index(op.f(f"ix_analysis_{column}"), "analysis", [column])
