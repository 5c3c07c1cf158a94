"""Every metric the service exposes, in one registry that its owner passes around."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
CLIENT_KINDS = ("websocket", "mjpeg")
SUPPRESSIONS = ("too_short", "cooldown", "lost")
STAGES = ("prepare", "detect", "people", "track", "inputs", "features", "score", "guide", "alerts")
DELIVERY_OUTCOMES = ("delivered", "failed", "given_up", "dropped")
OUTCOMES = (
    "scored",
    "enrolled",
    "not_due",
    "superseded",
    "stale",
    "skipped",
    "disturbed",
    "blind",
    "decode_error",
    "error",
)


class Metrics:
    """The collectors, named ``watchword_*``. Thread-safe, as Prometheus collectors are."""

    def __init__(self) -> None:
        """A registry of its own, so that two services in one process (tests) do not meet."""
        self.registry = CollectorRegistry(auto_describe=True)
        self.frames = Counter(
            "watchword_frames",
            "Frames by what became of them.",
            ["stream", "outcome"],  # see OUTCOMES
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            "watchword_stage_seconds",
            "Time of a stage, per tick.",
            ["stage"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.latency_seconds = Histogram(
            "watchword_latency_seconds",
            "From a frame's arrival to its score.",
            ["stream"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.lag_seconds = Gauge(
            "watchword_lag_seconds",
            "How far behind the present the newest frame of a stream was, absent while none come.",
            ["stream"],
            registry=self.registry,
        )
        self.batch_frames = Histogram(
            "watchword_batch_frames", "Frames per tick.", buckets=(1, 2, 4, 8, 16, 32, 64, 128), registry=self.registry
        )
        self.score = Gauge(
            "watchword_score", "Last score of a stream, absent when not live.", ["stream"], registry=self.registry
        )
        self.stream_state = Gauge(
            "watchword_stream_state",
            "1 for the state a stream is in, else 0.",
            ["stream", "state"],
            registry=self.registry,
        )
        self.stream_watching = Gauge(
            "watchword_stream_watching",
            "1 while a stream's frames are being scored, else 0.",
            ["stream"],
            registry=self.registry,
        )
        self.unusual_share = Gauge(
            "watchword_unusual_share",
            "Share of today's frames that were as unusual as one in a hundred was while learning.",
            ["stream"],
            registry=self.registry,
        )
        self.stream_info = Gauge(
            "watchword_stream_info",
            "1 for every registered stream under its present name, for joining on `stream`.",
            ["stream", "name"],
            registry=self.registry,
        )
        self.streams = Gauge("watchword_streams", "Registered streams.", registry=self.registry)
        self.decoders = Gauge("watchword_decoders", "Decoders that are open now.", registry=self.registry)
        self.reconnects = Counter(
            "watchword_reconnects",
            "Decoders rebuilt after a failure, by cause.",
            ["stream", "cause"],
            registry=self.registry,
        )
        self.clients = Gauge(
            "watchword_clients", "Connected clients, by kind (websocket, mjpeg).", ["kind"], registry=self.registry
        )
        self.client_dropped = Counter(
            "watchword_client_dropped", "Messages that slow clients lost.", ["kind"], registry=self.registry
        )
        self.alerts = Counter("watchword_alerts", "Alerts opened.", ["stream", "kind"], registry=self.registry)
        self.alerts_suppressed = Counter(
            "watchword_alerts_suppressed",
            "Incidents that did not become alerts.",
            ["stream", "cause"],
            registry=self.registry,
        )
        self.outbox_depth = Gauge(
            "watchword_outbox_depth", "Alert events not delivered yet.", ["sink"], registry=self.registry
        )
        self.deliveries = Counter(
            "watchword_deliveries",
            "Alert events by what became of an attempt to deliver them.",
            ["sink", "outcome"],  # see DELIVERY_OUTCOMES
            registry=self.registry,
        )
        self.sink_failing = Gauge(
            "watchword_sink_failing",
            "1 while a sink does not take alert events, else 0.",
            ["sink"],
            registry=self.registry,
        )
        for kind in CLIENT_KINDS:
            self.clients.labels(kind)
            self.client_dropped.labels(kind)

    def know_sink(self, sink: str) -> None:
        """Let every counter of a sink be there at 0: a rate misses the first event of one that begins at 1."""
        self.sink_failing.labels(sink).set(0)
        for outcome in DELIVERY_OUTCOMES:
            self.deliveries.labels(sink, outcome)

    def know_stream(self, stream_id: str, name: str, alert_kinds: Iterable[str], causes: Iterable[str]) -> None:
        """Let every counter of a stream be there at 0, and its name be known; again when it is renamed.

        Names are in a series of their own, one a stream: as a label of every metric, a renaming would begin all of
        them anew.

        Args:
            stream_id: Whose.
            name: What people call it now.
            alert_kinds: What its alerts may be about.
            causes: Why its decoder may be rebuilt.
        """
        self.stream_info.remove_by_labels({"stream": stream_id})
        self.stream_info.labels(stream_id, name).set(1)
        for outcome in OUTCOMES:
            self.frames.labels(stream_id, outcome)
        for kind in alert_kinds:
            self.alerts.labels(stream_id, kind)
        for cause in SUPPRESSIONS:
            self.alerts_suppressed.labels(stream_id, cause)
        for cause in causes:
            self.reconnects.labels(stream_id, cause)

    def forget(self, stream_id: str) -> None:
        """Drop every series of a deleted stream."""
        for collector in (
            self.frames,
            self.latency_seconds,
            self.lag_seconds,
            self.score,
            self.stream_state,
            self.stream_watching,
            self.unusual_share,
            self.stream_info,
            self.reconnects,
            self.alerts,
            self.alerts_suppressed,
        ):
            collector.remove_by_labels({"stream": stream_id})
