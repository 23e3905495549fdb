# What quickstart and install share: steps a person can follow, what a host needs, and its Docker Engine. To be sourced, in the
# repository, with `state` naming the folder in which is remembered what must be undone.
# shellcheck shell=bash

die() { printf '✘ %s\n' "$*" >&2; exit 1; }

# Runs one step: its name while it runs (on a terminal), then a tick and its seconds; its output only when it fails.
step() {
  local name=$1 began log
  shift
  began=$(date +%s%N)
  log=$(mktemp)
  if [ -t 2 ]; then printf '… %s' "$name" >&2; fi
  if ! "$@" >"$log" 2>&1; then
    if [ -t 2 ]; then printf '\r' >&2; fi
    cat "$log" >&2
    rm -f "$log"
    die "$name"
  fi
  rm -f "$log"
  local tenths=$((($(date +%s%N) - began) / 100000000))
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
  printf '✔ %s (%d.%d s)\n' "$name" $((tenths / 10)) $((tenths % 10)) >&2
}

require_root_and_node() {
  [ "$(id -u)" = 0 ] || die "run as root: Berth makes network interfaces, mounts and containers"
  command -v node >/dev/null || die "Node.js 20 or newer is needed"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || die "Node.js 20 or newer is needed, this is $(node --version)"
}

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

missing_packages() {
  command -v nft >/dev/null || echo nftables
  command -v iptables >/dev/null || echo iptables
  command -v ip >/dev/null || echo iproute2
  command -v conntrack >/dev/null || echo conntrack
  engine_answers || command -v dockerd >/dev/null || echo docker.io
  command -v docker >/dev/null || echo docker.io
}

apt_install() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

install_packages() {
  local packages
  packages=$(missing_packages | sort -u)
  if [ -z "$packages" ]; then return; fi
  # shellcheck disable=SC2116,SC2086  # a list of names, on one line
  packages=$(echo $packages)
  command -v apt-get >/dev/null || die "there is no apt-get here: install $packages and run this again"
  # shellcheck disable=SC2086
  step "install $packages" apt_install $packages
}

is_built() {
  [ -f dist/.built ] || return 1
  local sources="agent cni controlplane scripts test berth.ts package.json tsconfig.json node_modules/.package-lock.json"
  # shellcheck disable=SC2086  # a list of paths
  [ -z "$(find $sources -newer dist/.built -not -path '*/generated*' -print -quit)" ]
}

build_tree() {
  if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
    command -v npm >/dev/null || die "npm is needed: install it beside Node.js"
    step "npm packages" npm install --no-save --no-fund --no-audit
  fi
  if ! is_built; then step "build" node scripts/build.mjs; fi
}

has_systemd() { [ -d /run/systemd/system ]; }

# What dockerd will change on the host, so that it can be put back.
remember_host() {
  mkdir -p "$state"
  chmod 700 "$(dirname "$state")" "$state"
  # Of an engine of ours that died the traces are still there: what was before it is what counts.
  if [ -f "$state/ip-forward" ]; then return; fi
  nft list tables >"$state/nft-tables"
  cat /proc/sys/net/ipv4/ip_forward >"$state/ip-forward"
}

start_dockerd() {
  remember_host
  if has_systemd; then
    local unit
    for unit in docker.socket docker.service containerd.service; do
      systemctl is-active --quiet "$unit" || echo "$unit"
    done >"$state/units"
    systemctl enable --now docker
    return
  fi
  setsid nohup dockerd >"$state/dockerd.log" 2>&1 </dev/null &
  echo $! >"$state/dockerd.pid"
  for _ in $(seq 300); do
    if engine_answers; then return; fi
    kill -0 "$(cat "$state/dockerd.pid")" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$state/dockerd.log"
  return 1
}

ensure_engine() {
  if ! engine_answers; then step "Docker Engine started" start_dockerd; fi
}

# Whether there is an engine here because of start_dockerd.
dockerd_is_ours() { [ -f "$state/dockerd.pid" ] || [ -f "$state/units" ]; }

# Ends the engine that start_dockerd started, and takes away what it made of the host.
stop_dockerd() {
  if [ -f "$state/units" ]; then
    systemctl disable docker && xargs systemctl stop <"$state/units" && rm -f "$state/units" || return
  else
    end_dockerd || return
  fi
  if ip link show docker0 >/dev/null 2>&1; then ip link del docker0; fi
  nft list tables | while read -r table; do
    # shellcheck disable=SC2086  # "table", its family, its name
    grep -qxF "$table" "$state/nft-tables" || nft delete $table
  done
  cat "$state/ip-forward" >/proc/sys/net/ipv4/ip_forward
}

end_dockerd() {
  local pid
  pid=$(cat "$state/dockerd.pid")
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
    kill "$pid"
    for _ in $(seq 300); do
      [ -d "/proc/$pid" ] || break
      sleep 0.1
    done
    if [ -d "/proc/$pid" ]; then
      echo "dockerd ($pid) does not end"
      return 1
    fi
  fi
  rm -f "$state/dockerd.pid"
}
