"""`muster reset` and `muster rotate`: set passwords now, because a person asks for it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer
from typer.exceptions import Abort

from muster.cli import options
from muster.cli.cluster import (
    Namespace,
    customers_in,
    live_records,
    open_cluster,
    records_in,
    write_resets,
)
from muster.cli.conclusions import of_run
from muster.cli.exit_codes import ExitCode
from muster.cli.output import complain, out, plain, say, visible
from muster.errors import MusterError, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muster.cli.session import Session
    from muster.model.accounts import AccountRecord
    from muster.model.names import AccountId
    from muster.model.rotation import Rotation, RotationDemand
    from muster.model.secret import Secret
    from muster.model.settings import Desired
    from muster.resets import Rotated
    from muster.rotations import PasswordOrder

Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; a ticket number helps.")]
Patience = Annotated[
    float,
    typer.Option(
        "--patience",
        min=0,
        metavar="SECONDS",
        help="How long one request is tried again while its system fails or throttles, and how "
        "long to wait for a system that shows the change late.",
        envvar="MUSTER_PATIENCE",
    ),
]


def reset(
    customer: options.CustomerArgument,
    account: options.AccountArgument,
    reason: Reason,
    generate: Annotated[
        bool, typer.Option("--generate", help="Draw random characters: what is done anyway.")
    ] = False,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Draw words that a person can type.")
    ] = False,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Take the first line of standard input instead.")
    ] = False,
    must_change: Annotated[
        bool, typer.Option("--must-change", help="It must be changed at the next sign-in.")
    ] = False,
    unlock: Annotated[
        bool, typer.Option("--unlock", help="End a lock-out of the account too.")
    ] = False,
    show: Annotated[
        bool,
        typer.Option("--show", help="Print it when it is set, read back from the vault."),
    ] = False,
    yes: options.Yes = False,
    namespace: Namespace = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: Patience = options.PATIENCE_S,
) -> int:
    """Set an account's password in its directories, and keep it in the vault's entry.

    The rules are read first: a password that breaks them changes nothing anywhere. It is not
    printed; read it in the vault.

    \b
    muster reset contoso jsmith --passphrase --must-change --reason "ticket 20312"
    muster reset contoso jsmith --stdin --reason "ticket 20312" < password.txt
    """
    from muster.cli.session import open_session, place

    _require(reason)
    _require_one(generate, passphrase, stdin)
    order = _order(reason, passphrase=passphrase, typed=_typed() if stdin else None)
    order = replace(order, must_change=must_change, unlock=unlock)
    if namespace:
        return _reset_in_cluster(namespace, (customer, account), order, show=show)
    with open_session(place([estate], state, secrets, patience), write=True) as session:
        wish = _Wish(order=order, show=show, yes=yes, patience_s=patience)
        return _reset(session, (customer, account), wish)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A reset as it was asked for on the command line."""

    order: PasswordOrder
    show: bool
    yes: bool
    patience_s: float


def _reset(session: Session, whose: tuple[str, str], wish: _Wish) -> int:
    from muster.cli.job_waiting import wait_for
    from muster.cli.naming import find_record
    from muster.cli.passwords import tell_job
    from muster.cli.session import find_customer
    from muster.reconcile import resume
    from muster.resets import is_set
    from muster.resets import reset as carry_out

    customer, account = whose
    desired = find_customer(session.estate, customer)
    ports = session.assembly.ports(desired)
    live = [one for one in resume(desired, ports).records if one.live]
    record = find_record(live, account, customer)
    if wish.show:
        _require_word(yes=wish.yes)
        _confirm(f"Show the new password of {record.identity.user}? It is recorded.", yes=wish.yes)
    job = carry_out(replace(wish.order, requested_by=ports.audit.actor), record, desired, ports)
    job = wait_for(job, record, desired, ports, wish.patience_s)
    code = tell_job(job, record.identity.user)
    if wish.show and is_set(job):
        _show(session, desired, job.vault.entry, wish.order.reason)
    return code


