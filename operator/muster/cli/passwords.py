"""`muster passwords`: the passwords that are being set, and where each is kept meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from muster.cli import options
from muster.cli.cluster import Namespace, customers_in, open_cluster
from muster.cli.exit_codes import ExitCode
from muster.cli.naming import accounts_called, find_record
from muster.cli.output import Format, print_data, print_table, say
from muster.cli.vault import require_care
from muster.errors import MusterError, SpecError

if TYPE_CHECKING:
    from muster.cli.session import Place
    from muster.model.accounts import AccountRecord
    from muster.model.passwords import PasswordJob
    from muster.passwords.protocol import Settlement
    from muster.ports import Secrets

app = typer.Typer(
    help="Passwords that are being set: list them, settle one, reveal one on the record.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def passwords() -> None:
    """Passwords that are being set."""


@app.command("list")
def list_(
    only: Annotated[
        str,
        typer.Argument(metavar="[CUSTOMER]", help="Only this customer.", show_default=False),
    ] = "",
    output: options.Output = Format.TEXT,
    namespace: Namespace = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
) -> int:
    """List the passwords whose jobs are open: where each is live, and where it is kept.

    \b
    muster passwords list
    muster passwords list contoso -o json
    """
    from muster.cli.session import place
    from muster.report.password_jobs import whereabouts

    with _open_jobs(place([estate], state), namespace) as jobs:
        rows = [
            {
                "customer": str(job.customer),
                "account": jobs.user_of(job),
                "job": job.id,
                "kind": str(job.kind),
                "since": job.opened_at.isoformat(timespec="seconds"),
                "state": str(job.state),
                "cause": str(found.cause or ""),
                "where": found.sentence,
            }
            for job in jobs.list(only)
            if (found := whereabouts(job))
        ]
    if output is not Format.TEXT:
        print_data(rows, output)
    else:
        columns = ("customer", "account", "kind", "since", "state", "cause", "where")
        print_table(
            [column.upper() for column in columns],
            ([row[name] for name in columns] for row in rows),
        )
    return ExitCode.OK


@app.command()
def reveal(
    customer: options.CustomerArgument,
    account: options.AccountArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; a ticket number helps.")],
    show: Annotated[
        bool, typer.Option("--reveal", help="Print it to a terminal, where it stays readable.")
    ] = False,
    namespace: Namespace = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
) -> int:
    """Print a password that is being set, after it was recorded who asked for it and why.

    Only for the time between: once its job is over, the vault's entry has it.

    \b
    muster passwords reveal contoso adm-ks --reason "ticket 20311" | wl-copy
    """
    from muster.audit import FileSink, record
    from muster.cli.session import place, sealing_keys
    from muster.passwords.carry_out import reveal as open_sealed

    require_care(reason, reveal=show)
    where = place([estate], state, secrets)
    with _open_jobs(where, namespace) as jobs:
        job = jobs.find(customer, account)
        sink, result = FileSink(where.audit_file), "Failed"
        try:
            password = open_sealed(job, sealing_keys(jobs.secrets))
            result = "Shown"
        except MusterError as error:
            result = type(error).__name__
            raise
        finally:
            # Before it is printed: what cannot be recorded is not shown.
            record(
                sink,
                "ShowPassword",
                customer,
                subject=f"job {job.id}",
                reason=reason,
                result=result,
            )
    sys.stdout.write(password.reveal() + "\n")
    return ExitCode.OK


_HELP = (
    "LookAgain: go on as if the job were new. SetAgain: set the same password again, whatever is "
    "live now. Abandon: give the password up; you answer for what is live."
)


@app.command()
def settle(
    customer: options.CustomerArgument,
    account: options.AccountArgument,
    choice: Annotated[str, typer.Argument(metavar="CHOICE", help=_HELP)],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; a ticket number helps.")],
    namespace: Namespace = "",
    estate: options.Estate = options.HERE,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Decide what becomes of a password that Muster cannot settle by itself.

    \b
    muster passwords settle contoso adm-ks SetAgain --reason "ticket 20311"
    """
    from muster.cli.session import find_customer, open_secrets, open_session, place
    from muster.passwords.protocol import Settlement
    from muster.resets import settle_by_hand

    if not reason.strip():
        raise SpecError(("A reason is needed: it is recorded who decided, and why.",))
    if choice not in list(Settlement):
        raise typer.BadParameter(f"{choice} is none of {', '.join(Settlement)}.")
    where = place([estate], state, secrets, patience)
    if namespace:
        return _settle_in_cluster(namespace, (customer, account), Settlement(choice), reason, where)
    with open_session(where, write=True) as session:
        desired = find_customer(session.estate, customer)
        known = session.registry.load(desired.customer.name)
        jobs = _Jobs(jobs=known.jobs, records=known.records, secrets=open_secrets(where))
        job = jobs.find(customer, account)
        after = settle_by_hand(
            job, Settlement(choice), desired, session.assembly.ports(desired), reason
        )
    return tell_job(after, jobs.user_of(job))


