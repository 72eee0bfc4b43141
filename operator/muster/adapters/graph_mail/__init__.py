"""A mailbox in Microsoft 365 behind the `Mailer` port."""

from muster.adapters.graph_mail.mailer import GraphMailer as GraphMailer
from muster.adapters.graph_mail.mailer import open_graph_mail as open_graph_mail
