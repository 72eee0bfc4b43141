"""What is valid and still worth a look: one table row per lint, and nothing for a sound estate."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from muster.cli.excerpts import Excerpts
from muster.resources import load_estate
from muster.resources.codes import Code, Severity, explanations

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SOUND = """\
apiVersion: muster.dev/v1alpha1
kind: Integration
metadata: {name: it-glue}
spec: {itGlue: {region: US, apiKeyRef: {name: it-glue, key: apiKey}}}
---
apiVersion: muster.dev/v1alpha1
kind: Customer
metadata: {name: contoso, labels: {tier: gold}}
spec:
  displayName: Contoso
  directories:
    activeDirectory:
      servers: [ldaps://dc1.contoso.example]
      userName: svc@contoso.example
      passwordRef: {name: contoso-ad, key: password}
  vault: {integrationRef: {name: it-glue}, organizationId: "4711"}
---
apiVersion: muster.dev/v1alpha1
kind: AutomaticImportPolicy
metadata: {name: staff}
spec:
  accountType: EndUser
  mode: Enforce
  customers: {names: [contoso]}
  select: {activeDirectory: {organizationalUnits: [{path: OU=Staff}]}}
  options: {vault: {match: true}, psa: {match: false}}
"""
OVERRIDE = """\
---
apiVersion: muster.dev/v1alpha1
kind: AccountOverride
metadata: {name: someone}
spec:
  customerRef: {name: contoso}
  account: {samAccountName: someone}
  exclude: true
"""
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data:
  DB_PASSWORD: hunter2-Planted
---
"""
ADMINS = """\
---
apiVersion: muster.dev/v1alpha1
kind: AutomaticImportPolicy
metadata: {name: admins}
spec:
  accountType: Administrator
  customers: {names: [contoso]}
  select: {activeDirectory: {groups: [Admins]}}
  options: {vault: {match: false}}
"""
MAIL = """\
---
apiVersion: muster.dev/v1alpha1
kind: Integration
metadata: {name: mail}
spec:
  smtp:
    host: smtp.msp.example
    userName: muster@msp.example
    passwordRef: {name: mail, key: password}
    from: muster@msp.example
"""
OLD = '"2026-11-20T00:00:00Z"'
DIGEST = f"sha256:{'0' * 64}"

CASES = {
    Code.OPTION_WITHOUT_INTEGRATION: ("psa: {match: false}", "psa: {match: true}"),
    Code.DIRECTORY_MISSING: (
        "{activeDirectory: {organizationalUnits: [{path: OU=Staff}]}}",
        "{entra: {groups: [Staff]}}",
    ),
    Code.HIDDEN_CONTAINER: (
        "{organizationalUnits: [{path: OU=Staff}]}",
        '{groups: ["CN=Staff,CN=Users"]}',
    ),
    Code.COVERS_NOBODY: ("{names: [contoso]}", "{selector: {matchLabels: {tier: silver}}}"),
    Code.APPROVAL_EXPIRED: (
        "  vault: {integrationRef",
        f"  approvals: [{{plan: {DIGEST!r}, until: {OLD}, reason: merger}}]\n"
        "  vault: {integrationRef",
    ),
    Code.OVERRIDE_WITHOUT_IMPORT: ("{names: [contoso]}", "{selector: {matchLabels: {tier: none}}}"),
    Code.OVERRIDE_WITHOUT_EFFECT: (
        "options: {vault: {match: true}, psa: {match: false}}\n",
        "options: {vault: {match: true}, psa: {match: false}}\n"
        + OVERRIDE.replace("exclude: true", 'psa: {contactId: "5"}').replace("someone", "other"),
    ),
    Code.DEFAULT_WRITES: ("{names: [contoso]}", "{default: true}"),
    Code.DEFAULT_GAINS: ("{names: [contoso]}", "{default: true}"),
    Code.READABLE_SECRET: ("---\n", "---\n" + CONFIG_MAP),
    Code.UNUSED_INTEGRATION: (
        '  vault: {integrationRef: {name: it-glue}, organizationId: "4711"}\n',
        "",
    ),
    Code.ALWAYS_STORED: (
        "itGlue: {region: US, apiKeyRef: {name: it-glue, key: apiKey}}}\n",
        "nativeVault: {backend: Registry, keyRef: {name: vault, key: keys}}}\n" + ADMINS,
    ),
    Code.WELCOMES_FIRST_RUN: (
        "psa: {match: false}}\n",
        "psa: {match: false}, welcomeEmail: {enabled: true, integrationRef: {name: mail}}}\n"
        + MAIL,
    ),
    Code.NOTHING_IMPORTED: ("{names: [contoso]}", "{selector: {matchLabels: {tier: silver}}}"),
}


def _lints(folder: Path, text: str) -> dict[Code, int]:
    file = folder / "estate.yaml"
    file.write_text(text, encoding="utf-8")
    loaded = load_estate([file])
    assert loaded.problems == ()
    return {one.code: one.line for one in loaded.lints(NOW)}


def test_a_sound_estate_has_no_lint(tmp_path: Path) -> None:
    """Nothing is said where nothing is doubtful, so that what is said is read."""
    assert _lints(tmp_path, SOUND) == {}


@pytest.mark.parametrize("code", CASES, ids=str)
def test_each_lint_is_found_at_its_line(code: Code, tmp_path: Path) -> None:
    """Changing one line brings up the lint, in the document that holds the line."""
    old, new = CASES[code]
    text = SOUND.replace(old, new) + OVERRIDE
    assert text != SOUND + OVERRIDE
    found = _lints(tmp_path, text)
    assert code in found
    assert code.severity is not Severity.ERROR


def test_rotation_without_a_vault_is_told_where_it_is_wanted(tmp_path: Path) -> None:
    """Before a run: nobody of such a customer is rotated, because nothing could keep a password."""
    text = SOUND.replace("  vault: {integrationRef", "  psa: {integrationRef") + ADMINS.replace(
        "options: {vault: {match: false}}",
        'options:\n    rotation: {every: 30d, window: {start: "02:00", timeZone: UTC}}',
    )
    text = text.replace('organizationId: "4711"', 'companyId: "4711"').replace(
        "{itGlue: {region: US, apiKeyRef: {name: it-glue, key: apiKey}}}",
        "{haloPsa: {endpoint: https://halo.example, clientId: a, "
        "clientSecretRef: {name: halo, key: secret}}}",
    )
    file = tmp_path / "estate.yaml"
    file.write_text(text, encoding="utf-8")
    loaded = load_estate([file])
    assert loaded.problems == ()
    told = [one for one in loaded.lints(NOW) if "rotates passwords" in one.message]
    assert [one.code for one in told] == [Code.OPTION_WITHOUT_INTEGRATION]
    assert text.splitlines()[told[0].line - 1].strip().startswith("rotation:")


def test_one_of_two_directories_is_enough(tmp_path: Path) -> None:
    """A policy for customers with and without a tenant is no mistake where it selects somebody."""
    both = ADMINS.replace("[Admins]}}", "[Admins]}, entra: {roles: [User Administrator]}}")
    assert _lints(tmp_path, SOUND + both) == {}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("clientSecret", "s3cr3t-value", True),
        ("smtp.passwd", "12345678", True),
        ("API_TOKEN", "a b c d", True),
        ("privateKey", "MIIEvQIBADAN", True),
        ("PASSWORD_MIN_LENGTH", "12", False),  # not its last word
        ("REQUIRE_PASSWORD", "true", False),
        ("DB_PASSWORD", "$(FROM_ELSEWHERE)", False),
        ("DB_PASSWORD", "{{ .Values.password }}", False),
        ("DB_PASSWORD", "/run/secrets/db", False),
        ("DB_PASSWORD", "ENC[AES256_GCM,data:x]", False),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD", "********", False),
        ("tokenUrl", "https://login.example", False),
    ],
)
def test_a_readable_secret_is_told_by_its_name_and_never_shown(
    name: str, value: str, told: bool, tmp_path: Path
) -> None:
    """In a ConfigMap, in one that Kustomize makes, and in a container's variables."""
    env = [{"name": "PATH", "value": "/bin"}, {"name": name, "value": value}]
    container = {"spec": {"template": {"spec": {"containers": [{"name": "a", "env": env}]}}}}
    head = {"metadata": {"name": "app"}}
    documents = (
        {"apiVersion": "v1", "kind": "ConfigMap", **head, "data": {name: value}},
        {"apiVersion": "apps/v1", "kind": "Deployment", **head, **container},
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "configMapGenerator": [{"name": "app", "literals": [f"{name}={value}"]}],
        },
    )
    file = tmp_path / "app.yaml"
    file.write_text("\n---\n".join(map(json.dumps, documents)))
    loaded = load_estate([file])
    assert loaded.problems == ()
    found = loaded.lints(NOW)
    assert [one.code for one in found] == ([Code.READABLE_SECRET] * 3 if told else [])
    excerpts = Excerpts()
    assert all(value not in str(one) and not excerpts.of(one) for one in found)


def test_every_lint_is_tried() -> None:
    """No warning or note is without its row above; those of guardrails have tests of their own."""
    mild = {code for code in Code if code.severity is not Severity.ERROR}
    assert set(CASES) == {code for code in mild if not code.startswith("Guardrail")}


def test_every_code_is_explained() -> None:
    """Each code carries its documentation."""
    assert set(explanations()) == set(Code)