def _reset_in_cluster(
    namespace: str, whose: tuple[str, str], order: PasswordOrder, *, show: bool
) -> int:
    from muster.cli.naming import find_record

    if order.typed is not None or show:
        raise SpecError(
            (
                "In a cluster nobody but the operator has the password: --stdin and --show are "
                "for one machine. Set a password that you chose in the directory itself.",
            )
        )
    customer, account = whose
    with open_cluster() as api:
        record = find_record(records_in(api, namespace, customer), account, customer)
    write_resets([record], order, namespace)
    return ExitCode.OK


def rotate(
    customer: Annotated[
        str, typer.Argument(metavar="[CUSTOMER]", help="One customer.", show_default=False)
    ] = "",
    accounts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ACCOUNT]...", help="Its accounts.", show_default=False),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Every account that a policy rotates.")
    ] = False,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; a ticket number helps.", show_default=False)
    ] = "",
    yes: options.Yes = False,
    namespace: Namespace = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Rotate passwords now, outside of windows and whatever their age.

    Only accounts that a policy rotates; for others there is muster reset.

    \b
    muster rotate contoso adm-ks --reason "laptop stolen"
    muster rotate contoso --all --reason "a technician has left"
    """
    from muster.cli.session import choose, open_session, place

    _require(reason)
    if bool(accounts) == everybody:
        raise SpecError(("Name accounts of a customer, or give --all, not both.",))
    if namespace:
        return _rotate_in_cluster(namespace, customer, accounts, reason)
    with open_session(place([estate], state, secrets, patience), write=True) as session:
        chosen = choose(session.estate, [customer] if customer else None)
        if everybody:
            names = ", ".join(str(one.customer.name) for one in chosen[:5])
            more = ", …" if len(chosen) > 5 else ""
            _confirm(f"Rotate every account of {names}{more}?", yes=yes)
        return _rotate(session, chosen, accounts, reason)


def _rotate_in_cluster(
    namespace: str, customer: str, accounts: Sequence[str] | None, reason: str
) -> int:
    from muster.cli.naming import find_record
    from muster.plan.rotation import IN_TURN

    chosen: list[AccountRecord] = []
    with open_cluster() as api:
        names = () if customer else customers_in(api, namespace)
        held = records_in(api, namespace, customer) if customer else []
        for records in [held, *(live_records(api, namespace, name) for name in names)]:
            named = [find_record(records, one, customer) for one in accounts or ()]
            chosen += named or [one for one in records if one.imported_with.options.rotation]
    fit = [one for one in chosen if one.rotation.reason in IN_TURN]
    for one in chosen:
        if one not in fit:
            complain(f"{one.customer}: {one.identity.user}: {_why_not(one.rotation)}")
    if fit:
        write_resets(fit, _order(reason, passphrase=False, typed=None), namespace)
    return ExitCode.OK if len(fit) == len(chosen) else ExitCode.ERROR


def _rotate(
    session: Session, chosen: Sequence[Desired], accounts: Sequence[str] | None, reason: str
) -> int:
    from muster.cli.session import for_each_customer
    from muster.resets import rotate_now

    demands = {one.customer.name: _demand(session, one, accounts, reason) for one in chosen}
    results = for_each_customer(
        chosen,
        lambda one, tell: rotate_now(
            demands[one.customer.name], one, session.assembly.ports(one), tell
        ),
        "rotating",
    )
    return _tell(results)


def _require(reason: str) -> None:
    if not reason.strip():
        raise SpecError(("A reason is needed: it is recorded who asked, and why. Set --reason.",))


def _require_one(*sources: bool) -> None:
    if sum(sources) > 1:
        raise SpecError(("Give one of --generate, --passphrase and --stdin.",))


def _order(reason: str, *, passphrase: bool, typed: Secret | None) -> PasswordOrder:
    from muster.model.passwords import JobKind
    from muster.model.rotation import Generator, GeneratorKind
    from muster.rotations import PasswordOrder

    kind = GeneratorKind.PASSPHRASE if passphrase else GeneratorKind.RANDOM
    return PasswordOrder(
        kind=JobKind.RESET, reason=reason, generator=Generator(kind=kind), typed=typed
    )


def _typed() -> Secret:
    from muster.model.secret import Secret

    line = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not line:
        raise SpecError(("There is no password on standard input.",))
    return Secret(line)


def _confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; a script has said what it wants with its options."""
    if sys.stdin.isatty() and not yes and not typer.confirm(visible(question), err=True):
        raise Abort


