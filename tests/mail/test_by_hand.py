"""A welcome e-mail that a person asks for, where it cannot even be begun."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.plan.test_welcoming import JOHN, WORLD
from tests.plan.world import MAIL, NOW, record

from muster.adapters.smtp import SmtpMailer
from muster.audit import FileSink, Trail
from muster.errors import StateError
from muster.mailing import send_by_hand
from muster.model.accounts import Email, EmailSource
from muster.model.connections import Smtp
from muster.ports import Ports
from muster.registry.sqlite import SqliteRegistry


def test_a_mail_that_cannot_be_recorded_is_not_in_doubt(tmp_path: Path) -> None:
    """Nothing was sent, so the next try needs no `--again`."""
    assert isinstance(MAIL.product, Smtp)
    mailer = SmtpMailer(MAIL.product)
    email = Email(address="john@contoso.example", source=EmailSource.ACTIVE_DIRECTORY)
    john = record(JOHN)
    john = replace(john, identity=replace(john.identity, email=email))
    (tmp_path / "file").touch()
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        registry.save(john.customer, [john])
        ports = Ports(
            registry=registry,
            clock=lambda: NOW,
            open_mailer=lambda _: mailer,
            audit=Trail(FileSink(tmp_path / "file" / "audit.jsonl"), "olivia"),
        )
        with pytest.raises(StateError, match="audit file cannot be written"):
            send_by_hand(john, WORLD.desired, ports, again=False)
        assert registry.load(john.customer).records == (john,)
