"""The lab as its clients see it: over TLS, with the real client libraries."""

from __future__ import annotations

import base64
import ssl
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from muster.errors import AccessDenied
from muster.lab.lab import Lab, LabDescription, serve
from muster.model.connections import ItGlue
from muster.model.secret import Secret
from muster.model.settings import Estate
from muster.resources import load_estate
from muster.transport.ldap import Entry, LdapSession
from muster.transport.ldap_connect import LdapLogin, endpoints, open_first


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Run the default lab."""
    with Lab() as running:
        yield running


@pytest.fixture(scope="module")
def directory(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the lab's estate."""
    directory = tmp_path_factory.mktemp("estate")
    lab.write_estate(directory)
    return directory


@pytest.fixture(scope="module")
def estate(directory: Path) -> Estate:
    """Load the lab's estate."""
    return _load(directory)


def _load(directory: Path) -> Estate:
    loaded = load_estate([directory])
    assert loaded.problems == ()
    return loaded.estate


def _secret(directory: Path, name: str, key: str) -> str:
    return (directory / "secrets" / name / key).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def trust(directory: Path) -> ssl.SSLContext:
    """Trust the authority that the estate's secrets name, and no other."""
    return ssl.create_default_context(cafile=str(directory / "secrets" / "lab-ca" / "ca.crt"))


def _customers() -> list[str]:
    return ["contoso", "fabrikam", "tailspin"]


def _sign_in(estate: Estate, directory: Path, name: str) -> LdapSession:
    """Sign in with what the estate says."""
    (customer,) = [one for one in estate.customers if one.name == name]
    settings = customer.active_directory
    assert settings is not None
    login = LdapLogin(
        servers=settings.servers,
        user_name=settings.user_name,
        password=Secret(_secret(directory, settings.password.name, settings.password.key)),
        start_tls=settings.start_tls,
        ca_pem=_secret(directory, "lab-ca", "ca.crt"),
    )
    return open_first(login, endpoints(login))


def _text(entry: Entry, attribute: str) -> list[str]:
    return [value.decode() for value in entry.all(attribute)]


@pytest.mark.parametrize("name", _customers())
def test_the_directory_holds_the_planned_accounts(
    lab: Lab, estate: Estate, directory: Path, name: str
) -> None:
    """Signed in as the estate says, ldap3 reads every planned account, and built-in ones."""
    customer = lab.plan.customer(name)
    people = "(&(objectCategory=person)(objectClass=user))"
    wanted = ["sAMAccountName", "userPrincipalName", "mail", "cn", "displayName"]
    with _sign_in(estate, directory, name) as session:
        rows = list(session.search(customer.facts.dn, people, wanted))
    found = {_text(row, "sAMAccountName")[0]: row for row in rows}
    for account in customer.accounts:
        row = found[account.sam]
        assert _text(row, "userPrincipalName") == ([account.upn] if account.upn else [])
        assert _text(row, "mail") == ([account.mail] if account.mail else [])
        assert (*_text(row, "cn"), *_text(row, "displayName")) == (
            account.name,
            account.display_name,
        )
    assert {"krbtgt", "Administrator", "Guest"} <= found.keys()
    assert not any(sam.endswith("$") for sam in found)


def test_a_german_directory_has_german_groups(estate: Estate, directory: Path, lab: Lab) -> None:
    """Domain Admins are called Domänen-Admins there, and are the same group."""
    customer = lab.plan.customer("tailspin")
    german = "(sAMAccountName=Domänen-Admins)"
    with _sign_in(estate, directory, "tailspin") as session:
        (group,) = session.search(customer.facts.dn, german, ["objectSid", "member"])
    assert (group.first("objectSid") or b"")[-4:] == (512).to_bytes(4, "little")
    assert len(group.all("member")) > 1


def test_a_readers_password_opens_only_its_own_domain(
    lab: Lab, estate: Estate, directory: Path
) -> None:
    """Each customer has its own password, and another customer's is refused."""
    (contoso,) = [one for one in estate.customers if one.name == "contoso"]
    assert contoso.active_directory is not None
    login = LdapLogin(
        servers=contoso.active_directory.servers,
        user_name=contoso.active_directory.user_name,
        password=Secret(lab.reader_password("fabrikam")),
        ca_pem=_secret(directory, "lab-ca", "ca.crt"),
    )
    with pytest.raises(AccessDenied):
        open_first(login, endpoints(login))


