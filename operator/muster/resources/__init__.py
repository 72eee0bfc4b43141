"""Reads what people wrote: YAML to a checked estate, with every problem at its line.

Speaks to no system and reads no secret.
"""

from muster.resources.admit import parse_resource as parse_resource
from muster.resources.conflict import Conflict as Conflict
from muster.resources.load import LoadedEstate as LoadedEstate
from muster.resources.load import load_estate as load_estate
from muster.resources.parse import Resource as Resource
from muster.resources.problems import Problem as Problem
from muster.resources.references import find_conflicts as find_conflicts
from muster.resources.resolve import resolve as resolve
from muster.resources.schemas import load_schema as load_schema
from muster.resources.schemas import schema_directory as schema_directory
