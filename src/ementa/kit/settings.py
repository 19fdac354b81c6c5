"""What every package's settings section is made of."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One package's settings: immutable, nothing unknown, every field described."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
