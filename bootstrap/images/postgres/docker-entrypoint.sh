#!/bin/bash
# The interface of the official image's entry point, as far as its page documents it: a first start makes the
# cluster, later ones only start it. https://hub.docker.com/_/postgres
set -euo pipefail

say() { printf 'entrypoint: %s\n' "$*" >&2; }

# NAME or NAME_FILE, never both; the default when neither is set.
setting() {
  local name=$1 default=${2:-} file="${1}_FILE"
  if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
    say "$name and $file are both set; set one of them"
    exit 1
  fi
  if [ -n "${!file:-}" ]; then printf '%s' "$(< "${!file}")"; else printf '%s' "${!name:-$default}"; fi
}

if [ "${1:-}" = "" ] || [ "${1:0:1}" = "-" ]; then set -- postgres "$@"; fi
if [ "$1" != "postgres" ]; then exec "$@"; fi
for argument in "$@"; do
  case $argument in --version | -V | --help | -\? | --describe-config) exec "$@" ;; esac
done

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 3775 /var/run/postgresql || true
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres:postgres '{}' +
  chmod 0700 "$PGDATA" || true
  # Both scripts see the same environment; only user and groups change.
  exec setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all "$BASH" "$0" "$@"
fi

if [ -s "$PGDATA/PG_VERSION" ]; then exec "$@"; fi

user=$(setting POSTGRES_USER postgres)
database=$(setting POSTGRES_DB "$user")
password=$(setting POSTGRES_PASSWORD)
method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
if [ -z "$password" ] && [ "$method" != trust ]; then
  say "the data directory is empty and no superuser password is given; set POSTGRES_PASSWORD_FILE"
  exit 1
fi

mkdir -p "$PGDATA"
chmod 0700 "$PGDATA" || true
arguments=()
if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then arguments+=(--waldir "$POSTGRES_INITDB_WALDIR"); fi
# POSTGRES_INITDB_ARGS is a command line: quotes inside it count.
eval 'arguments+=('"${POSTGRES_INITDB_ARGS:-}"')'
initdb --username="$user" --pwfile=<(printf '%s\n' "$password") --auth-local=trust --auth-host="$method" "${arguments[@]}"
printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"

# Nobody else may reach the cluster before it is complete: socket only.
pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
query() { psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$user" --no-password "$@"; }
if [ "$database" != postgres ]; then
  query --dbname postgres --set db="$database" <<< 'CREATE DATABASE :"db";'
fi
for file in /docker-entrypoint-initdb.d/*; do
  case $file in
    *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
    *.sql) query --dbname "$database" -f "$file" ;;
    *.sql.gz) gunzip -c "$file" | query --dbname "$database" ;;
    *.sql.xz) xz -dc "$file" | query --dbname "$database" ;;
  esac
done
pg_ctl -D "$PGDATA" -m fast -w stop
unset password POSTGRES_PASSWORD
exec "$@"
