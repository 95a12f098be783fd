"""The nouns of netdoctor: frozen dataclasses and enums. Imports nothing else of ours."""

from netdoctor.model.declared import (
    Blank,
    Build,
    BuildStep,
    BuildVariable,
    Dependency,
    HealthCheck,
    Link,
    SourceRead,
)
from netdoctor.model.edge import Case, Edge
from netdoctor.model.expectation import Apart, Expect, Expectation, Suppression
from netdoctor.model.finding import Confidence, Finding, Remedy, Rule, Severity
from netdoctor.model.observation import Answers, Layer, Observation, Outcome, Question
from netdoctor.model.operations import (
    AddServiceNetwork,
    Connect,
    CreateNetwork,
    Disconnect,
    Membership,
    Operation,
    RemoveNetwork,
    RemoveServiceNetwork,
)
from netdoctor.model.paths import carriers, network_of_address, predicted_addresses
from netdoctor.model.refs import HOST, Place, Ref
from netdoctor.model.report import EdgeReport, Report, SkippedRule, Step, Unjudged, Verdict
from netdoctor.model.topology import (
    Container,
    Endpoint,
    Fact,
    Health,
    Network,
    PortBinding,
    State,
    Topology,
)

__all__ = [
    "HOST",
    "AddServiceNetwork",
    "Answers",
    "Apart",
    "Blank",
    "Build",
    "BuildStep",
    "BuildVariable",
    "Case",
    "Confidence",
    "Connect",
    "Container",
    "CreateNetwork",
    "Dependency",
    "Disconnect",
    "Edge",
    "EdgeReport",
    "Endpoint",
    "Expect",
    "Expectation",
    "Fact",
    "Finding",
    "Health",
    "HealthCheck",
    "Layer",
    "Link",
    "Membership",
    "Network",
    "Observation",
    "Operation",
    "Outcome",
    "Place",
    "PortBinding",
    "Question",
    "Ref",
    "Remedy",
    "RemoveNetwork",
    "RemoveServiceNetwork",
    "Report",
    "Rule",
    "Severity",
    "SkippedRule",
    "SourceRead",
    "State",
    "Step",
    "Suppression",
    "Topology",
    "Unjudged",
    "Verdict",
    "carriers",
    "network_of_address",
    "predicted_addresses",
]
