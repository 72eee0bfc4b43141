"""`muster schemas`: the CustomResourceDefinitions and JSON Schemas as files, for other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from muster.cli.exit_codes import ExitCode
from muster.cli.output import counted, out
from muster.errors import MusterError
from muster.resources.crds import VERSION, render_crds
from muster.resources.schemas import GROUP, KINDS, written_schema

_HEAD = "# Made from schemas/ by `muster schemas`. Change those, not this file.\n---\n"


def schemas(
    to: Annotated[
        Path, typer.Option("--to", help="The directory to write into; made where it is missing.")
    ],
) -> int:
    """Write the CustomResourceDefinitions, and the JSON Schemas that editors and CI tools read.

    \b
    muster schemas --to build
    kubectl apply --server-side -f build
    kubeconform -schema-location 'build/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json' .
    """
    crds, json_schemas = crd_files(), json_schema_files()
    try:
        for name, text in {**crds, **json_schemas}.items():
            file = to / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise MusterError(f"Cannot write to {to}: {exc.strerror or exc}.") from exc
    made = f"{counted(len(crds), 'CRD')} and {counted(len(json_schemas), 'JSON Schema')}"
    out().print(f"Wrote {made} to {to}.", markup=False)
    return ExitCode.OK


def crd_files() -> dict[str, str]:
    """Return the text of each CustomResourceDefinition by the name of its file."""
    return {name: _HEAD + _yaml(crd) for name, crd in render_crds().items()}


def json_schema_files() -> dict[str, str]:
    """Return the text of each JSON Schema by its path, `{group}/{kind}_{version}.json`."""
    return {
        f"{GROUP}/{kind.lower()}_{VERSION}.json": json.dumps(
            written_schema(kind), indent=2, ensure_ascii=False
        )
        + "\n"
        for kind in KINDS
    }


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text
