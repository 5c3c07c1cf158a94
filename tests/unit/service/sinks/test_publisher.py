from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from service.contracts.alert import AlertEvent
from service.metrics import Metrics
from service.sinks import DeliveryFailed, DeliveryRefused
from service.sinks import publisher as module
from service.sinks.publisher import BACKOFF_FIRST_S, BACKOFF_MAX_S, Publisher, backoff
from service.store.database import Database
from service.store.outbox import Delivery, Outbox
from support.alerts import make_alert, wait_until


class Line:
    """A sink whose line can be cut, in any way."""

    name = "line"

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.attempts: list[tuple[str, float]] = []
        self.taken: list[str] = []
        self.closed = 0

    def publish(self, event: AlertEvent) -> None:
        self.attempts.append((event.id, time.monotonic()))
        if self.fault is not None:
            raise self.fault
        self.taken.append(event.id)

    def close(self) -> None:
        self.closed += 1


class Post:
    """An outbox and a publisher for one line."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'watchword.db'}", busy_timeout_s=0.05)
        self.outbox = Outbox(self.database)
        self.metrics = Metrics()
        self.line = Line()
        self.publisher = Publisher(self.line, self.outbox, self.metrics)

    def queue(self, events: str) -> None:
        with self.database.transaction() as connection:
            for name in events.split():
                event_id, _, kind = name.partition(":")
                said = {"id": event_id, "at": datetime.now(UTC), "event": kind or "updated"}
                event = AlertEvent.model_validate({**said, "alert": make_alert(name[0])})
                self.outbox.add(connection, event, ["line"], datetime.now(UTC))
        self.publisher.notify(len(events.split()))

    def count(self, outcome: str) -> float:
        labels = {"sink": "line", "outcome": outcome}
        return self.metrics.registry.get_sample_value("watchword_deliveries_total", labels) or 0.0

    def depth(self) -> float | None:
        return self.metrics.registry.get_sample_value("watchword_outbox_depth", {"sink": "line"})


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path)
    yield post
    post.publisher.close(10)
    post.database.close()
    assert post.line.closed == 1
    assert not any(thread.name == "alerts-to-line" for thread in threading.enumerate())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.02)
    monkeypatch.setattr(module, "BACKOFF_MAX_S", 0.1)
    monkeypatch.setattr(module, "STORE_RETRY_S", 0.05)


def test_waits_double_up_to_a_bound() -> None:
    waits = [backoff(failures) for failures in range(1, 2000)]
    assert waits[:4] == [BACKOFF_FIRST_S * factor for factor in (1, 2, 4, 8)]
    assert waits == sorted(waits)
    assert waits[-1] == BACKOFF_MAX_S


def test_a_backlog_is_delivered_in_its_order_and_counted(post: Post) -> None:
    post.queue("a1 b1 a2 c1 b2")
    post.publisher = Publisher(post.line, post.outbox, post.metrics)
    post.publisher.start()
    wait_until(lambda: post.depth() == 0)
    assert post.line.taken == ["a1", "b1", "a2", "c1", "b2"]
    post.queue("a3")
    wait_until(lambda: post.line.taken[-1] == "a3")
    wait_until(lambda: post.depth() == 0)
    wait_until(lambda: post.count("delivered") == 6)


def test_a_dead_line_is_asked_ever_more_rarely(post: Post) -> None:
    post.line.fault = DeliveryFailed("cut")
    post.publisher.start()
    post.queue("a1 b1 c1")
    wait_until(lambda: len(post.line.attempts) == 3)
    assert post.depth() == 3
    (_, first), (_, second), (_, third) = post.line.attempts
    assert second - first >= 0.25
    assert third - second >= 0.5
    assert post.outbox.depth("line") == 3


def test_a_line_that_comes_back_gets_everything_in_each_alerts_order(post: Post, quick: None) -> None:
    post.line.fault = DeliveryFailed("cut")
    post.publisher.start()
    post.queue("a1 b1 a2 b2")
    wait_until(lambda: len(post.line.attempts) >= 6)
    post.line.fault = None
    wait_until(lambda: post.depth() == 0)
    assert sorted(post.line.taken) == ["a1", "a2", "b1", "b2"]
    assert post.line.taken.index("a1") < post.line.taken.index("a2")
    assert post.line.taken.index("b1") < post.line.taken.index("b2")


def test_a_fault_in_the_line_itself_is_survived(post: Post, quick: None, caplog: pytest.LogCaptureFixture) -> None:
    post.line.fault = ZeroDivisionError("bug")
    post.publisher.start()
    post.queue("a1")
    wait_until(lambda: post.count("failed") >= 2)
    assert "line: unexpected failure with event a1" in caplog.text
    post.line.fault = None
    wait_until(lambda: post.line.taken == ["a1"])


def test_the_other_side_may_ask_for_more_time_up_to_the_bound(
    post: Post, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER_MAX_S", 0.6)
    post.line.fault = DeliveryFailed("busy", retry_after=3600)
    post.publisher.start()
    post.queue("a1 b1")
    wait_until(lambda: len(post.line.attempts) == 2)
    (_, first), (_, second) = post.line.attempts  # not an hour apart, and the other event did not come between
    assert second - first >= 0.6


def test_what_is_wrong_is_said_once_and_once_that_it_is_over(
    post: Post, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    post.line.fault = DeliveryFailed("It answered 404 Not Found.")
    post.publisher.start()
    post.queue("a1 b1")
    wait_until(lambda: len(post.line.attempts) >= 6)
    assert post.metrics.registry.get_sample_value("watchword_sink_failing", {"sink": "line"}) == 1
    post.line.fault = DeliveryFailed("It answered 503 Service Unavailable.")
    wait_until(lambda: "503" in caplog.text)
    post.line.fault = None
    wait_until(lambda: post.depth() == 0)
    said = [record.getMessage() for record in caplog.records if record.name == module.__name__]
    assert len(said) == 3
    assert said[0].startswith("line does not take alert events: It answered 404 Not Found. Event a1 is kept")
    assert said[1].startswith("line does not take alert events: It answered 503 Service Unavailable. Event ")
    assert "for 3 days at least" in said[0]
    assert said[2].startswith("line takes events again, after ")
    assert post.metrics.registry.get_sample_value("watchword_sink_failing", {"sink": "line"}) == 0


def test_an_event_that_the_line_chokes_on_is_told_of_once(
    post: Post, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    real = post.line.publish

    def choke_on_a(event: AlertEvent) -> None:
        post.line.fault = DeliveryRefused("It answered 400 Bad Request.") if event.id == "a1" else None
        real(event)

    post.line.publish = choke_on_a  # type: ignore[method-assign]
    post.publisher.start()
    post.queue("a1")
    wait_until(lambda: len(post.line.attempts) >= 2)
    post.queue("b1")
    wait_until(lambda: post.line.taken == ["b1"])
    before = len(post.line.attempts)
    wait_until(lambda: len(post.line.attempts) >= before + 3)
    assert caplog.text.count("does not take alert events") == 1
    assert "Event a1 is kept and tried again, for 1 h at least" in caplog.text


def test_an_opening_that_is_given_up_takes_all_of_its_alert_with_it(
    post: Post, quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FAILING_FOR", timedelta(days=-1))
    monkeypatch.setattr(module, "MIN_ATTEMPTS", 3)
    post.line.fault = DeliveryFailed("It answered 404 Not Found.")
    post.queue("a1:opened a2:updated b2:closed")
    post.publisher.start()
    wait_until(lambda: post.depth() == 0)
    assert [name for name, _ in post.line.attempts].count("a1") == 3
    assert [name for name, _ in post.line.attempts].count("b2") == 3
    assert "a2" not in dict(post.line.attempts)
    assert post.count("given_up") == 3
    assert "gave up event a1 and 1 more of its alert after 3 attempts: It answered 404 Not Found." in caplog.text
    post.line.fault = None
    post.queue("a3:closed b3:reviewed")
    wait_until(lambda: post.line.taken == ["b3"])
    wait_until(lambda: post.depth() == 0)


def test_an_event_that_is_wrong_in_itself_is_given_up_sooner(
    post: Post, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFUSED_FOR", timedelta(days=-1))
    monkeypatch.setattr(module, "MIN_ATTEMPTS", 2)
    post.line.fault = DeliveryRefused("It answered 422.")
    post.publisher.start()
    post.queue("a1:updated")
    wait_until(lambda: post.count("given_up") == 1)
    post.line.fault = DeliveryFailed("It answered 404.")
    post.queue("b1:updated")
    wait_until(lambda: [name for name, _ in post.line.attempts].count("b1") >= 5)
    assert post.count("given_up") == 1


def test_every_counter_of_a_sink_is_there_before_its_first_event(post: Post) -> None:
    post.publisher.start()
    counted = {
        sample.labels["outcome"]: sample.value
        for family in post.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "watchword_deliveries_total"
    }
    assert counted == {"delivered": 0, "failed": 0, "given_up": 0, "dropped": 0}


def test_what_waits_is_bounded(
    post: Post, quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 2)
    monkeypatch.setattr(Outbox.trim, "__defaults__", (2,))
    post.line.fault = DeliveryFailed("cut")
    post.publisher.start()
    post.queue("a1 b1 c1 d1 e1")
    wait_until(lambda: post.count("dropped") == 3)
    assert post.depth() == post.outbox.depth("line") == 2
    assert "3 of the oldest events dropped" in caplog.text
    post.line.fault = None
    wait_until(lambda: sorted(post.line.taken) == ["d1", "e1"])


def test_an_outbox_that_does_not_answer_is_asked_again(
    post: Post, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    post.publisher.start()
    with post.database.transaction() as connection:
        connection.execute(text("ALTER TABLE outbox RENAME TO away"))
    post.publisher.notify(0)
    wait_until(lambda: "line: the outbox does not answer" in caplog.text)
    with post.database.transaction() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO outbox"))
    post.queue("a1")
    wait_until(lambda: post.line.taken == ["a1"])


@pytest.mark.parametrize(
    ("stored", "left", "given_up"),
    [
        ('{"id": "a1", "event": "updated", "surprise": 1}', ["a2", "b1"], 1),
        ('{"id": "a1", "event": "opened"}', ["b1"], 2),
        ("not even JSON", ["b1"], 2),
        ("[]", ["b1"], 2),
    ],
)
def test_an_event_that_cannot_be_read_is_given_up_and_the_others_go_on(
    post: Post, quick: None, caplog: pytest.LogCaptureFixture, stored: str, left: list[str], given_up: int
) -> None:
    post.queue("a1 a2 b1")
    with post.database.transaction() as connection:
        connection.execute(text("UPDATE outbox SET event = :stored WHERE event_id = 'a1'"), {"stored": stored})
    post.publisher.start()
    wait_until(lambda: post.depth() == 0)
    assert post.line.taken == left
    assert post.count("given_up") == given_up
    assert post.outbox.depth("line") == 0
    assert caplog.text.count("line: gave up event a1") == 1
    assert "cannot be read. The alert itself is kept." in caplog.text


def test_a_fault_of_the_publisher_itself_does_not_end_its_thread(
    post: Post, quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[int] = []
    real = post.outbox.due

    def due(sink: str, now: datetime) -> Delivery | None:
        if len(faults) < 3:
            faults.append(1)
            raise RuntimeError("a bug")
        return real(sink, now)

    monkeypatch.setattr(post.outbox, "due", due)
    post.publisher.start()
    post.queue("a1")
    wait_until(lambda: post.line.taken == ["a1"])
    assert caplog.text.count("line: unexpected failure, trying again") == 1


def test_an_outbox_that_is_too_full_is_trimmed_also_of_what_cannot_be_read(post: Post) -> None:
    post.queue("a1 b1 c1")
    with post.database.transaction() as connection:
        connection.execute(text("UPDATE outbox SET event = 'x' WHERE event_id = 'a1'"))
    assert post.outbox.trim("line", keep=2) == 1
    assert post.outbox.depth("line") == 2


def test_an_event_that_cannot_be_crossed_off_is_not_delivered_again_meanwhile(post: Post, quick: None) -> None:
    lock = threading.Event()
    real_publish = post.line.publish

    def publish_and_lock(event: AlertEvent) -> None:
        real_publish(event)
        if not lock.is_set():
            lock.set()
            blocker.__enter__()

    tried: list[str] = []
    real_remove = post.outbox.remove
    post.outbox.remove = lambda delivery: tried.append(delivery.event.id) or real_remove(delivery)  # type: ignore
    blocker = post.database.transaction()
    post.line.publish = publish_and_lock  # type: ignore[method-assign]
    post.publisher.start()
    post.queue("a1")
    wait_until(lambda: len(tried) >= 3)
    assert post.line.taken == ["a1"]
    blocker.__exit__(None, None, None)
    wait_until(lambda: post.depth() == 0)
    assert post.line.taken == ["a1"]


def test_closing_delivers_what_the_line_takes(post: Post) -> None:
    post.queue("a1 b1 a2")
    post.publisher.start()
    post.publisher.close(60)
    assert post.line.taken == ["a1", "b1", "a2"]


def test_closing_does_not_wait_for_a_dead_line(post: Post) -> None:
    post.line.fault = DeliveryFailed("cut")
    post.queue("a1 b1")
    post.publisher.start()
    wait_until(lambda: post.line.attempts)
    start = time.monotonic()
    post.publisher.close(100)
    assert time.monotonic() - start < 30
    assert post.outbox.depth("line") == 2
