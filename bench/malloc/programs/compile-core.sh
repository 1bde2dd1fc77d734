#!/bin/sh
# Compiles native/core to assembly, on standard output. Arguments: the repository, how often.
set -e
cd "$1"
turn=0
while [ "$turn" -lt "$2" ]; do
  for file in native/core/*.c; do
    cc -std=c11 -O2 -S -o - -Inative/include -Inative/core "$file"
  done
  turn=$((turn + 1))
done
