#!/bin/sh
# As in the official image: an option or a file name is for node, anything else is a command.
set -e
case "${1:-}" in
  -*) set -- node "$@" ;;
  *) command -v "${1:-node}" > /dev/null 2>&1 && [ ! -d "${1:-}" ] || set -- node "$@" ;;
esac
exec "$@"
