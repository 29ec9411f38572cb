#!/bin/sh
# Fills in the port and starts nginx as whoever the container runs as; writes below /tmp only.
set -e
if [ "${1:-}" = nginx ]; then
  mkdir -p /tmp/element-web
  envsubst '${ELEMENT_WEB_PORT}' < /etc/nginx/templates/default.conf.template > /tmp/element-web/default.conf
fi
exec "$@"
