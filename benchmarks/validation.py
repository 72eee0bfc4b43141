"""How long `muster validate` takes for a large tree, step by step, and beside kubeconform.

A made-up tree: one file for each resource, 1,500 customers, 500 policies that select them by
name or by label, and 3,000 overrides. The best of some runs counts, in wall seconds and in seconds
of processors, also those of a program that was started. Where a `kubeconform` is named with
`--kubeconform`, it reads the same files with the schemas that `muster schemas` writes. It checks
less: no rule, no reference between resources, no line of a problem.

Run by hand: `python -m benchmarks.validation [--kubeconform PATH]`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from muster.cli.schemas import json_schema_files
from muster.garbage import collect_rarely
from muster.resources.documents import read_documents
from muster.resources.files import list_files, read_text
from muster.resources.load import load_estate
from muster.resources.validate import find_faults

CUSTOMERS, POLICIES, OVERRIDES, INTEGRATIONS = 1_500, 500, 3_000, 10
RESOURCES = CUSTOMERS + POLICIES + OVERRIDES + INTEGRATIONS
RUNS = 5
_STARTS = ("muster --help", "muster validate, one file")
_NOW = datetime(2026, 11, 21, tzinfo=UTC)


def main() -> None:
    """Write the tree, measure, and print one table."""
    collect_rarely()
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconform", type=Path)
    kubeconform = parser.parse_args().kubeconform
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name, "estate")
        write_tree(tree)
        table = Table("step", "wall s", "cpu s", "resources/s", title="muster validate")
        for step, work in _steps(tree, kubeconform):
            wall_s, cpu_s = _best(work)
            each = f"{RESOURCES / wall_s:,.0f}" if step not in _STARTS else "–"
            table.add_row(step, f"{wall_s:.2f}", f"{cpu_s:.2f}", each)
    Console().print(table)


def _steps(tree: Path, kubeconform: Path | None) -> Iterator[tuple[str, Callable[[], object]]]:
    load_estate([tree]).checked()
    yield "all of loading", lambda: load_estate([tree])
    loaded = load_estate([tree])
    yield "lints", lambda: loaded.lints(_NOW)
    files, _ = list_files([tree])
    texts = [read_text(file) for file in files]
    values = [one.value for text in texts for one in read_documents(text)]
    yield "find and read the files", lambda: [read_text(f) for f in list_files([tree])[0]]
    yield "YAML with places", lambda: [list(read_documents(text)) for text in texts]
    yield "schemas and rules", lambda: [find_faults(one["kind"], one) for one in values]
    program = [sys.executable, "-c", "from muster.cli.main import main; main()"]
    yield "muster validate, the program", lambda: _run(*program, "validate", str(tree))
    yield _STARTS[0], lambda: _run(*program, "--help")
    yield _STARTS[1], lambda: _run(*program, "validate", str(tree / "integration" / "0000.yaml"))
    if kubeconform:
        yield from _kubeconform(tree, kubeconform)


def _kubeconform(tree: Path, program: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    schemas = tree.parent / "schemas"
    for name, text in json_schema_files().items():
        file = schemas / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    layout = f"{schemas}/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json"
    words = [str(program), "-strict", "-schema-location", layout, str(tree)]
    yield "kubeconform, the program", lambda: _run(*words)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def _best(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall seconds of the fastest run, and the least seconds of processors."""
    runs = [_timed(work) for _ in range(RUNS)]
    return min(wall_s for wall_s, _ in runs), min(cpu_s for _, cpu_s in runs)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    before = os.times()
    work()
    after = os.times()
    return after.elapsed - before.elapsed, sum(after[:4]) - sum(before[:4])


def write_tree(tree: Path) -> None:
    """Write one file for each resource; the tree is sound."""
    for kind, number, text in _resources():
        file = tree / kind.lower() / f"{number:04}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"apiVersion: muster.dev/v1alpha1\nkind: {kind}\n{text}", encoding="utf-8")


def _resources() -> Iterator[tuple[str, int, str]]:
    for number in range(INTEGRATIONS):
        yield "Integration", number, _INTEGRATION.format(number=number)
    for number in range(CUSTOMERS):
        vault = number % INTEGRATIONS
        yield "Customer", number, _CUSTOMER.format(number=number, group=number % 250, vault=vault)
    for number in range(POLICIES):
        yield "AutomaticImportPolicy", number, _policy(number)
    for number in range(OVERRIDES):
        customer = number % CUSTOMERS
        yield "AccountOverride", number, _OVERRIDE.format(number=number, customer=customer)


_INTEGRATION = """\
metadata: {{name: vault-{number}}}
spec:
  itGlue:
    region: US
    apiKeyRef: {{name: it-glue-{number}, key: apiKey}}
"""
_CUSTOMER = """\
metadata:
  name: customer-{number}
  labels:
    tier: gold
    group: g{group}
spec:
  displayName: Customer {number}
  directories:
    activeDirectory:
      servers: [ldaps://dc1.c{number}.example, ldaps://dc2.c{number}.example]
      userName: svc-muster@c{number}.example
      passwordRef: {{name: customer-{number}, key: password}}
  vault:
    integrationRef: {{name: vault-{vault}}}
    organizationId: "1{number:04}"
"""
_POLICY = """\
metadata: {{name: policy-{number}}}
spec:
  accountType: {type}
  mode: Observe
  customers:
    {customers}
  select:
    activeDirectory:
      {select}
  options:
    vault: {{match: true, createWhenMissing: true}}
"""
_OVERRIDE = """\
metadata: {{name: override-{number}}}
spec:
  customerRef: {{name: customer-{customer}}}
  account: {{samAccountName: person-{number}}}
  exclude: true
"""


def _policy(number: int) -> str:
    """Return one of 250 policies for staff by label, or of 250 for administrators by name."""
    half, group = POLICIES // 2, number % (POLICIES // 2)
    if number < half:
        who = f"selector: {{matchLabels: {{group: g{group}}}}}"
        select = "organizationalUnits: [{path: 'OU=Staff', scope: Subtree}]"
    else:
        names = ", ".join(f"customer-{one}" for one in range(group, CUSTOMERS, half))
        who, select = f"names: [{names}]", "groups: [Administrators of ours]"
    kind = "EndUser" if number < half else "Administrator"
    return _POLICY.format(number=number, type=kind, customers=who, select=select)


if __name__ == "__main__":
    main()
