"""The gateway: configured servers, aliases, rules, prices; calls and remembered answers; limits of keys and users."""

import sqlalchemy as sa
from alembic import op

from ementa.db.base import Id, Json, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns."""
    _limits()
    _configuration()
    _calls()


def downgrade() -> None:
    """Remove them."""
    for table in (
        "cached_answer",
        "model_call",
        "gateway_revision",
        "model_price",
        "routing_rule",
        "model_alias",
        "model_server",
    ):
        op.drop_table(table)
    op.drop_column("analysis", "key_id")
    op.drop_column("api_key", "models")
    for table in ("api_key", "user", "tenant"):
        op.drop_column(table, "limits")


def _limits() -> None:
    for table in ("tenant", "user", "api_key"):
        op.add_column(table, sa.Column("limits", Json))
    op.add_column("api_key", sa.Column("models", Json))
    op.add_column("analysis", sa.Column("key_id", Id))


def _configuration() -> None:
    op.create_table(
        "model_server",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.LargeBinary),
        sa.Column("models", Json, nullable=False),
        sa.Column("options", Json, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_server")),
        sa.UniqueConstraint("name", name=op.f("uq_model_server_name")),
    )
    op.create_table(
        "model_alias",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("fallbacks", Json, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_model_alias")),
    )
    op.create_table(
        "routing_rule",
        sa.Column("id", Id, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("conditions", Json, nullable=False),
        sa.Column("targets", Json, nullable=False),
        sa.Column("cheapest", sa.Boolean, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_rule")),
        sa.UniqueConstraint("name", name=op.f("uq_routing_rule_name")),
    )
    op.create_table(
        "model_price",
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("input_per_million", sa.Double, nullable=False),
        sa.Column("output_per_million", sa.Double, nullable=False),
        sa.Column("watts", sa.Double, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("model", name=op.f("pk_model_price")),
    )
    op.create_table(
        "gateway_revision",
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_gateway_revision")),
    )


def _calls() -> None:
    numbers = ("attempts", "prompt_tokens", "output_tokens", "cached_tokens", "queue_ms", "ttft_ms", "latency_ms")
    op.create_table(
        "model_call",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("tenant_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("key_id", Id, nullable=False),
        sa.Column("api", sa.String(50), nullable=False),
        sa.Column("asked_model", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("provider", sa.String(50), nullable=False),
        sa.Column("server", sa.String(200), nullable=False),
        sa.Column("status", sa.String(50), nullable=False),
        sa.Column("streamed", sa.Boolean, nullable=False),
        sa.Column("cached", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in numbers),
        sa.Column("cost", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_call")),
    )
    op.create_index(op.f("ix_model_call_at"), "model_call", ["at"])
    for owner in ("tenant_id", "user_id", "key_id"):
        op.create_index(op.f(f"ix_model_call_{owner}_at"), "model_call", [owner, "at"])
    op.create_table(
        "cached_answer",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("tenant_id", Id, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_cached_answer")),
    )
    op.create_index(op.f("ix_cached_answer_expires_at"), "cached_answer", ["expires_at"])
    op.create_index(op.f("ix_cached_answer_tenant_id"), "cached_answer", ["tenant_id"])
    op.create_index(op.f("ix_cached_answer_created_at_key_size"), "cached_answer", ["created_at", "key", "size"])
