# shellcheck shell=bash disable=SC2154 # part of run, which sets $unit, $old, $old_sum, $arn, $livy, $actions and $state
# What root can do and the unit cannot: files that only root reads, what ProtectHome= and ProtectSystem= keep away, a
# journal that lies elsewhere, and what others have beside the worker's own.

sandboxed_configurations() { # below /stage, each with one thing that the unit cannot have, or can only just have
  local with=$work/stage/config.toml
  sed 's|^\[livy\]|&\nusername = "worker"\npassword_file = "/etc/spark-job-worker/livy.password"|' "$with" \
    >"$work/stage/password.toml"
  sed 's|^\[livy\]|&\nca_file = "/home/hadoop/ca.pem"|; s|^url = "http:\(.*\):[0-9]*"|url = "https:\1:1"|' "$with" \
    >"$work/stage/ca.toml"
  local place name=0
  for place in /home/hadoop/state /tmp/state /mnt/taken /mnt/sjw/state; do
    name=${place#/} name=${name//\//-}
    printf "# [state] directory = \"/var/lib/other\"\nstate = { directory = '%s' }\n" "$place" |
      cat - "$with" >"$work/stage/$name.toml"
  done
}

unit_cannot() { # on a node that has nothing of ours, user and directories included
  local call=(--archive "$old" --sha256 "$old_sum" --activity-arn "$arn")
  sandboxed_configurations
  inside sh -c 'umask 077 && echo secret >/etc/spark-job-worker/livy.password && install -d -m 755 /mnt/taken'
  ok "a password file that root alone can read is found" changes_nothing ends 1 "livy.password_file" \
    install_as_hadoop "${call[@]}" --config /stage/password.toml
  ok "with what to do" changes_nothing ends 1 "chown spark-job-worker" \
    install_as_hadoop "${call[@]}" --config /stage/password.toml
  inside sh -c 'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=livy -days 9 -keyout /dev/null 2>/dev/null \
    >/home/hadoop/ca.pem; chmod 755 /home/hadoop; chmod 644 /home/hadoop/ca.pem'
  ok "so is a certificate below /home" changes_nothing ends 1 "livy.ca_file" \
    install_as_hadoop "${call[@]}" --config /stage/ca.toml
  ok "with what the unit does not see" changes_nothing ends 1 "sees nothing below /home" \
    install_as_hadoop "${call[@]}" --config /stage/ca.toml
  ok "a state directory below /home is refused" changes_nothing ends 1 "/home/hadoop/state" \
    install_as_hadoop "${call[@]}" --config /stage/home-hadoop-state.toml
  ok "one below /tmp, too" changes_nothing ends 1 "/tmp/state" \
    install_as_hadoop "${call[@]}" --config /stage/tmp-state.toml
  ok "one of somebody else's, too" changes_nothing ends 1 "chown spark-job-worker: /mnt/taken" \
    install_as_hadoop "${call[@]}" --config /stage/mnt-taken.toml
  inside rm -r /etc/spark-job-worker/livy.password /home/hadoop/ca.pem /mnt/taken
  inside ln -s /nowhere/gone.conf "/etc/systemd/system/$unit.service.d/30-gone.conf"
  ok "a drop-in that cannot be read is not left out of the question" changes_nothing ends 1 "30-gone.conf" \
    install_as_hadoop "${call[@]}" --config /stage/config.toml
  inside rm "/etc/systemd/system/$unit.service.d/30-gone.conf"
}

others_action() { # as the bootstrap action that follows ours, which is no more root than ours
  ok "another bootstrap action puts its own shutdown action there" \
    inside runuser -u hadoop -- sh -c "mkdir -p $actions && cp /bin/true $actions/mine"
  inside sh -c "chown nobody $actions && chmod 2775 $actions"
  install_as_hadoop --archive "$old" --sha256 "$old_sum" --activity-arn "$arn" >/dev/null 2>&1
  ok "the directory keeps its owner and mode" is "$(inside stat -c '%a %U' "$actions")" "2775 nobody"
}

state_elsewhere() { # with a configuration that no sed reads
  local place=/mnt/sjw/state call=(--archive "$old" --sha256 "$old_sum")
  ok "a state directory elsewhere is made" ends 0 "tasks in it: 0" install_as_hadoop "${call[@]}" \
    --activity-arn "$arn" --config /stage/mnt-sjw-state.toml --wait 60
  ok "for the worker alone" is "$(inside stat -c '%a %U' $place)" "700 $unit"
  ok "the unit may write it" until_ok property_has StatusText "Polling; no tasks"
  ok "and systemd takes the unit" ends 0 "" inside systemd-analyze verify "$unit.service"
  inside sh -c "cd /etc/spark-job-worker && chgrp $unit config.toml && chmod 640 config.toml"
  again "${call[@]}" --activity-arn "$arn"
  ok "a configuration of mode 0640 keeps it" is "$(inside stat -c '%a %G' /etc/spark-job-worker/config.toml)" "640 $unit"
  inside sh -c 'echo "# edited" | cat /stage/mnt-sjw-state.toml - >/root/edited.toml'
  ok "also where another takes its place" ends 0 "installed (1 files changed)" \
    inside bash /stage/install "${call[@]}" --activity-arn "$arn" --config /root/edited.toml --wait 60
  ok "with its group" is "$(inside stat -c '%a %G' /etc/spark-job-worker/config.toml)" "640 $unit"
  inside chown root: /etc/spark-job-worker/config.toml
  ok "one that the worker cannot read is not started with" changes_nothing ends 1 "chgrp spark-job-worker" \
    install_as_hadoop "${call[@]}"
  inside chgrp "$unit" /etc/spark-job-worker/config.toml
  ask task elsewhere >/dev/null
  ok "a task is taken" until_ok property_has StatusText "1 task (1 Running); elsewhere-"
  ok "uninstall counts it where it lies" changes_nothing ends 1 "tasks in the journal: 1" uninstall
  ok "install leaves no task behind where the configuration names another place" \
    changes_nothing ends 1 "there are tasks in $place" install_as_hadoop "${call[@]}" --config /stage/config.toml
  inside sh -c "mkdir /mnt/edited && cp -p /etc/spark-job-worker/config.toml /root/config.kept &&
    sed -i s,$place,/mnt/edited, /etc/spark-job-worker/config.toml"
  ok "uninstall counts it although the configuration names another place by now" \
    changes_nothing ends 1 "tasks in the journal: 1" uninstall
  inside sh -c 'cp -p /root/config.kept /etc/spark-job-worker/config.toml; rmdir /mnt/edited'
  local before
  before=$(property MainPID)
  ok "an install that was killed before its restart" killed_before_the_restart
  ok "is brought to its end by the next one" ends 0 "(0 files changed)" install_as_hadoop "${call[@]}" --wait 60
  ok "which starts the worker anew" not is "$(property MainPID)" "$before"
  ask end elsewhere success >/dev/null
  ok "its success arrives" until_ok outcome 4 succeeded
  ok "and nothing is kept" until_ok is "$(inside sh -c "ls $place | grep -c 'task\$'")" 0
  others_files
  ok "a task's broken entry counts, too" changes_nothing ends 1 "tasks in the journal: 1" uninstall
  inside rm $place/0123456789abcdef.task
  inside sh -c "mkdir -p $place/resources && cp /stage/$resource $place/resources/"
  ok "a resource whose answered job may still run counts, too" \
    changes_nothing ends 1 "answered jobs may still run: 1" uninstall
  inside sh -c "cd $place/resources && mv $resource $resource.corrupt && touch 0123456789abcdef.corrupt.old"
  ok "then it is removed" ends 0 "somebody else's: /etc/spark-job-worker/ca.pem" uninstall
  ok "and what others put beside it is not" is "$(footprint | cut -d' ' -f1 | grep -E 'sjw|etc/spark-job-worker|mine$')" \
    "/etc/spark-job-worker
/etc/spark-job-worker/ca.pem
/etc/spark-job-worker/environment
/mnt/sjw
/mnt/sjw/state
/mnt/sjw/state/notes
/mnt/var/lib/instance-controller/public/shutdown-actions/mine"
  inside rm -r /mnt/sjw /etc/spark-job-worker/ca.pem "$actions/mine"
}
killed_before_the_restart() { # files are in place, and systemd does not know it
  inside sh -c 'echo "# kept" | cat /etc/spark-job-worker/config.toml - >/root/killed.toml
    mkdir -p /root/killing; cat >/root/killing/systemctl; chmod 755 /root/killing/systemctl' <<'END'
#!/bin/sh
[ "$1" != daemon-reload ] || [ -e /run/systemd/system/spark-job-worker-check.service ] || kill -9 $PPID
exec /usr/bin/systemctl "$@"
END
  not inside env PATH=/root/killing:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash /stage/install --archive "$old" --sha256 "$old_sum" --config /root/killed.toml
}
others_files() {
  inside systemctl stop "$unit" # it would take away what is left of it by itself
  inside sh -c 'echo "not of this worker" >/mnt/sjw/state/notes; touch /etc/spark-job-worker/ca.pem
    # of the worker, as a stop at any moment leaves them
    cd /mnt/sjw/state && touch leaving probe.tmp history history.tmp paused paused.tmp 0123456789abcdef.tmp 0123456789abcdef.corrupt
    echo "spark-job-worker 99 00" >/mnt/sjw/state/0123456789abcdef.task'
}
uninstall() { inside runuser -u hadoop -- sudo bash /usr/local/lib/spark-job-worker/uninstall "$@"; }
