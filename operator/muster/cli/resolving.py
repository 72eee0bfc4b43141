"""`muster resolve`: write a person's decision as an AccountOverride file, ready to commit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.naming import find_record
from muster.cli.output import complain, say, visible
from muster.cli.reading import known_customers, open_registry
from muster.errors import MusterError, SpecError
from muster.model.accounts import AccountRecord
from muster.model.names import DirectoryKind, System

_ONE = "Pin, forbid or ignore: one of the three for each system."


def resolve(
    customer: options.CustomerArgument,
    account: options.AccountArgument,
    vault: Annotated[str, typer.Option(metavar="ID", help="Pin this vault entry.")] = "",
    psa: Annotated[str, typer.Option(metavar="ID", help="Pin this PSA contact.")] = "",
    entra: Annotated[str, typer.Option(metavar="ID", help="Pin this Entra user.")] = "",
    forbid_vault: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Never link this vault entry.")
    ] = None,
    forbid_psa: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Never link this PSA contact.")
    ] = None,
    forbid_entra: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Never pair this Entra user.")
    ] = None,
    ignore_vault: Annotated[
        bool, typer.Option("--ignore-vault", help="Leave without a vault entry.")
    ] = False,
    ignore_psa: Annotated[
        bool, typer.Option("--ignore-psa", help="Leave without a PSA contact.")
    ] = False,
    ignore_entra: Annotated[
        bool, typer.Option("--ignore-entra", help="Leave without an Entra user.")
    ] = False,
    email: Annotated[str, typer.Option(help="Supply or correct the e-mail address.")] = "",
    exclude: Annotated[bool, typer.Option("--exclude", help="Do not import the account.")] = False,
    reason: Annotated[str, typer.Option(help="Why; a ticket number helps.")] = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
) -> int:
    """Write the AccountOverride that settles a match; commit it, and apply.

    \b
    muster resolve contoso jsmith --vault 88123 --reason "ticket 20311"
    muster resolve contoso jsmith --ignore-psa
    """
    decision = _decision(
        vault=_link("entryId", vault, forbid_vault, ignore=ignore_vault),
        psa=_link("contactId", psa, forbid_psa, ignore=ignore_psa),
        entra=_link("objectId", entra, forbid_entra, ignore=ignore_entra),
        email=email or None,
        exclude=exclude or None,
        reason=reason or None,
    )
    record, others = _look_up(customer, account, estate, state)
    for system, pinned in ((System.VAULT, vault), (System.PSA, psa), (System.ENTRA, entra)):
        _warn_if_taken(others, record, system, pinned)
    path = _write(estate, record, decision)
    say(f"Wrote {path}. Check it with muster plan, commit it, and apply.")
    return ExitCode.OK


def _look_up(
    customer: str, account: str, estate: Path, state: Path | None
) -> tuple[AccountRecord, list[AccountRecord]]:
    """Return the account, and all of its customer."""
    with open_registry(estate, state) as registry:
        records = [
            record for _, known in known_customers(registry, [customer]) for record in known.records
        ]
    return find_record(records, account, customer), records


def _link(field: str, pin: str, forbid: list[str] | None, *, ignore: bool) -> dict[str, Any] | None:
    """Return one system's part of the override, or None when nothing is said about it."""
    said = {field: pin, "forbid": forbid, "ignore": ignore}
    chosen = {key: value for key, value in said.items() if value}
    if len(chosen) > 1:
        raise SpecError((f"{_ONE} Given: {', '.join(chosen)}.",))
    return chosen or None


def _decision(**parts: Any) -> dict[str, Any]:
    decision = {key: value for key, value in parts.items() if value is not None}
    if not decision.keys() - {"reason"}:
        raise SpecError(("Nothing is decided. Give at least one of --vault, --psa, … (--help).",))
    return decision


def _warn_if_taken(
    records: list[AccountRecord], record: AccountRecord, system: System, pinned: str
) -> None:
    for other in records if pinned else ():
        link = other.link(system)
        if other is not record and other.live and link.id == pinned:
            complain(
                f"{system} {pinned} is linked to {other.identity.user}. Until an override forbids "
                "it there, this one is reported as a conflict and links nothing."
            )


def _path(estate: Path, record: AccountRecord) -> Path:
    root = estate if estate.is_dir() else estate.parent
    return root / "overrides" / f"{record.name}.yaml"


def _write(estate: Path, record: AccountRecord, decision: dict[str, Any]) -> Path:
    """Write the override; what the file decided before about other systems stays."""
    path = _path(estate, record)
    document = _existing(path) or {
        "apiVersion": "muster.dev/v1alpha1",
        "kind": "AccountOverride",
        "metadata": {"name": record.name},
        "spec": {"customerRef": {"name": str(record.customer)}, "account": _selector(record)},
    }
    document["spec"].update(decision)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_comment(record) + text, encoding="utf-8")
    except OSError as exc:
        raise MusterError(f"Cannot write {path}: {exc.strerror or exc}.") from exc
    return path


def _existing(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        document = None  # what is wrong with it, `muster validate` says
    override = isinstance(document, dict) and document.get("kind") == "AccountOverride"
    if not override or not isinstance(document.get("spec"), dict):
        raise SpecError((f"{path}: is no AccountOverride; mend it or move it away first.",))
    return dict(document)


def _selector(record: AccountRecord) -> dict[str, str]:
    if record.identity.source is DirectoryKind.ENTRA:
        return {"objectId": str(record.identity.id)}
    if record.identity.upn:
        return {"userPrincipalName": record.identity.upn}
    return {"samAccountName": record.identity.sam}


def _comment(record: AccountRecord) -> str:
    # YAML allows no control characters, not even in a comment.
    name = visible(record.identity.display_name or record.identity.short_name)
    return f"# {name}: one decision of a person, reviewed like everything else.\n"
