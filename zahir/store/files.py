"""Media as files: named by the hash of their content, written aside and renamed into place.

Knows nothing of the database. A name that was ever returned stays readable until it is deleted.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

from zahir.errors import StoreError
from zahir.media import Media, read_image, read_video, to_bytes

QUALITY = 92  # of WebP: no difference that a screen shows, a tenth of a PNG's size


class Files:
    """The media folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, media: Media) -> str:
        """Write an image as WebP or a video as WebM; the name is relative to the folder."""
        kind: Literal["webp", "webm"] = "webp" if media.kind == "image" else "webm"
        return self.keep(to_bytes(media, kind, quality=QUALITY), kind)

    def keep(self, data: bytes, kind: str) -> str:
        """Write the bytes of a file as they are; they must have been written by `to_bytes`, here or in a package."""
        digest = hashlib.sha256(data).hexdigest()
        name = f"{digest[:2]}/{digest}.{kind}"
        path = self.folder / name
        if path.exists():
            return name
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as out:
            try:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
                os.replace(out.name, path)
            except BaseException:
                Path(out.name).unlink(missing_ok=True)
                raise
        return name

    def path(self, name: str) -> Path:
        """Where a file is; raises StoreError when it is gone."""
        path = self.folder / name
        if not path.is_file():
            raise StoreError(f"media file {name} is missing from {self.folder}. Restore it from a backup.")
        return path

    def read(self, name: str) -> Media:
        """The medium as it was written."""
        path = self.path(name)
        return read_video(path) if path.suffix == ".webm" else read_image(path)

    def names(self, *, older_than: float) -> list[str]:
        """All files, unfinished ones included, that were last written more than so many seconds ago."""
        latest = time.time() - older_than
        files = (path for path in self.folder.glob("*/*") if path.is_file() and path.stat().st_mtime < latest)
        return sorted(str(path.relative_to(self.folder)) for path in files)

    def delete(self, name: str) -> None:
        """Remove a file; one that is gone already is fine."""
        (self.folder / name).unlink(missing_ok=True)
