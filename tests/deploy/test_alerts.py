"""The alert rules: valid, tested one by one, and about metrics that exist."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ementa.app.create import create_app
from ementa.bootstrap import Runtime
from ementa.observability.metrics import render
from ementa.settings import load_settings

RULES = Path(__file__).parents[2] / "deploy/prometheus"
OWN = {"up"}
"""Metrics that Prometheus makes itself."""


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    beside = Path(sys.executable).parent
    found = shutil.which("promtool", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        message = "promtool is not installed: `make setup-dev` installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return subprocess.run([found, *arguments], cwd=RULES, capture_output=True, text=True, timeout=60)


def read(name: str) -> str:
    return (RULES / name).read_text(encoding="utf-8")


def test_the_configuration_and_the_rules_are_valid() -> None:
    checked = promtool("check", "config", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_when_they_should() -> None:
    tested = promtool("test", "rules", "alerts_test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_seen_to_fire() -> None:
    fired = re.findall(r"- alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:\n +- exp_labels", read("alerts_test.yml"))
    assert set(re.findall(r"- alert: (\w+)", read("alerts.yml"))) == set(fired)


def test_every_metric_of_the_rules_exists(tmp_path: Path) -> None:
    runtime = Runtime(load_settings(data=tmp_path))
    create_app(runtime)
    told = set(re.findall(r"^# TYPE (\w+) ", render(runtime.registry).decode(), re.MULTILINE))
    expressions = re.sub(
        r'"[^"]*"', "", "".join(re.findall(r"expr:(.*?)(?=\n +(?:for|labels):)", read("alerts.yml"), re.DOTALL))
    )
    named = set(re.findall(r"\bementa_\w+|\bup\b", expressions)) - OWN
    assert len(named) > 10
    assert {re.sub(r"_bucket$", "", name) for name in named} <= told
    mentioned = set(re.findall(r"\bementa_\w+", read("alerts.yml")))
    assert {re.sub(r"_bucket$", "", name) for name in mentioned} <= told