def _require_word(*, yes: bool) -> None:
    """Refuse to show a password where nobody can be asked and nobody has said so."""
    if not sys.stdin.isatty() and not yes:
        raise SpecError(("A password is shown only when you say so: give --yes beside --show.",))


def _show(session: Session, desired: Desired, entry: str, reason: str) -> None:
    """Print the password as the vault holds it, once it is recorded who sees it."""
    from muster.audit import record
    from muster.model.names import RemoteId

    ports = session.assembly.ports(desired)
    if ports.vault is None or desired.customer.vault is None:
        return
    customer = desired.customer
    organization = desired.customer.vault.organization_id
    password = ports.vault.read_password(organization, RemoteId(entry))
    sink = ports.audit.sink
    record(sink, "ShowPassword", customer.name, subject=entry, reason=reason, result="Shown")
    if password is not None:
        sys.stdout.write(password.reveal() + "\n")


def _demand(
    session: Session, desired: Desired, accounts: Sequence[str] | None, reason: str
) -> RotationDemand:
    from muster.audit import current_actor
    from muster.cli.naming import find_record
    from muster.model.rotation import RotationDemand

    name = desired.customer.name
    records = [one for one in session.registry.load(name).records if one.live]
    wanted: frozenset[AccountId] = frozenset(
        find_record(records, account, name).identity.id for account in accounts or ()
    )
    return RotationDemand(
        id=f"demand-{uuid4().hex[:16]}",
        accounts=wanted,
        requested_by=current_actor(),
        reason=reason,
    )


def _tell(results: Sequence[Rotated | MusterError]) -> int:
    done = [one for one in results if not isinstance(one, MusterError)]
    for problem in results:
        if isinstance(problem, MusterError):
            complain(str(problem))
    for one in done:
        _tell_one(one)
    if len(done) < len(results):
        return ExitCode.ERROR
    if any(result.unsettled for one in done for result in one.outcome.results):
        return ExitCode.UNSETTLED
    code = of_run([one.verdict for one in done], [one.outcome for one in done])
    missed = any(one.others for one in done)
    return ExitCode.ERROR if missed and code is ExitCode.OK else code


def _tell_one(one: Rotated) -> None:
    from muster.model.plans import Refused

    console, customer = out(), one.verdict.plan.customer
    if isinstance(one.verdict, Refused):
        for refusal in one.verdict.refusals:
            console.print(plain(f"{customer}: refused: {refusal.message}"))
    for result in one.outcome.results:
        how = "rotated; the vault's entry has it" if result.done else result.problem
        console.print(plain(f"{customer}: {result.change.user}: {how}"))
    for record, rotation in one.others:
        console.print(plain(f"{customer}: {record.identity.user}: {_why_not(rotation)}"))
    if not one.outcome.results and not one.others:
        say(f"{customer}: no account is rotated here; see options.rotation of its policy.")


def _why_not(rotation: Rotation) -> str:
    from muster.model.reasons import Reason

    off = rotation.reason is Reason.ROTATION_OFF
    hint = " (no policy rotates it; muster reset sets the password of any account)" if off else ""
    return f"not rotated: {rotation.reason}{hint}"
