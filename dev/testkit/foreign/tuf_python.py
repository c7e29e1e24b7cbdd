"""Updates from a TUF repository in a directory with python-tuf, keeping what it trusts in another.

usage: tuf_python.py MIRROR STATE TARGET [DAYS]
STATE/root.json is where trust begins. With DAYS the update is made that many days later. Exit status 0 when the target was
accepted, and its content is on stdout; the reason of a refusal is on stderr.
"""

import datetime
import os
import shutil
import sys

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface


class Directory(FetcherInterface):
    """A mirror that was carried here."""

    def _fetch(self, url):
        path = url.removeprefix("file://")
        if not os.path.isfile(path):
            raise DownloadHTTPError("absent", 404)
        with open(path, "rb") as handle:
            return iter([handle.read()])


def main() -> int:
    mirror, state, target = (sys.argv[1], sys.argv[2], sys.argv[3])
    targets = os.path.join(state, "targets")
    shutil.rmtree(targets, ignore_errors=True)
    os.makedirs(targets)
    updater = Updater(
        metadata_dir=state,
        metadata_base_url=f"file://{mirror}/",
        target_dir=targets,
        target_base_url=f"file://{mirror}/targets/",
        fetcher=Directory(),
        bootstrap=None,
    )
    if len(sys.argv) > 4:
        later = datetime.timedelta(days=int(sys.argv[4]))
        updater._trusted_set.reference_time += later
    updater.refresh()
    info = updater.get_targetinfo(target)
    if info is None:
        print("no such target", file=sys.stderr)
        return 1
    with open(updater.download_target(info), encoding="utf-8") as handle:
        sys.stdout.write(handle.read())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as error:  # any refusal of the library
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
