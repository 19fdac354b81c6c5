#!/bin/sh
# Starts what the container is for. `docker run ementa worker` or any other command of the CLI works as well.
set -eu

case "${1:-serve}" in
  serve)
    [ "$#" -gt 0 ] && shift
    exec ementa serve --host 0.0.0.0 --port "${EMENTA_APP__PORT:-8000}" --data "${EMENTA_DATA:-/data}" "$@"
    ;;
  sh | bash) exec "$@" ;;
  *) exec ementa "$@" ;;
esac
