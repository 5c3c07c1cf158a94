"""Every metric the service exposes, in one registry that its owner passes around."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
STAGES = ("prepare", "detect", "track", "inputs", "features", "score", "guide", "alerts")
OUTCOMES = ("scored", "enrolled", "not_due", "superseded", "stale", "disturbed", "blind", "decode_error", "error")


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
            "How far behind the present the newest scored frame of a stream was, absent when nothing is scored.",
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
            "watchword_deliveries", "Attempts to deliver alert events.", ["sink", "outcome"], registry=self.registry
        )

    def forget(self, stream_id: str) -> None:
        """Drop every series of a deleted stream."""
        for collector in (
            self.frames,
            self.latency_seconds,
            self.lag_seconds,
            self.score,
            self.stream_state,
            self.stream_watching,
            self.reconnects,
            self.alerts,
            self.alerts_suppressed,
        ):
            collector.remove_by_labels({"stream": stream_id})
