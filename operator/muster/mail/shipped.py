"""The templates that are shipped, one per language."""

from __future__ import annotations

from collections.abc import Mapping

from muster.model.mail import MailTemplate

_ENGLISH = MailTemplate(
    subject="Welcome to {{ msp_name }}",
    text="""\
Hello {{ given_name or display_name }},

{{ msp_name }} now looks after your account {{ user_name }} at {{ customer }}.

You need not do anything, and nothing about your password has changed. This message does not
contain a password, and we will never ask you for yours by e-mail.

If you have a question, or if this message surprises you, please write to {{ contact }}.

{{ msp_name }}
""",
    html="""\
<!doctype html>
<html lang="en">
<body style="font-family: sans-serif; line-height: 1.5; color: #222">
<p>Hello {{ given_name or display_name }},</p>
<p>{{ msp_name }} now looks after your account <b>{{ user_name }}</b> at {{ customer }}.</p>
<p>You need not do anything, and nothing about your password has changed. This message does not
contain a password, and we will never ask you for yours by e-mail.</p>
<p>If you have a question, or if this message surprises you, please write to {{ contact }}.</p>
<p>{{ msp_name }}</p>
</body>
</html>
""",
)

_GERMAN = MailTemplate(
    subject="Willkommen bei {{ msp_name }}",
    text="""\
Guten Tag {{ display_name }},

{{ msp_name }} betreut ab jetzt Ihr Konto {{ user_name }} bei {{ customer }}.

Sie müssen nichts tun, und an Ihrem Kennwort hat sich nichts geändert. Diese Nachricht enthält
kein Kennwort, und wir fragen Sie nie per E-Mail nach Ihrem.

Wenn Sie eine Frage haben oder diese Nachricht Sie überrascht, schreiben Sie bitte an {{ contact }}.

{{ msp_name }}
""",
    html="""\
<!doctype html>
<html lang="de">
<body style="font-family: sans-serif; line-height: 1.5; color: #222">
<p>Guten Tag {{ display_name }},</p>
<p>{{ msp_name }} betreut ab jetzt Ihr Konto <b>{{ user_name }}</b> bei {{ customer }}.</p>
<p>Sie müssen nichts tun, und an Ihrem Kennwort hat sich nichts geändert. Diese Nachricht enthält
kein Kennwort, und wir fragen Sie nie per E-Mail nach Ihrem.</p>
<p>Wenn Sie eine Frage haben oder diese Nachricht Sie überrascht, schreiben Sie bitte an
{{ contact }}.</p>
<p>{{ msp_name }}</p>
</body>
</html>
""",
)

WELCOMES: Mapping[str, MailTemplate] = {"en": _ENGLISH, "de": _GERMAN}
"""Welcome e-mails by language."""
