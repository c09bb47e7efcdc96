#!/usr/bin/env bash
# One of run's sets of servers: starts it, and takes tests from the list until all are taken.
#
#   set.sh RUN NUMBER BINARY LIST
#
# RUN/tests has a directory for each test that was taken: its log, and its result. Exit code 1: the servers do not
# start, or a test failed.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
run=$1 number=$2 binary=$3 list=$4
export SJW_STACK_RUN=$run/set-$number
mkdir -p "$SJW_STACK_RUN"
"$here/servers.sh" start >/dev/null || { echo "stack: the servers of set $number do not start" >&2; exit 1; }
echo "stack: set $number started in $SECONDS s"

# nobody's own AWS settings, and no proxy in front of loopback
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_ENDPOINT_URL_SFN
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
set -a
# shellcheck disable=SC1091 # written by servers.sh
. "$SJW_STACK_RUN/env"
set +a

said() { # what a test printed, without the test runner's own lines if it passed
  if [ "$2" = ok ]; then sed -E '/^(running 1 test|ok|test .* has been running for over 60 seconds|test result: .*|)$/d; s/^test [a-z0-9_:]+ \.\.\. (ok$)?//; /^$/d' "$1"
  else cat "$1"; fi
}

code=0
while IFS= read -r name <&3; do
  mkdir "$run/tests/$name" 2>/dev/null || continue # another set has it
  began=$SECONDS log=$run/tests/$name/log result=ok
  "$binary" --exact --include-ignored --nocapture "$name" </dev/null 3<&- >"$log" 2>&1 || result=FAILED
  grep -q '^test result: ok\. 1 passed;' "$log" || result=FAILED
  [ $result = ok ] || code=1
  { # the lines of one test together
    flock 9
    said "$log" $result
    echo "test $name ... $result ($((SECONDS - began)) s, set $number)"
  } 9>"$run/tests.lock"
  echo $result >"$run/tests/$name/result"
  # what it changed of the servers, it did not change back
  [ $result = ok ] || { "$here/servers.sh" stop && "$here/servers.sh" start >/dev/null; } || exit
done 3<"$list"
echo "stack: set $number is done after $SECONDS s"
exit $code
