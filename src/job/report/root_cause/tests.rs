//! The kinds of failure, each in its smallest form. Whole logs are in `tests/fixtures/causes`.

use super::lines::TRACEBACK;
use super::*;

const FRAME: &str = "  File \"etl.py\", line 9, in <module>";
const EXITED: &str = "User application exited with status 1";

#[track_caller]
fn python(stdout: &[&str], expected: Option<&str>) {
    let ended = |diagnostics: &str| {
        let stdout = stdout.iter().map(|line| (*line).to_owned()).collect();
        uncaught(diagnostics, &DriverLog { stdout, stderr: Vec::new() }).map(|cause| cause.sentence)
    };
    assert_eq!(ended(EXITED).as_deref(), expected);
}

#[track_caller]
fn java(diagnostics: &str, expected: &str) {
    let cause = uncaught(diagnostics, &DriverLog::default()).expect("a cause");
    assert_eq!(cause.sentence, expected);
}

#[test]
fn a_python_exception_is_the_line_below_its_frames_whatever_its_name() {
    for line in ["botocore.errorfactory.NoSuchBucket: gone", "AssertionError", "KeyError: 'x'", "etl.Stop"] {
        python(&["starting", TRACEBACK, FRAME, "    run()", "    ^^^^^", line], Some(line));
    }
}

#[test]
fn the_last_of_exceptions_that_came_of_each_other_counts() {
    for between in [
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
    ] {
        let inner = [TRACEBACK, "  File \"etl.py\", line 3, in load", "KeyError: 'x'", "", between, ""];
        let outer = [TRACEBACK, FRAME, "RuntimeError: no configuration"];
        python(&[&inner[..], &outer[..]].concat(), Some("RuntimeError: no configuration"));
    }
}

#[test]
fn what_was_caught_and_printed_is_not_taken_where_the_program_went_on() {
    let caught = [TRACEBACK, "  File \"etl.py\", line 3, in load", "ValueError: x"];
    python(&[&caught[..], &["rows: 17"]].concat(), None);
    python(&[&caught[..], &[TRACEBACK, FRAME, "OSError: full"]].concat(), Some("OSError: full"));
    // At the top of the program it can be the last word all the same, unless its message has one line.
    python(&[TRACEBACK, FRAME, "KeyError: 'optional'", "going on", "rows: 17"], None);
    python(&["KeyError: 'optional'", "rows: 17"], None);
    // Printed, and then the program ends itself.
    python(&caught, Some("ValueError: x"));
}

#[test]
fn an_exception_whose_head_is_cut_off_is_still_known() {
    let frames = ["  File \"etl.py\", line 9, in <module>", "    run()"];
    python(&[&frames[..], &["OSError: full"]].concat(), Some("OSError: full"));
    python(&[&["    load()"], &frames[..], &["OSError: full"]].concat(), Some("OSError: full"));
    let chain = ["\tat a.B.c(B.java:1)", "Caused by: a.Inner: y", "\tat a.B.c(B.java:1)", "\t... 3 more"];
    python(&chain, Some("a.Inner: y"));
    python(&[&chain[..], &["rows: 17"]].concat(), None);
}

#[test]
fn what_python_writes_beside_the_exception_is_no_exception() {
    let ended = [TRACEBACK, FRAME, "OSError: full"];
    let ignored = ["Exception ignored in: <function X.__del__ at 0x7f>", TRACEBACK, FRAME, "TypeError: late"];
    python(&[&ended[..], &ignored[..]].concat(), Some("OSError: full"));
    let thread = ["Exception in thread Thread-1 (run):", TRACEBACK, FRAME, "TypeError: elsewhere"];
    python(&[&thread[..], &ended[..]].concat(), Some("OSError: full"));
    python(&thread, None);
    python(
        &[&ended[..], &["INFO:py4j.clientserver:Closing down clientserver connection"]].concat(),
        Some("OSError: full"),
    );
}

#[test]
fn a_message_that_begins_below_belongs_to_its_class() {
    python(
        &[
            TRACEBACK,
            FRAME,
            "pyspark.errors.exceptions.captured.ParseException: ",
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'.",
            "",
            "== SQL ==",
            "selec 1",
            "^^^",
        ],
        Some(
            "pyspark.errors.exceptions.captured.ParseException: [PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'.",
        ),
    );
    java(
        "User class threw exception: org.apache.spark.sql.AnalysisException: \n\nTable not found: x\n\tat a.B.c(B.java:1)",
        "org.apache.spark.sql.AnalysisException: Table not found: x",
    );
    java(
        "User class threw exception: java.lang.NullPointerException\n\tat a.B.c(B.java:1)",
        "java.lang.NullPointerException",
    );
    java("User class threw exception: a.Boom: \n\tat a.B.c(B.java:1)", "a.Boom");
}

