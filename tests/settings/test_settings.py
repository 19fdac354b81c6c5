from pathlib import Path

import pytest

from ementa.settings import NAMES, Settings, SettingsInvalid, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_the_users_own_names_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "gpu1:11434, gpu2:11434")
    monkeypatch.setenv("MAX_TOKENS", "500")
    monkeypatch.setenv("TIMEOUT", "12.5")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("EMENTA_FALLBACK_MODELS", "qwen2:7b,ementa-reader")
    settings = load_settings()
    assert settings.llm.ollama_hosts == ("gpu1:11434", "gpu2:11434")
    assert (settings.llm.max_tokens, settings.llm.timeout_seconds) == (500, 12.5)
    assert settings.llm.fallback_models == ("qwen2:7b", "ementa-reader")
    assert settings.observability.log_level == "DEBUG"


def test_every_field_has_a_nested_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMENTA_EXTRACTION__MAX_PAGES", "7")
    assert load_settings().extraction.max_pages == 7


def test_environment_wins_over_dotenv_and_arguments_over_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_TOKENS=1\nEMENTA_KEY=from-the-file-0123456789\n")
    assert load_settings().llm.max_tokens == 1
    monkeypatch.setenv("MAX_TOKENS", "2")
    assert load_settings().llm.max_tokens == 2
    assert load_settings(llm={"max_tokens": 3}).llm.max_tokens == 3
    key = load_settings().identity.key
    assert key is not None
    assert key.get_secret_value() == "from-the-file-0123456789"


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("in-a-file-0123456789\n")
    monkeypatch.setenv("EMENTA_KEY_FILE", str(tmp_path / "key"))
    key = load_settings().identity.key
    assert key is not None
    assert key.get_secret_value() == "in-a-file-0123456789"


def test_a_bad_value_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMENTA_APP__PORT", "hunter2")
    with pytest.raises(SettingsInvalid, match=r"app\.port") as caught:
        load_settings()
    assert "hunter2" not in caught.value.text("pt")


def test_secrets_are_not_printed() -> None:
    settings = load_settings(identity={"key": "s3cret-value"}, db={"url": "postgresql://u:pw@h/d"})
    assert "s3cret-value" not in repr(settings)
    assert "pw@" not in repr(settings)


def test_every_setting_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        inner = getattr(field.annotation, "model_fields", {})
        for inner_name, inner_field in inner.items():
            assert inner_field.description, f"{name}.{inner_name}"
