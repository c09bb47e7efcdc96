//! Statements in an input.

use super::super::super::statements::script::Kind;
use super::*;

fn script(input: &str) -> Script {
    let request = parse(input, &fixed(), &Defaults::none(false), &own_livy()).unwrap();
    request.script.expect("a script")
}

#[test]
fn the_sample_becomes_a_session_and_a_script() {
    let input = r#"{ "Name": "taxi-report", "Kind": "pyspark", "NumExecutors": 4, "Variables": { "day": "2026-11-24", "n": 1e3 },
        "Statements": [ "df = spark.read.parquet('s3://b/in')", { "Code": "create view v as …", "Kind": "sql" },
                        { "code": "rows = []" } ],
        "Result": "rows" }"#;
    check(input, Ok(json!({ "kind": "pyspark", "numExecutors": 4 })));
    let script = script(input);
    let statements: Vec<(Kind, &str)> =
        script.statements.iter().map(|statement| (statement.kind, statement.code.as_str())).collect();
    assert_eq!(
        statements,
        [
            (Kind::Pyspark, "df = spark.read.parquet('s3://b/in')"),
            (Kind::Sql, "create view v as …"),
            (Kind::Pyspark, "rows = []"),
        ]
    );
    assert_eq!(script.variables, r#"{ "day": "2026-11-24", "n": 1e3 }"#, "as it was written");
    assert_eq!((script.result.as_deref(), script.last()), (Some("rows"), 4));
    assert!(!format!("{script:?}").contains("parquet"), "code can hold secrets");
}

#[test]
fn the_nested_shape_and_livys_spelling_are_read_alike() {
    let input = r#"{ "LivyHost": "localhost", "Execution": "e", "Parameters": { "queue": "q", "kind": "sql",
        "statements": ["select 1", { "code": "1", "kind": "pyspark" }], "variables": null, "result": null } }"#;
    check(input, Ok(json!({ "kind": "pyspark", "queue": "q" })));
    let script = script(input);
    assert_eq!(
        script.statements.iter().map(|statement| statement.kind).collect::<Vec<_>>(),
        [Kind::Sql, Kind::Pyspark]
    );
    assert_eq!((script.variables.as_str(), script.result), ("{}", None));
}

