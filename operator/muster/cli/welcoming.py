"""`muster welcome`: see an account's welcome e-mail before it is sent, and send it by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import out, say, visible
from muster.errors import MusterError

if TYPE_CHECKING:
    from muster.cli.session import Session
    from muster.model.accounts import AccountRecord
    from muster.model.settings import Desired

app = typer.Typer(
    help="Welcome e-mails: see one before it is sent, send one by hand.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def welcome() -> None:
    """Welcome e-mails."""


@app.command()
def preview(
    customer: options.CustomerArgument,
    account: options.AccountArgument,
    html: Annotated[
        Path | None,
        typer.Option(help="Write the HTML part into this file.", show_default=False),
    ] = None,
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
) -> int:
    """Show the welcome e-mail that an account would get. Nothing is sent, no system is read.

    \b
    muster welcome preview contoso jsmith
    muster welcome preview contoso jsmith --html welcome.html
    """
    from muster.cli.session import open_session, place
    from muster.mail.welcome import mail_integration, sender_of, template_of, write_welcome
    from muster.mailing import settings_for

    with open_session(place([estate], state, secrets), write=False) as session:
        desired, record = _find(session, customer, account)
    settings = settings_for(record, desired)
    sender = sender_of(mail_integration(desired, settings.integration))
    message = write_welcome(record, desired.customer, sender, template_of(settings))
    console = out()
    for name, value in (
        ("From", f"{sender.name} <{sender.address}>"),
        ("To", f"{message.to_name} <{message.to[0]}>"),
        ("Subject", message.subject),
    ):
        console.print(f"{name}: {value}", markup=False)
    sys.stdout.write("\n" + visible(message.text, keep="\n\t"))
    if html:
        _write(html, message.html)
    return ExitCode.OK


@app.command()
def send(
    customer: options.CustomerArgument,
    account: options.AccountArgument,
    again: Annotated[
        bool, typer.Option("--again", help="Also when it was, or may have been, sent.")
    ] = False,
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Send the welcome e-mail of one account now; it is put on the record of audit.

    \b
    muster welcome send contoso jsmith
    muster welcome send contoso jsmith --again
    """
    from muster.cli.session import open_session, place
    from muster.mailing import send_by_hand

    where = place([estate], state, secrets, patience)
    with open_session(where, write=True) as session:
        desired, record = _find(session, customer, account)
        send_by_hand(record, desired, session.assembly.ports(desired), again=again)
    address = record.identity.email.address if record.identity.email else ""
    say(f"The mail server took the welcome e-mail of {record.identity.user} to {address}.")
    return ExitCode.OK


def _find(session: Session, customer: str, account: str) -> tuple[Desired, AccountRecord]:
    from muster.cli.naming import find_record
    from muster.cli.session import find_customer

    desired = find_customer(session.estate, customer)
    records = session.registry.load(desired.customer.name).records
    return desired, find_record(list(records), account, customer)


def _write(path: Path, html: str) -> None:
    if not html:
        say("The template has no HTML part; nothing was written.")
        return
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as exc:
        raise MusterError(f"Cannot write {path}: {exc.strerror or exc}.") from exc