@pytest.mark.parametrize("name", _customers())
def test_the_vault_holds_the_planned_entries(
    lab: Lab, directory: Path, trust: ssl.SSLContext, name: str
) -> None:
    """A key from the estate's secrets reads every entry of the organization."""
    customer = lab.plan.customer(name)
    with httpx.Client(base_url=lab.itglue.endpoint, verify=trust) as client:
        answer = client.get(
            "/passwords",
            params={
                "filter[organization_id]": lab.organization_ids[name],
                "page[size]": "1000",
            },
            headers={"x-api-key": _secret(directory, "it-glue", "apiKey")},
        )
    rows = [row["attributes"] for row in answer.raise_for_status().json()["data"]]
    wanted = [(one.name, one.username, one.category, one.archived) for one in customer.entries]
    found = [
        (row["name"], row["username"], row["password-category-name"], row["archived"])
        for row in rows
    ]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)


@pytest.mark.parametrize("name", _customers())
def test_the_psa_holds_the_planned_contacts(
    lab: Lab, directory: Path, trust: ssl.SSLContext, name: str
) -> None:
    """The keys from the estate's secrets read every contact of the company."""
    customer = lab.plan.customer(name)
    user = f"{lab.connectwise.company_id}+{_secret(directory, 'connectwise', 'publicKey')}"
    private = _secret(directory, "connectwise", "privateKey")
    token = base64.b64encode(f"{user}:{private}".encode()).decode()
    with httpx.Client(base_url=lab.connectwise.endpoint, verify=trust) as client:
        answer = client.get(
            "/v4_6_release/apis/3.0/company/contacts",
            params={"conditions": f"company/id={lab.company_ids[name]}", "pageSize": "1000"},
            headers={"Authorization": f"Basic {token}", "clientId": lab.connectwise.client_id},
        )
    rows = answer.raise_for_status().json()
    wanted = [(one.given_name, one.surname, one.emails, one.active) for one in customer.contacts]
    found = [
        (
            row["firstName"],
            row.get("lastName") or "",
            tuple(item["value"] for item in row.get("communicationItems", ())),
            not row["inactiveFlag"],
        )
        for row in rows
    ]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)


def test_the_estate_loads_whole(lab: Lab, estate: Estate) -> None:
    """Every customer has a directory, a vault, a PSA and settings for both account types."""
    assert [one.customer.name for one in estate.desired] == _customers()
    for desired in estate.desired:
        assert desired.customer.active_directory
        assert desired.vault
        assert desired.psa
        assert len(desired.sources) == 2
    products = [integration.product for integration in estate.integrations]
    assert lab.itglue.endpoint in [one.endpoint for one in products if isinstance(one, ItGlue)]


@pytest.mark.parametrize("customers", [1, 2, 9])
def test_estates_of_other_sizes_load(customers: int, tmp_path: Path) -> None:
    """Only the policies that cover somebody are written, and all that is written is valid."""
    with Lab(customers=customers, people=1) as small:
        small.write_estate(tmp_path)
    desired = _load(tmp_path).desired
    assert [len(one.sources) for one in desired] == [2] * customers


def test_secrets_are_for_the_owner_alone(directory: Path) -> None:
    """Files are 0600, directories 0700, git ignores them, and no secret stands in the YAML."""
    secrets = directory / "secrets"
    files = [path for path in secrets.rglob("*") if path.is_file()]
    assert len(files) == 1 + 2 + 1 + 1 + 1 + 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    places = [secrets, *(path for path in secrets.iterdir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in places} == {0o700}
    assert (directory / ".gitignore").read_text(encoding="utf-8") == "/secrets/\n/mails/\n"
    yaml = "".join(path.read_text(encoding="utf-8") for path in directory.rglob("*.yaml"))
    assert not [path for path in files if path.read_text(encoding="utf-8") in yaml]


def test_an_estate_can_be_written_again(lab: Lab, directory: Path) -> None:
    """Writing the same lab twice leaves the same files."""
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    lab.write_estate(directory)
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_serve_announces_the_lab_and_waits(lab: Lab, tmp_path: Path) -> None:
    """`serve` writes the estate before it says where it is, and ends when it is told to."""
    stop, heard = threading.Event(), list[LabDescription]()
    waiting = threading.Thread(
        target=serve, args=(lab, tmp_path, heard.append), kwargs={"stop": stop}
    )
    stop.set()
    waiting.start()
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    assert heard[0].integrations[0] == ("IT Glue", lab.itglue.endpoint)
    assert heard[0].integrations[-1] == ("Mail", f"smtp://localhost:{lab.mail.port}")
    assert dict(heard[0].directories).keys() == set(_customers())
    assert _load(heard[0].estate).customers


def test_passwords_are_drawn_anew(lab: Lab) -> None:
    """Two labs of one seed have the same people and different passwords."""
    other = Lab()
    assert other.plan == lab.plan
    with other:
        assert other.reader_password("contoso") != lab.reader_password("contoso")
