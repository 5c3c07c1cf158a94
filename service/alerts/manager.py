"""From scored frames and source states to alerts: stored first, then published."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from service.alerts.compose import alert_embeddings, anomaly_alert, camera_alert, closed
from service.alerts.incident_machine import IncidentRules
from service.alerts.outage_machine import OutageMachine, OutageRules
from service.alerts.recorder import Record, Recorder
from service.alerts.reviewer import Reviewer
from service.alerts.scene import Followed, IncidentScene
from service.alerts.sentence import blind_message, blind_over_message, outage_message, outage_over_message
from service.alerts.stores import AlertStores
from service.contracts.alert import Alert, AlertEvent, AlertKind
from service.contracts.score import ScoredObject
from service.contracts.stream import DELIVERING, NotWatching, StreamState
from service.metrics import Metrics
from service.pipeline.scored import ScoredFrame
from service.sinks import Sink
from service.sinks.publisher import Publisher

logger = logging.getLogger(__name__)

TICK_S = 0.5
"""How often gaps and outages are looked for; they are of seconds."""

IDLE_S = 600.0
"""A stream that is not scored for so long and has nothing open is not remembered any more."""


@dataclass(slots=True)
class _Stream:
    """What is known of one stream's anomalies."""

    name: str
    scene: IncidentScene
    seen: float = 0.0


@dataclass(slots=True)
class _Trouble:
    """One way in which a camera may fail: that it went away, or that nothing can be seen in its picture."""

    kind: AlertKind
    machine: OutageMachine
    alert: Alert | None = None
    opened: float = 0.0
    """Monotonic clock when the alert opened: how long it lasted is not measured by a clock that is set."""


@dataclass(slots=True)
class _Camera:
    """What is known of one stream's troubles."""

    name: str
    away: _Trouble
    blind: _Trouble
    why: NotWatching | None = None

    @property
    def troubles(self) -> tuple[_Trouble, _Trouble]:
        """Both."""
        return self.away, self.blind

    def begun(self, trouble: _Trouble) -> str:
        """What is said when a trouble becomes an alert."""
        if trouble is self.away or self.why is None:
            return outage_message(self.name)
        return blind_message(self.name, self.why)

    def over(self, trouble: _Trouble) -> str:
        """And when it is over."""
        if trouble is self.away or self.why is None:
            return outage_over_message(self.name, trouble.machine.lasted_s)
        return blind_over_message(self.name, self.why.reason, trouble.machine.lasted_s)


