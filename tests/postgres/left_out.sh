#!/bin/bash
# Checks that a program without the features `postgres` and `hub` says so and repeats nothing of an address: left_out.sh PROGRAM
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: left_out.sh PROGRAM" >&2; exit 2; }
for arguments in "index ." "search words" "similar README.md"; do
  # shellcheck disable=SC2086
  said=$("$1" $arguments --store postgres://me:s3cret@localhost/index 2>&1 >/dev/null) && status=0 || status=$?
  case "$status $said" in
    *s3cret*) echo "the output contains the password: $said"; exit 1 ;;
    "2 "*"--features postgres"*) ;;
    *) echo "$arguments: exit code $status: $said"; exit 1 ;;
  esac
done
said=$("$1" model pull owner/name 2>&1 >/dev/null) && status=0 || status=$?
case "$status $said" in
  "2 "*"--features hub"*) ;;
  *) echo "model pull: exit code $status: $said"; exit 1 ;;
esac
echo "ok: the errors say how to build with the features"
