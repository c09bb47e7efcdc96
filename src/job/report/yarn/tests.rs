//! YARN's words, in the forms in which they have been published.

use super::super::{DriverLog, ErrorName, refine};
use super::*;

const AM: &str = "Application application_1_0001 failed 1 times (global limit =2; local limit is =1) due to AM Container \
                  for appattempt_1_0001_000001 exited with  exitCode: ";

fn of_container(exit: i32, said: &str) -> String {
    format!(
        "{AM}{exit}\nFailing this attempt.Diagnostics: [2026-11-26 21:27:17.683]{said}\nFor more detailed output, check \
         the application tracking page: http://rm:8088/x Then click on links to logs of each attempt.\n. Failing the \
         application."
    )
}

#[test]
fn a_failure_has_the_name_of_what_became_of_the_drivers_container() {
    let limit = "Container [pid=1,containerID=container_1] is running 1B beyond the 'PHYSICAL' memory limit. Killing.";
    let exception = "Exception from container-launch.\nContainer id: c\nExit code: 1\n";
    let table = [
        (of_container(-104, limit), ErrorName::OutOfMemory),
        (of_container(-103, "Container is running beyond virtual memory limits."), ErrorName::OutOfMemory),
        (of_container(143, limit), ErrorName::OutOfMemory),
        (of_container(52, exception), ErrorName::OutOfMemory),
        (of_container(137, "Container killed on request. Exit code is 137"), ErrorName::Failed),
        (of_container(143, "Container killed on request. Exit code is 143"), ErrorName::Failed),
        (of_container(1, exception), ErrorName::Failed),
        (of_container(-100, "Container released on a *lost* node"), ErrorName::NodeLost),
        (of_container(-101, "Container released on disk failure"), ErrorName::NodeLost),
        (of_container(-102, "Container preempted by scheduler"), ErrorName::NodeLost),
        (of_container(-1000, "No space available in any of the local directories."), ErrorName::NodeLost),
        (of_container(-1000, "File file:/x/gone.txt does not exist\njava.io.FileNotFoundException: x"), ErrorName::Failed),
        (
            "Application application_1_0001 failed 2 times due to Error launching appattempt_1_0001_000002. Got exception: \
             java.net.NoRouteToHostException: No Route to Host from rm to node:8041 failed. Failing the application."
                .to_owned(),
            ErrorName::NodeLost,
        ),
        (of_container(126, "x\n/bin/bash: Argument list too long"), ErrorName::Failed),
        ("User class threw exception: java.lang.OutOfMemoryError: Java heap space".to_owned(), ErrorName::OutOfMemory),
        (
            "User class threw exception: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 failed \
             1 times, most recent failure: Lost task 0.0 in stage 0.0 (TID 0) (h executor 1): java.lang.OutOfMemoryError: \
             Java heap space\n\tat a.B.c(B.java:1)"
                .to_owned(),
            ErrorName::Failed,
        ),
        (
            "User class threw exception: org.apache.spark.SparkException: Job aborted due to stage failure: Reason: \
             Container killed on request. Exit code is 137, is running beyond physical memory limits"
                .to_owned(),
            ErrorName::Failed,
        ),
    ];
    for (diagnostics, name) in table {
        assert_eq!(refine(ErrorName::Failed, &diagnostics, &DriverLog::default()), name, "{diagnostics}");
    }
}

#[test]
fn the_drivers_own_want_of_memory_counts_from_its_log_too() {
    let flag =
        "command: java -XX:OnOutOfMemoryError='kill %p' org.apache.spark.deploy.yarn.ApplicationMaster";
    let of_task =
        "26/11/24 WARN TaskSetManager: Lost task 0.0 (TID 0) (h executor 1): java.lang.OutOfMemoryError: x";
    let table = [
        ("Exception in thread \"dag\" java.lang.OutOfMemoryError: Java heap space", ErrorName::OutOfMemory),
        ("java.lang.OutOfMemoryError: GC overhead limit exceeded", ErrorName::OutOfMemory),
        (flag, ErrorName::Failed),
        (of_task, ErrorName::Failed),
    ];
    for (line, name) in table {
        let driver = DriverLog { stderr: vec![line.to_owned()], stdout: Vec::new() };
        let killed = of_container(137, "Container killed on request. Exit code is 137");
        assert_eq!(refine(ErrorName::Failed, &killed, &driver), name, "{line}");
    }
}

