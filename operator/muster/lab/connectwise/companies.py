"""The company and catalogue routes of the simulated ConnectWise; all of them only read."""

from __future__ import annotations

from muster.lab.connectwise.answers import API_VERSION, answer
from muster.lab.connectwise.knobs import ConnectWiseKnobs
from muster.lab.connectwise.lists import Call
from muster.lab.connectwise.reading import Reading, not_found
from muster.lab.connectwise.state import CwState
from muster.lab.http_server import Reply


class CompanyRoutes:
    """Companies, their sites, communication types and the version."""

    def __init__(self, state: CwState, knobs: ConnectWiseKnobs, reading: Reading) -> None:
        self._state = state
        self._knobs = knobs
        self._reading = reading

    def system_info(self, _: Call) -> Reply:
        """Show the version; the usual test of a connection."""
        return answer({"version": f"v{API_VERSION}", "isCloud": self._knobs.cloud})

    def list_companies(self, call: Call) -> Reply:
        """List companies; deleted ones are there with their flag."""
        return self._reading.list_rows(call, "companies")

    def count_companies(self, call: Call) -> Reply:
        """Count under the same conditions as a list."""
        return self._reading.count(call, "companies")

    def show_company(self, call: Call, company: int) -> Reply:
        """Show one company."""
        row = self._state.companies.find(company) or not_found("Company", company)
        return self._reading.show(call, row)

    def list_sites(self, _: Call, company: int) -> Reply:
        """List the sites of a company."""
        row = self._state.companies.find(company) or not_found("Company", company)
        return answer([{**row.record["site"], "inactive": False}])

    def list_types(self, call: Call) -> Reply:
        """List the communication types of the tenant."""
        return self._reading.list_rows(call, "types")
