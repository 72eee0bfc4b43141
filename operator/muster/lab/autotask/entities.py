"""The fields of companies and contacts.

Source: KelvinTegelaar/AutotaskAPI, v1.json, for names and types;
https://ww1.autotask.net/help/DeveloperHelp/Content/APIs/REST/Entities/ContactsEntity.htm for the
fields that cannot be queried. Unconfirmed: the lengths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `length` is for strings, in UTF-16 units; 0: none is named."""

    name: str
    kind: str = "string"
    length: int = 0
    required: bool = False
    read_only: bool = False
    queryable: bool = True

    def information(self) -> Json:
        """Return the field as `entityInformation/fields` tells it."""
        return {
            "name": self.name,
            "dataType": self.kind,
            "length": self.length,
            "isRequired": self.required,
            "isReadOnly": self.read_only,
            "isQueryable": self.queryable,
            "isReference": self.name in {"companyID", "companyLocationID"},
            "referenceEntityType": "Company" if self.name == "companyID" else "",
            "isPickList": False,
            "picklistValues": None,
            "picklistParentValueField": "",
            "isSupportedWebhookField": False,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A kind of record."""

    name: str
    singular: str
    fields: Mapping[str, Field]
    """By their names in lower case: the case of a name does not matter."""

    def find(self, name: str) -> Field | None:
        """Return a field by its name in any case."""
        return self.fields.get(name.lower())

    def blank(self) -> Json:
        """Return a record in which nothing is set."""
        return {field.name: None for field in self.fields.values()}


def _entity(name: str, singular: str, *fields: Field) -> Entity:
    return Entity(
        name=name, singular=singular, fields={field.name.lower(): field for field in fields}
    )


_DATES = (
    Field(name="createDate", kind="datetime", read_only=True),
    Field(name="lastActivityDate", kind="datetime", read_only=True),
)

COMPANIES = _entity(
    "Companies",
    "Account",
    Field(name="id", kind="long", required=True, read_only=True),
    Field(name="companyName", length=100, required=True),
    Field(name="companyNumber", length=50),
    Field(name="companyType", kind="integer", required=True),
    Field(name="isActive", kind="boolean"),
    Field(name="ownerResourceID", kind="integer", required=True),
    Field(name="parentCompanyID", kind="integer"),
    Field(name="phone", length=25, required=True),
    Field(name="webAddress", length=255),
    Field(name="lastTrackedModifiedDateTime", kind="datetime", read_only=True),
    *_DATES,
)

_CONTACTS = _entity(
    "Contacts",
    "Contact",
    Field(name="id", kind="long", required=True, read_only=True),
    Field(name="companyID", kind="integer", required=True),
    Field(name="firstName", length=20, required=True),
    Field(name="lastName", length=20, required=True),
    Field(name="emailAddress", length=254),
    Field(name="emailAddress2", length=254),
    Field(name="emailAddress3", length=254),
    Field(name="isActive", kind="integer", required=True),
    Field(name="title", length=50),
    Field(name="phone", length=25),
    Field(name="mobilePhone", length=25),
    Field(name="alternatePhone", length=25),
    Field(name="extension", length=10),
    Field(name="externalID", length=50),
    Field(name="middleInitial", length=2),
    Field(name="note", length=50),
    Field(name="roomNumber", length=50),
    Field(name="primaryContact", kind="boolean"),
    Field(name="receivesEmailNotifications", kind="boolean"),
    Field(name="isOptedOutFromBulkEmail", kind="boolean", queryable=False),
    Field(name="solicitationOptOut", kind="boolean", queryable=False),
    Field(name="surveyOptOut", kind="boolean", queryable=False),
    Field(name="lastModifiedDate", kind="datetime", read_only=True),
    *_DATES,
)


def contacts_entity(name_length: int, also_required: tuple[str, ...]) -> Entity:
    """Return the contacts of a tenant: how long its names may be, and what it insists on."""
    fields = dict(_CONTACTS.fields)
    for name in ("firstname", "lastname"):
        fields[name] = replace(fields[name], length=name_length)
    for name in also_required:
        fields[name.lower()] = replace(fields[name.lower()], required=True)
    return replace(_CONTACTS, fields=fields)


def units(text: str) -> int:
    """Return the length of a text as .NET counts it."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, length: int) -> str:
    """Return as much of a text as a field of this length can hold."""
    while units(text) > length:
        text = text[:-1]
    return text
