"""What is normal for one stream: learned by enrolment, kept in one file, and used by scoring."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, under
from models.scoring.calibration import Calibration
from models.scoring.promise import Promise, promise, promise_of, untried
from models.scoring.trial import NormalTrial
from service.profiles import moments as moments_file
from service.profiles.moments import Moment
from service.profiles.samples import Samples

FORMAT = 2
"""Of profile files. Format 1 named one encoder at most, and called embeddings ``video``."""

DEFAULT_ALERTS_PER_DAY = 1.0
"""False alerts that normal footage may raise when the operator asked for nothing else: few and true."""


class ProfileError(ValueError):
    """A profile file that cannot be used; the message says why."""


class ProfileOutdated(ProfileError):
    """What heads of another version learned, on frames that today's may learn from."""


@dataclass(frozen=True, slots=True)
class HeadProfile:
    """One head's part: what it learned, and the calibration of its raw frame scores.

    Attributes:
        pack: Name of the head's pack.
        pack_hash: Its hash when this was learned; a profile is of no use under another.
        arrays: What ``Head.fit`` returned.
        calibration: Raw score to surprise.
    """

    pack: str
    pack_hash: str
    arrays: Arrays
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Profile:
    """What is normal for one stream under its packs and its detector.

    Attributes:
        heads: By pack name.
        fused: Calibration of the fused and smoothed surprise, so that the final score means what it says.
        detector: Name of the detector that it was learned with.
        created_at: When it was fitted.
        origin: Where from: ``live``, the files' names, or another stream's id.
        frames: Normal frames seen in enrolment.
        seconds: Seconds of footage they cover.
        samples: The frames that were kept of them, so that it can be extended; None where only scores are wanted.
        encoders: Name and hash of each encoder that its heads learned with, sorted.
        pose: Name and hash of the pose estimator that it was learned with; None without one.
        appearance: Likewise, of the network that said how objects look.
        moments: Of the enrolment, what a person should see.
        objects: Tracked objects that were seen in enrolment.
        recordings: Recordings that it was learned from; 0 for the live picture alone.
        trial: Held-out normal footage as the service would have seen it, which says how many alerts a threshold lets
            pass; None of a profile that an earlier version wrote.
    """

    heads: Mapping[str, HeadProfile]
    fused: Calibration
    detector: str
    created_at: datetime
    origin: str
    frames: int
    seconds: float
    samples: Samples | None
    encoders: tuple[str, ...] = ()
    pose: str | None = None
    appearance: str | None = None
    trial: NormalTrial | None = None
    moments: tuple[Moment, ...] = ()
    objects: int = 0
    recordings: int = 0

    def threshold(self, alerts_per_day: float = DEFAULT_ALERTS_PER_DAY, fps: float = math.inf) -> float:
        """The surprise at which an alert opens that normal footage is to raise so often a day.

        Args:
            alerts_per_day: Wished false alerts a day, greater than 0.
            fps: Frames scored a second, if fewer than in the enrolment.
        """
        return self.promised(alerts_per_day, fps).threshold

    @property
    def promise(self) -> Promise:
        """What is promised of an operator who asked for nothing else."""
        return self.promised()

    def promised(self, alerts_per_day: float = DEFAULT_ALERTS_PER_DAY, fps: float = math.inf) -> Promise:
        """The threshold for a wish, and what is to be expected at it; arguments as for ``threshold``.

        Without a trial it is a quantile of the frames that enrolment kept, extrapolated, and no more than a guess.
        """
        if self.trial is not None:
            return promise(self.trial, self.fused, alerts_per_day)
        rate = min(self.frames / max(self.seconds, 1e-9), fps)
        return untried(self.fused.threshold(alerts_per_day, rate), alerts_per_day)

    def promised_at(self, threshold: float) -> Promise:
        """What is to be expected at a threshold that was set by hand, a surprise greater than 0."""
        return untried(threshold) if self.trial is None else promise_of(self.trial, threshold)

    def save(self, path: Path) -> None:
        """Write it, so that a reader sees the old file or the new one whole, whatever happens.

        Raises:
            ValueError: If it was loaded without its samples: saving would lose them.
        """
        if self.samples is None:
            msg = "expected a profile with its samples, got one that was loaded for scoring only"
            raise ValueError(msg)
        arrays: dict[str, NDArray[np.generic]] = {}
        for name, head in self.heads.items():
            arrays |= {f"head/{name}/{key}": np.asarray(value) for key, value in head.arrays.items()}
            arrays |= {f"calibration/{name}/{key}": value for key, value in head.calibration.to_arrays().items()}
        arrays |= {f"fused/{key}": value for key, value in self.fused.to_arrays().items()}
        arrays |= {f"samples/{key}": value for key, value in self.samples.to_arrays().items()}
        arrays |= {f"moments/{key}": value for key, value in moments_file.to_arrays(self.moments).items()}
        if self.trial is not None:
            arrays |= {f"trial/{key}": value for key, value in self.trial.to_arrays().items()}
        header = {
            "format": FORMAT,
            "detector": self.detector,
            "encoders": list(self.encoders),
            "pose": self.pose,
            "appearance": self.appearance,
            "created_at": self.created_at.isoformat(),
            "origin": self.origin,
            "frames": self.frames,
            "seconds": self.seconds,
            "objects": self.objects,
            "recordings": self.recordings,
            "packs": {name: head.pack_hash for name, head in self.heads.items()},
        }
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # the stubs take its flag for one of the arrays
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path, *, samples: bool = True) -> Profile:
        """Read a profile, with the frames that it was learned from or (to save memory) without.

        Raises:
            ProfileError: If the file is missing, damaged, or of a newer format.
        """
        try:
            # numpy leaves a file of its own open where it is damaged.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                wanted = [name for name in file.files if samples or not name.startswith("samples/")]
                arrays = {name: file[name] for name in wanted}
            header = json.loads(arrays["header"].tobytes())
            if header["format"] == 1:
                header, arrays = _from_format_1(header, arrays)
            elif header["format"] != FORMAT:
                msg = f"expected a profile of format {FORMAT} or older, got {header['format']!r}"
                raise ProfileError(msg)
            return cls._read(header, arrays, samples=samples)
        except ProfileError:
            raise
        except Exception as error:  # whatever a damaged file makes of the readers, it is one thing to the caller
            msg = f"expected a readable profile at {path.name}, got {type(error).__name__}"
            raise ProfileError(msg) from error

    @classmethod
    def _read(cls, header: dict[str, Any], arrays: Arrays, *, samples: bool) -> Profile:
        heads = {
            str(name): HeadProfile(
                str(name),
                str(pack_hash),
                under(arrays, f"head/{name}/"),
                _calibration(under(arrays, f"calibration/{name}/")),
            )
            for name, pack_hash in header["packs"].items()
        }
        return cls(
            heads=heads,
            fused=_calibration(under(arrays, "fused/")),
            detector=str(header["detector"]),
            created_at=datetime.fromisoformat(header["created_at"]).astimezone(UTC),
            origin=str(header["origin"]),
            frames=int(header["frames"]),
            seconds=float(header["seconds"]),
            samples=Samples.from_arrays(under(arrays, "samples/")) if samples else None,
            encoders=tuple(map(str, header["encoders"])),
            # Files of before there were any do not name them.
            pose=_name(header.get("pose")),
            appearance=_name(header.get("appearance")),
            moments=moments_file.from_arrays(under(arrays, "moments/")),
            # Versions before these were counted wrote neither.
            objects=int(header.get("objects", 0)),
            recordings=int(header.get("recordings", 0)),
            trial=NormalTrial.from_arrays(trial) if (trial := under(arrays, "trial/")) else None,
        )


def _from_format_1(
    header: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]
) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
    """The header and the arrays as they are named today."""
    encoder = header.get("encoder")
    renamed = {
        name.removesuffix("/video") + "/embeddings" if name.endswith("/video") else name: value
        for name, value in arrays.items()
    }
    return {**header, "encoders": [] if encoder is None else [encoder]}, renamed


def _name(value: object) -> str | None:
    return None if value is None else str(value)


def _calibration(arrays: Arrays) -> Calibration:
    """A calibration that can be relied on: finite and increasing, or every score under it would be a lie."""
    calibration = Calibration.from_arrays(arrays)
    numbers = np.concatenate([np.ravel(np.asarray(value, np.float64)) for value in arrays.values()])
    if not np.isfinite(numbers).all() or not (np.diff(calibration.scores) > 0).all():
        msg = "expected a calibration of finite, increasing scores"
        raise ProfileError(msg)
    return calibration
