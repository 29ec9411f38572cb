#!/opt/synapse/bin/python
"""Entry point with the interface of the official image: `run` (default), `generate`, or Synapse's own arguments.

Starts as root and drops to UID:GID (991:991), or runs as the user that `--user` gave.
"""

import os
import sys


def drop_root(data: str) -> None:
    """Become UID:GID from the environment when started as root; the data directory goes along."""
    if os.getuid() != 0:
        return
    uid, gid = int(os.environ.get("UID", "991")), int(os.environ.get("GID", "991"))
    if os.path.isdir(data) and os.stat(data).st_uid != uid:
        os.chown(data, uid, gid)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main(arguments: list[str]) -> None:
    config_dir = os.environ.get("SYNAPSE_CONFIG_DIR", "/data")
    config = os.environ.get("SYNAPSE_CONFIG_PATH", config_dir + "/homeserver.yaml")
    data = os.environ.get("SYNAPSE_DATA_DIR", config_dir)
    worker = os.environ.get("SYNAPSE_WORKER", "synapse.app.homeserver")
    mode = arguments[0] if arguments and not arguments[0].startswith("-") else "run"
    rest = arguments[1:] if arguments and mode == arguments[0] else arguments

    command = [sys.executable, "-m", worker]
    if mode == "generate":
        command += ["--generate-config", "--config-path", config, "--data-directory", data]
        command += ["--server-name", os.environ["SYNAPSE_SERVER_NAME"]]
        command += ["--report-stats", os.environ["SYNAPSE_REPORT_STATS"], "--open-private-ports"]
        # The generated log config names a file in the working directory.
        os.chdir(data)
    elif mode != "run":
        sys.exit(f"start.py knows the modes run and generate, not {mode!r}")
    elif "-c" not in rest and "--config-path" not in rest:
        if not os.path.exists(config):
            sys.exit(f"The config file {config} does not exist. Mount one, or run this image with `generate` first.")
        command += ["--config-path", config]

    drop_root(data)
    # glibc's allocator keeps memory that Synapse has given back; the official image preloads jemalloc too.
    jemalloc = f"/usr/lib/{os.uname().machine}-linux-gnu/libjemalloc.so.2"
    if os.path.exists(jemalloc):
        os.environ.setdefault("LD_PRELOAD", jemalloc)
    os.execv(sys.executable, command + rest)


main(sys.argv[1:])
