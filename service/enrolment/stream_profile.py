"""What one stream has learned to be normal: its profile, kept over restarts, and the enrolment that makes a new one."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from models.scoring.promise import Promise
from models.scoring.trial import QUIET_S, NormalTrial
from service.contracts.alert import Alert, AlertKind
from service.contracts.enrolment import (
    EnrolmentOut,
    EnrolmentSpec,
    EnrolmentState,
    ProfileOut,
    PromiseOut,
    ThresholdChangeOut,
)
from service.contracts.stream import StreamSpec
from service.enrolment.job import Enrolment
from service.enrolment.live_trial import BEFORE_S, LiveTrial
from service.enrolment.moments_out import moments_out
from service.enrolment.profile_file import ProfileFile
from service.errors import (
    ENROLMENT_RUNNING,
    MOMENT_NOT_FOUND,
    NO_PROFILE,
    NOTHING_TO_EXTEND,
    PROFILE_MISFIT,
    SOURCE_MISSING,
    SOURCE_PATH,
    STREAM_PAUSED,
    Conflict,
    InvalidSource,
    NotFound,
)
from service.ingest.playback import read_all
from service.ingest.source import Source, parse_source
from service.pipeline.context import StreamContext
from service.pipeline.offline import OfflinePipeline
from service.pipeline.recordings import NormalRecording
from service.pipeline.scored import FULL_SCALE, ScoredFrame, display
from service.pipeline.stages import Stages
from service.profiles.moments import Moment
from service.profiles.profile import DEFAULT_ALERTS_PER_DAY, HeadProfile, Profile, ProfileError, ProfileOutdated
from service.profiles.samples import Choice, Samples, Span, within
from service.settings import Settings
from service.store.storage_trouble import StorageTrouble

logger = logging.getLogger(__name__)

NEWS = 0.06
"""A threshold that moved by so much surprise is told of: a hundredth of the scale on which scores are shown."""


@dataclass(frozen=True, slots=True)
class EnrolmentServices:
    """What the learning of all streams shares.

    Attributes:
        settings: The service's settings.
        executor: Reads enrolment files and fits profiles.
        remember: Keeps the enrolment that a stream has begun (or None) over a restart.
    """

    settings: Settings
    executor: Executor
    remember: Callable[[str, EnrolmentSpec | None], None]


class StreamProfile:
    """The profile in force of one stream, and the enrolment under way. Thread-safe."""

    def __init__(
        self,
        stream_id: str,
        spec: StreamSpec,
        stages: Stages,
        context: StreamContext,
        services: EnrolmentServices,
        changed: Callable[[], None],
    ) -> None:
        """Learn nothing yet, and score by nothing.

        Args:
            stream_id: Whose.
            spec: Its settings.
            stages: Its detector and heads.
            context: Gets every profile as it comes into force, and gathers the frames of a live enrolment.
            services: What all streams share.
            changed: Called after each change of an enrolment's state, from any thread.
        """
        self._stream_id = stream_id
        self._spec = spec
        self._stages = stages
        self._context = context
        self._services = services
        self._changed = changed
        path = profile_path(services.settings, stream_id)
        self._file = ProfileFile(stream_id, path, partial(services.remember, stream_id, None))
        # Held while a profile is written; never by the worker.
        self._lock = threading.RLock()
        self._enrolment: Enrolment | None = None
        self._enrolment_problem: str | None = None
        self._profile: Profile | None = None
        self._profile_problem: str | None = None
        # What a person said of moments since the profile in force was fitted.
        self._choices: dict[Span, Choice | None] = {}
        self._live: LiveTrial | None = None
        self._promise: Promise | None = None

    # ---- state

    @property
    def enrolled(self) -> bool:
        """Whether there is a profile to score by."""
        return self._profile is not None

    @property
    def running(self) -> bool:
        """Whether an enrolment is under way."""
        enrolment = self._enrolment
        return enrolment is not None and enrolment.state in (EnrolmentState.COLLECTING, EnrolmentState.FITTING)

    @property
    def computing(self) -> bool:
        """Whether recordings are being read for it now, or a profile is fitted."""
        enrolment = self._enrolment
        return enrolment is not None and (
            enrolment.state is EnrolmentState.FITTING
            or (self.running and enrolment.spec is not None and enrolment.spec.sources is not None)
        )

    @property
    def problem(self) -> str | None:
        """Why the profile that was kept is not in force."""
        return self._profile_problem

    @property
    def progress(self) -> str:
        """How far the enrolment is, in a sentence."""
        out = self.out()
        if out.state is EnrolmentState.FITTING:
            return "Learning what is normal: all frames are there, and are being evaluated."
        if out.frames_wanted is None:
            return f"Learning what is normal from recordings, {100 * out.progress:.0f} % done."
        return f"Learning what is normal, {out.frames} of {out.frames_wanted} frames."

    @property
    def trouble(self) -> StorageTrouble | None:
        """Why the profile in force could not be written yet."""
        return self._file.trouble

    def kept(self) -> Profile:
        """The profile that was learned last, with its samples, also one that waits for the disk.

        Raises:
            ProfileError: If there is none, or none that can be read.
        """
        return self._file.load()

    @property
    def failure(self) -> str | None:
        """Why the last enrolment failed; None if it did not."""
        enrolment = self._enrolment
        return self._enrolment_problem if enrolment is None else enrolment.out().error

    def out(self) -> EnrolmentOut:
        """How far the enrolment is, and what this stream has learned."""
        enrolment, profile = self._enrolment, self._profile
        if enrolment is not None:
            out = enrolment.out()
        elif self._enrolment_problem is not None:
            out = EnrolmentOut(state=EnrolmentState.FAILED, error=self._enrolment_problem)
        elif profile is not None:
            out = EnrolmentOut(
                state=EnrolmentState.READY,
                progress=1.0,
                frames=profile.frames,
                seconds=profile.seconds,
                finished_at=profile.created_at,
            )
        else:
            out = EnrolmentOut(state=EnrolmentState.NONE, error=self._profile_problem)
        if self._file.trouble is not None and out.error is None:
            said = f"What was learned is in force, but is not written yet. {self._file.trouble.detail}"
            out = out.model_copy(update={"error": said})
        known: dict[str, object] = {"promise": self._promise_out(), "threshold_changes": self._changes_out()}
        if profile is not None:
            in_force = math.inf if self._promise is None else self._promise.threshold
            moments = moments_out(self._stream_id, profile.moments, dict(self._choices), in_force)
            known |= {"profiles": self._profiles_out(profile), "moments": moments}
        return out.model_copy(update=known)

    @property
    def notes(self) -> list[str]:
        """What people should know of the threshold in force: that it is another one than at enrolment."""
        changes = self._changes_out() if self._adapts else []
        return [changes[-1].sentence] if changes else []

    @property
    def _adapts(self) -> bool:
        return self._spec.threshold is None and self._spec.threshold_adapts

    def _promise_out(self) -> PromiseOut | None:
        made, profile = self._promise, self._profile
        if made is None or profile is None:
            return None
        return PromiseOut(
            threshold=display(made.threshold),
            surprise=made.threshold,
            threshold_at_enrolment=display(promise_of(self._spec, profile).threshold),
            alerts_per_day=made.alerts_per_day,
            expected=made.expected,
            low=made.low,
            high=None if math.isinf(made.high) else made.high,
            hours=made.hours,
            incidents=made.incidents,
            kind=made.kind.value,
            sentence=made.sentence,
            adapts=self._adapts and profile.trial is not None,
        )

    def _changes_out(self) -> list[ThresholdChangeOut]:
        changes = () if self._live is None else self._live.changes
        return [
            ThresholdChangeOut(
                at=datetime.fromtimestamp(change.at, UTC),
                threshold=display(change.threshold),
                sentence=f"The threshold was {display(change.before):.2f}, and is {display(change.threshold):.2f} "
                f"since {change.hours:.0f} hours of normal footage were seen.",
            )
            for change in changes
        ]

    def picture(self, moment_id: str) -> bytes:
        """The picture of a moment, a JPEG.

        Raises:
            NotFound: ``moment_not_found``, if there is no such moment (any more) or no picture of it.
        """
        moment = self._moment(moment_id)
        if not moment.picture:
            msg = f"There is no picture of moment {moment_id!r}."
            raise NotFound(MOMENT_NOT_FOUND, msg, moment_id=moment_id)
        return moment.picture

    def _moment(self, moment_id: str) -> Moment:
        profile = self._profile
        found = next((one for one in (profile.moments if profile else ()) if one.id == moment_id), None)
        if found is None:
            msg = f"There is no moment {moment_id!r} in what this stream has learned (any more)."
            raise NotFound(MOMENT_NOT_FOUND, msg, moment_id=moment_id)
        return found

    def _profiles_out(self, profile: Profile) -> list[ProfileOut]:
        return [
            ProfileOut(
                pack=name,
                created_at=profile.created_at,
                frames=profile.frames,
                seconds=round(profile.seconds, 2),
                objects=profile.objects or None,
                recordings=profile.recordings,
                origin=profile.origin,
                summary=self._summary(name, head),
            )
            for name, head in profile.heads.items()
        ]

    def _summary(self, name: str, head: HeadProfile) -> dict[str, float | str]:
        try:
            return self._stages.heads[name].head.summary(head.arrays)
        except Exception:  # a head of another distribution must not cost people the state of the stream
            logger.exception("stream %s: head %s does not sum up its profile", self._stream_id, name)
            return {}

    # ---- enrolment

    def enrol(self, spec: EnrolmentSpec, other: Profile | None = None) -> None:
        """Begin an enrolment; the present profile stays in force until the new one is there.

        Args:
            spec: What to learn from.
            other: The profile to take over, when ``spec.stream`` names one.

        Raises:
            Conflict: If one is under way, there is nothing to extend, the stream is paused and has no live picture, or
                the other profile does not fit this stream.
            InvalidSource: If a file is not there.
        """
        with self._lock:
            if self.running:
                msg = "This stream is learning already. Stop that first (DELETE /streams/{id}/enrolment)."
                raise Conflict(ENROLMENT_RUNNING, msg)
            if other is None:
                self._begin(spec)
                return
            self._choices.clear()
            try:
                self._keep(replace(other, origin=f"stream {spec.stream}"), self._file.save)
            except ProfileError as error:
                raise Conflict(PROFILE_MISFIT, str(error)) from error

    def choose(self, moment_id: str, choice: Choice | None) -> None:
        """Leave a moment out of what was learned or keep it, and learn anew from the frames that were kept.

        The present profile stays in force until the new one is there. What is said meanwhile of other moments comes
        into force with one more.

        Args:
            moment_id: Which.
            choice: What a person says of it; None leaves it to the heads again.

        Raises:
            NotFound: ``moment_not_found``.
            Conflict: ``enrolment_running``, while frames are gathered: what they are added to is open already.
        """
        with self._lock:
            moment = self._moment(moment_id)
            if self.running and not self._learning_anew:
                msg = "This stream is learning. Wait until it is done, or stop it (DELETE /streams/{id}/enrolment)."
                raise Conflict(ENROLMENT_RUNNING, msg)
            if self._choices.get(moment.span, moment.choice) is choice:
                return
            self._choices[moment.span] = choice
            if not self.running:
                self._learn_anew()

    @property
    def _learning_anew(self) -> bool:
        enrolment = self._enrolment
        return enrolment is not None and enrolment.spec is None

    def _learn_anew(self) -> None:
        """Fit the kept frames once more, by what was said of moments; called with the lock held."""
        kept, said = self._file.load(), dict(self._choices)
        samples = kept.samples
        if samples is None:
            msg = "a profile file always holds its samples"
            raise AssertionError(msg)
        for span, choice in said.items():
            samples.choose(span, choice)
        self._file.begin()
        self._enrolment = Enrolment(
            spec=None,
            pipeline=self._pipeline(),
            executor=self._services.executor,
            extended=replace(kept, trial=None if samples.whole else _without_left_out(kept.trial, samples)),
            fps=self._spec.fps,
            keep=self._keep_enrolled,
            changed=partial(self._learned_anew, said),
            origin=kept.origin,
        )
        self._enrolment_problem = None
        self._enrolment.learn_anew()

    def _learned_anew(self, said: Mapping[Span, Choice | None]) -> None:
        """Go on with what was said meanwhile, if anything was."""
        self._enrolment_changed()
        with self._lock:
            if self.running or not self._learning_anew:
                return
            # Also if it failed: what cannot be learned is not tried again and again.
            self._choices = {
                span: choice for span, choice in self._choices.items() if span not in said or said[span] is not choice
            }
            if self._choices:
                self._learn_anew()

    def fail(self, reason: str) -> None:
        """Say of an enrolment that was due why it could not begin."""
        self._enrolment_problem = reason
        self._file.settle()

    def watch(self) -> None:
        """Called by the worker after each live frame: goes on to fitting once enough was gathered."""
        enrolment = self._enrolment
        if enrolment is not None:
            enrolment.watch()

    def forget(self) -> None:
        """Give up a running enrolment and delete the profile. Idempotent."""
        with self._lock:
            self._services.remember(self._stream_id, None)  # first: if the disk refuses it, nothing has changed
            if self._enrolment is not None:
                self._enrolment.cancel()
                self._enrolment = None
            self._file.delete()
            self._live_path.unlink(missing_ok=True)
            self._use(None)
            self._choices.clear()
            self._profile_problem = self._enrolment_problem = None

    def close(self) -> None:
        """Give up a running enrolment; the profile stays. Idempotent."""
        with self._lock:
            if self._enrolment is not None:
                self._enrolment.cancel()
            self._file.close()

    def _begin(self, spec: EnrolmentSpec) -> None:
        if spec.seconds is not None and not self._spec.enabled:
            msg = "This stream is paused, so there is no live picture to learn from. Enable it, or name sources."
            raise Conflict(STREAM_PAUSED, msg)
        recordings = [
            self._recording(file_source(path, self._services.settings.media_dir)) for path in spec.sources or ()
        ]
        enrolment = Enrolment(
            spec=spec,
            pipeline=self._pipeline(),
            executor=self._services.executor,
            extended=self._profile_to_extend() if spec.extend else None,
            fps=self._spec.fps,
            keep=self._keep_enrolled,
            changed=self._enrolment_changed,
        )
        self._services.remember(self._stream_id, spec)
        self._choices.clear()
        self._file.begin()
        self._enrolment = enrolment
        self._enrolment_problem = None
        if spec.sources is None:
            enrolment.learn_live(self._context)
        else:
            enrolment.learn_files(recordings)

    def _pipeline(self) -> OfflinePipeline:
        return OfflinePipeline(
            self._stages.unobserved(), fps=self._spec.fps, detection=self._spec.detection, zones=self._spec.zones
        )

    def _recording(self, source: Source) -> NormalRecording:
        given = self._stream_id, source, self._spec.fps, self._services.settings, self._stages.windows
        return NormalRecording(source.url.removeprefix("file:"), partial(read_all, *given))

    def _profile_to_extend(self) -> Profile:
        if self._profile is None:
            msg = "This stream has learned nothing yet that could be extended. Leave extend out."
            raise Conflict(NOTHING_TO_EXTEND, msg)
        return self._file.load()

    def _enrolment_changed(self) -> None:
        out = self.out()
        logger.info("stream %s: enrolment %s, %d frames", self._stream_id, out.state, out.frames)
        if not self.running:
            self._file.settle()
        self._changed()

    # ---- profile

    def take_up(self, *, learn_anew: bool = True) -> None:
        """Score by the profile that was kept, if there is one and it fits.

        Args:
            learn_anew: Where today's heads learn otherwise than those of the version that wrote it, let them learn
                from the frames that it kept. Not while another enrolment is due.
        """
        if not self._file.path.exists():
            return
        try:
            profile = Profile.load(self._file.path, samples=False)
            self._stages.check(profile)
        except ProfileError as error:
            self._profile_problem = str(error)
            logger.warning("stream %s: %s", self._stream_id, error)
            if learn_anew and isinstance(error, ProfileOutdated):
                self._take_up_frames()
            return
        self._use(profile)

    def _take_up_frames(self) -> None:
        """Learn from the frames of a profile that cannot be used as it is."""
        try:
            with self._lock:
                self._learn_anew()
        except ProfileError as error:  # its frames cannot be read either
            logger.warning("stream %s: %s", self._stream_id, error)
        else:
            logger.info("stream %s: its frames are learned from anew", self._stream_id)

    def configure(self, spec: StreamSpec) -> None:
        """Take new settings, a threshold among them."""
        with self._lock:
            self._spec = spec
            self._set_threshold()

    # ---- what is seen live

    def observe(self, frame: ScoredFrame) -> None:
        """Take a live frame: what it says of how many alerts a threshold lets pass. Called by the worker."""
        live = self._live
        if live is None or frame.surprise is None or frame.unguided is None or not frame.believable:
            return
        clocks = frame.source.frame
        # A rule that makes something an anomaly asks for its alerts: they are no false ones.
        surprise = min(frame.surprise, frame.unguided)
        if live.observe(surprise, clocks.pts, frame.source.epoch, clocks.captured_at):
            self._services.executor.submit(self._settle, live)

    def judged(self, alert: Alert) -> None:
        """Take what a person said of one of the stream's alerts: what is true of it does not count as false."""
        live, last = self._live, alert.closed_at or alert.updated_at
        if live is None or alert.kind is not AlertKind.ANOMALY:
            return
        span = (alert.opened_at.timestamp(), last.timestamp()) if alert.verdict == "confirmed" else None
        if live.judge(alert.id, span):
            self._services.executor.submit(self._settle, live)

    def _settle(self, live: LiveTrial) -> None:
        """Let the threshold follow what was seen; in the executor, as it may count over fourteen days of seconds."""
        live.settle()
        with self._lock:
            if live is not self._live or self._profile is None:
                return
            first = promise_of(self._spec, self._profile).threshold
            before = live.changes[-1].threshold if live.changes else first
            self._set_threshold()
            made = self._promise
            if self._adapts and made is not None and abs(made.threshold - before) >= NEWS:
                live.note(before, made.threshold, made.hours)
                logger.info("stream %s: its threshold is %.2f now", self._stream_id, display(made.threshold))
        live.save()

    def _keep_enrolled(self, enrolment: Enrolment, profile: Profile) -> None:
        with self._lock:
            if self._enrolment is enrolment and not enrolment.cancelled:
                goes_on = enrolment.spec is None or enrolment.spec.extend
                self._keep(self._with_live_hours(profile) if goes_on else profile, self._file.keep)

    def _with_live_hours(self, profile: Profile) -> Profile:
        """A profile that goes on from the present one was tried on the hours since as well."""
        before, live = self._profile, self._live
        if before is None or live is None or profile.trial is None:
            return profile
        live.settle()
        hours = live.trial.on_scale(before.fused.raw).on_scale(profile.fused.surprise)
        return replace(profile, trial=profile.trial.joined(hours))

    def _keep(self, profile: Profile, write: Callable[[Profile], None]) -> None:
        self._stages.check(profile)
        write(profile)
        self._live_path.unlink(missing_ok=True)
        self._use(replace(profile, samples=None))
        self._profile_problem = None

    def _use(self, profile: Profile | None) -> None:
        self._profile = profile
        # What an earlier version learned was tried on nothing, so there is no count that live hours could go on from.
        tried = profile is not None and profile.trial is not None
        self._live = LiveTrial(self._live_path, profile.created_at) if profile is not None and tried else None
        self._context.use_profile(profile)
        self._set_threshold()

    @property
    def _live_path(self) -> Path:
        return live_path(self._services.settings, self._stream_id)

    def _set_threshold(self) -> None:
        """Make the promise anew, and score by its threshold."""
        scorer, profile = self._context.scorer, self._profile
        if scorer is None or profile is None:
            self._promise = None
            return
        self._promise = self._promised(self._spec, profile)
        scorer.threshold = self._promise.threshold

    def promised(self, spec: StreamSpec) -> Promise | None:
        """What would be promised with other settings, by all that was seen; None while nothing is learned."""
        profile = self._profile
        return None if profile is None else self._promised(spec, profile)

    def _promised(self, spec: StreamSpec, profile: Profile) -> Promise:
        seen, live = profile.trial, self._live
        if seen is not None and live is not None and (spec.threshold is not None or spec.threshold_adapts):
            seen = seen.joined(live.trial)
        return promise_of(spec, replace(profile, trial=seen))


