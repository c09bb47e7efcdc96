# shellcheck shell=bash disable=SC2154 # part of servers.sh: $here and $cache are set there
# What the servers need, fetched once into the cache.
#
# Each piece is a directory named after the checksum of the file that pins its versions: another version is another
# piece, and checkouts that differ share one cache. A piece is built as *.part and renamed when it is complete.

tool_check() { # says in one line what this machine lacks
  local missing=() tool version list
  for tool in curl flock javac mvn setsid; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  [ -n "$(python311)" ] || missing+=("python3.11 with its venv module")
  version=$(java -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p') || true
  [ "${version:-0}" -ge 11 ] || missing+=("java 11 or later")
  [ ${#missing[@]} -gt 0 ] || return 0
  printf -v list ', %s' "${missing[@]}"
  echo "skipped: this machine lacks ${list:2}"
  exit 3
}

python311() { # the lock files are made for it: LocalStack 4.9.2 is the newest that runs on it, later ones on none before 3.12
  local candidate
  for candidate in python3.11 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

digest() { sha256sum "$here/$1" | cut -c-12; }
venv() { echo "$cache/$1-$(digest "$1.lock")"; }
jars() { echo "$cache/$1-$(digest "$1-pom.xml")"; }
jobs_jar() { echo "$cache/jobs-$(cat "$here"/jobs/*.java | sha256sum | cut -c-12).jar"; }
# Livy's server starts a class in the driver that no registry serves; this one is ours, around the stand-in's Python.
repl() { printf '%s\n' "$here/repl/org/apache/livy/repl/ReplDriver.java" "$here/../support/src/interpreter/shell.py"; }
repl_jar() { echo "$cache/repl-$(repl | xargs cat | sha256sum | cut -c-12).jar"; }
rsc_jars() { echo "$(jars livy)/livy-rsc-0.7.1-incubating.jar,$(jars livy)/livy-api-0.7.1-incubating.jar"; }
pyspark() { echo "$(venv pyspark)/lib/python3.11/site-packages/pyspark"; }

install_venv() { # the lock files are complete: nothing is resolved
  local target; target=$(venv "$1")
  [ ! -x "$target/bin/python" ] || return 0 # a link that dangles when its Python is gone
  rm -rf "$target" "$target.part"
  "$(python311)" -m venv "$target.part"
  "$target.part/bin/python" -m pip install -q --disable-pip-version-check --no-deps --require-hashes \
    -r "$here/$1.lock"
  mv "$target.part" "$target"
}

install_jars() {
  local target; target=$(jars "$1")
  [ ! -d "$target" ] || return 0
  rm -rf "$target.part"
  # Maven resets colours even where it was told to use none
  mvn -q -B -f "$here/$1-pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$target.part" | sed 's/\x1b\[[0-9;]*m//g'
  mv "$target.part" "$target"
}

install_jobs() {
  local target; target=$(jobs_jar)
  [ ! -f "$target" ] || return 0
  rm -rf "$target.part"
  javac -cp "$(pyspark)/jars/*" -d "$target.part/classes" "$here"/jobs/*.java
  jar cf "$target.part/jobs.jar" -C "$target.part/classes" .
  mv "$target.part/jobs.jar" "$target"
  rm -rf "$target.part"
}

install_repl() {
  local target; target=$(repl_jar)
  [ ! -f "$target" ] || return 0
  rm -rf "$target.part"
  mkdir -p "$target.part/classes"
  javac -nowarn -d "$target.part/classes" -cp "$(rsc_jars | tr , :):$(pyspark)/jars/*" "$here"/repl/org/apache/livy/repl/*.java
  cp "$here/../support/src/interpreter/shell.py" "$target.part/classes"
  jar cf "$target.part/repl.jar" -C "$target.part/classes" .
  mv "$target.part/repl.jar" "$target"
  rm -rf "$target.part"
}

install() {
  tool_check
  mkdir -p "$cache"
  ( # one at a time: two checkouts may share the cache
    flock 9
    (install_jars livy && install_jars yarn && install_jars jsonata) &
    jars=$!
    install_venv localstack
    install_venv microburst
    install_venv ministack
    install_venv pyspark
    install_jobs
    wait "$jars"
    install_repl
  ) 9>"$cache/lock"
}
