"""`muster digest`: the daily digest now, on the screen or by e-mail."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from muster.cli import options
from muster.cli.cluster import Namespace, customers_in, open_cluster
from muster.cli.exit_codes import ExitCode
from muster.cli.output import say, visible
from muster.errors import SpecError

if TYPE_CHECKING:
    from muster.model.connections import Integration
    from muster.model.settings import Estate


def digest(
    send: Annotated[bool, typer.Option("--send", help="Send it by e-mail as well.")] = False,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="To whom, instead of spec.digest.to; repeatable."),
    ] = None,
    namespace: Namespace = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Show the last 24 hours: rotations, failures, matches that wait, drift. No system is read.

    \b
    muster digest
    muster digest --send --to noc@msp.example
    muster digest --namespace muster
    """
    if namespace:
        return _of_cluster(namespace, send=send)
    from muster.adapters.clock import utc_now
    from muster.cli.session import open_session, place
    from muster.digests import compose
    from muster.model.mail import DigestSettings

    with open_session(place([estate], state, secrets, patience), write=False) as session:
        mail = _through(session.estate) if send else None
        settings = (mail.digest if mail else None) or DigestSettings(to=())
        settings = replace(settings, to=tuple(to)) if to else settings
        names = [desired.customer.name for desired in session.estate.desired]
        message = compose(session.registry.load, names, settings, utc_now())
        sys.stdout.write(visible(message.text, keep="\n"))
        if mail:
            if not settings.to:
                raise SpecError(("To whom? Set spec.digest.to, or say --to.",))
            session.assembly.mailer(mail).send(message)
            say(f"The mail server took it for {', '.join(settings.to)}.")
    return ExitCode.OK


def _of_cluster(namespace: str, *, send: bool) -> int:
    from muster.adapters.clock import utc_now
    from muster.digests import compose
    from muster.kube.known import read_known
    from muster.model.mail import DigestSettings

    if send:
        raise SpecError(("In a cluster the operator sends the digest: see spec.digest.",))
    with open_cluster() as api:
        names = customers_in(api, namespace)
        load = partial(read_known, api, namespace)
        message = compose(load, names, DigestSettings(to=()), utc_now())
    sys.stdout.write(visible(message.text, keep="\n"))
    return ExitCode.OK


def _through(estate: Estate) -> Integration:
    """Return the integration that has a digest, else the only one that sends mail."""
    from muster.model.connections import GraphMail, Smtp

    mails = [one for one in estate.integrations if isinstance(one.product, Smtp | GraphMail)]
    found = [one for one in mails if one.digest] or mails
    if len(found) != 1:
        raise SpecError((f"One integration must send the digest, and {len(found)} could.",))
    return found[0]