def _without_left_out(trial: NormalTrial | None, samples: Samples) -> NormalTrial | None:
    """What was tried on more footage than is kept, without what a person left out since."""
    if trial is None:
        return None
    kept, spans = samples.kept(), []
    for span, choice in samples.choices.items():
        times = [samples.clock(sample) for sample, inside in zip(kept, within(kept, span), strict=True) if inside]
        if times and choice is Choice.LEAVE_OUT:
            spans.append((min(times) - BEFORE_S, max(times) + QUIET_S))
    return trial.without(spans)


def alerts_per_day(spec: StreamSpec) -> float | None:
    """How often normal footage may raise an alert on a stream with these settings; None if they name a threshold."""
    return None if spec.threshold is not None else spec.alerts_per_day or DEFAULT_ALERTS_PER_DAY


def promise_of(spec: StreamSpec, profile: Profile) -> Promise:
    """The surprise at which an alert opens on a stream with these settings and this profile, and what it promises."""
    if spec.threshold is not None:
        return profile.promised_at(spec.threshold * FULL_SCALE)
    return profile.promised(spec.alerts_per_day or DEFAULT_ALERTS_PER_DAY, spec.fps)


def profile_path(settings: Settings, stream_id: str) -> Path:
    """Where a stream's profile is kept."""
    return settings.data_dir / "profiles" / f"{stream_id}.npz"


