# shellcheck shell=bash disable=SC2154 # part of servers.sh: $here, $run and $port_* are set there
# Settings and command lines of the servers. Everything listens on 127.0.0.1, but for one: while a session of Livy's lives, its
# server and its driver listen on all addresses for each other (`RpcServer` binds to none), behind a secret of SASL's.

# ---------------------------------------------------------------- Step Functions
java_home() { dirname "$(dirname "$(readlink -f "$(command -v java)")")"; }

command_sfn() {
  # what LocalStack would else fetch for JSONata from where not every machine reaches: its jars, and a Java
  local libs=$run/state/sfn/var/lib/localstack/lib
  mkdir -p "$libs/java" "$libs/jsonata"
  ln -sfn "$(java_home)" "$libs/java/21"
  ln -sfn "$(jars jsonata)" "$libs/jsonata/0.9.7"
  # env -i: nobody's AWS or LocalStack settings get in. The default server, Twisted, would listen on all addresses.
  launch sfn env -i "$(mark)" PATH=/usr/bin:/bin HOME="$run/tmp" TMPDIR="$run/tmp" LANG=C.UTF-8 \
    FILESYSTEM_ROOT="$run/state/sfn" OVERRIDE_IN_DOCKER=false GATEWAY_SERVER=hypercorn GATEWAY_LISTEN="127.0.0.1:$port_sfn" \
    SERVICES=stepfunctions,sns,sqs,s3,sts S3_SKIP_SIGNATURE_VALIDATION=0 STRICT_SERVICE_LOADING=1 EAGER_SERVICE_LOADING=1 \
    SKIP_SSL_CERT_DOWNLOAD=1 DISABLE_EVENTS=1 DNS_ADDRESS=0 \
    "$(venv localstack)/bin/python" -m localstack.runtime.main
}

command_faults() {
  launch faults "$(venv microburst)/bin/python" -m microburst \
    --upstream "http://127.0.0.1:$port_sfn" --host 127.0.0.1 --port "$port_faults"
}

command_ministack() {
  launch ministack env -i "$(mark)" PATH=/usr/bin:/bin HOME="$run/tmp" TMPDIR="$run/tmp" LANG=C.UTF-8 \
    BIND_HOST=127.0.0.1 MINISTACK_HOST=127.0.0.1 GATEWAY_PORT="$port_ministack" LAMBDA_EXECUTOR=local \
    "$(venv ministack)/bin/python" -m ministack
}

# ---------------------------------------------------------------- YARN and Livy
opens=() # what Java 17 must allow to code of Java 8's time
for package in lang lang.invoke lang.reflect io net nio util util.concurrent util.concurrent.atomic; do
  opens+=("--add-opens=java.base/java.$package=ALL-UNNAMED")
done
opens+=(--add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/sun.security.action=ALL-UNNAMED)

# A JVM that lives for seconds pays for the second compiler and never gets it back: a quarter of a job's processor time.
short=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1)

java_server() { # java_server NAME MEMORY CLASSPATH MAIN [VARIABLE=VALUE]...
  local name=$1 memory=$2 classpath=$3 main=$4; shift 4
  launch "$name" "$@" JAVA_HOME="$(java_home)" \
    java "${opens[@]}" "-Xmx$memory" "${short[@]}" \
    -Djava.io.tmpdir="$run/tmp" -Djava.net.preferIPv4Stack=true \
    -Dlog4j.configuration="file:$run/conf/log4j.properties" -cp "$classpath" "$main"
}

hadoop_server() { # hadoop_server NAME CONF MAIN
  java_server "$1" 512m "$run/conf/$2:$(jars yarn)/*" "org.apache.hadoop.$3" HADOOP_CONF_DIR="$run/conf/$2"
}
command_rm() { hadoop_server rm yarn yarn.server.resourcemanager.ResourceManager; }
command_nm() { hadoop_server "$1" "$(cluster_of "$1")" yarn.server.nodemanager.NodeManager; }
command_pair() { hadoop_server "$1" "$1" yarn.server.resourcemanager.ResourceManager; }
command_history() { hadoop_server history history mapreduce.v2.hs.JobHistoryServer; }

command_spark() {
  java_server "$1" 512m "$(pyspark)/jars/*" org.apache.spark.deploy.history.HistoryServer \
    SPARK_CONF_DIR="$run/conf/$1" SPARK_LOCAL_IP=127.0.0.1
}

cluster_of() { case $1 in *-pair) echo pair ;; *) echo yarn ;; esac; } # whose settings a server has

