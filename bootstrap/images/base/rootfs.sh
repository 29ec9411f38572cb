#!/bin/bash
# Makes the base image that every locally built image shares: Debian packages and Synapse from PyPI.
# Runs as root inside its own mount namespace, so nothing stays mounted when it ends, however it ends.
#
#   DIRECTORY           empty scratch directory
#   IN_MEMORY           yes: the tree is made in a tmpfs on DIRECTORY
#   SUITE, MIRROR       Debian release and mirror
#   PACKAGES            Debian packages, separated by spaces
#   SYNAPSE             pip requirement, extras included
#   HOST_CA             certificates that the host trusts, one PEM file, for pip and apt over TLS
#   TAG                 what the image is called once it is complete
#   RECIPE_LABEL, VERSIONS_LABEL, RECIPE   its labels; the second gets `name=version` pairs of what lies inside
#
# Each line that begins with "== " names the step under way.
set -euo pipefail

if [ "$IN_MEMORY" = yes ]; then mount -t tmpfs -o size=3g,mode=755 none "$DIRECTORY"; fi
ROOT=$DIRECTORY/root

# No documentation, no translations, no fsync: this tree is thrown away after the import. There before dpkg is.
mkdir -p "$ROOT/etc/dpkg/dpkg.cfg.d"
cat > "$ROOT/etc/dpkg/dpkg.cfg.d/image" <<'CFG'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
CFG

echo "== Debian $SUITE: debootstrap from $MIRROR"
script=/usr/share/debootstrap/scripts/$SUITE
# An older debootstrap does not know a newer release by name; the rules are those of unstable.
if [ ! -e "$script" ]; then script=/usr/share/debootstrap/scripts/sid; fi
debootstrap --variant=minbase "$SUITE" "$ROOT" "$MIRROR" "$script"

printf 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n' > "$ROOT/etc/apt/apt.conf.d/90image"
apt-config dump Acquire | grep -E '^Acquire::(http|https)::Proxy' > "$ROOT/etc/apt/apt.conf.d/91proxy" || true
printf '#!/bin/sh\nexit 101\n' > "$ROOT/usr/sbin/policy-rc.d"
chmod 755 "$ROOT/usr/sbin/policy-rc.d"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
mkdir -p "$ROOT/run/host" "$ROOT/etc/ssl/certs"
cp "$HOST_CA" "$ROOT/run/host/ca.pem"
cp "$HOST_CA" "$ROOT/etc/ssl/certs/ca-certificates.crt"
for file in /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
  if [ -f "$file" ]; then cat "$file" >> "$ROOT/run/host/pip.conf"; fi
done

inside() { chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
mount -t proc proc "$ROOT/proc"

# The numbers that the official images use, given out before Debian's packages choose their own.
user() {
  inside groupadd --gid "$2" "$1"
  inside useradd --uid "$2" --gid "$2" --home-dir "$3" --no-create-home --shell "$4" "$1"
}
user postgres 999 /var/lib/postgresql /bin/bash
user nginx 101 /nonexistent /usr/sbin/nologin
user synapse 991 /data /usr/sbin/nologin
user node 1000 /home/node /bin/bash
user nonroot 65532 /home/nonroot /usr/sbin/nologin
mkdir -p "$ROOT/etc/postgresql-common"
echo 'create_main_cluster = false' > "$ROOT/etc/postgresql-common/createcluster.conf"

echo "== Debian packages"
inside apt-get -q -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root update
# shellcheck disable=SC2086
inside apt-get -q -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold -o APT::Sandbox::User=root install $PACKAGES

echo "== $SYNAPSE from PyPI"
inside python3 -m venv --system-site-packages /opt/synapse
# Settings of the host's pip (index, proxy) count; a local wheel directory does not exist in here.
env | grep -E '^(PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|PROXY|DEFAULT_TIMEOUT|RETRIES)|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)=' > "$ROOT/run/host/env" || true
set -- PIP_CERT=/run/host/ca.pem PIP_CONFIG_FILE=/run/host/pip.conf PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
while IFS= read -r setting; do set -- "$@" "$setting"; done < "$ROOT/run/host/env"
inside "$@" /opt/synapse/bin/pip install --only-binary=:all: --progress-bar off "$SYNAPSE"

echo "== layout of the official images"
cat > "$ROOT/usr/local/bin/python" <<'PY'
#!/bin/sh
exec /opt/synapse/bin/python "$@"
PY
chmod 755 "$ROOT/usr/local/bin/python"
sed -i "s/^#*listen_addresses = .*/listen_addresses = '*'/" "$ROOT/usr/share/postgresql/17/postgresql.conf.sample"
mkdir -p "$ROOT/docker-entrypoint-initdb.d" "$ROOT/docker-entrypoint.d" "$ROOT/data" "$ROOT/home/node" "$ROOT/home/nonroot" "$ROOT/app"
mkdir -p "$ROOT/var/lib/postgresql/data" "$ROOT/var/run/postgresql"
inside chown 999:999 /var/lib/postgresql /var/lib/postgresql/data /run/postgresql
inside chmod 1777 /var/lib/postgresql/data
inside chmod 3777 /run/postgresql
inside chown 991:991 /data
inside chown 1000:1000 /home/node
inside chown 65532:65532 /home/nonroot

versions=$(inside dpkg-query -W -f '${Package}=${source:Upstream-Version} ' postgresql-17 nginx restic)
versions+=$(inside /opt/synapse/bin/python -c 'import synapse; print("synapse=" + synapse.__version__.split(" ")[0])')

umount "$ROOT/proc"
rm -rf "$ROOT/run/host" "$ROOT/usr/sbin/policy-rc.d" "$ROOT/etc/apt/apt.conf.d/91proxy" "$ROOT/var/cache/apt" "$ROOT/var/lib/apt/lists" "$ROOT/var/log/apt" \
  "$ROOT/usr/share/doc" "$ROOT/usr/share/man" "$ROOT/usr/share/locale" "$ROOT/usr/share/info" "$ROOT/tmp/"*
mkdir -p "$ROOT/var/cache/apt/archives/partial" "$ROOT/var/lib/apt/lists/partial"

echo "== importing it into Docker"
# Tagged only when the whole tree has arrived: a broken pipe would make a smaller image.
image=$(tar -C "$ROOT" --numeric-owner --one-file-system -cf - . | docker import \
  --change "LABEL $RECIPE_LABEL=$RECIPE" --change "LABEL $VERSIONS_LABEL=\"$versions\"" --change 'CMD ["/bin/sh"]' -)
docker tag "$image" "$TAG"
