"""Which Secrets have other values than before; no value is kept."""

from __future__ import annotations

from typing import Any

from muster.kube.secret_watch import SecretWatch


def secret(name: str, label: str = "a", **data: str) -> dict[str, Any]:
    """Return a Secret as the API server shows it."""
    return {"metadata": {"name": name, "labels": {"label": label}}, "data": data}


def test_only_other_values_are_news() -> None:
    """A label or a second listing is no news; a value, a key and a return after deletion are."""
    watch = SecretWatch()
    assert watch.take_up([secret("ad", password="b25l")]) == ["ad"]
    assert watch.take_up([secret("ad", "b", password="b25l")]) == []
    assert watch.take_up([secret("ad", password="dHdv")]) == ["ad"]
    assert watch.take_up([secret("ad", password="dHdv", more="eA==")]) == ["ad"]
    watch.remove("ad")
    assert watch.take_up([secret("ad", password="dHdv", more="eA==")]) == ["ad"]


def test_what_we_write_ourselves_is_no_news() -> None:
    """A journal changes with every create, an entry with every password; they wake nobody."""
    ours = [secret(f"muster-{kind}-contoso", value="e30=") for kind in ("journal", "entry")]
    assert SecretWatch().take_up(ours) == []


def test_no_value_is_kept() -> None:
    """What the watch remembers does not hold the value, however it is encoded."""
    watch = SecretWatch()
    watch.take_up([secret("ad", password="cGxhbnRlZA==")])
    assert "cGxhbnRlZA" not in repr(vars(watch))
    assert "planted" not in repr(vars(watch))
