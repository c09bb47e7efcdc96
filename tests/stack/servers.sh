#!/usr/bin/env bash
# Real servers on 127.0.0.1 for the tests: LocalStack (Step Functions, SNS, SQS, S3), ministack, Livy 0.7.1, Spark 3.5.6, YARN 3.3.4.
#
#   servers.sh install               what the servers need, into the cache (once; later calls return at once)
#   servers.sh start                 all of them, on free ports; the addresses are in $SJW_STACK_RUN/env
#   servers.sh start NAME...         some of them, on the same ports as before
#   servers.sh stop|kill NAME        one of them (kill: SIGKILL of that process alone)
#   servers.sh freeze|thaw NAME      SIGSTOP and SIGCONT: it takes connections and answers nothing
#   servers.sh activate|retire NAME  makes one of the pair the active one, or a standby
#   servers.sh stop | status | clean   end all; what runs and its memory; end all and forget the run directory
#
#   sfn         Step Functions, SNS, SQS and S3 (LocalStack); keeps nothing over a restart
#   faults      the same through a proxy that can fail requests (microburst, POST /_microburst/rules)
#   ministack   a CloudFormation that runs whole stacks and hands custom resources to functions
#   rm nm       YARN's ResourceManager, with recovery, and NodeManager, without; logs stay with it, or are aggregated
#               with LOG_AGGREGATION=on at its start; YARN_ACL=on at the start of the rm lets nobody but us see and kill
#               our applications, YARN_ACL=filter leaves them out of others' lists as well
#   pair-1 pair-2  two more ResourceManagers, each the other's standby; not among "all"
#   nm-pair livy-pair  a NodeManager and a Livy for whichever of the pair is active; start them once one is
#   history     the job history server, which shows aggregated logs
#   spark-history  Spark's history server; not among "all". It looks for new event logs every 2 s
#   livy-yarn   Livy in front of YARN, cluster mode; recovery on, or off with LIVY_RECOVERY=off at its start
#   livy-local  Livy with Spark in local mode
#   livy-fake   Livy with a script for spark-submit: a batch takes milliseconds (see fake-spark/bin/spark-submit)
#
# Environment: SJW_STACK_RUN    state, logs and settings of one set of servers; without it `start` makes one and says where
#              SJW_STACK_CACHE  what `install` fetched, shared by all checkouts
#              LIVY_EXTRA       more lines for the livy.conf of the Livy that is started
# Exit code 3: a tool is missing on this machine.

# shellcheck disable=SC2154 # port_* are in $run/ports
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SJW_STACK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/spark-job-worker-stack}
all=(sfn faults ministack rm nm history livy-yarn livy-local livy-fake)
extra=(pair-1 pair-2 nm-pair livy-pair spark-history) # for some tests
# shellcheck source=install.sh
. "$here/install.sh"
# shellcheck source=settings.sh
. "$here/settings.sh"

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# ---------------------------------------------------------------- the run directory
# below the range from which the kernel gives out ports: one of a killed server must not go to somebody's connection
pick_ports() { # pick_ports FILE...: other runs' ports
  "$(venv pyspark)/bin/python" - "$@" <<'PYTHON'
import pathlib, random, re, socket, sys
names = """sfn faults ministack rm_rpc rm_scheduler rm_tracker rm_admin rm_http nm_rpc nm_localizer nm_http
  history_rpc history_admin history_http livy_yarn livy_local livy_fake livy_pair
  nm_pair_rpc nm_pair_localizer nm_pair_http spark_history""".split()
names += [f"pair_{id}_{port}" for id in (1, 2) for port in ("rpc", "scheduler", "tracker", "admin", "http")]
others = [path.read_text() for path in map(pathlib.Path, sys.argv[1:]) if path.exists()]
taken = {int(port) for text in others for port in re.findall("=([0-9]+)", text)}
held = []
for port in random.sample(range(20000, 32000), 2000):
    if len(held) == len(names):
        break
    if port in taken:
        continue
    server = socket.socket()
    try:
        server.bind(("127.0.0.1", port))
    except OSError:
        continue
    held.append(server)
    print(f"port_{names[len(held) - 1]}={port}")
PYTHON
}

