"""`muster lab serve`: the simulators and an estate that points at them, for people to try."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muster.cli.exit_codes import ExitCode
from muster.cli.output import out
from muster.errors import MusterError, SpecError

if TYPE_CHECKING:
    from muster.lab.lab import Lab, LabDescription

DEFAULT_ESTATE = "ad-itglue-connectwise"

EstateMix = Annotated[
    str,
    typer.Option(
        "--estate",
        metavar="DIRECTORY-VAULT-PSA",
        help="What it is made of: ad, entra or hybrid; itglue, hudu or native; connectwise, "
        "autotask or halopsa.",
    ),
]

app = typer.Typer(
    help="A made-up MSP over real sockets: directories, a vault and a PSA to try on.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def lab() -> None:
    """A made-up MSP over real sockets, to try Muster on."""


@app.command()
def serve(
    directory: Annotated[
        Path | None,
        typer.Argument(help="Where to write the estate; a new directory when left out."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 7,
    customers: Annotated[int, typer.Option(min=1, max=50, help="How many customers.")] = 3,
    people: Annotated[int, typer.Option(min=1, help="People per customer.")] = 40,
    estate: EstateMix = DEFAULT_ESTATE,
) -> int:
    """Serve the lab until Ctrl-C, and write an estate that points at it.

    \b
    muster lab serve /tmp/estate
    muster lab serve /tmp/estate --estate hybrid-hudu-autotask
    muster plan /tmp/estate          (in another terminal)
    """
    from muster.lab.lab import serve as serve_lab

    if directory:
        refuse_foreign(directory)
    folder = directory or Path(tempfile.mkdtemp(prefix="muster-lab-"))
    with open_lab(seed=seed, customers=customers, people=people, estate=estate) as running:
        serve_lab(running, folder, announce)
    return ExitCode.OK


def refuse_foreign(directory: Path) -> None:
    """Raise SpecError where the lab would replace files that it has not written."""
    from muster.lab.generate.estate import foreign_file

    if file := foreign_file(directory):
        raise SpecError(
            (
                f"{file} was not written by the lab, which replaces files of its names. "
                "Name a new directory.",
            )
        )


def open_lab(
    *, seed: int = 7, customers: int = 3, people: int = 40, estate: str = DEFAULT_ESTATE
) -> Lab:
    """Return a lab that is not started yet.

    Raises:
        BadParameter: there is no such estate.
        MusterError: the lab's libraries are not installed.
    """
    try:
        from muster.lab.lab import Lab
        from muster.lab.mix import Mix
    except ModuleNotFoundError as missing:
        raise MusterError(
            f"The lab needs {missing.name}, which is not installed. "
            "Install it with: pip install 'muster[lab]'"
        ) from missing
    try:
        mix = Mix.parse(estate)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None
    return Lab(seed=seed, customers=customers, people=people, mix=mix)


def announce(description: LabDescription) -> None:
    """Say where everything is and what to try."""
    console = out()
    for title, address in description.integrations:
        console.print(f"{title:<13} {address}")
    for customer, address in description.directories:
        console.print(f"{customer:<13} {address}")
    console.print(f"estate        {description.estate}", markup=False)
    console.print(f"secrets       {description.secrets}", markup=False)
    console.print(f"\nIn another terminal: cd {description.estate}", markup=False)
    console.print("Then: muster doctor, muster plan, muster apply. Ctrl-C ends the lab.")