class AlertManager:
    """Owns everything about alerts from ``start`` to ``close``. Thread-safe.

    Threads: ``alert-recorder`` draws pictures and commits, ``alert-clock`` notices gaps and outages, and one
    ``alerts-to-SINK`` for every sink delivers. What the worker calls only computes and queues.
    """

    def __init__(
        self,
        stores: AlertStores,
        sinks: Sequence[Sink],
        metrics: Metrics,
        outages: OutageRules,
        incidents: IncidentRules | None = None,
        blindness: OutageRules | None = None,
    ) -> None:
        """Nothing runs before `start`.

        Args:
            stores: Where alerts are kept; their owner closes the database after the manager.
            sinks: Where events go; the manager closes them.
            metrics: Of the service.
            outages: When a source that is down becomes an alert.
            incidents: When an anomaly's alert opens and closes.
            blindness: When a picture that says nothing becomes an alert; None goes by ``outages``.
        """
        self._stores = stores
        self._metrics = metrics
        self._incident_rules = incidents or IncidentRules()
        self._outage_rules = outages
        self._blind_rules = blindness or outages
        self._sinks = [sink.name for sink in sinks]
        self._reviewer = Reviewer(stores, self._sinks)
        self._recorder = Recorder(stores, self._sinks, metrics, self._committed)
        self._publishers = [Publisher(sink, stores.outbox, metrics) for sink in sinks]
        self._lock = threading.Lock()
        self._streams: dict[str, _Stream] = {}
        self._cameras: dict[str, _Camera] = {}
        self._closing = threading.Event()
        self._clock = threading.Thread(target=self._run_clock, name="alert-clock", daemon=True)

    # ---- life

    def start(self) -> None:
        """Close what the last run left open, and start the threads.

        An alert is not carried over a restart: nobody watched meanwhile. If what it was about still goes on,
        a new one opens within a second.
        """
        self._close_leftovers()
        forgotten = self._stores.outbox.retain(self._sinks)
        if forgotten:
            logger.warning("%d events waited for sinks that are no longer in the settings; dropped", forgotten)
        for publisher in self._publishers:
            publisher.start()
        self._recorder.start()
        self._clock.start()

    def close(self, timeout: float = 5.0) -> None:
        """Close what is open, commit it, deliver what can be within ``timeout`` seconds. Idempotent.

        What could not be delivered is in the outbox for the next start.
        """
        deadline = time.monotonic() + timeout
        self._closing.set()
        if self._clock.is_alive():
            self._clock.join()
        with self._lock:
            for stream_id in self._streams.keys() | self._cameras.keys():
                self._end(stream_id, "Closed because the service stopped.")
        self._recorder.close(max(0.0, deadline - time.monotonic()))
        for publisher in self._publishers:
            publisher.close(max(0.0, deadline - time.monotonic()))

    # ---- what the streams tell

    def observe(self, scored: ScoredFrame, objects: Sequence[ScoredObject], stream_name: str) -> str | None:
        """Take a scored frame of a stream, in order. Never blocks on a disk or a network.

        Args:
            scored: The frame.
            objects: What it holds, as messages say it.
            stream_name: What people call the stream.

        Returns:
            The id of the stream's open alert, which may be committed only some milliseconds from now.
        """
        stream_id = scored.source.stream_id
        with self._lock:
            stream = self._stream(stream_id, stream_name)
            if scored.surprise is not None:
                stream.seen = time.monotonic()
            self._follow(stream_id, stream, stream.scene.observe(scored, objects))
            incident = stream.scene.machine.incident
        return None if incident is None else incident.id

    def open_alert(self, stream_id: str) -> str | None:
        """The id of a stream's open alert of an anomaly, also while nothing is scored; None while there is none."""
        with self._lock:
            stream = self._streams.get(stream_id)
            incident = None if stream is None else stream.scene.machine.incident
        return None if incident is None else incident.id

    def source_state(self, stream_id: str, stream_name: str, state: StreamState) -> None:
        """Take the new state of a stream's source.

        Args:
            stream_id: Whose.
            stream_name: What people call it.
            state: The new state. ``PAUSED`` ends what is open; ``CONNECTING``, ``STALLED``, ``OFFLINE`` and
                ``FAILED`` become an alert when they last beyond the grace.
        """
        with self._lock:
            camera, now = self._camera(stream_id, stream_name), time.monotonic()
            if camera.away.machine.report(state, now) == "closed":
                self._close_trouble(camera, camera.away, "Closed because the camera was paused.")
            # What is not there cannot be blind.
            if state not in DELIVERING and camera.blind.machine.report(StreamState.PAUSED, now) == "closed":
                paused = state is StreamState.PAUSED
                reason = f"Closed because the camera {'was paused' if paused else 'went away'}."
                self._close_trouble(camera, camera.blind, reason)
            stream = self._streams.get(stream_id)
            if state is StreamState.PAUSED and stream is not None:
                self._follow(stream_id, stream, stream.scene.close("Closed because the camera was paused."))

    def sight(self, stream_id: str, stream_name: str, why: NotWatching | None) -> None:
        """Take whether anything can be seen in a stream's picture, whenever that changes.

        Args:
            stream_id: Whose.
            stream_name: What people call it.
            why: Why nothing can, which becomes an alert when it lasts beyond the grace; None if something can.
        """
        with self._lock:
            camera = self._camera(stream_id, stream_name)
            camera.why = why or camera.why
            state = StreamState.LIVE if why is None else StreamState.OFFLINE
            camera.blind.machine.report(state, time.monotonic())

    def forget(self, stream_id: str) -> None:
        """Close the alerts of a stream that is deleted and forget all about it; the alerts stay in the store.

        Call it once nothing calls `observe` or `source_state` for the stream any more.
        """
        with self._lock:
            self._end(stream_id, "Closed because the camera was deleted.")

    @property
    def waiting(self) -> int:
        """Alerts whose changes the store has not taken yet."""
        return self._recorder.waiting

    # ---- what people say

    def streams_of(self, alert_ids: Sequence[str]) -> Sequence[str]:
        """As ``Reviewer.streams_of``."""
        return self._reviewer.streams_of(alert_ids)

    def review(
        self, alert_ids: Sequence[str], changes: Mapping[str, str | None], radii: Mapping[str, float]
    ) -> Sequence[Alert]:
        """Note what a person says of alerts and tell the sinks; arguments and errors as for ``Reviewer.review``."""
        told, events = self._reviewer.review(alert_ids, changes, radii)
        self._committed(events)
        return told

    # ---- incidents

    def _stream(self, stream_id: str, name: str) -> _Stream:
        stream = self._streams.get(stream_id)
        if stream is None:
            stream = self._streams[stream_id] = _Stream(name, IncidentScene(self._incident_rules, _new_id))
        stream.name = name
        return stream

    def _follow(self, stream_id: str, stream: _Stream, followed: Followed) -> None:
        """Record what happened to a stream's incidents."""
        if followed.suppressed is not None:
            self._metrics.alerts_suppressed.labels(stream_id, followed.suppressed).inc()
        for told in followed.told:
            alert = anomaly_alert(stream_id, stream.name, told.incident, told.evidence)
            unseen = told.evidence if told.evidence.image is not None else None
            embeddings = None if unseen is None else alert_embeddings(alert.id, unseen)
            self._recorder.put(Record(alert.id, stream_id, {told.event: alert}, unseen, embeddings))
            if told.event == "opened":
                logger.info("stream %s (%s): alert %s opened: %s", stream_id, stream.name, alert.id, alert.message)
                self._metrics.alerts.labels(stream_id, AlertKind.ANOMALY.value).inc()

    # ---- troubles of cameras

    def _camera(self, stream_id: str, name: str) -> _Camera:
        camera = self._cameras.get(stream_id)
        if camera is None:
            away = _Trouble(AlertKind.OFFLINE, OutageMachine(self._outage_rules))
            blind = _Trouble(AlertKind.NOT_WATCHING, OutageMachine(self._blind_rules))
            camera = self._cameras[stream_id] = _Camera(name, away, blind)
        camera.name = name
        return camera

    def _elapse(self, stream_id: str, camera: _Camera, trouble: _Trouble, now: float) -> None:
        change = trouble.machine.elapse(now)
        if change == "opened":
            message = camera.begun(trouble)
            trouble.opened = now
            trouble.alert = camera_alert(_new_id(), stream_id, camera.name, trouble.kind, time.time(), message)
            self._recorder.put(Record(trouble.alert.id, stream_id, {"opened": trouble.alert}))
            self._metrics.alerts.labels(stream_id, trouble.kind.value).inc()
        elif change == "closed":
            back = "It sends pictures again." if trouble is camera.away else "It can see again."
            self._close_trouble(camera, trouble, back)

    def _close_trouble(self, camera: _Camera, trouble: _Trouble, reason: str) -> None:
        alert, trouble.alert = trouble.alert, None
        if alert is not None:
            at = alert.opened_at + timedelta(seconds=time.monotonic() - trouble.opened)
            ended = closed(alert, at, reason, camera.over(trouble))
            self._recorder.put(Record(alert.id, alert.stream_id, {"closed": ended}))

    # ---- inside

    def _run_clock(self) -> None:
        while not self._closing.wait(TICK_S):
            now = time.monotonic()
            with self._lock:
                for stream_id, stream in list(self._streams.items()):
                    self._check_gap(stream_id, stream, now - stream.seen)
                for stream_id, camera in self._cameras.items():
                    for trouble in camera.troubles:
                        self._elapse(stream_id, camera, trouble, now)

    def _check_gap(self, stream_id: str, stream: _Stream, unseen_s: float) -> None:
        if unseen_s > stream.scene.machine.gap_s:
            ended = stream.scene.close(f"Closed because nothing was scored for {unseen_s:.0f} seconds.")
            self._follow(stream_id, stream, ended)
        if unseen_s > IDLE_S:
            del self._streams[stream_id]

    def _end(self, stream_id: str, reason: str) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            self._follow(stream_id, stream, stream.scene.close(reason))
        camera = self._cameras.pop(stream_id, None)
        if camera is not None:
            for trouble in camera.troubles:
                trouble.machine.close(time.monotonic())
                self._close_trouble(camera, trouble, reason)

    def _committed(self, events: Sequence[AlertEvent]) -> None:
        """After a commit, on the recorder's thread: from here on an alert is sure to be sent."""
        with self._lock:
            for event in events:
                if event.event == "opened":
                    self._start_cooldown(event.alert)
        for publisher in self._publishers:
            publisher.notify(len(events))

    def _start_cooldown(self, alert: Alert) -> None:
        if alert.kind is not AlertKind.ANOMALY:
            camera = self._cameras.get(alert.stream_id)
            for trouble in () if camera is None else camera.troubles:
                if trouble.kind is alert.kind:
                    trouble.machine.sent(time.monotonic())
            return
        stream = self._streams.get(alert.stream_id)
        if stream is not None:
            stream.scene.machine.sent(alert.id)

    def _close_leftovers(self) -> None:
        now = datetime.now(UTC)
        alerts, outbox = self._stores.alerts, self._stores.outbox
        with self._stores.database.transaction() as connection:
            for alert in alerts.still_open(connection):
                ended = closed(alert, now, "Closed because the service restarted.")
                outbox.add(connection, alerts.record(connection, ended, "closed"), self._sinks, now)


def _new_id() -> str:
    return uuid4().hex
