# Sourced by ./quickstart and ./run-tests: steps with number, time, and log, and errors with remedies.
# shellcheck shell=bash

step_number=0
step_count=${step_count:-0}
log_folder=$(mktemp -d /tmp/stack-log.XXXXXX)

bold() { if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\033[1m%s\033[0m' "$1"; else printf '%s' "$1"; fi; }

# die TEXT [HINT...]: ends the script with an error.
die() {
  printf '\nerror: %s\n' "$1" >&2
  shift
  local hint
  for hint in "$@"; do printf '  %s\n' "$hint" >&2; done
  exit 1
}

# step TEXT: prints the heading of the next step.
step() {
  step_number=$((step_number + 1))
  printf '%s %s\n' "$(bold "[$step_number/$step_count]")" "$1"
}

# logged NAME COMMAND...: runs a command with its output in a log; prints progress every ten seconds, and the last lines
# after a failure.
logged() {
  local name=$1 log="$log_folder/$1.log" begin=$SECONDS pid status=0 last
  shift
  "$@" >"$log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - begin)) -gt 0 ] && [ $(((SECONDS - begin) % 10)) = 0 ] && [ "${last:-}" != "$SECONDS" ]; then
      last=$SECONDS
      printf '      %3d s  %s\n' $((SECONDS - begin)) "$(tail -n 1 "$log" | tr -d '\r' | cut -c 1-100)"
    fi
  done
  wait "$pid" || status=$?
  if [ "$status" != 0 ]; then
    printf '      failed after %d s; the last lines of %s:\n' $((SECONDS - begin)) "$log" >&2
    tail -n 25 "$log" | sed 's/^/      | /' >&2
    return "$status"
  fi
  printf '      %d s\n' $((SECONDS - begin))
}

need_root() { [ "$(id -u)" = 0 ] || die "this script must run as root (containers require it)" "try: sudo $0 $*"; }

# Checks the machine: Debian 12 or similar, and a kernel with the features that containers need.
check_machine() {
  command -v apt-get >/dev/null || die "apt-get not found: these scripts are for Debian 12 (bookworm)" \
    "on other systems, install the packages of packaging/debian-packages.txt and build with: cmake --preset release && cmake --build --preset release"
  local system=unknown
  [ -r /etc/os-release ] && system=$(. /etc/os-release && echo "$PRETTY_NAME")
  case $system in
    *bookworm*) ;;
    *) printf 'warning: tested on Debian 12 (bookworm); this is %s\n' "$system" >&2 ;;
  esac
  local release major minor
  release=$(uname -r)
  major=${release%%.*}
  minor=${release#*.}
  minor=${minor%%[!0-9]*}
  if [ "$major" -lt 5 ] || { [ "$major" = 5 ] && [ "$minor" -lt 10 ]; }; then
    die "Linux $release is too old: stack needs 5.10 or later"
  fi
  local feature
  for feature in mnt net pid ipc uts; do
    [ -e "/proc/self/ns/$feature" ] || die "this kernel has no $feature namespaces"
  done
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || grep -qw overlay /proc/filesystems ||
    die "this kernel has no overlay filesystem (module overlay)"
}

packages_of() {  # groups...
  local group
  for group in "$@"; do sed -n "s/^$group //p" packaging/debian-packages.txt; done
}

install_packages() {  # groups...
  local package missing=()
  for package in $(packages_of "$@"); do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then
    printf '      nothing to do\n'
    return
  fi
  [ "$(id -u)" = 0 ] || die "packages are missing: ${missing[*]}" "as root: apt-get install ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  logged apt-update apt-get -q -o Acquire::Retries=3 update ||
    die "the package lists could not be downloaded; is there a network?" "see /etc/apt/sources.list and the log above"
  logged apt-install apt-get -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install "${missing[@]}" ||
    die "packages could not be installed" "see the log above"
}
