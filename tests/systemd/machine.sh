# shellcheck shell=bash disable=SC2154 # part of run, which has set -uo pipefail and a directory $work
# A machine of the test's own: this machine's file system under an overlay in memory, with a systemd of its own as PID 1
# and a network of its own. Nothing here changes.

tools() { # installs what is missing, or says why nothing can be tested
  local missing=()
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  command -v systemd-nspawn >/dev/null || missing+=(systemd-container)
  command -v jq >/dev/null || missing+=(jq)
  command -v bc >/dev/null || missing+=(bc)
  command -v sudo >/dev/null || missing+=(sudo)
  [ ${#missing[@]} -eq 0 ] || get "${missing[@]}" >/dev/null 2>&1 || skip "${missing[*]} could not be installed"
}

get() { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; }

boot() { # sets nspawn and leader
  local began=$EPOCHREALTIME state='' candidate
  mkdir "$work/overlay"
  mount -t tmpfs overlay "$work/overlay" || skip "no tmpfs can be mounted"
  mkdir "$work"/overlay/{upper,work,root}
  local layers=lowerdir=/,upperdir=$work/overlay/upper,workdir=$work/overlay/work
  mount -t overlay -o "$layers" overlay "$work/overlay/root" || skip "no overlay can be mounted"
  mkdir -p "$work/overlay/root/var/log/journal" # a journal that can be read after the end
  systemd-nspawn -q --boot --register=no --keep-unit --private-network --console=pipe --link-journal=no \
    --machine="worker-test-$$" --directory "$work/overlay/root" --bind-ro="$work/stage:/stage" \
    systemd.unit=basic.target </dev/null >"$work/console" 2>&1 &
  nspawn=$!
  for ((try = 0; try < 600; try++)); do
    # shellcheck disable=SC2013 # one line of words
    # the leader is the child that is the first process of its own namespace; nspawn forks another, short-lived one
    for candidate in $(cat "/proc/$nspawn/task/$nspawn/children" 2>/dev/null); do
      [ "$(awk '/^NSpid/ { print NF ":" $NF }' "/proc/$candidate/status" 2>/dev/null)" != 3:1 ] || leader=$candidate
    done
    [ -z "$leader" ] || state=$(inside systemctl is-system-running 2>/dev/null)
    case $state in
      running | degraded)
        echo "booted $(inside systemctl --version | head -n 1) in $(seconds_since "$began") s"
        return ;;
    esac
    kill -0 "$nspawn" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$work/console"
  skip "systemd-nspawn boots no machine here"
}

inside() { nsenter --target "$leader" --all -- "$@"; }

halt() { # ends the machine, however far it came
  [ -z "$leader" ] || inside systemctl poweroff --force >/dev/null 2>&1
  [ -z "$nspawn" ] || { kill -TERM "$nspawn" 2>/dev/null; wait "$nspawn" 2>/dev/null; }
  leader='' nspawn=''
  umount -l "$work/overlay/root" "$work/overlay" 2>/dev/null
  rmdir "/run/systemd/nspawn/propagate/worker-test-$$" 2>/dev/null
  return 0
}

seconds_since() { bc <<<"scale=2; ($EPOCHREALTIME - $1) / 1"; }