command_livy() {
  local conf=$run/conf/$1 spark classpath cluster
  spark=$(pyspark)
  classpath="$conf:$(jars livy)/*"
  local environment=(LIVY_HOME="$run" LIVY_LOG_DIR="$run/log/$1.requests" LIVY_CONF_DIR="$conf" SPARK_CONF_DIR="$conf"
    SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_DIRS="$run/tmp"
    SPARK_LAUNCHER_OPTS="${short[*]}" SPARK_SUBMIT_OPTS="${short[*]} -Djava.io.tmpdir=$run/tmp" PYSPARK_PYTHON="$(venv pyspark)/bin/python")
  case $1 in
    livy-fake) environment+=(SPARK_HOME="$here/fake-spark") ;;
    livy-local) environment+=(SPARK_HOME="$spark") ;;
    livy-yarn | livy-pair)
      cluster=$run/conf/$(cluster_of "$1")
      classpath="$cluster:$classpath"
      environment+=(SPARK_HOME="$spark" HADOOP_CONF_DIR="$cluster"
        PYSPARK_ARCHIVES_PATH="local:$spark/python/lib/pyspark.zip,local:$(echo "$spark"/python/lib/py4j-*.zip)") ;;
  esac
  java_server "$1" 1g "$classpath" org.apache.livy.server.LivyServer "${environment[@]}"
}
livy_port() { local name=port_${1/-/_}; echo "${!name}"; }

# ---------------------------------------------------------------- configuration files
configure() { # configure NAME: written anew at each start, since the environment decides
  cat >"$run/conf/log4j.properties" <<'CONF'
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
CONF
  case $1 in
    rm | nm) configure_yarn ;;
    pair-*) configure_pair "$1" ;;
    nm-pair) configure_clients_of_pair ;;
    history) configure_history ;;
    spark-history) configure_spark_history ;;
    livy-*)
      mkdir -p "$run/conf/$1" "$run/log/$1.requests"
      case $1 in livy-yarn) configure_yarn ;; livy-pair) configure_clients_of_pair ;; esac
      configure_spark "$1"
      configure_livy "$1" ;;
  esac
}

site() { # site FILE, lines "name value" on standard input
  local name value
  mkdir -p "$run/conf/${1%/*}"
  {
    echo '<configuration>'
    while read -r name value; do
      printf '  <property><name>%s</name><value>%s</value></property>\n' "$name" "$value"
    done
    echo '</configuration>'
  } >"$run/conf/$1"
}

configure_yarn() {
  # short waits for a server that is not there: they start at the same time, and tests kill them
  site yarn/core-site.xml <<CONF
fs.defaultFS file:///
hadoop.tmp.dir $run/state/hadoop
ipc.client.connect.retry.interval 200
CONF
  site yarn/yarn-site.xml <<CONF
yarn.resourcemanager.hostname 127.0.0.1
yarn.resourcemanager.bind-host 127.0.0.1
yarn.resourcemanager.address 127.0.0.1:$port_rm_rpc
yarn.resourcemanager.scheduler.address 127.0.0.1:$port_rm_scheduler
yarn.resourcemanager.resource-tracker.address 127.0.0.1:$port_rm_tracker
yarn.resourcemanager.admin.address 127.0.0.1:$port_rm_admin
yarn.resourcemanager.webapp.address 127.0.0.1:$port_rm_http
yarn.resourcemanager.connect.retry-interval.ms 200
yarn.resourcemanager.scheduler.class org.apache.hadoop.yarn.server.resourcemanager.scheduler.capacity.CapacityScheduler
yarn.resourcemanager.recovery.enabled true
yarn.resourcemanager.store.class org.apache.hadoop.yarn.server.resourcemanager.recovery.FileSystemRMStateStore
yarn.resourcemanager.fs.state-store.uri file://$run/state/rm
yarn.resourcemanager.nodemanagers.heartbeat-interval-ms 200
yarn.nm.liveness-monitor.expiry-interval-ms 20000
yarn.am.liveness-monitor.expiry-interval-ms 60000
yarn.scheduler.minimum-allocation-mb 256
$(node_manager nm)
yarn.nodemanager.remote-app-log-dir file://$run/state/logs
yarn.node-attribute.fs-store.root-dir file://$run/state/node-attributes
yarn.log-aggregation-enable $([ "${LOG_AGGREGATION:-off}" = on ] && echo true || echo false)
yarn.log.server.url http://127.0.0.1:$port_history_http/jobhistory/logs
$(yarn_acl)
CONF
  site yarn/capacity-scheduler.xml <<CONF
yarn.scheduler.capacity.root.queues default,etl
yarn.scheduler.capacity.root.default.capacity 50
yarn.scheduler.capacity.root.default.maximum-capacity 100
yarn.scheduler.capacity.root.default.user-limit-factor 4
yarn.scheduler.capacity.root.etl.capacity 50
yarn.scheduler.capacity.root.etl.maximum-capacity 100
yarn.scheduler.capacity.root.etl.user-limit-factor 4
yarn.scheduler.capacity.maximum-am-resource-percent 0.9
yarn.scheduler.capacity.node-locality-delay -1
yarn.scheduler.capacity.resource-calculator org.apache.hadoop.yarn.util.resource.DefaultResourceCalculator
yarn.scheduler.capacity.root.acl_administer_queue $(if [ "${YARN_ACL:-off}" = off ]; then echo '*'; else id -un; fi)
CONF
}

