#!/bin/bash
# Builds the extension with a server inside: package.sh FOVEA [TARGET [FOLDER]]
#
# FOVEA is the program for the platform TARGET (linux-x64, linux-arm64, darwin-x64, darwin-arm64, win32-x64; by default this machine's).
# Writes FOLDER/fovea-TARGET.vsix (by default here) and prints its name. VSCE may name another vsce than the one npx brings.
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
rm -rf bin
mkdir bin
# A link where that is possible: the program is large.
cp -l "$fovea" "bin/$name" 2>/dev/null || cp "$fovea" "bin/$name"
chmod +x "bin/$name"
# No repository is named, so that links stay as they are; dependencies are in the bundle.
${VSCE:-npx --yes @vscode/vsce@4.1.0} package --target "$target" --no-dependencies --allow-missing-repository --no-rewrite-relative-links \
  --out "$folder/fovea-$target.vsix" >&2
echo "$folder/fovea-$target.vsix"
