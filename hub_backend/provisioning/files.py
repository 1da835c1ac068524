"""Files with secrets: written whole or not at all, for their owner's eyes."""

import os
import tempfile
from pathlib import Path

from hub_backend.provisioning.errors import ProvisionError

SECRET = 0o600
PUBLIC = 0o644


def write(file: Path, content: bytes | str, *, secret: bool) -> None:
    """Takes the place of `file` at once; a secret is never readable by others, not even while it is written.

    Raises `ProvisionError`.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # 0600 from the first moment
        with os.fdopen(handle, "wb") as fresh:
            fresh.write(data)
            fresh.flush()
            os.fsync(fresh.fileno())
        Path(name).chmod(SECRET if secret else PUBLIC)
        Path(name).replace(file)
    except OSError as error:
        raise ProvisionError(f"{file}: cannot be written ({error.strerror})") from error