node_manager() { # node_manager nm|nm_pair: lines of its site
  local rpc=port_$1_rpc localizer=port_$1_localizer http=port_$1_http
  cat <<CONF
yarn.nodemanager.hostname 127.0.0.1
yarn.nodemanager.bind-host 127.0.0.1
yarn.nodemanager.address 127.0.0.1:${!rpc}
yarn.nodemanager.localizer.address 127.0.0.1:${!localizer}
yarn.nodemanager.webapp.address 127.0.0.1:${!http}
yarn.nodemanager.resource.memory-mb 8192
yarn.nodemanager.resource.cpu-vcores 8
yarn.nodemanager.pmem-check-enabled false
yarn.nodemanager.vmem-check-enabled false
yarn.nodemanager.local-dirs $run/state/$1-local
yarn.nodemanager.log-dirs $run/log/$1-containers
yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage 100
yarn.nodemanager.env-whitelist JAVA_HOME,PATH,HADOOP_CONF_DIR,LANG
yarn.nodemanager.admin-env $(mark)
CONF
}

yarn_acl() { # others than us, who start the jobs, may neither see nor kill them; with "filter" no list shows them either
  [ "${YARN_ACL:-off}" != off ] || return 0
  echo "yarn.acl.enable true"
  echo "yarn.admin.acl $(id -un)"
  [ "$YARN_ACL" != filter ] || echo "yarn.webapp.filter-entity-list-by-user true"
}

configure_pair() { # configure_pair NAME: both begin as standbys, and no ZooKeeper chooses one
  site "$1/core-site.xml" <<CONF
fs.defaultFS file:///
hadoop.tmp.dir $run/state/$1
CONF
  site "$1/yarn-site.xml" <<CONF
$(pair_of_managers)
yarn.resourcemanager.ha.id $1
yarn.resourcemanager.bind-host 127.0.0.1
yarn.resourcemanager.recovery.enabled true
yarn.resourcemanager.store.class org.apache.hadoop.yarn.server.resourcemanager.recovery.FileSystemRMStateStore
yarn.resourcemanager.fs.state-store.uri file://$run/state/pair
yarn.resourcemanager.nodemanagers.heartbeat-interval-ms 200
yarn.scheduler.minimum-allocation-mb 256
yarn.node-attribute.fs-store.root-dir file://$run/state/pair-attributes
CONF
  site "$1/capacity-scheduler.xml" <<CONF
yarn.scheduler.capacity.root.queues default
yarn.scheduler.capacity.root.default.capacity 100
yarn.scheduler.capacity.maximum-am-resource-percent 0.9
yarn.scheduler.capacity.node-locality-delay -1
yarn.scheduler.capacity.resource-calculator org.apache.hadoop.yarn.util.resource.DefaultResourceCalculator
CONF
}

