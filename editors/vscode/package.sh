#!/bin/bash
# Builds a package of the extension that contains the server: package.sh FOVEA [TARGET [FOLDER]]
#
# FOVEA is the program for the platform TARGET: linux-x64, linux-arm64, darwin-x64, darwin-arm64 or win32-x64 (default: this machine).
# The script writes FOLDER/fovea-TARGET.vsix (default: the current folder) and prints its path. VSCE names a vsce to use instead of the
# one from npx. FOVEA_PAGE_IMAGES is the https address of the folder that contains images/; without it, the extension's page in VS Code
# has no pictures.
set -euo pipefail

[ $# -ge 1 ] && [ $# -le 3 ] || { echo "usage: package.sh FOVEA [TARGET [FOLDER]]" >&2; exit 2; }
fovea=$(realpath "$1")
[ -f "$fovea" ] || { echo "$1 is not a file: pass the fovea program" >&2; exit 2; }
folder=$(realpath "${3:-.}")
cd "$(dirname "$(realpath "$0")")"
target=${2:-$(node -p 'process.platform + "-" + process.arch')}
case $target in
  linux-x64 | linux-arm64 | darwin-x64 | darwin-arm64) name=fovea ;;
  win32-x64) name=fovea.exe ;;
  *) echo "unknown target $target: use linux-x64, linux-arm64, darwin-x64, darwin-arm64 or win32-x64" >&2; exit 2 ;;
esac

[ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund >&2
npm run --silent vscode:prepublish >&2
# The package gets another README than the repository, so its files are collected in a temporary folder.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/bin"
# The program is large, so a hard link replaces the copy where possible.
cp -l "$fovea" "$stage/bin/$name" 2>/dev/null || cp "$fovea" "$stage/bin/$name"
chmod +x "$stage/bin/$name"
cp -r .vscodeignore CHANGELOG.md LICENSE out media images walkthrough "$stage"
node scripts/readme.mjs ${FOVEA_PAGE_IMAGES:+"$FOVEA_PAGE_IMAGES"} >"$stage/README.md"
node -e 'const all = JSON.parse(require("fs").readFileSync("package.json")); delete all.scripts; console.log(JSON.stringify(all, null, 2))' \
  >"$stage/package.json"
cd "$stage"
# package.json names no repository, so vsce must not rewrite links. The bundle contains all dependencies.
${VSCE:-npx --yes @vscode/vsce@4.1.0} package --target "$target" --no-dependencies --allow-missing-repository --no-rewrite-relative-links \
  --out "$folder/fovea-$target.vsix" >&2
echo "$folder/fovea-$target.vsix"
