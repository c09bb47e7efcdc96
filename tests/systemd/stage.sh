# shellcheck shell=bash disable=SC2034,SC2154 # part of run, which uses what is set here
# What the worker comes with, and what it meets: archives, an EMR node, Step Functions, Livy and YARN.

archives() { # the binary's archive, and one of a newer version
  local newer=$work/newer
  [ -n "$binary" ] || {
    (cd "$root" && cargo build --quiet --locked --bin spark-job-worker) || exit 1
    binary=${CARGO_TARGET_DIR:-$root/target}/debug/spark-job-worker
  }
  (cd "$root" && cargo build --quiet --locked --example stand-ins) || exit 1
  stand_ins_program=${CARGO_TARGET_DIR:-$root/target}/debug/examples/stand-ins
  version=$("$binary" --version)
  # not a build of its own: what it calls itself is all that has to differ
  next_version=${version%?}9
  [ "$next_version" != "$version" ] || next_version=${version%?}8
  LC_ALL=C sed "s/${version##* }/${next_version##* }/g" "$binary" >"$newer"
  chmod 755 "$newer"
  mkdir -p "$work"/stage/{old,new}
  old=$("$root/bootstrap/package" --binary "$binary" --out "$work/stage/old" 2>/dev/null) || exit 1
  new=$("$root/bootstrap/package" --binary "$newer" --out "$work/stage/new" 2>/dev/null) || exit 1
  archive_size=$(stat --format=%s "$old")
  old_sum=$(cut -d' ' -f1 "$old.sha256") new_sum=$(cut -d' ' -f1 "$new.sha256")
  old=/stage/old/${old##*/} new=/stage/new/${new##*/}
  cp "$root/bootstrap/install" "$work/stage/install"
  cp "$root/tests/fixtures/resources/v1/$resource" "$work/stage/$resource"
  cp -r "$root/systemd" "$work/stage/systemd"
}

node() { # what EMR has on a node before its bootstrap actions: the user, sudo, the AWS CLI, who the node is
  inside sh -eu <<'NODE'
useradd --create-home hadoop
mkdir -p /etc/sudoers.d /mnt/var/lib/info /etc/systemd/system/spark-job-worker.service.d /etc/spark-job-worker
install -d -o hadoop -g hadoop /mnt/var/lib/instance-controller/public # its bootstrap actions make shutdown-actions there
echo 'hadoop ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/hadoop
cat >/usr/bin/aws <<'AWS'
#!/bin/sh
# aws s3 cp --only-show-errors s3://bucket/KEY FILE
[ "$1 $2 $3" = "s3 cp --only-show-errors" ] && cp "/stage/${4#s3://bucket/}" "$5"
AWS
chmod 755 /usr/bin/aws
# of this machine alone: no need to wait half a minute for the watchdog
printf '[Service]\nWatchdogSec=3s\nRestartSec=500ms\n' >/etc/systemd/system/spark-job-worker.service.d/20-test.conf
printf 'AWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\nAWS_EC2_METADATA_DISABLED=true\n' \
  >/etc/spark-job-worker/environment
NODE
}
files_of_the_node() { # what EMR writes after the bootstrap actions, with the stand-ins' ports
  inside mkdir -p /etc/livy/conf /etc/hadoop/conf
  inside tee /etc/livy/conf/livy.conf >/dev/null <<CONF
livy.server.host = 127.0.0.1
livy.server.port = ${livy##*:}
livy.spark.master = yarn
livy.spark.deploy-mode = cluster
CONF
  inside tee /etc/hadoop/conf/yarn-site.xml >/dev/null <<CONF
<?xml version="1.0"?>
<configuration>
  <property><name>yarn.resourcemanager.hostname</name><value>127.0.0.1</value></property>
  <property><name>yarn.resourcemanager.webapp.address</name>
    <value>\${yarn.resourcemanager.hostname}:${yarn##*:}</value></property>
</configuration>
CONF
}
role() { inside sh -c "echo '{\"isMaster\": $1, \"instanceGroupId\": \"ig-1\"}' >/mnt/var/lib/info/instance.json"; }

start_stand_ins() { # in the machine's network, yet not on it: they see its end
  coproc stand_ins { exec nsenter --target "$leader" --net -- "$stand_ins_program"; }
  # numbers of our own: a subshell does not have those of a coprocess
  exec 7<&"${stand_ins[0]}" 8>&"${stand_ins[1]}"
  read -r -t 30 -u 7 arn sfn livy yarn || exit 1
  cat >"$work/stage/config.toml" <<CONFIG
[aws]
endpoint_url = "$sfn"
[livy]
url = "$livy"
[yarn]
url = "$yarn"
[watch]
interval = "100ms"
idle_interval = "200ms"
[log]
filter = "info"
CONFIG
  sed 's/^interval.*/intervall = "1s"/' "$work/stage/config.toml" >"$work/stage/wrong.toml"
}