def _settle_in_cluster(
    namespace: str, whose: tuple[str, str], choice: Settlement, reason: str, where: Place
) -> int:
    """Write the decision into the cluster's journal; the operator goes on from it."""
    from muster.adapters.clock import utc_now
    from muster.audit import FileSink, record
    from muster.model.passwords import JobState
    from muster.passwords.protocol import settle as decide

    customer, account = whose
    with _of_cluster(namespace) as jobs:
        job = jobs.find(customer, account)
        if job.state is not JobState.NEEDS_PERSON or jobs.settle is None:
            raise SpecError(("The operator still goes on with it by itself; nothing was changed.",))
        after = decide(job, choice, utc_now())
        record(
            FileSink(where.audit_file),
            f"Settle{choice}",
            customer,
            subject=f"{job.account} job {job.id} {job.vault.entry}",
            reason=reason,
            result=str(after.state),
        )
        jobs.settle(after)
    say(f"Settled. The operator goes on in its next run: muster reconcile {customer}")
    return ExitCode.OK


def tell_job(job: PasswordJob, user: str) -> ExitCode:
    """Say how a job stands, and return what the command exits with."""
    from muster.model.passwords import JobState, left_open_of
    from muster.report.password_jobs import proof_text, whereabouts

    if job.state is JobState.CONFIRMED:
        proofs = ", ".join(f"{one.system}: {proof_text(one.proof)}" for one in job.targets)
        say(f"The password of {user} is set ({proofs}).")
        if left_open := left_open_of(job):
            say(left_open)
        revision = f", revision {job.vault.revision}" if job.vault.revision else ""
        say(f"It is in the vault: {job.vault.place}, entry {job.vault.entry}{revision}.")
        return ExitCode.OK
    place = whereabouts(job)
    if place is not None:
        say(f"{user}: {place.sentence}")
        waits = job.state is JobState.NEEDS_PERSON
        who = (
            "A person decides: muster passwords settle" if waits else "The next run goes on with it"
        )
        say(f"{who}. See: muster passwords list")
        return ExitCode.UNSETTLED if place.only_sealed else ExitCode.ERROR
    said = f"{job.state} ({job.cause})" if job.cause else str(job.state)
    say(f"{user}: {said}. {job.problem}")
    return ExitCode.ERROR


# ---------------------------------------------------------------- where the jobs are


@dataclass(frozen=True, slots=True, kw_only=True)
class _Jobs:
    jobs: tuple[PasswordJob, ...]
    records: tuple[AccountRecord, ...]
    """The accounts that they may be of."""
    secrets: Secrets
    settle: Callable[[PasswordJob], None] | None = None
    """Writes a job that a person has settled, for the operator to go on with."""

    def user_of(self, job: PasswordJob) -> str:
        """Return the name that people know the job's account by."""
        found = (one.identity.user for one in self.records if one.identity.id == job.account)
        return next(found, str(job.account))

    def list(self, customer: str) -> list[PasswordJob]:
        chosen = [job for job in self.jobs if customer in ("", job.customer)]
        return sorted(chosen, key=lambda job: (job.customer, job.opened_at, job.id))

    def find(self, customer: str, account: str) -> PasswordJob:
        jobs = self.list(customer)
        wanted = account.casefold()
        if named := [job for job in jobs if wanted in (job.account, job.id)]:
            return named[0]
        open_ = {job.account: job for job in jobs}
        records = [one for one in self.records if one.identity.id in open_]
        if accounts_called(account, records):
            return open_[find_record(records, account, customer).identity.id]
        raise SpecError(
            (
                f'No password of "{account}" of {customer} is being set. The vault\'s entry has '
                "the last one that Muster set. See: muster passwords list",
            )
        )


@contextmanager
def _open_jobs(where: Place, namespace: str) -> Iterator[_Jobs]:
    """Yield the open jobs of this machine's registry, or of a cluster's namespace."""
    from muster.cli.session import open_secrets

    if namespace:
        with _of_cluster(namespace) as jobs:
            yield jobs
        return
    from muster.cli.reading import open_registry

    with open_registry(where.root, where.state) as registry:
        known = [registry.load(name) for name in registry.list_customers()]
        yield _Jobs(
            jobs=tuple(job for one in known for job in one.jobs),
            records=tuple(record for one in known for record in one.records),
            secrets=open_secrets(where),
        )


@contextmanager
def _of_cluster(namespace: str) -> Iterator[_Jobs]:
    with open_cluster() as api:
        from muster.kube.journal import Journals
        from muster.kube.known import read_known
        from muster.kube.secrets import KubeSecrets

        journals = Journals(api, namespace)
        names = customers_in(api, namespace)
        jobs = tuple(job for name in names for job in journals.read(name).jobs.values())
        concerned = sorted({job.customer for job in jobs})
        known = [read_known(api, namespace, name) for name in concerned]
        yield _Jobs(
            jobs=jobs,
            records=tuple(record for one in known for record in one.records),
            secrets=KubeSecrets(api, namespace),
            settle=journals.settle,
        )
