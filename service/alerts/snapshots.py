"""The folder with the pictures of alerts, kept below a number of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class SnapshotFolder:
    """Writes pictures and deletes the oldest ones. Used by one thread; others may read the files."""

    def __init__(self, folder: Path, budget: int) -> None:
        """Take stock of the folder, which is made if it is not there.

        Args:
            folder: Holds ``ID.jpg`` for each alert with a picture.
            budget: Bytes that all pictures together may take.
        """
        self._folder = folder
        self._budget = budget
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.part"):
            unfinished.unlink()
        found = sorted((path.stat().st_mtime_ns, path.stem, path.stat().st_size) for path in folder.glob("*.jpg"))
        self._sizes = {alert_id: size for _, alert_id, size in found}
        self._total = sum(self._sizes.values())

    def save(self, alert_id: str, jpeg: bytes) -> list[str]:
        """Store an alert's picture, in place of an older one of it, whole or not at all.

        Returns:
            The alerts whose pictures had to go. This one is among them if it alone is over the budget.

        Raises:
            OSError: If it cannot be written; the older picture is then still there.
        """
        if len(jpeg) > self._budget:
            self.remove([alert_id])
            return [alert_id]
        unfinished = self._folder / f"{alert_id}.part"
        try:
            unfinished.write_bytes(jpeg)
            unfinished.replace(self._path(alert_id))
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        self._total += len(jpeg) - self._sizes.pop(alert_id, 0)
        self._sizes[alert_id] = len(jpeg)
        return self._shrink()

    def remove(self, alert_ids: Sequence[str]) -> None:
        """Delete pictures, those that are there."""
        for alert_id in alert_ids:
            self._path(alert_id).unlink(missing_ok=True)
            self._total -= self._sizes.pop(alert_id, 0)

    def _shrink(self) -> list[str]:
        removed = []
        while self._total > self._budget:
            oldest = next(iter(self._sizes))
            self.remove([oldest])
            removed.append(oldest)
        return removed

    def _path(self, alert_id: str) -> Path:
        return self._folder / f"{alert_id}.jpg"
