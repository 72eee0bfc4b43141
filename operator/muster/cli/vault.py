"""`muster vault`: look into the native vault, deliberately, and renew its keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import Abort

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import Format, complain, counted, print_data, print_table, say, visible
from muster.errors import MusterError, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muster.adapters.native_vault import NativeVaultAdapter
    from muster.adapters.native_vault.document import EntryDocument, Revision
    from muster.cli.native_vaults import NativeVaults
    from muster.model.secret import Secret

app = typer.Typer(
    help="Muster's own vault: list entries, show a password on the record, renew keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

EntryArgument = Annotated[
    str, typer.Argument(help="An entry's id, username or name.", metavar="ENTRY")
]
Cluster = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAMESPACE",
        help="Use the Secrets of this namespace, with your kubeconfig: for KubernetesSecrets.",
        show_default=False,
    ),
]
RevisionOption = Annotated[
    str, typer.Option(metavar="ID", help="Show an older password.", show_default="the newest")
]


@app.callback()
def vault() -> None:
    """Muster's own vault."""


@app.command()
def key() -> int:
    """Print a new key, to be put as the first line of the vault's secret.

    \b
    muster vault key >> secrets/vault/keys        (the first one)
    """
    from muster.sealing import new_key

    sys.stdout.write(new_key().reveal() + "\n")
    if sys.stdout.isatty():
        say("Put it first into the secret, above the older keys. Who has it can open the vault.")
    return ExitCode.OK