pair_of_managers() { # lines of a site: where the two are, and that they take turns
  local id port name
  cat <<CONF
yarn.resourcemanager.ha.enabled true
yarn.resourcemanager.ha.automatic-failover.enabled false
yarn.resourcemanager.cluster-id pair
yarn.resourcemanager.ha.rm-ids pair-1,pair-2
CONF
  for id in 1 2; do
    echo "yarn.resourcemanager.hostname.pair-$id 127.0.0.1"
    for name in address:rpc scheduler.address:scheduler resource-tracker.address:tracker admin.address:admin webapp.address:http; do
      port=port_pair_${id}_${name#*:}
      echo "yarn.resourcemanager.${name%:*}.pair-$id 127.0.0.1:${!port}"
    done
  done
}

configure_clients_of_pair() { # who asks the active one, whichever that is: its NodeManager, its Livy, Spark, and the worker
  site pair/core-site.xml <<CONF
fs.defaultFS file:///
hadoop.tmp.dir $run/state/hadoop-pair
CONF
  # short waits for the other one's turn
  site pair/yarn-site.xml <<CONF
$(pair_of_managers)
yarn.client.failover-sleep-base-ms 100
yarn.client.failover-sleep-max-ms 500
yarn.resourcemanager.connect.retry-interval.ms 200
$(node_manager nm_pair)
yarn.node-attribute.fs-store.root-dir file://$run/state/pair-attributes
CONF
}

transition() { # transition Active|Standby NAME: of one of the pair
  java "${opens[@]}" -cp "$run/conf/$2:$(jars yarn)/*" org.apache.hadoop.yarn.client.cli.RMAdminCLI "-transitionTo$1" "$2"
}

configure_history() {
  site history/core-site.xml <<CONF
fs.defaultFS file:///
hadoop.tmp.dir $run/state/hadoop
CONF
  # aggregation is always on here: else it sends its readers to the NodeManager
  site history/yarn-site.xml <<CONF
yarn.resourcemanager.address 127.0.0.1:$port_rm_rpc
yarn.resourcemanager.webapp.address 127.0.0.1:$port_rm_http
yarn.log-aggregation-enable true
yarn.nodemanager.remote-app-log-dir file://$run/state/logs
CONF
  site history/mapred-site.xml <<CONF
mapreduce.jobhistory.bind-host 127.0.0.1
mapreduce.jobhistory.address 127.0.0.1:$port_history_rpc
mapreduce.jobhistory.admin.address 127.0.0.1:$port_history_admin
mapreduce.jobhistory.webapp.address 127.0.0.1:$port_history_http
yarn.app.mapreduce.am.staging-dir $run/state/history
CONF
}

configure_spark_history() {
  mkdir -p "$run/conf/spark-history"
  cat >"$run/conf/spark-history/spark-defaults.conf" <<CONF
spark.history.ui.port $port_spark_history
spark.history.fs.logDirectory file://$run/state/events
spark.history.fs.update.interval 2s
CONF
}

on_yarn() { case $1 in livy-yarn | livy-pair) ;; *) return 1 ;; esac; } # whether a Livy is

configure_spark() { # configure_spark NAME
  {
    cat <<CONF
spark.ui.port 0
spark.driver.defaultJavaOptions ${short[*]}
spark.executor.defaultJavaOptions ${short[*]}
CONF
    # jars are read where they lie, so that a submission copies next to nothing; a container would else
    # listen on the machine's own address
    ! on_yarn "$1" || cat <<CONF
spark.yarn.jars local:$(pyspark)/jars/*
spark.yarn.stagingDir file://$run/state/staging
spark.driver.memory 512m
spark.executor.memory 512m
spark.dynamicAllocation.enabled true
spark.dynamicAllocation.shuffleTracking.enabled true
spark.dynamicAllocation.maxExecutors 1
spark.yarn.appMasterEnv.SPARK_LOCAL_IP 127.0.0.1
spark.executorEnv.SPARK_LOCAL_IP 127.0.0.1
CONF
  } >"$run/conf/$1/spark-defaults.conf"
}

configure_livy() { # configure_livy NAME
  {
    cat <<CONF
livy.server.host = 127.0.0.1
livy.server.port = $(livy_port "$1")
livy.file.local-dir-whitelist = $run/jobs
CONF
    if on_yarn "$1"; then
      cat <<CONF
livy.spark.master = yarn
livy.spark.deploy-mode = cluster
livy.server.yarn.poll-interval = 500ms
livy.server.recovery.mode = ${LIVY_RECOVERY:-recovery}
livy.server.recovery.state-store = filesystem
livy.server.recovery.state-store.url = file://$run/state/$1
CONF
    else
      echo "livy.spark.master = local[*]"
    fi
    [ "$1" != livy-yarn ] || cat <<CONF
livy.repl.jars = $(repl_jar)
livy.rsc.jars = $(rsc_jars)
livy.rsc.rpc.server.address = 127.0.0.1
livy.rsc.launcher.address = 127.0.0.1
livy.rsc.server.connect.timeout = 5m
CONF
    printf '%s\n' "${LIVY_EXTRA:-}"
  } >"$run/conf/$1/livy.conf"
}