new_run() { # picks the ports and writes down the addresses
  mkdir -p "$run"/{pid,log,conf,state/events,tmp,jobs,data}
  mkdir -p "$cache/ports"
  find "$cache/ports" -xtype l -delete # of runs that are gone
  # one at a time: of two that begin together neither listens yet, so each says which ports it took
  (
    flock 9
    pick_ports "$cache"/ports/* >"$run/ports"
    ln -sfn "$run/ports" "$cache/ports/$(basename "$run")-$$"
  ) 9>"$cache/ports.lock"
  read_ports
  cp "$here"/jobs/*.py "$run/jobs/"
  cp "$(jobs_jar)" "$run/jobs/jobs.jar"
  "$(venv pyspark)/bin/python" "$here/jobs/taxi_trips.py" "$run/data/trips.csv" 20000
  # the last file: whoever finds it finds everything
  cat >"$run/env.part" <<ENV
SJW_STACK_RUN=$run
SJW_STACK_CONTROL=$here/servers.sh
SJW_STACK_SFN=http://127.0.0.1:$port_sfn
SJW_STACK_FAULTS=http://127.0.0.1:$port_faults
SJW_STACK_MINISTACK=http://127.0.0.1:$port_ministack
SJW_STACK_LIVY_YARN=http://127.0.0.1:$port_livy_yarn
SJW_STACK_LIVY_LOCAL=http://127.0.0.1:$port_livy_local
SJW_STACK_LIVY_FAKE=http://127.0.0.1:$port_livy_fake
SJW_STACK_LIVY_PAIR=http://127.0.0.1:$port_livy_pair
SJW_STACK_RM=http://127.0.0.1:$port_rm_http
SJW_STACK_PAIR_1=http://127.0.0.1:$port_pair_1_http
SJW_STACK_PAIR_2=http://127.0.0.1:$port_pair_2_http
SJW_STACK_PAIR_CONF=$run/conf/pair
SJW_STACK_NM=http://127.0.0.1:$port_nm_http
SJW_STACK_HISTORY=http://127.0.0.1:$port_history_http
SJW_STACK_SPARK_HISTORY=http://127.0.0.1:$port_spark_history
SJW_STACK_EVENTS=file://$run/state/events
SJW_STACK_USER=$(id -un)
SJW_STACK_PYTHON=$(venv localstack)/bin/python
SJW_STACK_JOBS=$run/jobs
SJW_STACK_DATA=$run/data
SJW_STACK_TRIPS=$run/data/trips.csv
ENV
  mv "$run/env.part" "$run/env"
}

# shellcheck disable=SC1091 # written by new_run
read_ports() { . "$run/ports"; }

open_run() { # the directory may be gone: what it started is found without it
  [ -n "${SJW_STACK_RUN:-}" ] || { echo "set SJW_STACK_RUN to the directory that 'start' named" >&2; exit 2; }
  run=$(realpath -m "$SJW_STACK_RUN")
}

# ---------------------------------------------------------------- processes
# Every process of a run, and whatever it starts (jobs, containers, the Python of a job), has this in its environment.
# So this script ends nothing that it did not start, and misses nothing that it did.
mark() { echo "SJW_STACK_OWNED=$run"; }
owned() { grep -lzxF "$(mark)" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 || true; }
alive() { [ -f "$run/pid/$1" ] && grep -qzxF "$(mark)" "/proc/$(cat "$run/pid/$1")/environ" 2>/dev/null; }

launch() { # launch NAME [VARIABLE=VALUE]... COMMAND...: leads a process group of its own, away from the checkout
  local name=$1; shift
  (cd "$run/state" && exec setsid env "$(mark)" TMPDIR="$run/tmp" "$@") >>"$run/log/$name.log" 2>&1 </dev/null &
  echo $! >"$run/pid/$name"
}

answers() { # answers URL [TEXT]
  curl -fs --noproxy '*' -m 5 "$1" | grep -q "${2:-}"
}

ready() { # ready NAME
  case $1 in
    sfn) answers "http://127.0.0.1:$port_sfn/_localstack/health" '"stepfunctions": "running"' ;;
    faults) answers "http://127.0.0.1:$port_faults/_microburst/health" ;;
    ministack) answers "http://127.0.0.1:$port_ministack/_ministack/health" ;;
    rm) answers "http://127.0.0.1:$port_rm_http/ws/v1/cluster/info" ;;
    nm) answers "http://127.0.0.1:$port_nm_http/ws/v1/node/info" &&
      answers "http://127.0.0.1:$port_rm_http/ws/v1/cluster/metrics" '"activeNodes":1' ;;
    nm-pair) answers "http://127.0.0.1:$port_nm_pair_http/ws/v1/node/info" &&
      { answers "http://127.0.0.1:$port_pair_1_http/ws/v1/cluster/metrics" '"activeNodes":1' ||
        answers "http://127.0.0.1:$port_pair_2_http/ws/v1/cluster/metrics" '"activeNodes":1'; } ;;
    pair-1) answers "http://127.0.0.1:$port_pair_1_http/ws/v1/cluster/info" ;;
    pair-2) answers "http://127.0.0.1:$port_pair_2_http/ws/v1/cluster/info" ;;
    spark-history) answers "http://127.0.0.1:$port_spark_history/api/v1/version" ;;
    history) answers "http://127.0.0.1:$port_history_http/ws/v1/history/info" ;;
    livy-*) answers "http://127.0.0.1:$(livy_port "$1")/version" ;;
  esac
}

await() { # await NAME
  for _ in $(seq 300); do
    sleep 0.3 # each look costs what a server that starts beside it could use
    ready "$1" && return
    alive "$1" || { echo "$1 ended, see $run/log/$1.log" >&2; return 1; }
  done
  echo "$1 does not answer, see $run/log/$1.log" >&2
  return 1
}

start() { # start NAME...: all at the same time
  local name
  for name; do
    alive "$name" && continue
    configure "$name"
    command_"${name%%-*}" "$name"
  done
  for name; do await "$name"; done
}

gone() { # gone TENTHS COMMAND...: waits until the command fails or says nothing
  local tenths=$1; shift
  for _ in $(seq "$tenths"); do
    [ -n "$("$@")" ] || return 0
    sleep 0.1
  done
  return 1
}
pid_of() { ! alive "$1" || cat "$run/pid/$1"; } # nothing if it does not run

stop_one() {
  local pid patience=200 # a NodeManager that had containers takes 14 s
  pid=$(pid_of "$1")
  [ -n "$pid" ] || return 0
  # LocalStack waits for open polls, sometimes without end
  case $1 in sfn | faults) patience=30 ;; esac
  kill -TERM "$pid" 2>/dev/null || true
  gone "$patience" pid_of "$1" || true
  # the Python of a local job outlives its spark-submit and its Livy
  kill -KILL -- "-$pid" 2>/dev/null || true
}

stop_all() { # what is left after 3 s, jobs and containers too, is killed: nobody needs their goodbye
  local name pids
  for name in "${all[@]}" "${extra[@]}"; do
    pids=$(pid_of "$name")
    [ -z "$pids" ] || kill -TERM "$pids" 2>/dev/null || true
  done
  gone 30 owned || true
  while pids=$(owned) && [ -n "$pids" ]; do
    # shellcheck disable=SC2086 # one word for each process
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
}

status() {
  local name pid
  for name in "${all[@]}" "${extra[@]}"; do
    pid=$(pid_of "$name")
    if [ -n "$pid" ]; then printf '%-13s up    %4s MiB\n' "$name" $(($(ps -o rss= -p "$pid") / 1024))
    else printf '%-13s down\n' "$name"; fi
  done
}

# ---------------------------------------------------------------- verbs
for name in "${@:2}"; do [[ " ${all[*]} ${extra[*]} " == *" $name "* ]] || usage; done
case ${1:-} in
  install) install ;;
  start)
    install
    run=$(realpath -m "${SJW_STACK_RUN:-$(mktemp -d)}")
    [ -n "${SJW_STACK_RUN:-}" ] || echo "SJW_STACK_RUN=$run" >&2
    if [ -f "$run/env" ]; then read_ports; else new_run; fi
    if [ -n "${2:-}" ]; then start "${@:2}"; else start "${all[@]}"; cat "$run/env"; fi ;;
  stop) open_run; if [ -n "${2:-}" ]; then stop_one "$2"; else stop_all; fi ;;
  kill)
    open_run
    pid=$(pid_of "${2:?}")
    [ -z "$pid" ] || kill -KILL "$pid"
    gone 50 pid_of "$2" ;;
  freeze) open_run; kill -STOP "$(pid_of "${2:?}")" ;;
  thaw) open_run; kill -CONT "$(pid_of "${2:?}")" ;;
  activate) open_run; transition Active "${2:?}" ;;
  retire) open_run; transition Standby "${2:?}" ;;
  status) open_run; status ;;
  clean)
    open_run
    stop_all
    rm -rf "$run"/{pid,log,conf,state,tmp,jobs,data,ports,env}
    rmdir "$run" 2>/dev/null || true ;;
  *) usage ;;
esac
