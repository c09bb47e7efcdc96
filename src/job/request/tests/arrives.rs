//! What is sent so that it arrives, and what is refused because it would not.

use super::*;

const WAYS_OUT: &str = ": put it into a JSON object or list, send it in base64, or put it in a file";

#[test]
fn json_is_rewritten_token_by_token() {
    for (given, sent) in [
        (r#"{"a":{"b":1}}"#, r#"{"a":{"b":1} }"#),
        (r#"[{"a":{"b":{}}}]"#, r#"[{"a":{"b":{} } }]"#),
        (r#"["a `b` c"]"#, r#"["a \u0060b\u0060 c"]"#),
        (r#"["{{x}}","{ {","a}}}"]"#, r#"["\u007b\u007bx\u007d\u007d","{ {","a\u007d\u007d\u007d"]"#),
        (r#"{"}}":"}"}"#, r#"{"\u007d\u007d":"}"}"#),
        (r#"["^\\d+\\.csv$"]"#, r#"["^\u005cd+\u005c.csv$"]"#),
        (r#"["say \"hi\"", "\\\""]"#, r#"["say \u0022hi\u0022", "\u005c\u0022"]"#),
        (r#"["\\\\", "\\$HOME", "\\`"]"#, r#"["\u005c\u005c", "\u005c$HOME", "\u005c\u0060"]"#),
        (r#"["<LOG_DIR>/x<CPS>", "<ADD_OPENS>"]"#, r#"["\u003cLOG_DIR>/x\u003cCPS>", "\u003cADD_OPENS>"]"#),
        (r#"{"größe":"🚖"}"#, r#"{"gr\u00f6\u00dfe":"\ud83d\ude96"}"#),
        ("[1,\r\n2]", "[1, \n2]"),
        // What is not concerned keeps every byte.
        (
            r#" { "b" : 1e400, "a":-0.0,"b":[ ] , "c":"\/\n\u007b{ < <LOG> }\t'$(x) ${y}" } "#,
            r#" { "b" : 1e400, "a":-0.0,"b":[ ] , "c":"\/\n\u007b{ < <LOG> }\t'$(x) ${y}" } "#,
        ),
        (r#"{"n":1E+400,"n":{"é":1e400}}"#, r#"{"n":1E+400,"n":{"\u00e9":1e400} }"#),
    ] {
        let input = json!({ "File": "/f", "Args": [given] }).to_string();
        check(&input, Ok(json!({ "file": "/f", "args": [sent] })));
    }
}

#[test]
fn what_a_shell_leaves_alone_is_sent_as_it_is() {
    let args = [
        "a b",
        "c'd",
        "e\"f",
        "$HOME",
        "$(echo x)",
        "${HOME}",
        "!x",
        "a;b",
        "a&&b",
        "*",
        "~",
        "",
        "a\nb",
        "{\"a\":1}",
        "c\\d",
        "end\\",
        "a\\'b",
        "{x}",
        "} }",
        "<LOG>",
        "a\tb",
        "\u{1}",
        "\u{7f}",
        "--arg",
        "\\u0060",
    ];
    check(&json!({ "File": "/f", "Args": args }).to_string(), Ok(json!({ "file": "/f", "args": args })));
}

#[test]
fn what_would_be_changed_is_refused_with_the_reason_and_the_ways_out() {
    for (given, reason) in [
        ("a `echo hi` b", "holds a backtick, and the shell of its container would run what follows it"),
        ("s3://bucket/{{ds}}/in", "holds `{{`, which YARN replaces"),
        ("x}}", "holds `}}`, which YARN drops"),
        ("<LOG_DIR>/x", "holds `<LOG_DIR>`, which YARN replaces"),
        ("a<CPS>b", "holds `<CPS>`, which YARN replaces"),
        ("<ADD_OPENS>", "holds `<ADD_OPENS>`, which YARN replaces"),
        ("^\\\\d+$", "holds a backslash before another one"),
        ("x\\\"y", "holds a backslash before a double quote"),
        ("cost \\$HOME", "holds a backslash before a dollar"),
        ("a\\\nb", "holds a backslash before a newline"),
        ("\\\u{1}$(id)", "holds a backslash before the control character U+0001"),
        ("a\\\u{7f}", "holds a backslash before the control character U+007F"),
        ("a\r\nb", "holds a carriage return, which spark-submit drops"),
        (
            "größe",
            "holds letters that are not ASCII, which arrive as `?` unless Livy and all NodeManagers run",
        ),
        // Strings that happen to be JSON, and what only begins like it, are plain texts.
        ("\"`x`\"", "holds a backtick"),
        ("{\"a\":{\"b\":1}},", "holds `}}`, which YARN drops"),
    ] {
        let input = json!({ "File": "/f", "Args": ["a", given] }).to_string();
        check(&input, Err(&[("$.Args[1]", reason)]));
        check(&input, Err(&[("$.Args[1]", WAYS_OUT)]));
    }
}

#[test]
fn letters_beyond_ascii_are_sent_where_the_configuration_says_that_they_arrive() {
    let defaults = Defaults::new(object(json!({ "Queue": "größe" })), true).unwrap();
    let args = json!(["größe 🚖", r#"["größe"]"#]);
    let input = json!({ "File": "s3://b/ä.py", "Args": args, "Conf": { "spark.k": "ü" } }).to_string();
    check_with(
        &defaults,
        &input,
        Ok(json!({ "file": "s3://b/ä.py", "args": args, "queue": "größe", "conf": { "spark.k": "ü" } })),
    );
    // Only what is concerned is rewritten.
    let input = json!({ "File": "/f", "Args": [r#"["größe","`"]"#] }).to_string();
    let args = json!([r#"["größe","\u0060"]"#]);
    check_with(&defaults, &input, Ok(json!({ "file": "/f", "args": args, "queue": "größe" })));
    let refused = json!({ "File": "s3://b/ä.py", "Args": ["ü"], "Conf": { "spark.k": "ü" }, "Jars": ["/ü"],
        "ClassName": "Größe", "Name": "Größe" });
    let ascii = "not ASCII";
    check(
        &refused.to_string(),
        Err(&[
            ("$.File", ascii),
            ("$.Args[0]", ascii),
            ("$.Conf['spark.k']", ascii),
            ("$.Jars[0]", ascii),
            ("$.ClassName", ascii),
        ]),
    );
}

#[test]
fn a_file_holds_nothing_that_a_shell_reads() {
    for path in ["s3://b/a.py", "/x/~y/a_1-2+3=4,5%3D@6:7.jar", "hdfs:///a.R#x", "s3://b/!x^y"] {
        check(&json!({ "File": path }).to_string(), Ok(json!({ "file": path })));
    }
    for (path, what) in [
        ("s3://b/a%20b.py", "holds a blank, and Spark writes"),
        ("s3://b/a b.py", "holds a blank, and Spark writes this path into a shell's command without quotes"),
        ("s3://b/a\nb.py", "holds a control character or other white space"),
        ("s3://b/$x.py", "holds `$`"),
        ("s3://b/`id`.py", "holds ```"),
        ("s3://b/a;b.py", "holds `;`"),
        ("s3://b/a'b.py", "holds `'`"),
        ("s3://b/*.py", "holds `*`"),
        ("s3://b/{{x}}.py", "holds `{`"),
        ("<LOG_DIR>/../x:/a", "must be an absolute path"),
        ("/<LOG_DIR>", "holds `<`"),
        ("s3://b/a\\b.py", "holds `\\`"),
    ] {
        check(&json!({ "File": path }).to_string(), Err(&[("$.File", what)]));
    }
}

#[test]
fn names_and_aliases_of_files_hold_nothing_that_a_shell_reads() {
    let good = ["s3://b/$(x)/a.jar", "s3://b/a-b.zip#x", "s3://b/a%20b.py", "", "local:/opt/x/*", "/g#h"];
    let input = json!({ "File": "/f", "Jars": good, "PyFiles": good, "Files": good, "Archives": good,
        "Conf": { "spark.yarn.dist.files": good.join(",") } });
    let sent = json!({ "file": "/f", "jars": good, "pyFiles": good, "files": good, "archives": good,
        "conf": { "spark.yarn.dist.files": good.join(",") } });
    check(&input.to_string(), Ok(sent));
    for wrong in [
        "s3://b/`id`.jar",
        "s3://b/a#`id`",
        "s3://b/a#x$(id)",
        "s3://b/a\"b",
        "s3://b/a\\b",
        "s3://b/$HOME.jar",
        "s3://b/{{x}}.jar",
        "s3://b/a#$}}(id)",
        "s3://b/%60id%60.jar",
        "s3://b/a#%24%28id)",
        "local:/a$(id)/x",
    ] {
        let input = json!({ "File": "/f", "Jars": [wrong], "PyFiles": [wrong], "Files": [wrong],
            "Archives": [wrong], "Conf": { "spark.jars": wrong, "spark.archives": wrong } });
        let text = "the name or alias holds `";
        check(
            &input.to_string(),
            Err(&[
                ("$.Jars[0]", text),
                ("$.PyFiles[0]", text),
                ("$.Files[0]", text),
                ("$.Archives[0]", text),
                ("$.Conf['spark.jars']", text),
                ("$.Conf['spark.archives']", text),
            ]),
        );
    }
}

#[test]
fn no_part_of_a_path_of_files_names_another_property() {
    let wrong = "s3://b/${spark.my.x}/a.jar";
    let input = json!({ "File": "/f", "Jars": [wrong], "Files": [wrong], "Conf": { "spark.yarn.dist.files": wrong } });
    let text = "holds `${spark.`, which Spark replaces";
    check(
        &input.to_string(),
        Err(&[("$.Jars[0]", text), ("$.Files[0]", text), ("$.Conf['spark.yarn.dist.files']", text)]),
    );
}

#[test]
fn maven_coordinates_get_a_hint() {
    let hint = "looks like Maven coordinates, which belong into `spark.jars.packages` of Conf";
    for coordinates in ["org.apache.hudi:hudi-spark3-bundle_2.12:0.15.0", "a:b:jar:tests:1.0", "a:b:1"] {
        let input = json!({ "File": "/f", "Jars": [coordinates], "Conf": { "spark.jars": coordinates } });
        check(&input.to_string(), Err(&[("$.Jars[0]", hint), ("$.Conf['spark.jars']", hint)]));
    }
    let conf = json!({ "spark.jars.packages": "a:b:1" });
    check(&json!({ "File": "/f", "Conf": conf }).to_string(), Ok(json!({ "file": "/f", "conf": conf })));
}

#[test]
fn java_options_follow_the_rule_for_arguments_each_as_spark_splits_them() {
    for key in [
        "spark.driver.extraJavaOptions",
        "spark.driver.defaultJavaOptions",
        "spark.executor.extraJavaOptions",
        "spark.executor.defaultJavaOptions",
        "spark.yarn.am.extraJavaOptions",
    ] {
        for good in
            ["", "-Dx=$HOME -Dy='a b' -XX:+UseG1GC", r#"-Dx="a\"b""#, r#""a\\b""#, "-Dx=/{{APP_ID}}.log"]
        {
            let conf = json!({ key: good });
            let input = json!({ "File": "/f", "Conf": conf }).to_string();
            check(&input, Ok(json!({ "file": "/f", "conf": conf })));
        }
        let path = format!("$.Conf['{key}']");
        for (wrong, text) in [
            ("-Dx=`id`", "holds a backtick"),
            ("-Dx={{ds}} -Dy={{HOME}}", "holds `{{`"),
            ("-Dx={''{y}\"\"}", "holds `{{`"),
            (r"-Dx=a\\b", "holds a backslash before another one"),
            (r"-Dx=\$(id)", "holds a backslash before a dollar"),
            (r"-Dx=\''$(id)'", "has a quote that does not end"),
            ("-Dx=a<CPS>b", "holds `<CPS>`"),
            ("-Dx=${spark.my.x}", "holds `${spark.`, which Spark replaces"),
            (
                "-Dlog=${spark.yarn.app.container.log.dir}/x",
                "the directory of a container's logs is `<LOG_DIR>`",
            ),
            ("-Dx=${env:HOME}", "holds `${env:`"),
            ("-Dx=a${system:user.home}", "holds `${system:`"),
            ("-Dx=<ADD_OPENS>", "holds `<ADD_OPENS>`"),
        ] {
            let input = json!({ "File": "/f", "Conf": { key: wrong } }).to_string();
            check(&input, Err(&[(&path, text)]));
        }
    }
    let executor = json!({ "spark.executor.extraJavaOptions": "-Dx={{APP_ID}}-{{EXECUTOR_ID}}" });
    check(
        &json!({ "File": "/f", "Conf": executor }).to_string(),
        Ok(json!({ "file": "/f", "conf": executor })),
    );
    let driver = r#"{ "File": "/f", "Conf": { "spark.driver.extraJavaOptions": "-Dx={{EXECUTOR_ID}}" } }"#;
    check(driver, Err(&[("$.Conf['spark.driver.extraJavaOptions']", "holds `{{`")]));
}

#[test]
fn java_options_may_name_the_directories_of_their_container() {
    let property = "spark.executor.extraJavaOptions";
    for good in [
        "-Xlog:gc:<LOG_DIR>/gc.log -XX:HeapDumpPath=<LOG_DIR>",
        "-Djava.security.auth.login.config={{PWD}}/kafka_jaas.conf",
        "-Dx={{PWD}}:${{PWD}} -Dy='{{PWD}} {{PWD}}{{PWD}}'",
        r"-Dx=\<LOG_DIR> -Dy={<LOG_DIR>{",
        "-Dx=${HOME} -Dy=${x} -Dz=$spark.x",
        "-Dx={{APP_ID}}{{PWD}}-{{EXECUTOR_ID}} -Dy={{{APP_ID}}{",
    ] {
        let conf = json!({ property: good });
        check(&json!({ "File": "/f", "Conf": conf }).to_string(), Ok(json!({ "file": "/f", "conf": conf })));
    }
    let path = format!("$.Conf['{property}']");
    // What stands beside it would be read with the variable's name, or keep it from being read.
    for wrong in [
        "-Dx={{PWD}}x",
        "-Dx={{PWD}}_",
        "-Dx={{PWD}}}}",
        "-Dx={{{PWD}}",
        r"-Dx=\{{PWD}}",
        "-Dx={{PWD}}/{{PWD}}7",
        "-Dx={{<LOG_DIR>PWD}}",
        "-Dx={{PWD}}{{APP_ID}}",
        "-Dx={{{{APP_ID}}PWD}}",
    ] {
        let input = json!({ "File": "/f", "Conf": { property: wrong } }).to_string();
        check(&input, Err(&[(&path, "holds `{{`")]));
    }
}

#[test]
fn options_are_split_as_spark_does_it() {
    for (text, options) in [
        ("", vec![]),
        (" a  b\t\nc ", vec!["a", "b", "c"]),
        (r#"-Dx="a b" -Dy='c "d"'"#, vec!["-Dx=a b", "-Dy=c \"d\""]),
        (r#"a"b\"c"d '\' \x"#, vec!["ab\"cd", "\\", "\\x"]),
        (r#"'' "" "open \"#, vec!["", "", "open "]),
    ] {
        assert_eq!(arrival::split_options(text), options, "{text}");
    }
}

#[test]
fn the_environment_and_search_paths_may_name_variables_and_run_nothing() {
    let keys = [
        "spark.yarn.appMasterEnv.X",
        "spark.executorEnv.X",
        "spark.driver.extraLibraryPath",
        "spark.executor.extraLibraryPath",
        "spark.yarn.am.extraLibraryPath",
        "spark.driver.extraClassPath",
        "spark.executor.extraClassPath",
        "spark.hadoop.yarn.application.classpath",
        "spark.yarn.stagingDir",
    ];
    let conf = |value: &str| {
        let members = keys.map(|key| (key.to_owned(), Value::from(value)));
        Value::Object(Map::from_iter(members))
    };
    for good in ["$PWD/lib:{{HADOOP_HOME}}/lib<CPS>/x", "a 'b' ; & | > (x)", "${X:-y}", "<LOG_DIR>/x"] {
        let mut conf = conf(good);
        if good.contains("${") {
            // Hadoop reads these itself, and puts there what no rule has seen.
            let key = "spark.hadoop.yarn.application.classpath";
            let input = json!({ "File": "/f", "Conf": { key: conf[key] } }).to_string();
            check(&input, Err(&[(&format!("$.Conf['{key}']"), "holds `${`, which Hadoop replaces")]));
            conf[key] = "$X".into();
        }
        check(&json!({ "File": "/f", "Conf": conf }).to_string(), Ok(json!({ "file": "/f", "conf": conf })));
    }
    for (wrong, mark) in [
        ("`id`", "```"),
        ("$(id)", "`$(`"),
        ("{{(id)}}", "`$(`"),
        ("$}}(id)", "`$(`"),
        ("$<ADD_OPENS>(id)", "`$(`"),
        ("a\"b", "`\"`"),
        ("a\\b", "`\\`"),
    ] {
        let text = format!("holds {mark}, which the shell of its container would read");
        let paths = keys.map(|key| format!("$.Conf['{key}']"));
        let problems: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), text.as_str())).collect();
        check(&json!({ "File": "/f", "Conf": conf(wrong) }).to_string(), Err(&problems));
    }
    for reference in ["${spark.", "${env:", "${system:"] {
        let mut conf = conf(&format!("/a:{reference}x}}"));
        conf["spark.hadoop.yarn.application.classpath"] = "/a".into();
        let text = format!("holds `{reference}`, which Spark replaces");
        let paths = keys.iter().filter(|key| !key.ends_with(".classpath"));
        let paths: Vec<String> = paths.map(|key| format!("$.Conf['{key}']")).collect();
        let problems: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), text.as_str())).collect();
        check(&json!({ "File": "/f", "Conf": conf }).to_string(), Err(&problems));
    }
    check(
        r#"{ "File": "/f", "Conf": { "spark.executorEnv.A;id;B": "x", "spark.yarn.appMasterEnv.": "x" } }"#,
        Err(&[
            ("$.Conf['spark.executorEnv.A;id;B']", "names no variable"),
            ("$.Conf['spark.yarn.appMasterEnv.']", "names no variable"),
        ]),
    );
}

#[test]
fn nothing_else_that_gets_into_a_command_is_run() {
    check(
        r#"{ "File": "/f", "ClassName": "a.B`id`", "ProxyUser": "x$(id)", "Conf": { "spark.rpc.x`id`": "1",
             "spark.network.timeout": "`id`", "spark.ui.port": "`id`", "spark.sql.x": "`a`, {{b}}, \\\\" } }"#,
        Err(&[
            ("$.ClassName", "holds a backtick"),
            ("$.ProxyUser", "is no user's name"),
            ("$.Conf['spark.rpc.x`id`']", "holds a backtick"),
            ("$.Conf['spark.network.timeout']", "holds a backtick"),
            ("$.Conf['spark.ui.port']", "holds a backtick"),
        ]),
    );
}

#[test]
fn the_drivers_command_has_a_length_in_all() {
    const MAX: usize = 126_975;
    let text = |len: usize| "x".repeat(len);
    let parsed = |input: &Value| parse(&input.to_string(), &fixed(), &Defaults::none(false), &own_livy());
    let options = "spark.driver.extraJavaOptions";
    for (table, at) in [
        (json!({ "Args": [text(MAX - 2 - 9)] }), "$.Args"),
        (json!({ "Args": [text(60_000), format!("{}''\"$", text(MAX - 2 - 60_000 - 18 - 12))] }), "$.Args"),
        (json!({ "Args": vec!["abc"; 10_000], "ClassName": text(MAX - 2 - 120_000) }), "$.Args"),
        (json!({ "ClassName": text(MAX - 2) }), "$.ClassName"),
        (
            json!({ "Conf": { options: format!("-Da=b '{}'", text(MAX - 2 - 8 - 3)) } }),
            "$.Conf['spark.driver.extraJavaOptions']",
        ),
        (
            json!({ "Conf": { "spark.driver.extraLibraryPath": text(MAX - 2) } }),
            "$.Conf['spark.driver.extraLibraryPath']",
        ),
    ] {
        let mut input = table;
        input["File"] = "/f".into();
        assert_eq!(parsed(&input).err(), None, "{at}");
        input["File"] = "/ff".into();
        let text = format!("make {} together, and YARN's shell takes {MAX}", MAX + 1);
        compare(&parsed(&input).unwrap_err(), &[(at, &text)]);
    }
    // An argument counts as it is sent.
    let json = format!("[\"{}\"]", "é".repeat(30_000));
    let input = json!({ "File": "/f", "Args": [json] });
    compare(&parsed(&input).unwrap_err(), &[("$.Args[0]", "an argument of 180004 bytes")]);
}

#[test]
fn a_property_with_blanks_around_its_name_is_refused() {
    let blanks = "has blanks around it";
    check(
        r#"{ "File": "/f", "Conf": { "spark.executor.memory ": "4g", " spark.master": "local[*]", "\t": 1,
             "\u00a0spark.x\n": 2 } }"#,
        Err(&[
            ("$.Conf['spark.executor.memory ']", blanks),
            ("$.Conf[' spark.master']", blanks),
            ("$.Conf['\\t']", "a property needs a name"),
            ("$.Conf['\\u{a0}spark.x\\n']", blanks),
        ]),
    );
}

#[test]
fn no_executors_at_all_are_lawful() {
    for given in ["0", "0.0", "\"0\"", "-0"] {
        let input = format!(r#"{{ "File": "/f", "NumExecutors": {given} }}"#);
        check(&input, Ok(json!({ "file": "/f", "numExecutors": 0 })));
    }
    let input = r#"{ "File": "/f", "NumExecutors": -1, "DriverCores": 0, "ExecutorCores": 0 }"#;
    let positive = "expected a positive integer up to 2147483647";
    check(
        input,
        Err(&[
            ("$.NumExecutors", "expected an integer from 0 to 2147483647"),
            ("$.DriverCores", positive),
            ("$.ExecutorCores", positive),
        ]),
    );
}

/// Each was run by the script that YARN makes of it (Spark 3.5.6, Hadoop 3.3.4).
#[test]
fn no_detour_leads_into_a_shell() {
    let conf = |key: &str, value: &str| json!({ "File": "/f", "Conf": { key: value } });
    for (input, wrong) in [
        // Read without quotes: `exec /bin/bash -c "$JAVA_HOME/bin/java …"`.
        (conf("spark.yarn.appMasterEnv.JAVA_HOME", "/x;touch${IFS}/tmp/p;"), "`;`"),
        (conf("spark.executorEnv.JAVA_HOME", "$X"), "`$`"),
        // Nothing but a variable's plain name may follow a dollar.
        (conf("spark.executorEnv.A", "${q:=$}${r:=$q(id)}${r@P}"), "`$`"),
        (conf("spark.driver.extraClassPath", "${r@P}"), "`$`"),
        (conf("spark.yarn.stagingDir", "${r@P}"), "`$`"),
        (conf("spark.yarn.appMasterEnv.Y", "$"), "`$`"),
        (conf("spark.driver.extraLibraryPath", "$$"), "`$`"),
        // Of these a shell itself runs what they name.
        (conf("spark.yarn.appMasterEnv.BASH_ENV", "/tmp/x"), "runs"),
        (conf("spark.executorEnv.ENV", "/tmp/x"), "runs"),
        // Spark puts one in the place of the other, everywhere.
        (conf("spark.yarn.config.gatewayPath", "Q"), "cluster"),
        // Spark joins these with the defaults, so that a quote could end there.
        (conf("spark.driver.defaultJavaOptions", "-Da=\""), "quote"),
        (conf("spark.executor.extraJavaOptions", "-Da='b"), "quote"),
        // Names are decoded on the way, as often as there are readers.
        (json!({ "File": "s3://b/%60id%60.py" }), "```"),
        (json!({ "File": "s3://b/%24%28id%29.jar" }), "`$`"),
        (json!({ "File": "s3://b/%2560id%2560.py" }), "```"),
        (json!({ "File": "/f", "Files": ["s3://b/%60id%60?x=/y"] }), "`"),
        (json!({ "File": "/f", "Files": ["/x/%2560id%2560"] }), "`"),
        (json!({ "File": "/f", "Jars": ["s3://b/a%2F%60id%60"] }), "`"),
        // Each pass takes off one layer: nobody's name, and without a bound the work of a day.
        (json!({ "File": format!("/%{}60", "25".repeat(60_000)) }), "again and again"),
        (json!({ "File": "/f", "Files": [format!("/%{}60", "25".repeat(60_000))] }), "again and again"),
        // Livy splits at blanks, too.
        (conf("spark.submit.pyFiles", "s3://b/ok.zip local:/x/%60id%60/a.zip"), "blank"),
        (conf("spark.files", "s3://b/%60id%60 /x"), "blank"),
    ] {
        let found = parse(&input.to_string(), &fixed(), &Defaults::none(false), &own_livy());
        let problems = found.expect_err(&format!("{input} is accepted")).to_string();
        assert!(problems.contains(wrong), "{input}: {problems}");
    }
}

#[test]
fn variables_and_paths_that_a_shell_only_reads_are_accepted() {
    let conf = |key: &str, value: &str| json!({ "File": "/f", "Conf": { key: value } });
    for input in [
        conf("spark.yarn.appMasterEnv.JAVA_HOME", "/usr/lib/jvm/java-17-amazon-corretto.x86_64"),
        conf("spark.executorEnv.PATH_LIKE", "/opt/x:$HADOOP_HOME/lib:${HIVE_HOME}/lib:{{PWD}}"),
        conf("spark.driver.extraClassPath", "/usr/lib/hadoop/*:$CLASSPATH"),
        conf("spark.files", "s3://b/a.txt, s3://b/dt=2026-11-27/b.txt#b"),
        json!({ "File": "s3://b/dt%3D2026-11-27/job.py", "Files": ["s3://b/report 2026.csv", "s3://b/a%20b"] }),
    ] {
        let found = parse(&input.to_string(), &fixed(), &Defaults::none(false), &own_livy());
        assert_eq!(found.err(), None, "{input}");
    }
}

#[test]
fn what_spark_would_drop_or_split_is_refused() {
    check(
        r#"{ "File": "/f", "Conf": { "hive.exec.dynamic.partition": "true", "fs.s3a.endpoint": "x",
             "spark.etl.delimiter": "\t", "spark.etl.pad": " x", "spark.etl.end": "x\n", "spark.etl.empty": "" },
             "Files": ["s3://b/x,file:///etc/livy/conf/livy.conf"], "Jars": ["s3://b/report, 2026.jar"] }"#,
        Err(&[
            ("$.Conf['hive.exec.dynamic.partition']", "`spark.hadoop.hive.exec.dynamic.partition`"),
            ("$.Conf['fs.s3a.endpoint']", "`spark.hadoop.fs.s3a.endpoint`"),
            ("$.Conf['spark.etl.delimiter']", "white space"),
            ("$.Conf['spark.etl.pad']", "white space"),
            ("$.Conf['spark.etl.end']", "white space"),
            ("$.Files[0]", "holds a comma"),
            ("$.Jars[0]", "holds a comma"),
        ]),
    );
}
