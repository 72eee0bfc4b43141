"""Lists the commands, and loads the module of the one that is run.

`muster --help`, `--version` and the completion of a command's name need the list only; no module
of a command is imported for them. What a command does is left to its module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class Listed:
    """One command, or one group of commands."""

    source: str
    """`module:name` below `muster.cli`: a function, or a Typer application."""
    line: str
    """The first paragraph of its help."""


COMMANDS: Mapping[str, Listed] = {
    "demo": Listed(
        "demo:demo",
        "Show the whole job in a minute: no cluster, no account, nothing outside this machine.",
    ),
    "validate": Listed(
        "validating:validate",
        "Check resources against schemas, rules and each other; touch no system.",
    ),
    "plan": Listed(
        "planning:plan", "Read everything and say what would be done; write nothing anywhere."
    ),
    "apply": Listed(
        "planning:apply", "Bring every customer into agreement with the resources, once."
    ),
    "run": Listed(
        "running:run",
        "Reconcile every customer at its interval, and at once when its resources change.",
    ),
    "get": Listed("reading:get", "List customers or accounts from the registry."),
    "describe": Listed(
        "describing:describe",
        "Show everything the registry knows about a customer or an account.",
    ),
    "explain": Listed(
        "describing:explain",
        "Say why an account is imported or not, and why it is linked or not: every rule in order.",
    ),
    "matches": Listed(
        "reading:matches",
        "List the matches that wait for a person, of the whole fleet, with their candidates.",
    ),
    "resolve": Listed(
        "resolving:resolve",
        "Write the AccountOverride that settles a match; commit it, and apply.",
    ),
    "reset": Listed(
        "resetting:reset",
        "Set an account's password in its directories, and keep it in the vault's entry.",
    ),
    "rotate": Listed(
        "resetting:rotate", "Rotate passwords now, outside of windows and whatever their age."
    ),
    "directory": Listed(
        "systems:directory",
        "Show what a policy can select: organizational units with users, or groups.",
    ),
    "doctor": Listed(
        "systems:doctor",
        "Try every connection: reachable, certificate, sign-in, rights; say what is missing.",
    ),
    "digest": Listed(
        "digesting:digest",
        "Show the last 24 hours: rotations, failures, matches that wait, drift. No system is read.",
    ),
    "operator": Listed(
        "operating:operator", "Reconcile the customers of one namespace of a Kubernetes cluster."
    ),
    "reconcile": Listed("operating:reconcile", "Ask the operator to reconcile a customer now."),
    "schemas": Listed(
        "schemas:schemas",
        "Write the CustomResourceDefinitions, and the JSON Schemas that editors and CI tools read.",
    ),
    "test": Listed(
        "testing:policy_tests",
        "Test policies against made-up or recorded customers; touch no system.",
    ),
    "customers": Listed(
        "customers:app", "Make customers of organizations, and link customers to organizations."
    ),
    "passwords": Listed(
        "passwords:app",
        "Passwords that are being set: list them, settle one, reveal one on the record.",
    ),
    "vault": Listed(
        "vault:app",
        "Muster's own vault: list entries, show a password on the record, renew keys.",
    ),
    "audit": Listed(
        "auditing:app",
        "Who did what to whose account: show the record, and prove that it is whole.",
    ),
    "lab": Listed(
        "lab:app", "A made-up MSP over real sockets: directories, a vault and a PSA to try on."
    ),
    "welcome": Listed(
        "welcoming:app", "Welcome e-mails: see one before it is sent, send one by hand."
    ),
}
"""In the order of `muster --help`."""


class LateGroup(TyperGroup):
    """The commands of the list: of each only its name and line, until one of them is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, listed in COMMANDS.items():
            self.add_command(TyperCommand(name, help=listed.line, rich_markup_mode=None))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the command itself in the place of its line, to run, to explain or to complete it."""
        name, _, others = super().resolve_command(ctx, args)
        return name, load(name) if name else None, others


def load(name: str) -> Any:
    """Return a command or group with its arguments and options, as Typer makes it."""
    module, _, attribute = COMMANDS[name].source.partition(":")
    found = getattr(import_module(f"muster.cli.{module}"), attribute)
    whole = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        whole.add_typer(found, name=name)
    else:
        whole.command(name)(found)
    return get_group(whole).commands[name]
