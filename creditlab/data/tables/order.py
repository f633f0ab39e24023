"""Pairs of dates of one row of which the first cannot lie after the second."""

from __future__ import annotations

from collections.abc import Mapping

ORDER: Mapping[str, tuple[tuple[str, str], ...]] = {
    "villages": (("valid_from", "valid_to"),),
    "service_points": (("opened_on", "closed_on"),),
    "offers": (("offered_from", "offered_to"),),
    "interventions": (("started_on", "ended_on"),),
    "consents": (("given_on", "valid_to"), ("given_on", "withdrawn_on")),
    "collection_log": (("requested_on", "recorded_on"),),
    "loans": (("granted_on", "due_on"),),
    "guarantees": (("guaranteed_from", "guaranteed_to"),),
    "applications": (("applied_on", "decided_on"),),
    "businesses": (("status_from", "status_to"),),
    "programmes": (("awarded_on", "valid_to"),),
    "judgments": (("filed_on", "closed_on"), ("filed_on", "enforcement_on")),
}


def order_of(table: str) -> tuple[tuple[str, str], ...]:
    """The pairs of dates of a table; what is known cannot be known before it was true."""
    return (*ORDER.get(table, ()), ("observed_on", "known_on"))