#[test]
fn of_py4j_the_next_line_counts() {
    let call = [
        TRACEBACK,
        FRAME,
        "    df.save()",
        "py4j.protocol.Py4JError: An error occurred while calling o45.foo. Trace:",
    ];
    python(
        &[
            &call[..],
            &[
                "py4j.Py4JException: Method foo([]) does not exist",
                "\tat py4j.Gateway.invoke(Gateway.java:274)",
            ],
        ]
        .concat(),
        Some("py4j.Py4JException: Method foo([]) does not exist"),
    );
    let call = [TRACEBACK, FRAME, "py4j.protocol.Py4JJavaError: An error occurred while calling o45.save."];
    let chain = [
        ": java.lang.ClassNotFoundException: ",
        "Failed to find data source: delta.",
        "\tat a.B.c(B.java:1)",
    ];
    python(
        &[&call[..], &chain[..]].concat(),
        Some("java.lang.ClassNotFoundException: Failed to find data source: delta."),
    );
    let chain = [": a.Outer: x", "\tat a.B.c(B.java:1)", "Caused by: a.Inner: y", "\t... 3 more"];
    python(&[&call[..], &chain[..]].concat(), Some("a.Inner: y"));
}

#[test]
fn of_a_task_that_failed_what_it_said_counts() {
    let stage = "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, \
                 most recent failure: Lost task 0.3 in stage 0.0 (TID 3) (h executor 1): ";
    java(&format!("User class threw exception: {stage}a.Denied: 403\n\tat a.B.c(B.java:1)"), "a.Denied: 403");
    let lost = "ExecutorLostFailure (executor 1 exited) Reason: Container killed";
    java(
        &format!("User class threw exception: {stage}{lost}\nDriver stacktrace:"),
        &format!("{stage}{lost}"),
    );
    let worker = "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  File \"w.py\", line 1, \
                  in main\n    process()\nImportError: No module named nltk\n\n\tat a.B.c(B.java:1)\n\t... 1 more";
    java(
        &format!("User class threw exception: {stage}x\n\tat a.B.c(B.java:1)\nCaused by: {worker}"),
        "ImportError: No module named nltk",
    );
    java(&format!("User class threw exception: {stage}{worker}"), "ImportError: No module named nltk");
}

#[test]
fn an_exception_that_only_says_that_somebody_else_ended_does_not_count() {
    let chain =
        "User class threw exception: a.Outer: x\nCaused by: a.Crashed: Python worker exited unexpectedly";
    java(
        &format!("{chain}\nCaused by: java.io.EOFException\n\tat a.B.c(B.java:1)"),
        "a.Crashed: Python worker exited unexpectedly",
    );
    java(
        "User class threw exception: a.NotFound: [DATA_SOURCE_NOT_FOUND] delta\nCaused by: java.lang.ClassNotFoundException: delta.DefaultSource",
        "a.NotFound: [DATA_SOURCE_NOT_FOUND] delta",
    );
    java(&format!("{chain}\nCaused by: java.io.EOFException: at 17"), "java.io.EOFException: at 17");
    java(
        "User class threw exception: a.Io: Cannot run program \"x\": error=2\nCaused by: a.Io: error=2",
        "a.Io: Cannot run program \"x\": error=2",
    );
    java("User class threw exception: java.io.EOFException\n\tat a.B.c(B.java:1)", "java.io.EOFException");
}

#[test]
fn what_was_suppressed_or_threw_elsewhere_is_not_taken() {
    java(
        "User class threw exception: a.Outer: x\n\tat a.B.c(B.java:1)\n\tSuppressed: a.Close: y\n\t\tat a.B.d(B.java:2)\n\
         \tCaused by: a.Deep: z\nCaused by: a.Inner: w\n\t... 1 more\n. Failing the application.",
        "a.Inner: w",
    );
    let stderr = [
        "26/11/24 02:00:05 WARN TaskSetManager: Lost task 0.0 (TID 1) (h executor 1): a.Retried: r",
        "\tat a.B.c(B.java:1)",
        "26/11/24 02:00:06 ERROR Etl: step 2 failed",
        "a.Handled: h",
        "\tat a.B.c(B.java:1)",
        "26/11/24 02:00:07 ERROR ApplicationMaster: User class threw exception: ",
        "a.Outer: x",
        "\tat a.B.c(B.java:1)",
        "Caused by: a.Inner: w",
        "26/11/24 02:00:08 ERROR ShutdownHookManager: Exception while deleting Spark temp dir",
        "java.io.IOException: Failed to delete: /mnt/tmp",
    ];
    let driver = DriverLog { stderr: stderr.map(str::to_owned).into(), stdout: Vec::new() };
    for diagnostics in ["User class threw exception: a.Outer: x", "", "exited with  exitCode: 13"] {
        assert_eq!(uncaught(diagnostics, &driver).map(|cause| cause.sentence).as_deref(), Some("a.Inner: w"));
    }
}

