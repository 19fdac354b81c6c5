"""What routes of the main job need from the running process."""

from typing import Annotated

from fastapi import Depends, Request

from ementa.analysis.intake import Intake
from ementa.analysis.signals import Changes


def get_intake(request: Request) -> Intake:
    """The way in for documents."""
    return request.app.state.runtime.intake


def get_changes(request: Request) -> Changes:
    """Wake-up calls when an analysis changed."""
    return request.app.state.runtime.changes


IntakeDep = Annotated[Intake, Depends(get_intake)]
ChangesDep = Annotated[Changes, Depends(get_changes)]
