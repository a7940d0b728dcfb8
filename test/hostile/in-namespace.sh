#!/usr/bin/env bash
# Runs the whole hostile suite where it could do no harm: in mount and network namespaces of its own, every file system
# read-only but for a fresh one in memory. Needs root.
set -euo pipefail
project=$(cd "$(dirname "$0")/../.." && pwd)

if [ "${1:-}" != inside ]; then
  if ! unshare --mount --net true 2>/dev/null; then
    echo 'skipped: the hostile suite in a namespace needs root: "unshare --mount --net" is not permitted here' >&2
    exit 0
  fi
  exec unshare --mount --net --propagation private bash "$0" inside
fi

scratch=/tmp
case $project/ in /tmp/*) scratch=/var/tmp ;; esac

findmnt --raw --noheadings --output TARGET | while read -r target; do
  mount -o remount,bind,ro "$target" 2>/dev/null || true # what cannot be is caught below
done
mount -t tmpfs -o size=32g,mode=1777 tmpfs "$scratch"

# Every mount is tried, and what matters most by name.
for folder in "$project" / /etc /var /root /home /run /dev/shm $(findmnt --raw --noheadings --output TARGET --types ext4,xfs,btrfs,overlay,tmpfs,nfs,vfat); do
  if [ "$folder" != "$scratch" ] && touch "$folder/.podfreight-probe" 2>/dev/null; then
    rm -f "$folder/.podfreight-probe"
    echo "not run: $folder can still be written inside the namespace" >&2
    exit 1
  fi
done

cd "$project"
HOSTILE=all TMPDIR=$scratch node --test --test-concurrency=2 --test-timeout=600000 test/hostile/*.test.ts

left=$(find "$scratch" -mindepth 1 -maxdepth 1 -name 'podfreight-*')
if [ -n "$left" ]; then
  echo "left behind: $left" >&2
  exit 1
fi
echo 'the hostile suite ran with nothing writable but a file system in memory'
