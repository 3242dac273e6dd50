"""What is taken of an uploaded file: no more than a body may have, and never to the disk."""

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class BoundedUploadHandler(FileUploadHandler):
    """Keeps a file up to the limit, and counts the rest: `size` is that of the whole file.

    Django has no limit for files: it would write any length to the disk.
    """

    def new_file(self, *args: object, **options: object) -> None:
        super().new_file(*args, **options)  # type: ignore[arg-type]  # handed on as they came
        self._parts: list[bytes] = []
        self._left = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        kept = raw_data[: self._left]
        self._left -= len(kept)
        self._parts.append(kept)

    def file_complete(self, file_size: int) -> SimpleUploadedFile:
        file = SimpleUploadedFile(
            self.file_name or "", b"".join(self._parts), self.content_type or ""
        )
        file.size = file_size
        return file