#[test]
fn a_jvm_names_its_want_of_memory_and_its_flags_are_not_that() {
    let flags = "command: java -Xmx1g -XX:OnOutOfMemoryError='kill %p' org.apache.spark.deploy.yarn.ApplicationMaster";
    let table = [
        (
            "# java.lang.OutOfMemoryError: Java heap space",
            Some("java.lang.OutOfMemoryError: Java heap space"),
        ),
        (
            "Terminating due to java.lang.OutOfMemoryError: Metaspace",
            Some("java.lang.OutOfMemoryError: Metaspace"),
        ),
        (flags, None),
        ("# -XX:OnOutOfMemoryError=\"kill -9 %p\"", None),
        ("26/11/24 WARN TaskSetManager: Lost task 0.0: java.lang.OutOfMemoryError: Java heap space", None),
    ];
    for (line, expected) in table {
        let driver = DriverLog { stdout: vec![line.to_owned()], stderr: vec![flags.to_owned()] };
        let cause = uncaught("AM Container exited with  exitCode: 137", &driver).map(|cause| cause.sentence);
        assert_eq!(cause.as_deref(), expected, "{line}");
    }
}

#[test]
fn what_a_program_has_against_its_arguments_counts_where_its_status_says_so() {
    let driver = |lines: &[&str]| DriverLog {
        stdout: lines.iter().map(|line| (*line).to_owned()).collect(),
        stderr: Vec::new(),
    };
    let usage =
        ["usage: etl.py [-h] --date DATE", "etl.py: error: the following arguments are required: --date"];
    let of = |status: u8| uncaught(&format!("User application exited with status {status}"), &driver(&usage));
    assert_eq!(of(2).map(|cause| cause.sentence).as_deref(), Some(usage[1]));
    assert_eq!(of(3), None);
}

#[test]
fn a_jvm_that_did_not_come_up_and_a_program_in_r_say_why() {
    let table: [(&[&str], Option<&str>); 5] = [
        (
            &[
                "Unrecognized VM option 'X'",
                "Did you mean 'Y'?",
                "Error: Could not create the Java Virtual Machine.",
            ],
            Some("Unrecognized VM option 'X'"),
        ),
        (
            &["Error occurred during initialization of VM", "Too small maximum heap"],
            Some("Too small maximum heap"),
        ),
        (&["Error: Could not find or load main class x.Y"], Some("Could not find or load main class x.Y")),
        (
            &[
                "Error in handleErrors(status, conn) : ",
                "  no such path",
                "Calls: read.df",
                "Execution halted",
            ],
            Some("Error in handleErrors(status, conn) : no such path"),
        ),
        (&["Error: no optional table", "rows: 17"], None),
    ];
    for (lines, expected) in table {
        let driver =
            DriverLog { stdout: lines.iter().map(|line| (*line).to_owned()).collect(), stderr: Vec::new() };
        assert_eq!(uncaught("", &driver).map(|cause| cause.sentence).as_deref(), expected);
    }
}

#[test]
fn a_chain_goes_on_behind_what_was_cut_out_of_its_middle() {
    java(
        "User class threw exception: a.Outer: x\n\tat a.B.c(B.java:1)\n\tat a.B\n[812 bytes left out]\nd(B.java:2)\n\
         \tat a.B.e(B.java:3)\nCaused by: a.Inner: y\n\t... 3 more",
        "a.Inner: y",
    );
}

#[test]
fn of_a_chain_without_its_beginning_the_deepest_cause_counts() {
    let left = |text: &str| {
        let diagnostics =
            format!("Diagnostic messages truncated, showing last 65536 chars out of 92341:\n...{text}");
        uncaught(&diagnostics, &DriverLog::default())
    };
    let chain = "row,\n\tat a.B.c(B.java:1)\nCaused by: a.Middle: x\n\tat a.B.c(B.java:1)\nCaused by: ";
    let cause = left(&format!("{chain}a.Inner: y\n\t... 3 more")).expect("a cause");
    assert_eq!((cause.sentence.as_str(), cause.of_task), ("a.Inner: y", false));
    let cause = left(&format!("{chain}java.io.EOFException\n\t... 3 more")).expect("a cause");
    assert_eq!(cause.sentence, "a.Middle: x");
    let of_stage = "\n\nDriver stacktrace:\n\tat a.B.c(B.java:1)\n";
    let cause = left(&format!("{chain}a.Inner: y\n\t... 3 more{of_stage}")).expect("a cause");
    assert_eq!((cause.sentence.as_str(), cause.of_task), ("a.Inner: y", true));
    assert_eq!(left("Caused by: nobody\n\tat a.B.c(B.java:1)"), None);
    assert_eq!(left("\tat a.B.c(B.java:1)\n\tat a.B.c(B.java:1)"), None);
}