#[test]
fn a_container_that_never_ran_is_told_from_one_that_did() {
    let never = [
        "Application application_1_0001 submitted by user etl to unknown queue: nosuch".to_owned(),
        "Queue root.etl is STOPPED. Cannot accept submission of application: application_1_0001".to_owned(),
        "org.apache.hadoop.security.AccessControlException: User etl cannot submit applications to queue root.x".to_owned(),
        "Invalid resource request, requested resource type=[memory-mb] < 0 or greater than maximum allowed".to_owned(),
        "Application application_1_0001 failed 1 times due to Error launching appattempt_1_0001_000001. Got exception: x"
            .to_owned(),
        of_container(-1000, "File file:/x/gone.txt does not exist"),
        of_container(126, "x\nlaunch_container.sh: line 52: /bin/bash: Argument list too long"),
        of_container(2, "x\n/y/launch_container.sh: line 51: unexpected EOF while looking for matching `''"),
        of_container(127, "x\n/bin/bash: line 1: /no/java/bin/java: No such file or directory"),
    ];
    for diagnostics in never {
        assert!(!container_ran(&diagnostics), "{diagnostics}");
    }
    let ran = [
        String::new(),
        "User application exited with status 1".to_owned(),
        "Shutdown hook called before final status was reported.".to_owned(),
        "Attempt recovered after RM restart".to_owned(),
        "User class threw exception: a.InvalidResourceRequestException: Invalid resource request".to_owned(),
        of_container(1, "Exception from container-launch.\nExit code: 1"),
        of_container(
            1,
            "x\n/y/launch_container.sh: line 5: warning: setlocale: LC_ALL: cannot change locale (x)",
        ),
        of_container(13, "x\nLast 4096 bytes of stderr :\n/bin/bash: line 1: aws: command not found"),
        of_container(-100, "Container released on a *lost* node"),
    ];
    for diagnostics in ran {
        assert!(container_ran(&diagnostics), "{diagnostics}");
    }
}

#[test]
fn the_last_words_are_the_masters_or_the_nodes() {
    let table = [
        ("User application exited with status 3".to_owned(), Some("User application exited with status 3")),
        ("Max number of executor failures (3) reached".to_owned(), Some("Max number of executor failures (3) reached")),
        (
            of_container(-100, "Container released on a *lost* node"),
            Some("Container released on a *lost* node"),
        ),
        (
            of_container(143, "Container killed on request. Exit code is 143\n[2026-11-26 21:27:17.683]Container exited \
                               with a non-zero exit code 143."),
            Some("Container killed on request. Exit code is 143"),
        ),
        (
            of_container(10, "Exception from container-launch.\nContainer id: c\nExit code: 10\n\n[2026-11-26 21:27:17.683]\
                              Container exited with a non-zero exit code 10. Error file: prelaunch.err."),
            Some("Container exited with a non-zero exit code 10."),
        ),
        (
            "Application application_1_0001 failed 1 times (global limit =2; local limit is =1) due to ApplicationMaster \
             for attempt appattempt_1_0001_000001 timed out. Failing the application."
                .to_owned(),
            Some("ApplicationMaster for attempt appattempt_1_0001_000001 timed out"),
        ),
        ("Attempt recovered after RM restart".to_owned(), None),
        ("AM container is launched, waiting for AM container to Register with RM".to_owned(), None),
        (String::new(), None),
    ];
    for (diagnostics, words) in table {
        assert_eq!(last_words(&diagnostics, &[]).as_deref(), words, "{diagnostics}");
    }
}

#[test]
fn who_ended_an_application_comes_before_what_its_driver_says_of_it() {
    let table = [
        ("Application application_1_0001 was killed by user etl at 10.0.0.1", true),
        ("Max number of executor failures (3) reached", true),
        ("Shutdown hook called before final status was reported.", false),
        ("User application exited with status 1", false),
    ];
    for (diagnostics, ended) in table {
        assert_eq!(given_up(diagnostics, &[]).as_deref(), ended.then_some(diagnostics));
    }
}

#[test]
fn why_an_application_waits_is_told_without_the_time_and_the_details() {
    let told = |words: &str| format!("[Sat Nov 28 08:33:27 +0000 2026] {words}");
    let table = [
        (
            told(
                "Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded.  \
                  Details : AM Partition = <DEFAULT_PARTITION>; ",
            ),
            Some(
                "Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded.",
            ),
        ),
        (
            told(
                "Application is Activated, waiting for resources to be assigned for AM.  Details : AM Partition = x ; ",
            ),
            Some("Application is Activated, waiting for resources to be assigned for AM."),
        ),
        ("Attempt recovered after RM restart".to_owned(), None),
        ("Application application_1_0001 was killed by user spark-job-worker".to_owned(), None),
        (String::new(), None),
    ];
    for (diagnostics, words) in table {
        assert_eq!(waiting(&diagnostics).as_deref(), words, "{diagnostics}");
    }
}
