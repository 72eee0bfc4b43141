"""The closed list of what `muster validate` finds. The same word stands in every output."""

from __future__ import annotations

import ast
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path


class Severity(StrEnum):
    """How much a finding weighs; only errors make resources invalid."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Code(StrEnum):
    """What is wrong; the text under each is its documentation."""

    # Errors of files
    NOTHING_FOUND = "NothingFound"
    """A path that was named does not exist, or holds no YAML file, or none of the guardrails that
    it was named for. Correct the path."""
    UNREADABLE = "Unreadable"
    """A file is too large, is not UTF-8, or holds control characters. Save it as UTF-8 text. Or
    standard input is empty: look at the command that writes to it."""
    NOT_YAML = "NotYaml"
    """The text is not YAML from this line on, is nested too deeply, or grows too large through
    its aliases. What stands before it was checked all the same."""
    DUPLICATE_FIELD = "DuplicateField"
    """A mapping has one field twice, and YAML would silently take one of them."""
    TAG_REFUSED = "TagRefused"
    """A value carries a YAML tag; resources are plain data."""

    # Errors of resources
    NO_RESOURCE = "NoResource"
    """A document has no apiVersion or kind. Move other YAML files out of the directory."""
    UNKNOWN_API_VERSION = "UnknownApiVersion"
    """The apiVersion is none of Muster's, though the kind or the group is."""
    UNKNOWN_KIND = "UnknownKind"
    """The kind is none of Muster's, or one that only Muster writes; or a `List` stands in a `List`,
    which kubectl does not open."""
    UNKNOWN_FIELD = "UnknownField"
    """A field that nothing obeys, mostly a misspelt one. It is refused so that a safety setting
    is never lost to a typing error."""
    MISSING_FIELD = "MissingField"
    """A required field is not there."""
    WRONG_TYPE = "WrongType"
    """A value has the wrong type, such as a number where text is wanted. `--fix` puts numbers in
    quotes."""
    WRONG_VALUE = "WrongValue"
    """A value is not one of those allowed, is out of bounds, too long, or has the wrong form.
    `--fix` mends upper and lower case."""
    RULE_BROKEN = "RuleBroken"
    """Two or more fields do not go together; the rule is the same that the API server enforces."""
    SECRET_IN_TREE = "SecretInTree"  # noqa: S105
    """A Secret with readable values, a secretGenerator with literal ones, or text that looks like a
    key stands in the tree. Change the secret, remove it from the history, and keep it outside."""

    # Errors between resources
    DUPLICATE_RESOURCE = "DuplicateResource"
    """Two resources have one kind and name."""
    UNKNOWN_REFERENCE = "UnknownReference"
    """A resource names a customer or an integration that does not exist."""
    WRONG_REFERENCE = "WrongReference"
    """A customer's vault is an integration with a PSA, or the other way round; or welcome e-mails
    go through one that sends no mail."""
    TEMPLATE_WRONG = "TemplateWrong"
    """A template of an e-mail is not Jinja, or uses what a template may not: another variable, a
    loop, a call."""
    DOUBLE_TENANT = "DoubleTenant"
    """Two customers are linked to one organization, company or tenant."""
    DOUBLE_DEFAULT = "DoubleDefault"
    """Two policies are the default of one account type."""
    DOUBLE_COVERAGE = "DoubleCoverage"
    """Two policies of one account type cover one customer."""
    DOUBLE_OVERRIDE = "DoubleOverride"
    """Two overrides decide about one account."""
    DOUBLE_PIN = "DoublePin"
    """Overrides of two accounts pin one record."""

    # Guardrails
    GUARDRAIL_DENIED = "GuardrailDenied"
    """A ValidatingAdmissionPolicy with the action Deny does not hold for the resource."""
    GUARDRAIL_WARNED = "GuardrailWarned"
    """A ValidatingAdmissionPolicy with the action Warn does not hold for the resource."""
    GUARDRAIL_AUDITED = "GuardrailAudited"
    """A ValidatingAdmissionPolicy with the action Audit does not hold for the resource."""
    GUARDRAIL_WRONG = "GuardrailWrong"
    """No API server takes this ValidatingAdmissionPolicy or its binding, so it guards nothing. What
    is wrong is said; correct it."""
    GUARDRAIL_UNBOUND = "GuardrailUnbound"
    """A ValidatingAdmissionPolicy has no binding, or a binding names a policy that is not among the
    files. It guards nothing. Add the other half, or name its file as well."""
    GUARDRAIL_UNKNOWN = "GuardrailUnknown"
    """A ValidatingAdmissionPolicy cannot be evaluated without an API server, mostly because it
    asks who the user is. Only the cluster enforces it."""

    # Warnings: valid, but probably not what is meant
    OPTION_WITHOUT_INTEGRATION = "OptionWithoutIntegration"
    """A policy matches or creates in a vault or PSA that a customer of it does not have. Those
    accounts are `Skipped`. Connect the customer, or leave it out of the policy."""
    DIRECTORY_MISSING = "DirectoryMissing"
    """A policy selects only in a directory that a customer of it does not have, so nobody of that
    customer is selected by it."""
    HIDDEN_CONTAINER = "HiddenContainer"
    """A policy for end users selects a group or unit in a container whose accounts are hidden by
    default, such as CN=Users. Nobody is imported from there unless `exclude.hiddenContainers` is
    false."""
    COVERS_NOBODY = "CoversNobody"
    """A policy whose names or selector fit no customer has no effect."""
    APPROVAL_EXPIRED = "ApprovalExpired"
    """An approval has expired and lets nothing pass any more. Remove it."""
    OVERRIDE_WITHOUT_IMPORT = "OverrideWithoutImport"
    """An override is about a customer that no policy covers, so it decides nothing."""
    OVERRIDE_WITHOUT_EFFECT = "OverrideWithoutEffect"
    """An override decides about something that its customer does not have (any more): a vault, a
    PSA, a pair of directories, or rotation. Remove that part of it."""
    DEFAULT_WRITES = "DefaultWrites"
    """A default policy may write, so a customer that is added later is written to at once. Give
    it `mode: Observe`, or name its customers."""
    UNUSED_INTEGRATION = "UnusedIntegration"
    """No customer uses an integration."""
    READABLE_SECRET = "ReadableSecret"  # noqa: S105
    """An entry of a ConfigMap, or a variable of a container, is named like a secret, and everybody
    can read its value. If it is one, keep it in a Secret outside of git, and change it."""

    # Notes: good to know when a change is reviewed
    DEFAULT_GAINS = "DefaultGains"
    """These customers get their accounts of one type from the default policy."""
    WELCOMES_FIRST_RUN = "WelcomesFirstRun"
    """A policy that may write sends welcome e-mails. Where it has not run before, its first run
    imports everybody, and so mails everybody. Let it run once with `welcomeEmail.enabled: false`
    or `mode: Observe`; who is imported then is never mailed. `muster plan` lists the mails."""
    NOTHING_IMPORTED = "NothingImported"
    """A customer that no policy covers: nobody of it is imported."""
    ALWAYS_STORED = "AlwaysStored"
    """A policy for administrators switches matching off, and a customer of it uses the native
    vault. There the passwords of administrators are always kept: matching and creating entries
    are on."""

    @property
    def severity(self) -> Severity:
        """How much a finding of this code weighs."""
        return _MILDER.get(self, Severity.ERROR)