@app.command("list")
def list_(
    only: options.Only = None,
    output: options.Output = Format.TEXT,
    namespace: Cluster = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """List the entries of customers. Nothing is opened, and no password is shown.

    \b
    muster vault list
    muster vault list -c contoso
    """
    from muster.cli.native_vaults import open_vaults, uses_native
    from muster.cli.session import choose, place

    where = place([estate], state, secrets, patience)
    columns = ("CUSTOMER", "ENTRY", "NAME", "USERNAME", "CATEGORY", "CHANGED")
    rows = []
    with open_vaults(where, namespace) as vaults:
        chosen = choose(vaults.estate, only)
        for desired in chosen if only else filter(uses_native, chosen):
            opened, organization = vaults.of(desired)
            for one in opened.list_entries(organization):
                changed = one.updated_at.isoformat() if one.updated_at else ""
                customer = str(desired.customer.name)
                rows.append((customer, one.id, one.name, one.username, one.category, changed))
    _print(columns, rows, output)
    return ExitCode.OK


@app.command()
def history(
    customer: options.CustomerArgument,
    entry: EntryArgument,
    output: options.Output = Format.TEXT,
    namespace: Cluster = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """List the passwords that an entry has had: when, by whom, with which key; not the passwords.

    \b
    muster vault history contoso jsmith
    """
    from muster.cli.native_vaults import find_entry, open_vaults
    from muster.cli.session import find_customer, place
    from muster.sealing import KeyRing

    with open_vaults(place([estate], state, secrets, patience), namespace) as vaults:
        opened, organization = vaults.of(find_customer(vaults.estate, customer))
        found = find_entry(opened, organization, entry)
    rows = [
        (one.id, one.at.isoformat(), one.by, KeyRing.key_id_of(one.sealed))
        for one in found.revisions
    ]
    _print(("REVISION", "AT", "BY", "KEY"), rows, output)
    return ExitCode.OK


@app.command()
def show(
    customer: options.CustomerArgument,
    entry: EntryArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; a ticket number helps.")],
    revision: RevisionOption = "",
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print it to a terminal, where it stays readable.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    namespace: Cluster = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Print the password of an entry, after it was recorded who asked for it and why.

    \b
    muster vault show contoso jsmith --reason "ticket 20311" | wl-copy
    muster vault show contoso jsmith --reason "ticket 20311" --reveal
    """
    from muster.cli.native_vaults import find_entry, open_vaults
    from muster.cli.session import find_customer, place

    require_care(reason, reveal=reveal)
    with open_vaults(place([estate], state, secrets, patience), namespace) as vaults:
        opened, organization = vaults.of(find_customer(vaults.estate, customer))
        found = find_entry(opened, organization, entry)
        chosen = _choose(found, revision)
        if not yes:
            _confirm(customer, found)
        password = _open_on_record(vaults, opened, customer, (found, chosen), reason)
    sys.stdout.write(password.reveal() + "\n")
    return ExitCode.OK


@app.command()
def reseal(
    integration: Annotated[
        str,
        typer.Argument(help="Only this integration.", metavar="[INTEGRATION]", show_default=False),
    ] = "",
    namespace: Cluster = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Seal every password with the newest key, so that older keys can be removed.

    It may be stopped and started again at any time: what is done stays done.

    \b
    muster vault reseal
    """
    from muster.audit import record
    from muster.cli.native_vaults import open_vaults
    from muster.cli.session import place
    from muster.model.connections import NativeVault

    where = place([estate], state, secrets, patience)
    with open_vaults(where, namespace, write=True) as vaults:
        native = [one for one in vaults.estate.integrations if isinstance(one.product, NativeVault)]
        chosen = [one for one in native if integration in ("", one.name)]
        if not chosen:
            names = ", ".join(one.name for one in native) or "none"
            raise SpecError((f"There is no such native vault. The estate has: {names}.",))
        problems = []
        for one in chosen:
            opened = vaults.open(one)
            record(vaults.audit, "ResealVault", "", subject=one.name, result="Begun")
            problems += _reseal(one.name, opened)
    for problem in problems:
        complain(problem)
    return ExitCode.ERROR if problems else ExitCode.OK


def require_care(reason: str, *, reveal: bool) -> None:
    """Refuse to show a password without a reason, or to a terminal by accident."""
    if not reason.strip():
        raise SpecError(("A reason is needed: it is recorded who looked, and why. Set --reason.",))
    if sys.stdout.isatty() and not reveal:
        raise SpecError(
            (
                "A password is not printed to a terminal, where it stays readable. Send it to a "
                "program, such as `| wl-copy`, or give --reveal.",
            )
        )


def _choose(entry: EntryDocument, revision: str) -> Revision:
    if not entry.revisions:
        raise SpecError((f"The entry {entry.id} has no password yet.",))
    found = [one for one in entry.revisions if revision in ("", one.id)]
    if not found:
        kept = f"{entry.revisions[-1].id} to {entry.revisions[0].id}"
        raise SpecError((f"The entry {entry.id} has no revision {revision}; it has {kept}.",))
    return found[0]


def _confirm(customer: str, entry: EntryDocument) -> None:
    """Ask on a terminal; a script has said what it wants with its options."""
    if sys.stdin.isatty():
        shown = visible(f"{entry.name} ({entry.username}) of {customer}")
        if not typer.confirm(f"Show the password of {shown}? It is recorded.", err=True):
            raise Abort


def _open_on_record(
    vaults: NativeVaults,
    opened: NativeVaultAdapter,
    customer: str,
    what: tuple[EntryDocument, Revision],
    reason: str,
) -> Secret:
    """Return a password once its showing is recorded; raises StateError when it cannot be."""
    from muster.audit import record

    entry, revision = what
    subject = f"{entry.id} revision {revision.id}"
    result = "Shown"
    try:
        return opened.open_revision(entry, revision)
    except MusterError as error:
        result = type(error).__name__
        raise
    finally:
        record(
            vaults.audit, "ShowPassword", customer, subject=subject, reason=reason, result=result
        )


def _reseal(name: str, opened: NativeVaultAdapter) -> list[str]:
    """Reseal a vault, and return what does not open and is as it was."""
    from muster.cli.session import progress

    entries = revisions = 0
    problems = []
    with progress() as bar:
        task = bar.add_task(f"resealing {name}", total=None)
        for one in opened.reseal():
            entries, revisions = entries + 1, revisions + one.revisions
            if one.problem:
                problems.append(f"{name}, {one.organization}, {one.entry}: {one.problem}")
            bar.advance(task)
    done, seen = counted(revisions, "password"), counted(entries, "entry", "entries")
    say(
        f"{name}: {done} sealed anew, {seen} looked at. Keep the older keys for as long as a "
        "backup is kept that needs them."
    )
    return problems


def _print(columns: Sequence[str], rows: Sequence[Sequence[object]], output: Format) -> None:
    if output is Format.TEXT:
        print_table(columns, rows)
    else:
        names = [column.lower() for column in columns]
        print_data([dict(zip(names, row, strict=True)) for row in rows], output)
