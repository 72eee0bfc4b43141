"""`muster describe` and `muster explain`: one customer or account, in full."""

from __future__ import annotations

from enum import StrEnum
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.console import Console

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import Format, complain, out, plain, print_data, print_table
from muster.cli.reading import age, known_customers, open_registry
from muster.errors import MusterError


class Described(StrEnum):
    """What can be described."""

    CUSTOMER = "customer"
    ACCOUNT = "account"


def describe(
    kind: Annotated[Described, typer.Argument(help="What to describe.")],
    name: Annotated[str, typer.Argument(help="Its name.", metavar="NAME")],
    estate: options.Estate = options.HERE,
    state: options.State = None,
) -> int:
    """Show everything the registry knows about a customer or an account.

    \b
    muster describe customer contoso
    muster describe account contoso-jsmith-7c1e
    """
    with open_registry(estate, state) as registry:
        if kind is Described.CUSTOMER:
            for _, known in known_customers(registry, [name]):
                _describe_customer(name, known.status, out())
            return ExitCode.OK
        return _describe_account(registry, name)


def _describe_customer(name: str, status: dict[str, Any], console: Console) -> None:
    console.print(f"[bold]{plain(name)}[/]")
    for label in ("directory", "vault", "psa", "accounts", "ambiguous", "drift"):
        console.print(f"  {label:<10} {plain(str(status.get(label, '')) or '–')}")
    if not status:
        console.print("  No run has reached its end yet: muster apply")
        return
    console.print(f"  {'synced':<10} {age(status.get('lastSync'))} ago, next {status['nextSync']}")
    _describe_conditions(status, console)
    for title, key in (("Refused", "refusals"), ("Failed", "failures")):
        if status.get(key):
            console.print(title)
            for one in status[key]:
                console.print(plain(f"  {one.get('message') or one.get('problem')}"))
    for one in status.get("passwords", ()):
        console.print(plain(f"Password of {one['account']}: {one['message']}"))
    console.print("Findings")
    for one in status["findings"]:
        who = " ".join(part for part in (one["account"], one["system"]) if part)
        console.print(plain(f"  {one['reason']:<22} {who}  {one['message']}"))
        for candidate in one["candidates"]:
            shown = f"{candidate['id']}  {candidate['name']}  by {candidate['evidence']}"
            console.print(plain(f"      {shown}: {candidate['detail']}"))
    if status["truncated"]:
        console.print("  … and more: muster plan -o json")


def _describe_conditions(status: dict[str, Any], console: Console) -> None:
    console.print("Conditions")
    for one in status["conditions"]:
        head = f"  {one['type']:<16} {one['status']:<6} {one['reason']}"
        since = f"since {one['lastTransitionTime']}"
        console.print(plain(f"{head}  {one['message']}  ({since})"))


def _describe_account(registry: Any, name: str) -> int:
    from muster.cli.naming import accounts_called, listed
    from muster.report.account_resource import render_account

    known = (one for _, one in known_customers(registry, None))
    found = accounts_called(name, (record for one in known for record in one.records))
    if len(found) == 1:
        print_data(render_account(found[0]), Format.YAML)
        return ExitCode.OK
    if found:
        complain(f'"{name}" fits several accounts: {listed(found)}.')
        return ExitCode.ERROR
    complain(f'The registry knows no account "{name}". List them with: muster get accounts')
    return ExitCode.ERROR


def explain(
    customer: options.CustomerArgument,
    account: options.AccountArgument,
    output: options.Output = Format.TEXT,
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Say why an account is imported or not, and why it is linked or not: every rule in order.

    \b
    muster explain contoso jsmith
    """
    from muster.cli.session import find_customer, open_session, place
    from muster.observe import observe
    from muster.plan.explain import explain as explain_account
    from muster.plan.explain import find_accounts, near_accounts
    from muster.plan.make import work_out

    with open_session(place([estate], state, secrets, patience), write=False) as session:
        desired = find_customer(session.estate, customer)
        ports = session.assembly.ports(desired)
        known = ports.registry.load(desired.customer.name)
        observed = observe(desired, known, ports)
        workings = work_out(desired, observed, known, ports.clock())
        if workings is None:
            problems = [read.problem for read in observed.reads if read.problem]
            raise MusterError(" ".join(problems) or f"{customer} imports nothing.")
        found = find_accounts(account, workings)
        if not found:
            near = near_accounts(account, workings)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            complain(f'{customer} has no account "{account}".{hint}')
            return ExitCode.ERROR
        explanations = [explain_account(one, workings) for one in found]
    for one in explanations:
        if output is Format.TEXT:
            _print_explanation(one, out())
        else:
            steps = [
                {"section": s.section, "rule": s.rule, "answer": s.answer, "detail": s.detail}
                for s in one.steps
            ]
            print_data({"account": one.user, "objectId": one.account, "steps": steps}, output)
    return ExitCode.OK


def _print_explanation(explanation: Any, console: Console) -> None:
    console.print(f"[bold]{plain(explanation.user)}[/]  {explanation.account}")
    for section, steps in groupby(explanation.steps, key=lambda step: step.section):
        console.print(f"[bold]{plain(section)}[/]")
        rows = [(f"  {step.rule}", step.answer, step.detail) for step in steps]
        print_table(("  RULE", "ANSWER", "WHAT IT SAW"), rows, console)