#[test]
fn a_session_takes_the_settings_of_batches_and_nothing_of_a_program_from_the_defaults() {
    let defaults = defaults(json!({
        "File": "/nightly.jar", "ClassName": "a.Main", "Args": ["x"], "Queue": "q", "Jars": ["/j"],
        "Conf": { "spark.a": 1 },
    }));
    let input = r#"{ "Statements": ["1"], "Conf": { "spark.b": 2 } }"#;
    check_with(
        &defaults,
        input,
        Ok(
            json!({ "kind": "pyspark", "queue": "q", "jars": ["/j"], "conf": { "spark.a": "1", "spark.b": "2" } }),
        ),
    );
    assert_eq!(identity(input, "1", &defaults).name, "job-1");
    assert_eq!(identity(r#"{ "Statements": null }"#, "1", &defaults).name, "main-1");
}

#[test]
fn a_task_is_a_file_or_statements() {
    check(
        r#"{ "File": "/f", "ClassName": "a.B", "args": [], "Statements": ["1"] }"#,
        Err(&[
            ("$.File", "may not stand beside Statements"),
            ("$.ClassName", "may not stand beside Statements"),
            ("$.args", "may not stand beside Statements"),
        ]),
    );
    check(
        r#"{ "File": "/f", "Kind": "sql", "Variables": {}, "Result": "x" }"#,
        Err(&[
            ("$.Kind", "says something about Statements"),
            ("$.Variables", "says something about Statements"),
            ("$.Result", "says something about Statements"),
        ]),
    );
    check(
        r#"{ "Parameters": { "Result": "x" }, "Statements": ["1"] }"#,
        Err(&[("$.Statements", "may not stand beside Parameters")]),
    );
}

#[test]
fn every_problem_of_statements_is_named_at_its_place() {
    check(
        r#"{ "Kind": "spark", "Statements": ["", " \n", 7, null, ["x"], {}, { "Code": 1 }, { "Cod": "1", "Code": "1" },
             { "Code": "1", "Kind": "SQL" }, { "Code": "1", "Kind": 3 }, { "code": "1", "Language": "sql" }],
             "Variables": [1], "Result": "rows[0]" }"#,
        Err(&[
            ("$.Kind", "\"spark\" is no kind of statement; only `pyspark` and `sql` run here"),
            ("$.Statements[0]", "must not be empty"),
            ("$.Statements[1]", "must not be empty"),
            (
                "$.Statements[2]",
                "expected a statement: a string, or an object with Code and Kind, found the number 7",
            ),
            ("$.Statements[3]", "found null"),
            ("$.Statements[4]", "found a list"),
            ("$.Statements[5].Code", "is required"),
            ("$.Statements[6].Code", "expected a string"),
            ("$.Statements[7].Cod", "did you mean `Code`?"),
            ("$.Statements[8].Kind", "did you mean `sql`?"),
            ("$.Statements[9].Kind", "expected `pyspark` or `sql`"),
            ("$.Statements[10].Language", "unknown key: a statement has Code and Kind"),
            ("$.Variables", "expected an object"),
            ("$.Result", "\"rows[0]\" is no name in Python"),
        ]),
    );
    check(
        r#"{ "Statements": "1" }"#,
        Err(&[("$.Statements", "expected a list of statements, found a string")]),
    );
    check(r#"{ "Statement": ["1"], "File": "/f" }"#, Err(&[("$.Statement", "did you mean `Statements`?")]));
    check(
        r#"{ "Statements": ["1"], "statements": ["2"] }"#,
        Err(&[("$.statements", "is the same key as `Statements`")]),
    );
    check(
        r#"{ "Statements": ["1"], "Kind": "scala" }"#,
        Err(&[("$.Kind", "only `pyspark` and `sql` run here")]),
    );
}

#[test]
fn a_task_has_1_to_50_statements() {
    for (count, sound) in [(0, false), (1, true), (50, true), (51, false)] {
        let input = json!({ "Statements": vec!["1"; count] }).to_string();
        let expected = format!("holds {count} statements, and a task has 1 to 50");
        if sound {
            check(&input, Ok(json!({ "kind": "pyspark" })));
        } else {
            check(&input, Err(&[("$.Statements", &expected)]));
        }
    }
}

#[test]
fn a_number_that_python_cannot_hold_is_refused_and_all_others_stay() {
    let huge = "9".repeat(4_301);
    let input = format!(
        r#"{{ "Statements": ["1"], "Variables": {{ "a": 1e400, "b": [{{ "c d": -1e309 }}], "e": {huge}, "f": 1e308 }} }}"#
    );
    check(
        &input,
        Err(&[
            ("$.Variables.a", "a number that Python cannot hold"),
            ("$.Variables.b[0]['c d']", "a number that Python cannot hold"),
            ("$.Variables.e", "a number that Python cannot hold"),
        ]),
    );
    let sound = format!(r#"{{"a":{},"b":1e-400,"c":-0.0}}"#, "9".repeat(4_300));
    assert_eq!(script(&format!(r#"{{ "Statements": ["1"], "Variables": {sound} }}"#)).variables, sound);
}

#[test]
fn a_result_is_one_name() {
    for name in ["rows", "_", "_1", "R2", "variables", "match"] {
        let input = json!({ "Statements": ["1"], "Result": name }).to_string();
        assert_eq!(script(&input).result.as_deref(), Some(name));
    }
    for name in ["1a", "a.b", "a b", "größe", "class", "None", "", "len()"] {
        let input = json!({ "Statements": ["1"], "Result": name }).to_string();
        check(&input, Err(&[("$.Result", "is no name in Python")]));
    }
    check(
        r#"{ "Statements": ["1"], "Result": "_sjw" }"#,
        Err(&[("$.Result", "is a name of this worker's own")]),
    );
}

#[test]
fn what_is_not_known_yet_is_no_problem_of_a_template() {
    let open = |key: &str| (key.to_owned(), Template::Open);
    let fixed = |value: Value| Template::Fixed(value);
    let given = Template::Object(vec![
        (
            "Statements".to_owned(),
            Template::List(vec![
                Template::Open,
                Template::Object(vec![open("Code"), ("Kind".to_owned(), fixed(json!("sqll")))]),
            ]),
        ),
        open("Variables"),
        open("Result"),
        open("Kind"),
        ("File".to_owned(), fixed(json!("/f"))),
    ]);
    let found = review(&given, Some(&Defaults::none(false)), false, 0);
    compare(
        &found,
        &[("$.File", "may not stand beside Statements"), ("$.Statements[1].Kind", "did you mean `sql`?")],
    );
    let given = Template::Object(vec![open("Statements")]);
    compare(&review(&given, Some(&Defaults::none(false)), false, 0), &[]);
}

#[test]
fn a_resource_has_no_statements() {
    let text = "belongs to tasks of Step Functions";
    let statements = Template::List(vec![Template::Open]);
    let given = Template::Object(vec![("Statements".to_owned(), statements)]);
    compare(&review(&given, None, false, 2), &[("$.Statements", text)]);
    let identity = Identity { groups: vec!["sjw-g-1".to_owned()], ..fixed() };
    let input = r#"{ "Statements": ["1"] }"#;
    let problems = parse(input, &identity, &Defaults::none(false), &own_livy()).unwrap_err();
    compare(&problems, &[("$.Statements", text)]);
}

#[test]
fn statements_have_no_defaults() {
    let table = json!({ "Statements": ["1"], "Kind": "sql", "Variables": {}, "Result": "x" });
    let problems = Defaults::new(object(table), false).unwrap_err();
    let text = "belongs to a task and cannot have a default";
    compare(
        &problems,
        &[("$.Statements", text), ("$.Kind", text), ("$.Variables", text), ("$.Result", text)],
    );
}
