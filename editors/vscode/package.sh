#!/bin/bash
# Builds the extension with a server inside: package.sh FOVEA [TARGET [FOLDER]]
#
# FOVEA is the program for the platform TARGET (linux-x64, linux-arm64, darwin-x64, darwin-arm64, win32-x64; by default this machine's).
# Writes FOLDER/fovea-TARGET.vsix (by default here) and prints its name. VSCE may name another vsce than the one npx brings.
# FOVEA_PAGE_IMAGES is the https address of the folder that has images/; without it the page of the extension has no pictures.
set -euo pipefail

[ $# -ge 1 ] && [ $# -le 3 ] || { echo "usage: package.sh FOVEA [TARGET [FOLDER]]" >&2; exit 2; }
fovea=$(realpath "$1")
[ -f "$fovea" ] || { echo "$1 is no program" >&2; exit 2; }
folder=$(realpath "${3:-.}")
cd "$(dirname "$(realpath "$0")")"
target=${2:-$(node -p 'process.platform + "-" + process.arch')}
case $target in
  linux-x64 | linux-arm64 | darwin-x64 | darwin-arm64) name=fovea ;;
  win32-x64) name=fovea.exe ;;
  *) echo "$target is no target" >&2; exit 2 ;;
esac

[ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund >&2
npm run --silent vscode:prepublish >&2
# What is packed stands in a folder of its own, since the README is another one there.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/bin"
# A link where that is possible: the program is large.
cp -l "$fovea" "$stage/bin/$name" 2>/dev/null || cp "$fovea" "$stage/bin/$name"
chmod +x "$stage/bin/$name"
cp -r .vscodeignore CHANGELOG.md LICENSE out media images walkthrough "$stage"
node scripts/readme.mjs ${FOVEA_PAGE_IMAGES:+"$FOVEA_PAGE_IMAGES"} >"$stage/README.md"
node -e 'const all = JSON.parse(require("fs").readFileSync("package.json")); delete all.scripts; console.log(JSON.stringify(all, null, 2))' \
  >"$stage/package.json"
cd "$stage"
# No repository is named, so that links stay as they are; dependencies are in the bundle.
${VSCE:-npx --yes @vscode/vsce@4.1.0} package --target "$target" --no-dependencies --allow-missing-repository --no-rewrite-relative-links \
  --out "$folder/fovea-$target.vsix" >&2
echo "$folder/fovea-$target.vsix"
