"""A mail server for tests and the demo: it keeps what it takes, and fails on request."""

from muster.lab.smtp.lab import LabSmtp as LabSmtp
from muster.lab.smtp.lab import SmtpKnobs as SmtpKnobs
