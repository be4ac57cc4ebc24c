#!/usr/bin/env bash
# Prepares a Debian machine for the end-to-end tests: installs the packages they drive, and unpacks later containerds
# (and promtool) into a private folder, where they disturb nothing. Runs again at no cost when all is there.
#
# The packages come from the machine's own mirror, which is asked for at run time; apt checks signatures and sums.
# No service is started or left enabled.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SWITCHYARD_E2E_CACHE:-$here/.cache/e2e}
packages=(containerd runc containernetworking-plugins busybox-static iptables iproute2 curl
  docker-registry skopeo nghttp2-client haproxy nginx)
# name:suite:package:file that must be there; the suites are those that carry these containerds.
private=(
  "containerd-1.7:trixie:containerd:usr/bin/containerd"
  "containerd-2:forky:containerd:usr/bin/containerd"
  "prometheus:own:prometheus:usr/bin/promtool"
)

say() { printf 'e2e packages: %s\n' "$*"; }
fail() {
  say "$*" >&2
  exit 1
}

retry() {
  local attempt
  for attempt in 1 2 3; do
    "$@" && return 0
    say "attempt $attempt of 3 failed: $*" >&2
    sleep $((attempt * 3))
  done
  return 1
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# Quiet apt: its output is shown only when it fails.
apt_quiet() {
  local log
  log=$(mktemp)
  if DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 30 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

# While packages are installed, a policy-rc.d that says no keeps their services from starting.
policy=/usr/sbin/policy-rc.d
made_policy=no
forbid_services() {
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=yes
  fi
}
allow_services() {
  if [[ $made_policy == yes ]]; then
    rm -f "$policy"
    made_policy=no
  fi
}
trap allow_services EXIT

install_packages() {
  local missing=() name
  for name in "${packages[@]}"; do
    is_installed "$name" || missing+=("$name")
  done
  if ((${#missing[@]} == 0)); then
    say "all ${#packages[@]} Debian packages are installed"
    return
  fi
  [[ $(id -u) == 0 ]] || fail "not root, so these cannot be installed: ${missing[*]}"
  say "installing ${missing[*]}"
  retry apt_quiet update
  forbid_services
  retry apt_quiet install -y --no-install-recommends "${missing[@]}"
  allow_services
  disable_services "${missing[@]}"
}

# A package enables its service for the next boot: undo that for what came just now. Works also where systemd does not run.
disable_services() {
  command -v systemctl >/dev/null || return 0
  local name unit now=()
  [[ -d /run/systemd/system ]] && now=(--now)
  for name in "$@"; do
    for unit in $(dpkg-query -L "$name" | sed -n 's|^.*/systemd/system/\([^/@]*\.service\)$|\1|p'); do
      systemctl disable "${now[@]}" --quiet "$unit" || say "could not disable $unit" >&2
    done
  done
}

# A private apt: own sources, lists and cache below $cache/apt, so that the machine's own apt never hears of other suites.
private_apt() {
  apt_quiet -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$cache/apt/sources" \
    -o "Dir::State::lists=$cache/apt/lists" -o "Dir::Cache=$cache/apt/cache" \
    -o "Acquire::Languages=none" -o "APT::Sandbox::User=root" "$@"
}

# The mirror of the machine's main Debian archive, and its suite, out of apt's own configuration.
own_archive() {
  apt-get indextargets --format "\$(REPO_URI) \$(CODENAME) \$(LABEL) \$(COMPONENT)" 'Identifier: Packages' |
    awk '$3 == "Debian" && $4 == "main" && $2 !~ /-/ && !found++ { print $1, $2 }'
}

write_private_sources() {
  local archive own suites
  archive=$(own_archive)
  if [[ -z $archive ]]; then
    retry apt_quiet update
    archive=$(own_archive)
  fi
  [[ -n $archive ]] || fail "apt has no Debian archive among its sources"
  own=${archive#* }
  suites=$(printf '%s\n' "$own" "$@" | sort -u | tr '\n' ' ')
  mkdir -p "$cache/apt/sources" "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial"
  local keyring
  keyring=$(find /usr/share/keyrings -name 'debian-archive-keyring.*' | sort | head -n 1)
  [[ -n $keyring ]] || fail "no Debian archive keyring on this machine"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
    "${archive% *}" "$suites" "$keyring" >"$cache/apt/sources/later.sources"
  own_suite=$own
}

unpack_private() {
  local entry name suite package file missing=()
  for entry in "${private[@]}"; do
    IFS=: read -r name suite package file <<<"$entry"
    [[ -x $cache/$name/$file && -f $cache/$name/version ]] || missing+=("$entry")
  done
  if ((${#missing[@]} == 0)); then
    say "all ${#private[@]} private packages are unpacked in $cache"
    return
  fi
  say "fetching ${#missing[@]} packages into $cache"
  mkdir -p "$cache"
  local suites=()
  for entry in "${missing[@]}"; do
    IFS=: read -r name suite package file <<<"$entry"
    [[ $suite == own ]] || suites+=("$suite")
  done
  write_private_sources "${suites[@]}"
  retry private_apt update
  for entry in "${missing[@]}"; do
    IFS=: read -r name suite package file <<<"$entry"
    [[ $suite == own ]] && suite=$own_suite
    local work=$cache/apt/work
    rm -rf "$work" "${cache:?}/$name"
    mkdir -p "$work/tree"
    (cd "$work" && retry private_apt download "$package/$suite")
    dpkg -x "$work"/*.deb "$work/tree"
    [[ -x $work/tree/$file ]] || fail "$package of $suite has no $file"
    dpkg-deb -f "$work"/*.deb Version >"$work/tree/version"
    # Only the asked-for tree is kept; the folder appears whole or not at all.
    rm -rf "$work/tree/usr/share"
    mv "$work/tree" "$cache/$name"
    rm -rf "$work"
    say "$name: $package $(<"$cache/$name/version")"
  done
  rm -rf "$cache/apt"
}

command -v apt-get >/dev/null || fail "this machine has no apt-get: the end-to-end tests need Debian"
install_packages
unpack_private
say "ready"
