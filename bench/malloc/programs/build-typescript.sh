#!/bin/sh
# Builds a project with a TypeScript compiler that runs in Node, and prints all that it made.
# Arguments: Node, the compiler's script, the project, the folder to build to.
set -e
"$1" "$2" -p "$3" --outDir "$4"
find "$4" -type f | LC_ALL=C sort | xargs cat
