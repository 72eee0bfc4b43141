"""Writes what a person is told: the account is locked, or the password soon expires.

The templates are shipped, one per kind and language. None holds a password, or a link to follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from muster.mail.templates import fill
from muster.mail.welcome import address_of, variables_of
from muster.model.accounts import AccountRecord
from muster.model.mail import MailMessage, MailSender, MailTemplate, Notice, NoticeKind
from muster.model.settings import Customer

NOTICES: Mapping[tuple[NoticeKind, str], MailTemplate] = {
    (NoticeKind.LOCKED, "en"): MailTemplate(
        subject="Your account {{ user_name }} is locked",
        text="""\
Hello {{ given_name or display_name }},

your account {{ user_name }} at {{ customer }} is locked since {{ when }}, because a wrong password
was given too often. It may have been you, or a device that still has an old password.

If you did not expect this, or cannot sign in, please write to {{ contact }}. We will never ask you
for your password by e-mail.

{{ msp_name }}
""",
    ),
    (NoticeKind.LOCKED, "de"): MailTemplate(
        subject="Ihr Konto {{ user_name }} ist gesperrt",
        text="""\
Guten Tag {{ display_name }},

Ihr Konto {{ user_name }} bei {{ customer }} ist seit {{ when }} gesperrt, weil zu oft ein falsches
Kennwort eingegeben wurde. Vielleicht waren Sie es selbst, oder ein Gerät kennt noch ein altes.

Wenn Sie das nicht erwartet haben oder sich nicht anmelden können, schreiben Sie bitte an
{{ contact }}. Wir fragen Sie nie per E-Mail nach Ihrem Kennwort.

{{ msp_name }}
""",
    ),
    (NoticeKind.PASSWORD_EXPIRES, "en"): MailTemplate(
        subject="Your password expires soon",
        text="""\
Hello {{ given_name or display_name }},

the password of your account {{ user_name }} at {{ customer }} expires at {{ when }}. Please change
it before, in the way that you always do.

This message holds no link on purpose. If you have a question, please write to {{ contact }}. We
will never ask you for your password by e-mail.

{{ msp_name }}
""",
    ),
    (NoticeKind.PASSWORD_EXPIRES, "de"): MailTemplate(
        subject="Ihr Kennwort läuft bald ab",
        text="""\
Guten Tag {{ display_name }},

das Kennwort Ihres Kontos {{ user_name }} bei {{ customer }} läuft am {{ when }} ab. Bitte ändern
Sie es vorher, auf dem gewohnten Weg.

Diese Nachricht enthält mit Absicht keinen Link. Wenn Sie eine Frage haben, schreiben Sie bitte an
{{ contact }}. Wir fragen Sie nie per E-Mail nach Ihrem Kennwort.

{{ msp_name }}
""",
    ),
}
"""What is told, by kind and language. Besides the variables of a welcome there is `when`."""


def write_notice(
    record: AccountRecord, notice: Notice, customer: Customer, sender: MailSender, language: str
) -> MailMessage:
    """Return the mail of a notice.

    Raises:
        SpecError: the account has no address.
    """
    address = address_of(record)
    when = notice.about.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    values = {**variables_of(record, customer, sender, address), "when": when}
    filled = fill(NOTICES[notice.kind, language], values)
    parts = ("notice", customer.name, record.identity.id, notice.kind, notice.about.isoformat())
    return MailMessage(
        to=(address,),
        to_name=record.identity.display_name or "",
        subject=filled.subject,
        text=filled.text,
        html=filled.html,
        key="/".join(parts),
    )