_MILDER = {
    Code.GUARDRAIL_WARNED: Severity.WARNING,
    Code.GUARDRAIL_AUDITED: Severity.NOTE,
    Code.GUARDRAIL_UNBOUND: Severity.WARNING,
    Code.GUARDRAIL_UNKNOWN: Severity.WARNING,
    Code.OPTION_WITHOUT_INTEGRATION: Severity.WARNING,
    Code.DIRECTORY_MISSING: Severity.WARNING,
    Code.HIDDEN_CONTAINER: Severity.WARNING,
    Code.COVERS_NOBODY: Severity.WARNING,
    Code.APPROVAL_EXPIRED: Severity.WARNING,
    Code.OVERRIDE_WITHOUT_IMPORT: Severity.WARNING,
    Code.OVERRIDE_WITHOUT_EFFECT: Severity.WARNING,
    Code.DEFAULT_WRITES: Severity.WARNING,
    Code.UNUSED_INTEGRATION: Severity.WARNING,
    Code.READABLE_SECRET: Severity.WARNING,
    Code.DEFAULT_GAINS: Severity.NOTE,
    Code.WELCOMES_FIRST_RUN: Severity.NOTE,
    Code.NOTHING_IMPORTED: Severity.NOTE,
    Code.ALWAYS_STORED: Severity.NOTE,
}


@cache
def explanations() -> dict[Code, str]:
    """Return the documentation of each code: the text under it in this file."""
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    (members,) = (node.body for node in classes if node.name == Code.__name__)
    found: dict[Code, str] = {}
    for member, text in pairwise(members):
        match member, text:
            case ast.Assign(value=ast.Constant(value=str(code))), ast.Expr(
                value=ast.Constant(value=str(words))
            ):
                found[Code(code)] = " ".join(words.split())
    return found