def live_path(settings: Settings, stream_id: str) -> Path:
    """Where the hours that a stream was scored live are kept."""
    return settings.data_dir / "profiles" / f"{stream_id}.live.npz"


def forget_profile(settings: Settings, stream_id: str) -> None:
    """Delete all that is kept of what a stream has learned. Idempotent."""
    profile_path(settings, stream_id).unlink(missing_ok=True)
    live_path(settings, stream_id).unlink(missing_ok=True)


def kept_profile(settings: Settings, stream_id: str) -> Profile:
    """The profile of a stream, for another to take over.

    Raises:
        Conflict: ``no_profile``, if there is none, or none that can be read.
    """
    path = profile_path(settings, stream_id)
    if not path.exists():
        msg = f"Stream {stream_id} has learned nothing yet that could be taken over."
        raise Conflict(NO_PROFILE, msg)
    try:
        return Profile.load(path)
    except ProfileError as error:
        raise Conflict(NO_PROFILE, str(error)) from error


def file_source(path: str, media_dir: Path) -> Source:
    """A file to learn from, given as a path under the media folder, with or without ``file:`` before it.

    Raises:
        InvalidSource: If it is not there, or not under the folder.
    """
    if "://" in path:
        # Not repeated: it may be a camera's URL, with its password.
        raise InvalidSource(SOURCE_PATH, "Learn from a file under the media folder; this is a URL.")
    source = parse_source(path if path.startswith("file:") else f"file:{path}", "tcp", media_dir)
    if source.path is None or not source.path.exists():
        raise InvalidSource(SOURCE_MISSING, f"There is no file {source.url!r} under the media folder.")
    return source
