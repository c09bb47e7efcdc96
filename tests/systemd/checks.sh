# shellcheck shell=bash disable=SC2154 # part of run, which sets $work, $unit and $state
# What is asked of the worker, and how often it may be asked.

# ok WHAT COMMAND...: counts, and shows where it fails what the command said
ok() {
  local what=$1
  shift
  if "$@" >"$work/said" 2>&1; then
    echo "ok   - $what"; passed=$((passed + 1))
  else
    echo "FAIL - $what: $*"; failed=$((failed + 1))
    sed 's/^/       | /' "$work/said" | tail -n 20
  fi
}
until_ok() { # until_ok COMMAND...: for as long as a slow machine may take
  for ((try = 0; try < 400; try++)); do ! "$@" 2>/dev/null || return 0; sleep 0.1; done
  "$@"
}
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
has() { case $1 in *"$2"*) ;; *) echo "'$2' is not in: $1"; return 1 ;; esac; }
not() { ! "$@"; }

property() { inside systemctl show --property "$1" --value "${2:-$unit}"; }
property_is() { is "$(property "$1")" "$2"; }
property_has() { has "$(property "$1")" "$2"; }
journal() { inside journalctl --quiet --no-pager --unit "$unit" "$@"; }
logged() { journal --output cat | grep -F -- "$1" >/dev/null; }
entries_are() { # entries_are COUNT FIELD=VALUE...
  local count=$1
  shift
  is "$(inside journalctl --quiet --no-pager --output json "$@" | wc -l)" "$count"
}
ask() { # ask COMMAND...: what the stand-ins answer
  local answer=''
  echo "$*" >&8
  read -r -t 30 -u 7 answer
  echo "$answer"
}
answers() { is "$(ask "$1")" "$2"; } # answers COMMAND ANSWER
outcome() { is "$(ask outcomes | cut -d' ' -f"$1")" "$2"; }
tasks_kept() { is "$(inside sh -c "ls $state | grep -c 'task\$'")" "$1"; }

# Whether a call ends with a code, and says something.
ends() { # ends CODE WORDS COMMAND...
  local code=0 expected=$1 words=$2 said
  shift 2
  said=$("$@" 2>&1) || code=$?
  if ! is $code "$expected" || ! has "$said" "$words"; then echo "$said"; return 1; fi
}
install_as_hadoop() { inside runuser -u hadoop -- sh -c 'umask 077; exec bash /stage/install "$@"' sh "$@"; }

# What is on the machine of ours: every file that an install may write.
footprint() {
  inside sh -c 'cd / && find etc/spark-job-worker etc/systemd/system etc/logpusher usr/bin/spark-job-worker \
    usr/local/bin usr/local/lib/spark-job-worker usr/lib/systemd/catalog usr/share/doc/spark-job-worker \
    var/lib/spark-job-worker var/lib/spark-job-worker-logs var/log/spark-job-worker mnt/var/lib/instance-controller \
    mnt/sjw mnt/taken home/hadoop run/systemd/system run/spark-job-worker-check \
    \( -type d -printf "/%p %m %u\n" -o -printf "/%p %m %u %T@\n" \) 2>/dev/null | sort; getent passwd spark-job-worker'
}
changes_nothing() { # changes_nothing COMMAND...
  local before
  before=$(footprint)
  "$@" || return
  diff <(echo "$before") <(footprint)
}
