//! Livy and YARN.

use std::collections::BTreeSet;

use super::super::Finding;
use super::super::facts::{Configured, DaemonFacts, Facts, LivyFacts, YarnFacts};
use super::configuration::SUDO;
use crate::config::LivyConf;
use crate::job::tags;
use crate::job::world::ServiceError;
use crate::spark::addresses::{AddressInUse, AddressLookup};
use crate::spark::yarn::About;

const CONF: &str = "/etc/livy/conf/livy.conf";
/// What ends that YARN hides applications.
const SHOW_ALL: &str = "let everybody see applications: yarn.webapp.filter-entity-list-by-user = false in \
                        /etc/hadoop/conf/yarn-site.xml, and look at yarn.acl.enable";
const RESTART_LIVY: &str = "sudo systemctl restart livy-server";

pub(super) fn judge(facts: &Facts, configured: &Configured) -> Vec<Finding> {
    let unread = |check| Finding::skip(check, "not asked: see configuration");
    let mut findings = match &configured.livy {
        Some(livy) => {
            vec![address("livy-address", &livy.addresses, None, facts), answers(facts, livy), version(livy)]
        }
        None => vec![unread("livy")],
    };
    findings.extend(conf(configured.livy_conf.as_ref()));
    match &configured.yarn {
        Some(YarnFacts::Off) => findings.push(Finding::warn(
            "yarn",
            "switched off: only Livy says how jobs end, and Livy can be wrong",
            format!(
                "set url = \"auto\" in [yarn] of {}, then: sudo systemctl restart spark-job-worker",
                facts.configuration.path
            ),
        )),
        Some(YarnFacts::On { addresses, used, about, tags }) => {
            findings.push(address("yarn-address", addresses, Some(used), facts));
            findings.extend(yarn(facts, configured, (addresses, used), about, tags));
        }
        None => findings.push(unread("yarn")),
    }
    findings
}

/// Where a service is, what says so, and which of several is used.
fn address(
    check: &'static str,
    addresses: &AddressLookup,
    used: Option<&AddressInUse>,
    facts: &Facts,
) -> Finding {
    let found = match addresses {
        Ok(found) => found,
        // The worker may be able to read what somebody else cannot.
        Err(unknown) if !facts.may_read() => return Finding::warn(check, &*unknown.why, SUDO),
        Err(unknown) => return Finding::fail(check, &*unknown.why, &*unknown.fix),
    };
    let mut list = found.list();
    let mut unread = facts.configured.iter().flat_map(|configured| &configured.unread);
    if let Some(unread) = unread.find(|path| list.contains(path.as_str())) {
        return Finding::fail(
            check,
            format!("{list}; but the user spark-job-worker may not read {unread}"),
            format!("sudo setfacl -m u:spark-job-worker:r {unread}"),
        );
    }
    if let Some(used) = used.filter(|used| found.addresses.len() > 1 || !list.contains(&used.url)) {
        list = format!("{list}; used: {} ({})", used.url, used.source);
    }
    Finding::ok(check, list)
}

/// All URLs of a service.
fn urls(addresses: &AddressLookup) -> String {
    let urls = addresses.iter().flat_map(|found| &found.addresses).map(|home| home.address.base());
    urls.collect::<Vec<_>>().join(", ")
}

fn answers(facts: &Facts, livy: &LivyFacts) -> Finding {
    if livy.addresses.is_err() {
        return Finding::skip("livy", "not asked: see livy-address");
    }
    let url = &urls(&livy.addresses);
    match &livy.answers {
        Ok(()) => Finding::ok("livy", format!("{url} answers")),
        Err(ServiceError::Unavailable(reason)) => Finding::fail(
            "livy",
            format!("{url}: {reason}"),
            format!(
                "systemctl status livy-server, and its log in /var/log/livy; then {RESTART_LIVY}. If Livy is \
                 elsewhere: url in [livy] of {}",
                facts.configuration.path
            ),
        ),
        Err(ServiceError::AccessDenied(reason) | ServiceError::Unsupported(reason)) => {
            access_denied("livy", url, reason, facts)
        }
    }
}

fn access_denied(check: &'static str, url: &str, reason: &str, facts: &Facts) -> Finding {
    Finding::fail(
        check,
        format!("{url}: {reason}"),
        format!(
            "correct [{check}] in {}, then: sudo systemctl restart spark-job-worker",
            facts.configuration.path
        ),
    )
}

fn version(livy: &LivyFacts) -> Finding {
    match &livy.version {
        Ok((version, false)) => Finding::ok("livy-version", version),
        Ok((version, true)) => Finding::fail(
            "livy-version",
            format!("{version} is older than 0.7: names of batches are not unique or not shown"),
            "create the cluster with a release that has Livy 0.7 or newer (EMR 5.30, EMR 6)",
        ),
        Err(_) if livy.answers.is_err() => Finding::skip("livy-version", "not known: see livy"),
        Err(reason) => Finding::warn(
            "livy-version",
            format!("not known: {}", reason.clone().reason()),
            format!("see whether it is really Livy: curl -sS {}/version", urls(&livy.addresses)),
        ),
    }
}

/// What is told by Livy's own file.
fn conf(conf: Option<&Result<LivyConf, String>>) -> [Finding; 3] {
    let unseen = |reason: &str| {
        [
            Finding::skip("livy-deploy-mode", reason),
            Finding::skip("livy-recovery", reason),
            Finding::skip("livy-csrf", reason),
        ]
    };
    match conf {
        Some(Ok(conf)) => [deploy_mode(conf), recovery(conf), csrf(conf)],
        Some(Err(reason)) => unseen(&format!("not known: {CONF}: {reason}")),
        None => unseen("not known: Livy is on another host"),
    }
}

