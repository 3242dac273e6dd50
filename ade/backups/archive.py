"""The file of a backup: a tar archive of a manifest and the copy of the database.

The manifest stands first and contains the digest of the copy. It is written last, into space that was
left for it, so a file without a manifest was never finished.
"""

import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django.utils.crypto import salted_hmac

from ade.backups import BackupError, leftovers
from ade.version import VERSION

FORMAT = 1
MANIFEST = "ade-backup.json"
CHUNK = 1 << 20  # bytes
_BLOCK = 512  # bytes; tar's unit
_ROOM = 1 << 16  # bytes kept for the manifest


@dataclass(frozen=True, slots=True)
class Facts:
    """A database at one moment: its server, migrations, and number of rows by table."""

    server: str
    schema: str  # "" on SQLite
    migrations: list[str]
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of a backup. `key` only shows whether two backups have the same SECRET_KEY."""

    format: int
    ade: str
    database: str
    server: str
    schema: str
    made_at: str
    key: str
    migrations: list[str]
    rows: dict[str, int]
    payload: str
    size: int
    sha256: str


class Sink:
    """Writes the copy of the database, and computes its size and digest."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def key_mark() -> str:
    """Return a mark that is equal for equal SECRET_KEYs."""
    return salted_hmac("ade.backups", "", algorithm="sha256").hexdigest()[:16]


@contextmanager
def appearing(target: Path) -> Iterator[IO[bytes]]:
    """Open a file, readable by its owner only, that gets its name when it is completely on the disk.

    Raises BackupError (the file exists, no such folder), OSError (no room).
    """
    if target.exists():
        raise BackupError(f"{target} already exists. Choose another name, or remove it.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}.")
    leftovers.remove(target.parent)
    number, name = tempfile.mkstemp("", leftovers.PREFIX, target.parent)
    partial = Path(name)
    try:
        with os.fdopen(number, "wb") as file, leftovers.marked(partial):
            yield file
            file.flush()
            os.fsync(number)
        partial.rename(target)
        _sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # some network drives cannot
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def pack(
    file: IO[bytes], *, database: str, payload: str, fill: Callable[[Sink], Facts]
) -> Manifest:
    """Write an archive from the beginning of a file. `fill` writes the copy and returns its facts."""
    made_at = timezone.now().isoformat(timespec="seconds")
    file.seek(_BLOCK + _ROOM + _BLOCK)
    sink = Sink(file)
    facts = fill(sink)
    file.write(bytes(-sink.size % _BLOCK + 2 * _BLOCK))  # to a whole block, and the end of a tar
    manifest = Manifest(
        format=FORMAT,
        ade=VERSION,
        database=database,
        made_at=made_at,
        key=key_mark(),
        payload=payload,
        size=sink.size,
        sha256=sink.sha256,
        **asdict(facts),
    )
    text = json.dumps(asdict(manifest), indent=1).encode()
    if len(text) > _ROOM:
        raise BackupError("The manifest is larger than the space for it.")
    file.seek(0)
    file.write(_header(MANIFEST, _ROOM) + text.ljust(_ROOM) + _header(payload, sink.size))
    return manifest


def _header(name: str, size: int) -> bytes:
    about = tarfile.TarInfo(name)
    about.size, about.mode, about.mtime = size, 0o600, int(timezone.now().timestamp())
    return about.tobuf(tarfile.GNU_FORMAT)


@contextmanager
def unpacking(path: Path) -> Iterator[tuple[Manifest, IO[bytes]]]:
    """Open a backup: its manifest, and its copy of the database to read. Neither is checked yet.

    Raises BackupError (no backup, or an unfinished one), OSError.
    """
    foreign = BackupError(f"{path} is not a backup of ADE, or is incomplete.")
    try:
        with tarfile.open(path, "r:") as archive:
            first = archive.next()
            if first is None or first.name != MANIFEST:
                raise foreign
            manifest = _manifest(archive.extractfile(first), foreign)
            second = archive.next()
            payload = None if second is None else archive.extractfile(second)
            if second is None or second.name != manifest.payload or payload is None:
                raise foreign
            yield manifest, payload
    except (tarfile.TarError, EOFError) as error:
        raise foreign from error


def _manifest(file: IO[bytes] | None, foreign: BackupError) -> Manifest:
    try:
        found: dict[str, Any] = json.loads(file.read() if file else b"")
        if found.get("format") != FORMAT:
            raise BackupError(
                f"This backup has format {found.get('format')}, of another version of ADE "
                f"({found.get('ade')}); this one reads format {FORMAT}."
            )
        return Manifest(**{field.name: found[field.name] for field in fields(Manifest)})
    except (ValueError, KeyError, AttributeError) as error:
        raise foreign from error


def check(path: Path, *, database: str) -> Manifest:
    """Read a backup from end to end. Raises BackupError if it is damaged or does not fit this database."""
    with unpacking(path) as (manifest, payload):
        if manifest.database != database:
            raise BackupError(
                f"This is a backup of {manifest.database}; DATABASE_URL names {database}."
            )
        known = {".".join(key) for key in MigrationLoader(None).disk_migrations}
        if unknown := [name for name in manifest.migrations if name not in known]:
            raise BackupError(
                f"This backup was made by ADE {manifest.ade}, which is newer than this one "
                f"({VERSION}): it has {', '.join(unknown[:3])}. Install that version first."
            )
        digest, size = hashlib.sha256(), 0
        while data := payload.read(CHUNK):
            digest.update(data)
            size += len(data)
    if (size, digest.hexdigest()) != (manifest.size, manifest.sha256):
        raise BackupError(f"{path} is damaged: its checksum is wrong.")
    return manifest
