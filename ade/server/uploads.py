"""Reads uploaded files into memory, up to the limit of a body, and never writes them to disk."""

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class BoundedUploadHandler(FileUploadHandler):
    """Stores a file up to the limit and only counts the rest: `size` is the size of the whole file.

    Django has no limit for files and would write any size to disk.
    """

    def new_file(self, *args: object, **options: object) -> None:
        super().new_file(*args, **options)  # type: ignore[arg-type]  # passed on unchanged
        self._parts: list[bytes] = []
        self._left = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        piece = raw_data[: self._left]
        self._left -= len(piece)
        self._parts.append(piece)

    def file_complete(self, file_size: int) -> SimpleUploadedFile:
        file = SimpleUploadedFile(
            self.file_name or "", b"".join(self._parts), self.content_type or ""
        )
        file.size = file_size
        return file
