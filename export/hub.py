"""Official weights of published networks: where they lie, under which licence, and fetching them without trust.

A file counts only with the sha256 that is written here, whatever server or proxy it came through. The hashes are those
of the publishers' own files at the revision named (release assets, and Git LFS objects of the hub), as several
independent projects have recorded them.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urljoin, urlsplit

import httpx
from filelock import lock_descriptor

from models.packs import PackError, file_hash

Report = Callable[[int, int | None], None]
"""Told bytes that are there, and bytes in all where that is known."""

LARGEST = 4 << 30
"""Bytes of a file whose size nobody has told."""

_ATTEMPTS = 4  # of which each goes on where the last one was cut
_REDIRECTS = 5
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_YOLOX = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"


class HubError(PackError):
    """Weights that cannot be fetched; the message says why and what to do.

    Codes: ``unknown_weights``, ``unpinned``, ``no_network``, ``refused``, ``wrong_size``, ``wrong_hash``,
    ``disk_full``, ``busy``, ``symlink``.
    """


@dataclass(frozen=True, slots=True)
class OfficialWeights:
    """One official file.

    Attributes:
        name: By which commands know it, and the pack that is built of it.
        title: What it is.
        url: Of exactly this revision.
        revision: Tag or commit.
        licence: Of the weights, as an SPDX name.
        terms: Where the licence is to be read.
        kind: What the file is: a YOLOX graph, an ultralytics checkpoint, or weights of CLIP towers.
        bytes: Its size; None if nobody has told.
        sha256: Of its content; None if nobody has told, and then it is fetched only on demand.
        note: What whoever uses it should know.
    """

    name: str
    title: str
    url: str
    revision: str
    licence: str
    terms: str
    kind: Literal["yolox", "ultralytics", "clip"]
    bytes: int | None
    sha256: str | None
    note: str = ""

    @property
    def file(self) -> str:
        """What it is called here; the hub calls three of them the same."""
        return self.name + Path(urlsplit(self.url).path).suffix

    @property
    def provenance(self) -> str:
        """For the manifest of a pack."""
        return f"{self.title}, {self.url} at {self.revision}"


_CLIP_NOTE = (
    "Its model card asks for tests in the setting it is used in, and names surveillance as out of scope: read it "
    "before you deploy it."
)

CATALOGUE: Final = {
    weights.name: weights
    for weights in (
        OfficialWeights(
            "yolox-nano",
            "YOLOX-Nano 416, COCO",
            f"{_YOLOX}/yolox_nano.onnx",
            "0.1.1rc0",
            "Apache-2.0",
            "https://github.com/Megvii-BaseDetection/YOLOX/blob/0.1.1rc0/LICENSE",
            "yolox",
            3_659_407,
            "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
        ),
        OfficialWeights(
            "yolox-tiny",
            "YOLOX-Tiny 416, COCO",
            f"{_YOLOX}/yolox_tiny.onnx",
            "0.1.1rc0",
            "Apache-2.0",
            "https://github.com/Megvii-BaseDetection/YOLOX/blob/0.1.1rc0/LICENSE",
            "yolox",
            20_219_662,
            "427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7",
        ),
        OfficialWeights(
            "yolox-s",
            "YOLOX-S 640, COCO",
            f"{_YOLOX}/yolox_s.onnx",
            "0.1.1rc0",
            "Apache-2.0",
            "https://github.com/Megvii-BaseDetection/YOLOX/blob/0.1.1rc0/LICENSE",
            "yolox",
            35_858_002,
            "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
        ),
        OfficialWeights(
            "yolo11n",
            "ultralytics YOLO11n 640, COCO",
            "https://github.com/ultralytics/assets/releases/download/v8.3.0/yolo11n.pt",
            "v8.3.0",
            "AGPL-3.0-only",
            "https://www.ultralytics.com/license",
            "ultralytics",
            5_613_764,
            "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1",
            "AGPL-3.0: who offers a service over a network with it must offer the service's source under the same "
            "licence, or buy another one from ultralytics. YOLOX is the Apache-2.0 choice.",
        ),
        OfficialWeights(
            "clip-vit-b16",
            "OpenAI CLIP ViT-B/16",
            "https://huggingface.co/timm/vit_base_patch16_clip_224.openai/resolve/"
            "977e3dd0ec55ab8da155f2fbeb6b5f54948b6e3d/open_clip_model.safetensors",
            "977e3dd0ec55ab8da155f2fbeb6b5f54948b6e3d",
            "MIT",
            "https://github.com/openai/CLIP/blob/main/LICENSE",
            "clip",
            598_516_980,
            "4b8699299b1e8997753c64b052ba32031449d5d853f55a039148560ee02b820f",
            _CLIP_NOTE,
        ),
        OfficialWeights(
            "clip-vit-b32",
            "OpenAI CLIP ViT-B/32",
            "https://huggingface.co/timm/vit_base_patch32_clip_224.openai/resolve/"
            "a6f597a30f7b82c51704746581f9a4e41421e878/open_clip_model.safetensors",
            "a6f597a30f7b82c51704746581f9a4e41421e878",
            "MIT",
            "https://github.com/openai/CLIP/blob/main/LICENSE",
            "clip",
            605_143_284,
            "e6d1bd7789aa45192b3bf90570a789b478bae1b74ebcce7eddd908e83a2b7c31",
            _CLIP_NOTE,
        ),
        OfficialWeights(
            "mobileclip2-s0",
            "Apple MobileCLIP2-S0",
            "https://huggingface.co/timm/MobileCLIP2-S0-OpenCLIP/resolve/"
            "095906d28bf54d7584dc411e8ffe448f34289e05/open_clip_model.safetensors",
            "095906d28bf54d7584dc411e8ffe448f34289e05",
            "LicenseRef-Apple-AMLR",
            "https://huggingface.co/apple/MobileCLIP2-S0/blob/main/LICENSE",
            "clip",
            None,
            "ab91a1a0c4330d6b1913e24d5035dfdea15423316aaec649610c6b1c6ddd0e95",
            "Apple's licence is for research alone, not for production.",
        ),
    )
}


def official(name: str) -> OfficialWeights:
    """The entry of a name.

    Raises:
        HubError: ``unknown_weights``.
    """
    if name not in CATALOGUE:
        message = f"expected the name of official weights ({', '.join(CATALOGUE)}), got {name!r}"
        raise HubError("unknown_weights", message)
    return CATALOGUE[name]


def check_file(weights: OfficialWeights, path: Path, *, accept_unpinned: bool = False) -> str:
    """The sha256 of a file, if it is these weights.

    Args:
        weights: Which.
        path: A file from anywhere.
        accept_unpinned: Take whatever it is where the catalogue knows no sha256.

    Raises:
        HubError: ``wrong_hash``, or ``unpinned``.
    """
    found = file_hash(path)
    if weights.sha256 is None and not accept_unpinned:
        raise _unpinned(weights)
    if weights.sha256 not in {found, None}:
        message = f"expected {weights.title} with sha256 {weights.sha256}, got {path.name} with {found}"
        raise HubError("wrong_hash", message)
    return found


class Hub:
    """Fetches weights into a folder. A fetch that was cut goes on where it was, in this call or a later one."""

    def __init__(
        self,
        folder: Path,
        client: httpx.Client,
        *,
        schemes: frozenset[str] = frozenset({"https"}),
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare.

        Args:
            folder: Where files are kept; made if need be.
            client: The caller's, with the proxies of its environment.
            schemes: That an address may have, also one that a server sends on to.
            wait: Sleeps between attempts.
        """
        self._folder = folder
        self._client = client
        self._schemes = schemes
        self._wait = wait

    def path(self, weights: OfficialWeights) -> Path:
        """Where a file lies once it was fetched."""
        return self._folder / weights.file

    def fetch(
        self, weights: OfficialWeights, report: Report = lambda *_: None, *, accept_unpinned: bool = False
    ) -> Path:
        """Fetch a file, unless it is there already.

        Args:
            weights: Which.
            report: Told how far it is.
            accept_unpinned: Fetch it where the catalogue knows no sha256, too.

        Returns:
            Where it lies, whole, with the sha256 of the catalogue.

        Raises:
            HubError: Why not. What was fetched by then is kept for the next time, unless it was wrong.
        """
        if weights.sha256 is None and not accept_unpinned:
            raise _unpinned(weights)
        target = self.path(weights)
        if target.is_file():
            check_file(weights, target, accept_unpinned=accept_unpinned)
            return target
        with _disk(weights):
            self._folder.mkdir(parents=True, exist_ok=True)
            with _Part(target) as part:
                self._fill(weights, part, report)
                self._finish(weights, part, accept_unpinned=accept_unpinned)
        return target

    def _fill(self, weights: OfficialWeights, part: _Part, report: Report) -> None:
        for attempt in range(_ATTEMPTS):
            before = part.size
            try:
                with self._answer(weights, part) as answer:
                    if answer is not None:
                        self._receive(weights, part, answer, report)
                return
            except httpx.TransportError as error:
                if part.size == before and (attempt == 0 or attempt == _ATTEMPTS - 1):
                    raise _unreachable(weights, error) from error
                self._wait(2.0**attempt)
        message = f"the connection broke {_ATTEMPTS} times at {part.size} bytes: try again, it goes on from there"
        raise HubError("no_network", message)

    def _receive(self, weights: OfficialWeights, part: _Part, answer: httpx.Response, report: Report) -> None:
        total = _total(answer, part.size)
        expected = weights.bytes if weights.bytes is not None else total
        if total is not None and total != expected:
            message = f"expected {expected} bytes of {weights.title}, the server has {total}"
            raise HubError("wrong_size", message)
        limit = LARGEST if expected is None else expected
        room = shutil.disk_usage(self._folder).free
        if expected is not None and room < expected - part.size:
            raise OSError(errno.ENOSPC, f"{expected - part.size} bytes are needed, {room} are free")
        report(part.size, expected)
        for block in answer.iter_raw():
            if part.size + len(block) > limit:
                part.drop()
                message = f"expected at most {limit} bytes of {weights.title}, the server sends more"
                raise HubError("wrong_size", message)
            part.append(block)
            report(part.size, expected)
        if expected is not None and part.size < expected:
            raise httpx.RemoteProtocolError(f"the server ended at {part.size} of {expected} bytes")

    @contextmanager
    def _answer(self, weights: OfficialWeights, part: _Part) -> Iterator[httpx.Response | None]:
        """The server's answer to a request for what is missing; None if nothing is."""
        if weights.bytes is not None and part.size == weights.bytes:
            yield None
            return
        headers = {"Accept-Encoding": "identity", **part.resumption(pinned=weights.sha256 is not None)}
        url = weights.url
        for _ in range(_REDIRECTS + 1):
            if urlsplit(url).scheme not in self._schemes:
                message = f"expected an address of {' or '.join(sorted(self._schemes))}, was sent on to {url[:200]!r}"
                raise HubError("refused", message)
            with self._client.stream("GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=False) as answer:
                if answer.has_redirect_location:
                    url = urljoin(url, answer.headers["Location"])
                    continue
                if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    part.drop()  # of another file: begin again
                    headers.pop("Range", None)
                    headers.pop("If-Range", None)
                    continue
                if not answer.is_success:
                    raise _refused(weights, answer)
                part.begin(answer)
                yield answer
                return
        message = f"{weights.url} was sent on more than {_REDIRECTS} times"
        raise HubError("refused", message)

    def _finish(self, weights: OfficialWeights, part: _Part, *, accept_unpinned: bool) -> None:
        try:
            check_file(weights, part.path, accept_unpinned=accept_unpinned)
        except HubError as error:
            part.drop()
            message = f"{error.message}; what came was deleted"
            raise HubError(error.code, message) from error
        part.finish()


class _Part:
    """A file on its way, ``NAME.part``, and beside it what the server said of it. One process at a time has it."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.path = target.with_name(target.name + ".part")
        self._about = target.with_name(target.name + ".part.json")
        self._descriptor = -1
        self.size = 0

    def __enter__(self) -> _Part:
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            message = f"expected a file at {self.path}, got a link: delete it, and try again"
            raise HubError("symlink", message) from error
        # The file is its own lock: one beside it would stay behind, and guard another file than is written.
        try:
            held = lock_descriptor(self._descriptor, blocking=False)
        except OSError as error:
            os.close(self._descriptor)
            raise self._busy() from error
        if not held:
            os.close(self._descriptor)
            raise self._busy()
        if not self.path.exists() or self.path.stat().st_ino != os.fstat(self._descriptor).st_ino:
            os.close(self._descriptor)  # the other command has just finished it
            raise self._busy()
        self.size = os.lseek(self._descriptor, 0, os.SEEK_END)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if self.path.is_file() and self.path.stat().st_size == 0:
            self.path.unlink()
            self._about.unlink(missing_ok=True)

    def _busy(self) -> HubError:
        return HubError("busy", f"another command is fetching {self._target.name} right now: try again when it is done")

    def resumption(self, *, pinned: bool) -> dict[str, str]:
        """Headers that ask for what is missing, if it is sure to be of the same file.

        ``If-Range`` makes a server send the whole file if it has changed (RFC 9110, 13.1.5). Without a validator only a
        known sha256 will tell.
        """
        if self.size == 0:
            return {}
        try:
            validator = str(json.loads(self._about.read_text())["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            validator = ""
        if validator:
            return {"Range": f"bytes={self.size}-", "If-Range": validator}
        if pinned:
            return {"Range": f"bytes={self.size}-"}
        self.drop()
        return {}

    def begin(self, answer: httpx.Response) -> None:
        """What comes goes on where this ends, or replaces it."""
        if answer.status_code == httpx.codes.PARTIAL_CONTENT:
            start = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
            if start == str(self.size):
                return
            self.drop()
            raise httpx.RemoteProtocolError(
                f"the server went on from {start or 'nowhere'}, not from where it was asked"
            )
        self.drop()
        tag = answer.headers.get("ETag", "")
        strong = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
        self._about.unlink(missing_ok=True)
        with self._about.open("x") as stream:  # which follows no link
            stream.write(json.dumps({"validator": strong}))

    def append(self, block: bytes) -> None:
        """Write a block at the end. What a full disk cuts off is not counted."""
        view = memoryview(block)
        while view:
            written = os.write(self._descriptor, view)
            self.size += written
            view = view[written:]

    def drop(self) -> None:
        """Begin again at nothing."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self.size = 0

    def finish(self) -> None:
        """Give the file its name, when all of it is on the disk."""
        os.fsync(self._descriptor)
        self.path.replace(self._target)
        self._about.unlink(missing_ok=True)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _disk(weights: OfficialWeights) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        message = (
            f"the disk is full ({error.strerror}): make room, or set WATCHWORD_DATA_DIR to another disk, and pull "
            f"{weights.name} again; it goes on where it was"
        )
        raise HubError("disk_full", message) from error


def _total(answer: httpx.Response, size: int) -> int | None:
    """Bytes of the whole file, if the server tells."""
    length = answer.headers.get("Content-Length", "")
    return size + int(length) if length.isdecimal() else None


def _unpinned(weights: OfficialWeights) -> HubError:
    message = (
        f"no sha256 of {weights.title} is known here, so nothing could tell whether it is the right file: "
        f"--accept-unpinned takes it, and prints the sha256 it got"
    )
    return HubError("unpinned", message)


def _unreachable(weights: OfficialWeights, error: httpx.TransportError) -> HubError:
    host = urlsplit(weights.url).hostname
    reason = " ".join(str(error).split())[:150] or type(error).__name__
    message = (
        f"{host} cannot be reached ({reason}): download {weights.url} on a machine with a network, and build the pack "
        f"here with: watchword packs build {weights.name} FILE"
    )
    return HubError("no_network", message)


def _refused(weights: OfficialWeights, answer: httpx.Response) -> HubError:
    what = {
        401: "asks for a login",
        403: "refuses it",
        404: "no longer has it",
        429: "has had too many requests: try again later",
    }.get(answer.status_code, "is in trouble: try again later" if answer.is_server_error else "gave no file")
    message = f"{answer.url.host} {what} ({answer.status_code}); another copy of it can be built with: "
    return HubError("refused", f"{message}watchword packs build {weights.name} FILE")
