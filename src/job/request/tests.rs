//! What inputs become, and what is said about wrong ones.

use serde_json::json;

use super::keys::KEYS;
use super::*;

const TASK: &str = "0123456789abcdef";
const TAGS: &str = "spark-job-worker,sjw-0123456789abcdef";

mod arrives;
mod statements;

mod shapes {
    use super::*;

    #[test]
    fn the_flat_sample_is_sent_whole() {
        check(
            r#"{ "Name": "taxi", "File": "s3://bucket/etl.py", "ClassName": "com.example.Etl", "NumExecutors": 4,
                 "DriverMemory": "2g", "ExecutorMemory": "4g", "ExecutorCores": 2,
                 "Args": ["s3://in", "s3://out", 7] }"#,
            Ok(json!({
                "file": "s3://bucket/etl.py", "className": "com.example.Etl", "numExecutors": 4,
                "driverMemory": "2g", "executorMemory": "4g", "executorCores": 2, "args": ["s3://in", "s3://out", "7"],
            })),
        );
    }

    #[test]
    fn the_nested_sample_is_sent_without_what_is_the_workers_own() {
        check(
            r#"{ "LivyHost": "ip-10-0-0-1.ec2.internal", "LivyPort": 8998, "Execution": "arn:x",
                 "Parameters": { "File": "/etl.jar", "ClassName": "com.example.Etl", "Args": [] } }"#,
            Ok(json!({ "file": "/etl.jar", "className": "com.example.Etl", "args": [] })),
        );
    }

    #[test]
    fn the_flat_sample_without_a_file_takes_it_from_the_defaults() {
        let defaults = defaults(json!({ "File": "s3://bucket/jobs.jar" }));
        check_with(
            &defaults,
            r#"{ "Name": "taxi", "ClassName": "com.example.Etl", "NumExecutors": 4, "DriverMemory": "2g",
                 "ExecutorMemory": "4g", "ExecutorCores": 2, "Args": ["a"] }"#,
            Ok(json!({
                "file": "s3://bucket/jobs.jar", "className": "com.example.Etl", "numExecutors": 4,
                "driverMemory": "2g", "executorMemory": "4g", "executorCores": 2, "args": ["a"],
            })),
        );
    }

    #[test]
    fn an_input_of_the_old_worker_is_read_with_all_its_liberties() {
        check(
            r#"{ "LivyHost": "LOCALHOST", "LivyPort": "8998", "Parameters": { "File": "s3://b/x.jar",
                 "ClassName": "X", "Args": [1, true, 1.5], "Configuration": { "spark.a": 1, "spark.b": true, "spark.c": "d" },
                 "Jars": ["/a.jar", "/b.jar"], "PyFiles": ["/a.py"], "Files": ["/f"], "Archives": ["/z.zip#z"],
                 "DriverCores": 1, "Queue": "default", "ProxyUser": "hadoop", "Name": "old" } }"#,
            Ok(json!({
                "file": "s3://b/x.jar", "className": "X", "args": ["1", "true", "1.5"],
                "conf": { "spark.a": "1", "spark.b": "true", "spark.c": "d" }, "jars": ["/a.jar", "/b.jar"], "pyFiles": ["/a.py"],
                "files": ["/f"], "archives": ["/z.zip#z"], "driverCores": 1, "queue": "default",
                "proxyUser": "hadoop",
            })),
        );
    }

    #[test]
    fn every_key_may_be_spelled_as_livy_does() {
        check(
            r#"{ "livyHost": "localhost", "livyPort": 8998, "execution": "e", "parameters": { "name": "n",
                 "file": "/f", "className": "c", "args": ["a"], "proxyUser": "p", "queue": "q", "driverMemory": "1g",
                 "driverCores": 1, "executorMemory": "1g", "executorCores": 2, "numExecutors": 3, "jars": ["/j"],
                 "pyFiles": ["/p"], "files": ["/f"], "archives": ["/a"], "conf": { "spark.k": "v" } } }"#,
            Ok(json!({
                "file": "/f", "className": "c", "args": ["a"], "proxyUser": "p", "queue": "q", "driverMemory": "1g",
                "driverCores": 1, "executorMemory": "1g", "executorCores": 2, "numExecutors": 3, "jars": ["/j"],
                "pyFiles": ["/p"], "files": ["/f"], "archives": ["/a"], "conf": { "spark.k": "v" },
            })),
        );
    }

    #[test]
    fn the_worker_reads_its_own_keys_beside_flat_ones() {
        let input = r#"{ "LivyHost": "127.0.0.1", "LivyPort": 8998, "Execution": "arn:e", "File": "/f" }"#;
        let request = parse(input, &fixed(), &Defaults::none(false), &own_livy()).unwrap();
        assert_eq!(request.execution.as_deref(), Some("arn:e"));
    }

    #[test]
    fn the_shapes_may_not_be_mixed() {
        check(
            r#"{ "File": "/f", "numExecutors": 2, "Parameters": { "File": "/f" } }"#,
            Err(&[
                ("$.File", "may not stand beside Parameters"),
                ("$.numExecutors", "may not stand beside Parameters"),
            ]),
        );
        // The File is at the wrong place, which is enough to say about it.
        check(r#"{ "File": "/f", "Parameters": {} }"#, Err(&[("$.File", "beside Parameters")]));
    }

    #[test]
    fn the_workers_own_keys_stand_at_the_top() {
        check(
            r#"{ "Parameters": { "File": "/f", "LivyHost": "localhost", "LivyPort": 8998, "Execution": "e",
                 "Parameters": {} } }"#,
            Err(&[
                ("$.Parameters.LivyHost", "belongs at the top level"),
                ("$.Parameters.LivyPort", "belongs at the top level"),
                ("$.Parameters.Execution", "belongs at the top level"),
                ("$.Parameters.Parameters", "inside itself"),
            ]),
        );
    }

    #[test]
    fn parameters_must_be_an_object() {
        check(r#"{ "Parameters": "x" }"#, Err(&[("$.Parameters", "expected an object, found a string")]));
        check(r#"{ "parameters": [1] }"#, Err(&[("$.parameters", "expected an object, found a list")]));
    }

    #[test]
    fn null_is_absence() {
        check(
            r#"{ "File": "/f", "file": null, "Args": null, "Conf": null, "Configuration": null, "NumExecutors": null,
                 "LivyHost": null, "LivyPort": null, "Execution": null, "Parameters": null }"#,
            Ok(json!({ "file": "/f" })),
        );
        check(
            r#"{ "File": null, "Args": null, "Parameters": { "File": "/f" } }"#,
            Ok(json!({ "file": "/f" })),
        );
        check(r#"{ "File": null }"#, Err(&[("$.File", "is required")]));
    }
}

mod whole_inputs {
    use super::*;

    #[test]
    fn only_an_object_is_an_input() {
        for (input, found) in [
            (r#""x""#, "a string"),
            ("[]", "a list"),
            ("7", "the number 7"),
            ("true", "a boolean"),
            ("null", "null"),
        ] {
            check(input, Err(&[("$", &format!("expected a JSON object, found {found}"))]));
        }
    }

    #[test]
    fn malformed_json_is_reported_with_its_place() {
        check("", Err(&[("$", "not valid JSON: EOF while parsing a value at line 1 column 0")]));
        check("{\n \"File\": }", Err(&[("$", "not valid JSON: expected value at line 2 column 10")]));
        check(r#"{ "File": "/f" } x"#, Err(&[("$", "not valid JSON: trailing characters")]));
        check(r#"{ "File": "\ud800" }"#, Err(&[("$", "not valid JSON: ")]));
    }

    #[test]
    fn too_deep_nesting_is_a_problem_like_any_other() {
        let input = format!(r#"{{ "File": {}{} }}"#, "[".repeat(200_000), "]".repeat(200_000));
        check(&input, Err(&[("$", "not valid JSON: recursion limit exceeded")]));
        assert_eq!(identity(&input, TASK, &Defaults::none(false)).name, "job-0123456789abcdef");
    }

    #[test]
    fn every_problem_is_reported_at_once_in_the_order_of_the_input() {
        check(
            r#"{ "NumExecutors": -1, "Flie": "/f", "Args": ["a", null, {}], "Conf": { "spark.x y": [1], "spark.k": null },
                 "LivyHost": "other", "DriverMemory": "lots" }"#,
            Err(&[
                ("$.NumExecutors", "expected an integer from 0"),
                ("$.Flie", "did you mean `File`?"),
                ("$.Args[1]", "expected a string, number or boolean, found null"),
                ("$.Args[2]", "expected a string, number or boolean, found an object"),
                ("$.Conf['spark.x y']", "expected a string, number or boolean, found a list"),
                ("$.Conf['spark.k']", "expected a string, number or boolean, found null"),
                ("$.DriverMemory", "found \"lots\""),
                ("$.LivyHost", "\"other\" is not this cluster's own Livy"),
                ("$.File", "is required"),
            ]),
        );
    }

    #[test]
    fn problems_read_as_one_line() {
        let problems =
            parse(r#"{ "A": 1, "File": 7 }"#, &fixed(), &Defaults::none(false), &own_livy()).unwrap_err();
        assert_eq!(problems.to_string(), "$.A: unknown key; $.File: expected a string, found the number 7");
    }

    #[test]
    fn a_megabyte_in_many_strings_is_sent_whole() {
        let conf: Map<String, Value> =
            (0..10_000).map(|at| (format!("spark.k{at}"), format!("{at:0>100}\n\"").into())).collect();
        let input = json!({ "File": "/f", "Conf": conf }).to_string();
        assert!(input.len() > 1_000_000);
        check(&input, Ok(json!({ "file": "/f", "conf": conf })));
    }

    #[test]
    fn a_megabyte_in_one_string_is_refused() {
        let text = "x".repeat(1_000_000);
        let input = json!({ "File": "/f", "Args": ["a", text] }).to_string();
        check(&input, Err(&[("$.Args[1]", "an argument of 1000000 bytes, and Linux allows 131071")]));
    }

    #[test]
    fn no_input_makes_the_reader_panic() {
        let whole = r#"{ "Name": "ä\u0000", "LivyHost": "[::1]", "Parameters": { "Fil": "", "Args": [-0.5e-7, "\\\"]"],
            "Conf": { "spark.yarn.tags": "a,,é", "": 1, "x.$": {} }, "Jars": [[{}]], "Files.$": "$" } }"#;
        let ends = whole.char_indices().map(|(at, _)| at);
        for end in ends {
            for middle in ["", "\"", "}", "]", ",", ":", "0", "null", "\\"] {
                let input = format!("{}{middle}{}", &whole[..end], &whole[end..]);
                for input in [&whole[..end], &input] {
                    let identity = identity(input, TASK, &Defaults::none(false));
                    let _ = (
                        execution(input),
                        parse(input, &identity, &Defaults::none(false), &own_livy()).is_ok(),
                    );
                }
            }
        }
    }

    #[test]
    fn neither_requests_nor_problems_show_values() {
        let secret = r#"{ "File": "/f", "Args": ["hunter2"], "Conf": { "spark.k": "hunter2" } }"#;
        let request = parse(secret, &fixed(), &Defaults::none(false), &own_livy()).unwrap();
        assert!(!format!("{request:?}").contains("hunter2"));
        assert!(!format!("{:?}", defaults(json!({ "Args": ["hunter2"] }))).contains("hunter2"));
        let wrong = r#"{ "File": "hunter2", "Args": "hunter2", "Conf": { "spark.master": "hunter2",
            "a=b": "hunter2" } }"#;
        let problems = parse(wrong, &fixed(), &Defaults::none(false), &own_livy()).unwrap_err();
        assert_eq!(problems.iter().count(), 4);
        assert!(!problems.to_string().contains("hunter2"));
    }
}

mod keys_and_types {
    use super::*;

    /// One sample of each JSON type, and a string that is no number and no path.
    const SAMPLES: [&str; 7] = ["true", "7", "4.5", "\"abc\"", "[\"/a\"]", "[]", "{}"];

    fn accepted(kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Text | Kind::Name | Kind::Class | Kind::User | Kind::Execution => &["\"abc\""],
            Kind::Path | Kind::Memory(_) | Kind::Host | Kind::Port => &[],
            Kind::Count(_) => &["7"],
            Kind::Args | Kind::Paths(_) => &["[\"/a\"]", "[]"],
            Kind::Conf | Kind::Parameters => &["{}"],
            Kind::Statements => &["[\"/a\"]"],
            // Without statements they say nothing.
            // A wait has a unit.
            Kind::Variables | Kind::Language | Kind::Result | Kind::QueueTimeout => &[],
        }
    }

    #[test]
    fn every_wrong_type_of_every_key_is_one_problem_at_that_key() {
        let defaults = defaults(json!({ "File": "/default" }));
        for key in &KEYS {
            for spelling in key.spellings() {
                for sample in SAMPLES {
                    let input = format!("{{ \"{spelling}\": {sample} }}");
                    let result = parse(&input, &fixed(), &defaults, &own_livy());
                    if accepted(key.kind).contains(&sample) {
                        assert!(result.is_ok(), "{input}: {result:?}");
                        continue;
                    }
                    let problems = result.expect_err(&input);
                    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
                    assert_eq!(paths, [format!("$.{spelling}")], "{input}: {problems}");
                }
            }
        }
    }

    #[test]
    fn the_wait_in_yarns_queue_is_the_tasks_own_or_else_the_defaults_and_livy_hears_nothing_of_it() {
        let usual = defaults(json!({ "File": "/f", "queue_timeout": "20m" }));
        assert_eq!(usual.queue_timeout(), Some(Duration::from_secs(1_200)));
        for (input, expected) in [
            ("{}", Some(1_200)),
            (r#"{ "QueueTimeout": null }"#, Some(1_200)),
            (r#"{ "QueueTimeout": "1h 30m" }"#, Some(5_400)),
            (r#"{ "Parameters": { "queueTimeout": "365days" } }"#, Some(31_536_000)),
            (r#"{ "Statements": ["1"], "QueueTimeout": "1s" }"#, Some(1)),
        ] {
            let request = parse(input, &fixed(), &usual, &own_livy()).expect(input);
            assert_eq!(request.queue_timeout, expected.map(Duration::from_secs), "{input}");
            let sent = serde_json::to_string(&request.batch).expect("JSON");
            assert!(!sent.to_lowercase().contains("timeout"), "{sent}");
        }
        let none = parse(r#"{ "File": "/f" }"#, &fixed(), &Defaults::default(), &own_livy());
        assert_eq!(none.expect("it is right").queue_timeout, None);
        for wrong in ["0s", "999ms", "366days", "20", "soon"] {
            let table = json!({ "QueueTimeout": wrong });
            let problems =
                Defaults::new(table.as_object().expect("a table").clone(), false).expect_err(wrong);
            assert_eq!(problems.iter().next().map(|problem| problem.path.as_str()), Some("$.QueueTimeout"));
        }
    }

    #[test]
    fn two_spellings_of_one_key_are_a_problem() {
        check(
            r#"{ "File": "/f", "file": "/f", "args": [], "Args": [] }"#,
            Err(&[("$.file", "the same key as `File`"), ("$.Args", "the same key as `args`")]),
        );
        check(
            r#"{ "File": "/f", "Conf": {}, "Configuration": {} }"#,
            Err(&[("$.Configuration", "the same key as `Conf`")]),
        );
        check(
            r#"{ "Parameters": { "File": "/f", "configuration": {}, "conf": {} } }"#,
            Err(&[("$.Parameters.conf", "the same key as `configuration`")]),
        );
        check(
            r#"{ "Parameters": { "File": "/f" }, "parameters": {} }"#,
            Err(&[("$.parameters", "the same key as `Parameters`")]),
        );
        check(r#"{ "File": "/f", "File": "/g" }"#, Err(&[("$.File", "the same key as `File`")]));
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest_known_one() {
        for (unknown, known) in [
            ("numexecutors", "numExecutors"),
            ("NUMEXECUTORS", "NumExecutors"),
            ("NumExecutor", "NumExecutors"),
            ("Nmae", "Name"),
            ("Argss", "Args"),
            ("clasName", "className"),
            ("DriverMem", "DriverMemory"),
            ("Configurations", "Configuration"),
            ("Jar", "Jars"),
            ("Excution", "Execution"),
            ("livyhost", "livyHost"),
        ] {
            let input = format!(r#"{{ "File": "/f", "{unknown}": 1 }}"#);
            check(
                &input,
                Err(&[(&format!("$.{unknown}"), &format!("unknown key; did you mean `{known}`?"))]),
            );
        }
    }

    #[test]
    fn an_unknown_key_that_is_near_to_none_gets_no_advice() {
        let long = "NumExecutors".repeat(10_000);
        for unknown in ["Timeout", "Code", "x", "", "driver_memory_in_mebibytes", "Größe", &long] {
            let input = json!({ "File": "/f", unknown: 1 }).to_string();
            let problems = parse(&input, &fixed(), &Defaults::none(false), &own_livy()).unwrap_err();
            assert!(problems.to_string().ends_with(": unknown key"), "{problems}");
            assert!(problems.to_string().len() < 300);
        }
    }

    #[test]
    fn a_key_that_was_not_evaluated_is_explained() {
        check(
            r#"{ "File.$": "$.file" }"#,
            Err(&[("$['File.$']", "the state machine did not evaluate this key")]),
        );
        check(
            r#"{ "Execution.$": "$$.Execution.Id", "Parameters": { "File": "/f", "Whatever.$": "$.x",
                 "Conf": { "spark.x.$": "$.x" } } }"#,
            Err(&[
                ("$['Execution.$']", "JSONPath"),
                ("$.Parameters['Whatever.$']", "JSONPath"),
                ("$.Parameters.Conf['spark.x.$']", "JSONPath"),
            ]),
        );
    }

    #[test]
    fn keys_from_outside_are_quoted_and_cut_in_paths() {
        let key = format!("it's\n{}", "x".repeat(1_000));
        let input = json!({ "File": "/f", key: 1 }).to_string();
        let path = format!("$['it\\'s\\n{}…']", "x".repeat(59));
        check(&input, Err(&[(&path, "unknown key")]));
    }
}

mod values {
    use super::*;

    #[test]
    fn numbers_reach_spark_as_written() {
        check(
            r#"{ "File": "/f",
                 "Args": [1.50, 1e3, 1E+3, -0, 0.10, 98765432109876543210, 1e-07, true, false],
                 "Conf": { "spark.a": 1.50, "spark.b": 1e3, "spark.c": -0.0, "spark.d": false, "spark.e": "" } }"#,
            Ok(json!({
                "file": "/f",
                "args": ["1.50", "1e3", "1E+3", "-0", "0.10", "98765432109876543210", "1e-07", "true", "false"],
                "conf": { "spark.a": "1.50", "spark.b": "1e3", "spark.c": "-0.0", "spark.d": "false", "spark.e": "" },
            })),
        );
    }

    #[test]
    fn strings_reach_spark_as_meant() {
        check(
            r#" {"File":"\/f","Args":["a\"],b", "\\", "", "\u0065", "{\"k\": [1, 2]}", "line\nline",
                 "--conf"]} "#,
            Ok(json!({
                "file": "/f", "args": ["a\"],b", "\\", "", "e", "{\"k\": [1, 2]}", "line\nline", "--conf"],
            })),
        );
    }

    #[test]
    fn a_count_is_a_positive_integer_in_any_form() {
        for (given, count) in [
            ("4", 4),
            ("4.0", 4),
            ("\"4\"", 4),
            ("\"4.0\"", 4),
            ("4e0", 4),
            ("1", 1),
            ("2147483647", i32::MAX),
            ("2147483647.0", i32::MAX),
        ] {
            let input = format!(r#"{{ "File": "/f", "NumExecutors": {given}, "ExecutorCores": {given} }}"#);
            check(&input, Ok(json!({ "file": "/f", "numExecutors": count, "executorCores": count })));
        }
        for given in [
            "0",
            "-1",
            "-0",
            "4.5",
            "\"4.5\"",
            "\"\"",
            "\"four\"",
            "\"inf\"",
            "\"NaN\"",
            "2147483648",
            "1e999",
        ] {
            let input = format!(r#"{{ "File": "/f", "DriverCores": {given} }}"#);
            check(&input, Err(&[("$.DriverCores", "expected a positive integer up to 2147483647, found ")]));
        }
    }

    #[test]
    fn memory_is_written_as_spark_reads_it() {
        for given in ["1b", "1k", "1kb", "512m", "512MB", "4g", "1Gb", "1t", "1TB", "1p", "1pb", "0004g"] {
            let input = json!({ "File": "/f", "DriverMemory": given, "ExecutorMemory": given }).to_string();
            check(&input, Ok(json!({ "file": "/f", "driverMemory": given, "executorMemory": given })));
        }
        let padded = json!({ "File": "/f", "DriverMemory": " 4g " }).to_string();
        check(&padded, Ok(json!({ "file": "/f", "driverMemory": "4g" })));
        for given in ["4", "g", "4.5g", "-1g", "4gib", "4 g", "4e", " ", "४g"] {
            let input = json!({ "File": "/f", "ExecutorMemory": given }).to_string();
            check(&input, Err(&[("$.ExecutorMemory", "expected digits and a unit")]));
        }
        check(
            r#"{ "File": "/f", "DriverMemory": 4096 }"#,
            Err(&[("$.DriverMemory", "expected a string of digits and a unit")]),
        );
    }

    #[test]
    fn an_empty_string_is_no_value() {
        check(r#"{ "File": "" }"#, Err(&[("$.File", "must not be empty")]));
        for name in ["ClassName", "Queue", "ProxyUser", "Name", "DriverMemory", "LivyHost", "Execution"] {
            let input = json!({ "File": "/f", name: "" }).to_string();
            check(&input, Err(&[(&format!("$.{name}"), "must not be empty: leave the key out")]));
        }
    }

    #[test]
    fn a_user_is_a_name_and_nothing_that_a_shell_would_read_in_a_path() {
        for name in ["hadoop", "etl-1", "a.b_c", "alice@EXAMPLE.COM"] {
            let input = json!({ "File": "/f", "ProxyUser": name }).to_string();
            check(&input, Ok(json!({ "file": "/f", "proxyUser": name })));
        }
        for name in
            ["a;b", "a'b", "a b", "a|b", "a&b", "a>b", "a(b)", "../a", "a*", "~", "a\nb", "b`c", "a$x"]
        {
            let input = json!({ "File": "/f", "ProxyUser": name }).to_string();
            check(&input, Err(&[("$.ProxyUser", "is no user's name")]));
        }
    }

    #[test]
    fn a_nul_character_is_refused_wherever_it_stands() {
        check(
            r#"{ "File": "/f\u0000", "Queue": "\u0000", "Args": ["a\u0000b"], "Jars": ["/\u0000"],
                 "Conf": { "spark.k": "\u0000", "spark.\u0000": 1 } }"#,
            Err(&[
                ("$.File", "NUL"),
                ("$.Queue", "NUL"),
                ("$.Args[0]", "NUL"),
                ("$.Jars[0]", "NUL"),
                ("$.Conf['spark.k']", "NUL"),
                ("$.Conf['spark.\\0']", "NUL"),
            ]),
        );
    }

    #[test]
    fn a_path_is_absolute_or_has_a_scheme() {
        for path in ["/f", "s3://b/f", "hdfs:///f", "file:/f", "local:/f", "S3A://b/f#x", "//h/f", "/a:b"] {
            let input = json!({ "File": path, "Jars": [path], "Archives": [path, ""] }).to_string();
            check(&input, Ok(json!({ "file": path, "jars": [path], "archives": [path, ""] })));
        }
        for path in ["f", "./f", "../f", "dir/a:b", "#f", "#a:b", "?a:b", " /f", "~/f"] {
            let input = json!({ "File": path, "PyFiles": ["/a", path], "Files": [path] }).to_string();
            check(
                &input,
                Err(&[
                    ("$.File", "must be an absolute path"),
                    ("$.PyFiles[1]", "must be an absolute path"),
                    ("$.Files[0]", "must be an absolute path"),
                ]),
            );
        }
        check(r#"{ "File": "/f", "Jars": [7] }"#, Err(&[("$.Jars[0]", "must be an absolute path")]));
    }

    #[test]
    fn each_string_may_be_as_long_as_one_argument_of_a_process() {
        let text = |len: usize| "x".repeat(len);
        let path = |len: usize| format!("/{}", text(len - 1));
        let full = 131_071;
        // What Livy puts before the value is part of the argument: `spark.jars=`, 11 bytes.
        for (longest, table) in [
            (full, json!({ "File": "/f", "Queue": text(full) })),
            (full, json!({ "File": "/f", "Conf": { "spark.k": text(full - 8) } })),
            (full, json!({ "File": "/f", "Jars": [path(100_000), path(full - 100_001 - 11)] })),
            (full, json!({ "File": "/f", "PyFiles": [path(100_000), path(full - 100_001)] })),
            (full, json!({ "File": "/f", "Conf": { "spark.submit.pyFiles": text(full) } })),
            (
                full,
                json!({ "File": "/f", "Jars": [path(100_000)], "Conf": { "spark.jars": path(full - 100_001 - 11) } }),
            ),
            (full, json!({ "File": "/f", "DriverMemory": format!("{}g", "1".repeat(full - 20 - 1)) })),
        ] {
            assert_eq!(parse(&table.to_string(), &fixed(), &Defaults::none(false), &own_livy()).err(), None);
            let longer = table.to_string().replacen("xx\"", "xxx\"", 1).replacen("1g", "11g", 1);
            let problems =
                parse(&longer, &fixed(), &Defaults::none(false), &own_livy()).expect_err("one byte more");
            assert_eq!(problems.iter().count(), 1, "{problems}");
            assert!(
                problems.to_string().contains(&format!("an argument of {} bytes", longest + 1)),
                "{problems}"
            );
        }
    }

    #[test]
    fn length_is_counted_in_bytes() {
        let utf8 = Defaults::new(Map::new(), true).unwrap();
        let fits = "é".repeat(65_535);
        check_with(
            &utf8,
            &json!({ "File": "/f", "Queue": fits }).to_string(),
            Ok(json!({ "file": "/f", "queue": fits })),
        );
        let longer = json!({ "File": "/f", "Queue": "é".repeat(65_536) }).to_string();
        check_with(&utf8, &longer, Err(&[("$.Queue", "131072 bytes")]));
    }

    #[test]
    fn a_list_is_too_long_also_together_with_a_default_property() {
        let path = |len: usize| format!("/{}", "x".repeat(len));
        let defaults = defaults(json!({ "Conf": { "spark.files": path(100_000) } }));
        let input = json!({ "Parameters": { "File": "/f", "files": [path(100_000)] } }).to_string();
        check_with(
            &defaults,
            &input,
            Err(&[("$.Parameters.Files", "joined with spark.files in Conf, is an argument of")]),
        );
    }
}

mod conf_and_tags {
    use super::*;

    #[test]
    fn the_worker_adds_its_tags_and_one_attempt() {
        let request = parse(r#"{ "File": "/f" }"#, &fixed(), &Defaults::none(false), &own_livy()).unwrap();
        assert_eq!(
            serde_json::to_string(&request.batch).unwrap(),
            concat!(
                r#"{"name":"n-0123456789abcdef","file":"/f","conf":{"spark.yarn.maxAppAttempts":"1","#,
                r#""spark.yarn.tags":"spark-job-worker,sjw-0123456789abcdef"}}"#
            )
        );
    }

    #[test]
    fn more_attempts_are_the_users_choice() {
        check(
            r#"{ "File": "/f", "Conf": { "spark.yarn.maxAppAttempts": 2,
                 "spark.yarn.submit.waitAppCompletion": true } }"#,
            Ok(json!({
                "file": "/f",
                "conf": { "spark.yarn.maxAppAttempts": "2", "spark.yarn.submit.waitAppCompletion": "true" },
            })),
        );
    }

    #[test]
    fn a_users_tags_come_first_each_once() {
        for (given, sent) in [
            ("a,b", "a,b,"),
            (" a , ,b,", "a,b,"),
            ("a,A,b,a", "a,b,"),
            ("spark-job-worker,a,Spark-Job-Worker", "a,"),
            ("", ""),
            (" , ", ""),
            ("1,2,3,4,5,6,7,7,spark-job-worker", "1,2,3,4,5,6,7,"),
            ("two words", "two words,"),
        ] {
            let input = json!({ "File": "/f", "Conf": { "spark.yarn.tags": given } }).to_string();
            check(
                &input,
                Ok(json!({ "file": "/f", "conf": { "spark.yarn.tags": format!("{sent}{TAGS}") } })),
            );
        }
        let longest = "x".repeat(100);
        let input = json!({ "File": "/f", "Conf": { "spark.yarn.tags": longest } }).to_string();
        check(
            &input,
            Ok(json!({ "file": "/f", "conf": { "spark.yarn.tags": format!("{longest},{TAGS}") } })),
        );
    }

    #[test]
    fn tags_that_yarn_or_the_worker_cannot_take_are_refused() {
        const AT: &str = "$.Conf['spark.yarn.tags']";
        for (given, texts) in [
            ("sjw-1", vec!["the tag \"sjw-1\" cannot be used"]),
            ("a, SJW-x", vec!["the tag \"SJW-x\" cannot be used"]),
            ("größe", vec!["YARN takes ASCII only"]),
            (&"x".repeat(101), vec!["at most 100 characters"]),
            ("1,2,3,4,5,6,7,8", vec!["8 tags are too many"]),
            ("1,2,3,4,5,6,sjw-,é", vec!["beginning with `sjw-`", "ASCII", "8 tags"]),
        ] {
            let input = json!({ "File": "/f", "Conf": { "spark.yarn.tags": given } }).to_string();
            let problems: Vec<(&str, &str)> = texts.into_iter().map(|text| (AT, text)).collect();
            check(&input, Err(&problems));
        }
    }

    #[test]
    fn properties_that_would_undo_the_workers_promises_are_refused() {
        check(
            r#"{ "File": "/f", "Conf": { "spark.submit.deployMode": "cluster", "spark.master": "yarn",
                 "spark.yarn.tags=mine": "x", "": "x", "spark.k": 1, "spark.k": 2 } }"#,
            Err(&[
                ("$.Conf['spark.submit.deployMode']", "jobs run in YARN's cluster mode"),
                ("$.Conf['spark.master']", "the master is a setting of Livy"),
                ("$.Conf['spark.yarn.tags=mine']", "cannot hold `=`"),
                ("$.Conf['']", "a property needs a name"),
                ("$.Conf['spark.k']", "is given twice"),
            ]),
        );
    }
}

mod inherited {
    use super::*;

    #[test]
    fn the_input_is_laid_over_the_defaults() {
        let defaults = defaults(json!({
            "file": "/default", "Queue": "default", "NumExecutors": 2.0, "Args": ["a", "b"], "Jars": ["/j"],
            "Configuration": { "spark.a": "1", "spark.b": 2, "spark.yarn.tags": "team" },
        }));
        check_with(
            &defaults,
            r#"{ "Parameters": { "Queue": null, "NumExecutors": "7", "args": [], "conf": { "spark.b": "own" } } }"#,
            Ok(json!({
                "file": "/default", "queue": "default", "numExecutors": 7, "args": [], "jars": ["/j"],
                "conf": { "spark.a": "1", "spark.b": "own", "spark.yarn.tags": format!("team,{TAGS}") },
            })),
        );
        check_with(
            &defaults,
            r#"{ "File": "/own", "Conf": { "spark.yarn.tags": "mine", "spark.yarn.maxAppAttempts": "3" } }"#,
            Ok(json!({
                "file": "/own", "queue": "default", "numExecutors": 2, "args": ["a", "b"], "jars": ["/j"],
                "conf": {
                    "spark.a": "1", "spark.b": "2", "spark.yarn.tags": format!("mine,{TAGS}"),
                    "spark.yarn.maxAppAttempts": "3",
                },
            })),
        );
    }

    #[test]
    fn a_wrong_file_is_not_replaced_by_the_default_one() {
        let defaults = defaults(json!({ "File": "/default" }));
        check_with(&defaults, r#"{ "File": "" }"#, Err(&[("$.File", "must not be empty")]));
        check_with(&defaults, r#"{ "File": 7 }"#, Err(&[("$.File", "expected a string")]));
    }

    #[test]
    fn defaults_are_checked_like_a_flat_input() {
        let table = json!({
            "NumExecutors": -1, "Fil": "/f", "LivyHost": "localhost", "LivyPort": 8998, "Execution": "e",
            "Parameters": { "File": "/f" }, "Conf": { "spark.yarn.tags": "sjw-1" }, "Args.$": "$.x",
            "queue": "a", "Queue": "b",
        });
        let problems = Defaults::new(object(table), false).unwrap_err();
        compare(
            &problems,
            &[
                ("$.NumExecutors", "expected an integer from 0"),
                ("$.Fil", "did you mean `File`?"),
                ("$.LivyHost", "cannot have a default"),
                ("$.LivyPort", "cannot have a default"),
                ("$.Execution", "cannot have a default"),
                ("$.Parameters", "write the keys themselves"),
                ("$.Conf['spark.yarn.tags']", "beginning with `sjw-`"),
                ("$['Args.$']", "did not evaluate"),
                ("$.Queue", "the same key as `queue`"),
            ],
        );
    }

    #[test]
    fn defaults_need_no_file() {
        assert!(Defaults::new(Map::new(), false).is_ok());
        assert!(Defaults::new(object(json!({ "Queue": "q", "Args": null })), false).is_ok());
    }

    #[test]
    fn a_list_and_its_property_are_too_long_together_in_the_defaults_already() {
        let path = format!("/{}", "x".repeat(70_000));
        let problems =
            Defaults::new(object(json!({ "Jars": [path], "Conf": { "spark.jars": path } })), false)
                .unwrap_err();
        compare(&problems, &[("$.Jars", "joined with spark.jars in Conf")]);
    }
}

mod livy {
    use super::*;

    #[test]
    fn every_name_of_this_node_means_its_own_livy() {
        for host in [
            "localhost",
            "LocalHost.",
            "127.0.0.1",
            "127.8.9.10",
            "::1",
            "[::1]",
            "0:0:0:0:0:0:0:1",
            "::ffff:127.0.0.1",
            "IP-10-0-0-1.ec2.internal.",
            "10.0.0.1",
            "fe80::0:1",
            " alias ",
        ] {
            assert!(own_livy().accepts(host), "{host}");
        }
    }

    #[test]
    fn another_host_is_refused_with_the_names_that_would_do() {
        for host in [
            "ip-10-0-0-2.ec2.internal",
            "10.0.0.2",
            "128.0.0.1",
            "http://localhost",
            "localhost:8998",
            "local",
            ".",
        ] {
            assert!(!own_livy().accepts(host), "{host}");
            let input = json!({ "File": "/f", "livyHost": host }).to_string();
            let text = format!(
                "\"{host}\" is not this cluster's own Livy, and this worker submits to no other: leave the key out, or \
                 give one of localhost, ip-10-0-0-1.ec2.internal, alias, 10.0.0.1, fe80::1"
            );
            check(&input, Err(&[("$.livyHost", &text)]));
        }
    }

    #[test]
    fn the_port_is_the_configured_one_in_any_form() {
        for port in ["8998", "8998.0", "\"8998\""] {
            let input = format!(r#"{{ "LivyPort": {port}, "Parameters": {{ "File": "/f" }} }}"#);
            check(&input, Ok(json!({ "file": "/f" })));
        }
        for port in ["8999", "\"18200\"", "70000"] {
            let input = format!(r#"{{ "LivyPort": {port}, "Parameters": {{ "File": "/f" }} }}"#);
            check(&input, Err(&[("$.LivyPort", "leave the key out, or give 8998")]));
        }
        for port in ["0", "-1", "8998.5", "\"x\"", "true"] {
            let input = format!(r#"{{ "LivyPort": {port}, "Parameters": {{ "File": "/f" }} }}"#);
            check(&input, Err(&[("$.LivyPort", "expected a port number")]));
        }
    }
}

mod identities {
    use super::*;

    #[test]
    fn a_run_is_named_after_its_name_or_class_or_file() {
        for (input, stem) in [
            (r#"{ "Name": "taxi", "ClassName": "a.B", "File": "/f.py" }"#, "taxi"),
            (r#"{ "name": "taxi" }"#, "taxi"),
            (r#"{ "Parameters": { "Name": "taxi" } }"#, "taxi"),
            (r#"{ "ClassName": "com.example.MilesPerRateCode$", "File": "/f.py" }"#, "milesperratecode"),
            (r#"{ "File": "s3://bucket/jobs/etl-1.0.py" }"#, "etl-1-0"),
            (r#"{ "File": "s3://bucket/jobs/etl" }"#, "etl"),
            (r#"{ "File": "s3://bucket/.py" }"#, "job"),
            (r#"{ "Name": "", "ClassName": "日本", "File": "/etl.jar" }"#, "etl"),
            (r#"{ "Name": "  My --Job (2)! " }"#, "my-job-2"),
            (r#"{ "Name": "2024 report" }"#, "job-2024-report"),
            (
                r#"{ "Name": "0123456789012345678901234567890123456789" }"#,
                "job-012345678901234567890123456789012345",
            ),
            (r#"{ "Name": "ÄPFEL_und\u0000Birnen" }"#, "pfel-und-birnen"),
            (
                r#"{ "Name": "abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEFGH" }"#,
                "abcdefghijklmnopqrstuvwxyz-0123456789-ab",
            ),
            (
                r#"{ "Name": "abcdefghijklmnopqrstuvwxyz0123456789abc  defgh" }"#,
                "abcdefghijklmnopqrstuvwxyz0123456789abc",
            ),
            (r#"{}"#, "job"),
        ] {
            assert!(stem.len() <= MAX_STEM);
            let identity = identity(input, TASK, &Defaults::none(false));
            assert_eq!(identity.name, format!("{stem}-0123456789abcdef"), "{input}");
            assert_eq!(identity.tag, "sjw-0123456789abcdef");
        }
    }

    #[test]
    fn a_wrong_input_has_an_identity_too() {
        for (input, stem) in [
            ("", "job"),
            ("[1]", "job"),
            ("\"x\"", "job"),
            (r#"{ "Name": 7, "File": ["x"] }"#, "job"),
            (r#"{ "Name": "taxi", "Parameters": "x" }"#, "taxi"),
            (r#"{ "Name": "taxi", "Parameters": { "Flie": "/f" } }"#, "taxi"),
        ] {
            assert_eq!(
                identity(input, TASK, &Defaults::none(false)).name,
                format!("{stem}-{TASK}"),
                "{input}"
            );
        }
    }

    #[test]
    fn the_defaults_name_a_run_where_the_input_does_not() {
        let defaults = defaults(json!({ "File": "/nightly.jar", "ClassName": "a.Main" }));
        let stem = |input: &str| identity(input, "1", &defaults).name;
        assert_eq!(stem("{}"), "main-1");
        assert_eq!(stem(r#"{ "Name": "x" }"#), "x-1");
        assert_eq!(stem(r#"{ "ClassName": "a.Other" }"#), "other-1");
        assert_eq!(stem("not JSON"), "main-1");
    }

    #[test]
    fn the_batch_bears_the_identitys_name() {
        let input = r#"{ "Name": "taxi", "File": "/f", "ProxyUser": "alice" }"#;
        let identity = identity(input, TASK, &Defaults::none(false));
        let request = parse(input, &identity, &Defaults::none(false), &own_livy()).unwrap();
        assert_eq!(request.batch.name(), "taxi-0123456789abcdef");
        assert_eq!(request.batch.proxy_user(), Some("alice"));
        assert_eq!(
            parse(r#"{ "File": "/f" }"#, &identity, &Defaults::none(false), &own_livy())
                .unwrap()
                .batch
                .proxy_user(),
            None
        );
    }

    #[test]
    fn the_execution_is_read_from_wrong_inputs_too() {
        for (input, found) in [
            (r#"{ "Execution": "arn:e", "File": 7 }"#, Some("arn:e")),
            (r#"{ "execution": "arn:e", "Parameters": [] }"#, Some("arn:e")),
            (r#"{ "Execution": "", "Parameters": {} }"#, None),
            (r#"{ "Execution": 7 }"#, None),
            (r#"{}"#, None),
            ("[", None),
        ] {
            assert_eq!(execution(input).as_deref(), found, "{input}");
        }
    }
}

fn fixed() -> Identity {
    Identity { name: format!("n-{TASK}"), tag: format!("sjw-{TASK}"), groups: Vec::new() }
}

fn own_livy() -> OwnLivy {
    let names = ["ip-10-0-0-1.ec2.internal", "Alias", "10.0.0.1", "FE80:0::1", "alias", ""];
    OwnLivy::new(names.map(str::to_owned), 8998)
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn defaults(table: Value) -> Defaults {
    Defaults::new(object(table), false).unwrap()
}

/// Compares what Livy is sent, but for the name and what the worker adds to `conf`, or every problem's path and part
/// of its text.
#[track_caller]
fn check(input: &str, expected: Result<Value, &[(&str, &str)]>) {
    check_with(&Defaults::none(false), input, expected);
}

#[track_caller]
fn check_with(defaults: &Defaults, input: &str, expected: Result<Value, &[(&str, &str)]>) {
    match (parse(input, &fixed(), defaults, &own_livy()), expected) {
        (Ok(request), Ok(mut body)) => {
            body["name"] = fixed().name.into();
            for (key, value) in [("spark.yarn.tags", TAGS), ("spark.yarn.maxAppAttempts", "1")] {
                if body["conf"][key].is_null() {
                    body["conf"][key] = value.into();
                }
            }
            assert_eq!(serde_json::to_value(&request.batch).unwrap(), body);
        }
        (Err(problems), Err(expected)) => compare(&problems, expected),
        (Ok(request), Err(expected)) => panic!("accepted as {request:?} in spite of {expected:?}"),
        (Err(problems), Ok(_)) => panic!("refused: {problems}"),
    }
}

#[track_caller]
fn compare(problems: &Problems, expected: &[(&str, &str)]) {
    let alike = problems.iter().count() == expected.len()
        && problems
            .iter()
            .zip(expected)
            .all(|(problem, (path, text))| problem.path == *path && problem.text.contains(text));
    assert!(alike, "found    {problems}\nexpected {expected:?}");
}

fn parse(
    input: &str,
    identity: &Identity,
    defaults: &Defaults,
    livy: &OwnLivy,
) -> Result<JobRequest, Problems> {
    Input::read(input).check(identity, defaults, livy)
}

fn identity(input: &str, task_id: &str, defaults: &Defaults) -> Identity {
    Input::read(input).identity(task_id, defaults)
}

fn execution(input: &str) -> Option<String> {
    Input::read(input).execution()
}