fn deploy_mode(conf: &LivyConf) -> Finding {
    if conf.runs_drivers_beside_livy() {
        return Finding::fail(
            "livy-deploy-mode",
            "client mode: Livy and YARN can report success for jobs that failed",
            format!("set livy.spark.deploy-mode = cluster in {CONF}, then: {RESTART_LIVY}"),
        );
    }
    match conf.get("livy.spark.master") {
        Some("yarn" | "yarn-cluster") => Finding::ok("livy-deploy-mode", "cluster"),
        master => Finding::warn(
            "livy-deploy-mode",
            format!("Livy submits to {}, not to YARN", master.unwrap_or("Spark's own default")),
            format!(
                "set livy.spark.master = yarn and livy.spark.deploy-mode = cluster in {CONF}, then: {RESTART_LIVY}"
            ),
        ),
    }
}

fn recovery(conf: &LivyConf) -> Finding {
    let mode = conf.get("livy.server.recovery.mode").unwrap_or("off");
    let store = conf.get("livy.server.recovery.state-store").unwrap_or_default();
    if mode == "recovery" && !store.is_empty() {
        return Finding::ok("livy-recovery", format!("on, in {store}"));
    }
    Finding::warn(
        "livy-recovery",
        "off: a restart of Livy forgets its batches, and a clean stop kills them; what runs on is followed in YARN",
        format!(
            "set livy.server.recovery.mode = recovery, livy.server.recovery.state-store = filesystem and \
             livy.server.recovery.state-store.url = file:///var/lib/livy/recovery in {CONF}; then, while no job runs: \
             {RESTART_LIVY}"
        ),
    )
}

fn csrf(conf: &LivyConf) -> Finding {
    let on = conf.get("livy.server.csrf-protection.enabled") == Some("true");
    Finding::ok(
        "livy-csrf",
        format!("{}: the worker sends X-Requested-By always", if on { "on" } else { "off" }),
    )
}

fn yarn(
    facts: &Facts,
    configured: &Configured,
    (addresses, used): (&AddressLookup, &AddressInUse),
    about: &Result<About, ServiceError>,
    tags: &Result<BTreeSet<String>, ServiceError>,
) -> Vec<Finding> {
    if addresses.is_err() {
        return vec![Finding::skip("yarn", "not asked: see yarn-address")];
    }
    let url = &urls(addresses);
    let reason = about.as_ref().err().or(tags.as_ref().err());
    let mut findings = vec![match reason {
        None => Finding::ok("yarn", format!("{} answers", used.url)),
        Some(ServiceError::AccessDenied(reason) | ServiceError::Unsupported(reason)) => {
            access_denied("yarn", url, reason, facts)
        }
        Some(ServiceError::Unavailable(reason)) => Finding::fail(
            "yarn",
            format!("{url}: {reason}"),
            format!(
                "systemctl status hadoop-yarn-resourcemanager, and its log in /var/log/hadoop-yarn; then \
                 sudo systemctl restart hadoop-yarn-resourcemanager. If YARN is elsewhere: url in [yarn] of {}",
                facts.configuration.path
            ),
        ),
    }];
    if let Ok(about) = about {
        findings.extend([Finding::ok("yarn-version", &*about.version), yarn_recovery(about)]);
    }
    if addresses.as_ref().is_ok_and(|found| found.filters_lists) {
        findings.push(Finding::warn(
            "yarn-tag",
            "yarn-site.xml has YARN list to each user only that user's own applications: what is not listed may run",
            SHOW_ALL,
        ));
    } else if let Ok(tags) = tags {
        findings.push(tag(tags, &configured.daemon));
    }
    findings
}

fn yarn_recovery(about: &About) -> Finding {
    let store = about.store.rsplit('.').next().unwrap_or_default();
    if about.keeps() {
        return Finding::ok("yarn-recovery", format!("on, in {store}"));
    }
    Finding::warn(
        "yarn-recovery",
        "off: a restart of YARN forgets its applications, and a doubtful submission of before it is lost",
        "set yarn.resourcemanager.recovery.enabled = true and yarn.resourcemanager.store.class in \
         /etc/hadoop/conf/yarn-site.xml; then, while no job runs: \
         sudo systemctl restart hadoop-yarn-resourcemanager",
    )
}

/// Whether YARN shows what the daemon knows to be running.
fn tag(tags: &BTreeSet<String>, daemon: &DaemonFacts) -> Finding {
    let count = tags.len();
    let hidden = match daemon {
        DaemonFacts::Answers(now) => now.tasks.iter().find(|task| {
            task.yarn_state.as_deref() == Some("RUNNING") && !tags.contains(&tags::of_run(&task.task))
        }),
        DaemonFacts::Absent(_) | DaemonFacts::Denied | DaemonFacts::Silent(_) => None,
    };
    match hidden {
        // What ends between two looks is no news; that nothing of several is shown, is.
        Some(task) if tags.is_empty() => Finding::warn(
            "yarn-tag",
            format!("YARN shows no application of ours, and the job of task {} runs", task.task),
            SHOW_ALL,
        ),
        _ => Finding::ok(
            "yarn-tag",
            format!("applications tagged spark-job-worker can be listed; active: {count}"),
        ),
    }
}
