"""Read several agent files at once: given one by one, as a folder, or in a zip file.

They become one AgentFile, so that all of them are imported or none. The size of a zip file is checked before and while it is read: its entries, its unpacked bytes, and the
compression of each entry.
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from django.conf import settings

from agents.core.errors import Invalid
from agents.core.limits import IMPORT_AGENTS, IMPORT_BLOCKS, IMPORT_FILES, IMPORT_TAGS
from agents.core.tag_text import shown
from agents.domain.transfer.agent_file import AgentFile, TooMuch, parse
from agents.domain.transfer.file_json import NoAgentFile

_SUFFIXES = (".af", ".json")
_RATIO = 200  # times that an entry may be larger than what it takes in the zip file
_SMALL = 1024 * 1024  # bytes of an entry whose ratio does not matter
_NAMED = 20 * IMPORT_FILES  # entries that a zip file may name, hidden ones and folders too
_ENTRY = b"PK\x01\x02"  # begins what a zip file says of an entry
_REPORTED = 20  # files whose parts that ADE does not keep are listed

File = tuple[str, bytes]


def parse_files(
    files: Sequence[File], *, tags: Sequence[str] = (), bounded: bool = True
) -> AgentFile:
    """Read agent files and zip files of them; the agents also get `tags`.

    If there are several, files that are no agent files and copies of an earlier file are skipped and reported. Raises Invalid, whose message begins with the file's name; TooMuch for too many agents.
    """
    if len(files) == 1 and not is_zip(files[0][1]):
        [(name, data)] = files
        return _parsed(name, data, tags, bounded)
    found = AgentFile([], [])
    seen: set[str | None] = set()
    for number, (name, data) in enumerate(_unpacked(files)):
        try:
            if not name.lower().endswith(_SUFFIXES):
                raise NoAgentFile("")
            file = _parsed(name, data, tags, bounded)
        except NoAgentFile:
            found.skipped.append(shown(name))
            continue
        origins = {agent.imported_from for agent in file.agents}
        if origins <= seen:
            found.skipped.append(f"{shown(name)} (a copy)")
            continue
        seen |= origins
        for agent in file.agents:
            blocks = [replace(block, key=f"{number}:{block.key}") for block in agent.blocks]
            found.agents.append(replace(agent, blocks=blocks))
        found.not_kept.extend(f"{shown(name)}: {words}" for words in file.not_kept)
        if bounded:
            _require_few(found)
    if not found.agents:
        raise Invalid(f"“{shown(files[0][0])}” has no agent files (.af or .json) in it.")
    more = len(found.not_kept) - _REPORTED
    if more > 0:
        found.not_kept[_REPORTED:] = [f"and {more:,} more"]
    return found


def _parsed(name: str, data: bytes, tags: Sequence[str], bounded: bool) -> AgentFile:
    try:
        return parse(data, tags=tags, bounded=bounded)
    except Invalid as error:
        raise type(error)(f"“{shown(name)}” {error.message}") from error


def _require_few(file: AgentFile) -> None:
    for number, most, what in (
        (len(file.agents), IMPORT_AGENTS, "agents"),
        (sum(len(agent.tags) for agent in file.agents), IMPORT_TAGS, "tags on their agents"),
        (sum(len(agent.blocks) for agent in file.agents), IMPORT_BLOCKS, "memory blocks"),
    ):
        if number > most:
            raise TooMuch(
                f"The files have more than {most:,} {what} together; that is the limit of one import. "
                "Import fewer files, or import them on the server with `manage.py import_agents`."
            )


def is_zip(data: bytes) -> bool:
    """True if the file begins as zip files do."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def _unpacked(files: Sequence[File]) -> Iterator[File]:
    """Return the files, with a zip file replaced by its entries; hidden ones are left out."""
    left = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    count = 0
    for name, data in files:
        if _is_hidden(name):  # a browser that uploads a folder sends these too
            continue
        inner = _entries(name, data, left) if is_zip(data) else iter([(name, data)])
        for path, content in inner:
            count += 1
            if count > IMPORT_FILES:
                raise TooMuch(f"One import takes at most {IMPORT_FILES:,} files.")
            left -= len(content)
            yield path, content


def _entries(name: str, data: bytes, most: int) -> Iterator[File]:
    # Counted before they are read: each takes 47 bytes of the file and 600 bytes of memory.
    if data.count(_ENTRY) > _NAMED:
        raise TooMuch(f"“{shown(name)}” names more than {_NAMED:,} files and folders.")
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if _is_file(entry)]
            if len(entries) > IMPORT_FILES:
                raise TooMuch(
                    f"“{shown(name)}” has {len(entries):,} files; the limit is {IMPORT_FILES:,}."
                )
            for entry in entries:
                if not entry.filename.lower().endswith(_SUFFIXES):
                    yield entry.filename, b""  # reported, not read
                    continue
                content = _read(archive, entry, name, most)
                most -= len(content)
                yield entry.filename, content
    except (BadZipFile, NotImplementedError, zlib.error, EOFError, OSError, ValueError) as error:
        raise Invalid(f"“{shown(name)}” is a damaged or unusual zip file: {error}.") from error


def _is_file(entry: ZipInfo) -> bool:
    return not entry.is_dir() and not _is_hidden(entry.filename)


def _is_hidden(path: str) -> bool:
    """True if a path is hidden, or created by macOS beside a file (`._name`, `__MACOSX`)."""
    parts = PurePosixPath(path).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _read(archive: ZipFile, entry: ZipInfo, name: str, most: int) -> bytes:
    where = f"“{shown(name)}”, entry “{shown(entry.filename)}”:"
    if entry.flag_bits & 1:
        raise Invalid(f"{where} it is encrypted. Make a zip file without a password.")
    # Python unpacks the others whole, whatever size is wanted: a few bytes can become gigabytes.
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise Invalid(f"{where} its compression is unusual. Make the zip file with “deflate”.")
    if entry.file_size > max(_SMALL, _RATIO * entry.compress_size):
        raise Invalid(f"{where} it is compressed more than {_RATIO} times. Send it unpacked.")
    with archive.open(entry) as file:
        content = file.read(most + 1)  # the size in the entry can be wrong
    if len(content) > most:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raise Invalid(f"{where} unpacked, the files have more than {limit:,} bytes.")
    return content
