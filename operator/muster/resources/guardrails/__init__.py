"""Guardrails: standard ValidatingAdmissionPolicies, evaluated without an API server."""

from muster.resources.guardrails.evaluate import Guarded as Guarded
from muster.resources.guardrails.evaluate import Verdict as Verdict
from muster.resources.guardrails.evaluate import evaluate as evaluate
from muster.resources.guardrails.policies import Guardrails as Guardrails
from muster.resources.guardrails.policies import read_guardrails as read_guardrails
