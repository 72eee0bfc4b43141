"""A mail server behind the `Mailer` port."""

from muster.adapters.smtp.mailer import SmtpMailer as SmtpMailer
from muster.adapters.smtp.mailer import open_smtp as open_smtp
