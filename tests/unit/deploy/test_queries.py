"""Every query of the dashboard and the rules asks for what the service exposes: names, labels and their values."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from service.contracts.stream import StreamState
from service.metrics import DELIVERY_OUTCOMES, OUTCOMES, STAGES, Metrics

DEPLOY = Path(__file__).parents[3] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/watchword.json").read_text())
RULES = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())
RECORDED = {rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}

NAME = re.compile(r"\bwatchword[_:][a-z0-9_:]+")
SELECTOR = re.compile(r"\b(watchword_[a-z0-9_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*=(~?)\s*"([^"]*)"')
STATES = {state.value for state in StreamState}
LABEL_VALUES = {
    ("watchword_frames_total", "outcome"): set(OUTCOMES),
    ("watchword_deliveries_total", "outcome"): set(DELIVERY_OUTCOMES),
    ("watchword_stage_seconds_bucket", "stage"): set(STAGES),
    ("watchword_stream_state", "state"): STATES,
}


def exposed(registry: CollectorRegistry) -> dict[str, set[str]]:
    """Sample names and their labels, also of collectors that have no series yet."""
    found: dict[str, set[str]] = {}
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    for collector in list(registry._collector_to_names):
        assert isinstance(collector, MetricWrapperBase)
        for family in collector.describe():
            for suffix in suffixes[family.type]:
                labels = set(collector._labelnames) | ({"le"} if suffix == "_bucket" else set())
                found[family.name + suffix] = labels
    return found


EXPOSED = exposed(Metrics().registry)


def queries() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']} {target['refId']}", target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]
    for group in RULES["groups"]:
        for rule in group["rules"]:
            yield f"rule {rule.get('alert') or rule['record']}", rule["expr"]


QUERIES = dict(queries())


def test_metrics_are_found() -> None:
    assert "watchword_frames_total" in EXPOSED
    assert EXPOSED["watchword_latency_seconds_bucket"] == {"stream", "le"}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_names_are_exposed(query: str) -> None:
    names = set(NAME.findall(query))
    assert names or "up{" in query
    assert names <= EXPOSED.keys() | RECORDED


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_labels_and_their_values_exist(query: str) -> None:
    for name, matchers in SELECTOR.findall(query):
        for label, is_pattern, value in MATCHER.findall(matchers):
            assert label in EXPOSED[name], f"{name} has no label {label}"
            if value != "$stream":
                values = set(value.split("|")) if is_pattern else {value}
                assert values <= LABEL_VALUES[name, label]


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_grouping_is_by_labels_of_the_metrics(query: str) -> None:
    labels = set().union(*(EXPOSED.get(name, set()) for name in NAME.findall(query))) | {"instance", "job"}
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")}
    assert grouped <= labels


def test_every_metric_has_a_panel() -> None:
    used = {name for query in QUERIES.values() for name in NAME.findall(query)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in EXPOSED}
    assert families == {re.sub(r"_(bucket|sum|count)$", "", name) for name in used - RECORDED}


def test_the_states_of_the_timeline_are_the_streams_states() -> None:
    (panel,) = (panel for panel in DASHBOARD["panels"] if panel["type"] == "state-timeline")
    in_query = dict(re.findall(r'(\d) \* watchword_stream_state\{state="(\w+)"', panel["targets"][0]["expr"]))
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    assert in_query == {value: shown["text"] for value, shown in mapping["options"].items()}
    assert set(in_query.values()) == STATES


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_datasource_is_the_one_that_is_provisioned() -> None:
    (source,) = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "datasource" in panel}
    assert used == {source["uid"]}


def test_alerts_say_how_bad_and_what() -> None:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["labels"]["severity"] in {"warning", "critical"}
                assert rule["annotations"]["summary"].endswith(".")
