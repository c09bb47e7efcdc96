//! Outputs and exceptions of sessions.

use super::super::{Answer, Cost, Outcome, Source, answers};
use super::*;

fn told(text: &str) -> Told {
    Told { kind: "pyspark".into(), seconds: 1.5, text: text.into(), cut: false }
}

fn success(result: Option<&str>, statements: Vec<Told>) -> Success {
    Success {
        application_id: Some("application_1_0001".into()),
        batch_id: None,
        name: "taxi-0".into(),
        verdict_source: Source::Session,
        queued_millis: Some(3_100),
        run_millis: Some(42_000),
        cost: Cost { memory_seconds: Some(24_249), vcore_seconds: Some(23) },
        tracking_url: None,
        driver_log_url: None,
        execution: Some("exec-1".into()),
        failed_jobs: 0,
        spoken: Some(Box::new(Spoken { session: Some(7), result: result.map(str::to_owned), statements })),
    }
}

fn output(success: Success) -> Vec<String> {
    let answers = answers(&Outcome::Succeeded(Box::new(success)));
    let outputs = answers.into_iter().map(|answer| match answer {
        Answer::Success { output } => output,
        Answer::Failure { .. } => panic!("a success"),
    });
    outputs.collect()
}

#[test]
fn an_output_has_the_result_as_json_and_what_was_printed() {
    let result = r#"[{"n":123456789012345678901234567890,"x":0.1,"s":"größe"}]"#;
    let outputs = output(success(Some(result), vec![told("one\n"), told("")]));
    assert_eq!(
        outputs,
        [
            format!(
                r#"{{"applicationId":"application_1_0001","sessionId":7,"name":"taxi-0","state":"SUCCEEDED","verdictSource":"session","result":{result},"statements":[{{"kind":"pyspark","seconds":1.5,"text":"one\n"}},{{"kind":"pyspark","seconds":1.5,"text":""}}],"queuedSeconds":3.1,"runSeconds":42.0,"memorySeconds":24249,"vcoreSeconds":23,"trackingUrl":null,"execution":"exec-1"}}"#
            ),
            format!(r#"{{"applicationId":"application_1_0001","sessionId":7,"result":{result}}}"#),
        ]
    );
    let without: Value = serde_json::from_str(&output(success(None, vec![told("x")]))[0]).unwrap();
    assert_eq!(without["result"], Value::Null);
}

#[test]
fn texts_share_what_the_result_leaves_and_the_oldest_goes_first() {
    let result = format!("\"{}\"", "r".repeat(199_000));
    let texts = (0..10).map(|at| told(&at.to_string().repeat(16_000))).collect();
    let outputs = output(success(Some(&result), texts));
    assert!(outputs[0].len() <= MAX_OUTPUT && outputs[0].len() > MAX_OUTPUT - 1_000, "{}", outputs[0].len());
    let read: Value = serde_json::from_str(&outputs[0]).unwrap();
    assert_eq!(read["result"].as_str().map(str::len), Some(199_000), "a result is never cut");
    let lens: Vec<usize> = (0..10).map(|at| read["statements"][at]["text"].as_str().unwrap().len()).collect();
    assert_eq!((&lens[..6], &lens[7..]), (&[0; 6][..], &[16_000; 3][..]));
    assert!(lens[6] > 10_000 && lens[6] < 16_000, "{lens:?}");
    let cut = |at: usize| read["statements"][at]["cut"].as_bool();
    assert_eq!((cut(0), cut(6), cut(7)), (Some(true), Some(true), None));
}

#[test]
fn letters_that_take_room_as_json_are_counted_as_they_are_sent() {
    let texts = (0..20).map(|_| told(&"\u{1}\"\\\n🚖".repeat(2_000))).collect();
    let outputs = output(success(None, texts));
    assert!(outputs[0].len() <= MAX_OUTPUT && outputs.len() == 2, "{}", outputs[0].len());
    assert_eq!(end_within("a🚖\"", 6), "🚖\"");
    assert_eq!(end_within("a🚖\"", 5), "\"");
    assert_eq!(end_within("a🚖\"", 1), "");
}

#[test]
fn what_a_text_says_of_a_secret_is_masked_and_the_result_is_the_tasks_own() {
    let text = "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let outputs = output(success(Some(r#""password=x""#), vec![told(text)]));
    assert!(!outputs[0].contains("wJalrXUtnFEMI"), "{}", outputs[0]);
    assert!(outputs[0].contains(r#""result":"password=x""#));
}

#[test]
fn an_exception_is_told_by_its_class_and_the_first_line_of_its_message() {
    let exception =
        |words: &str| Exception { name: "E".into(), words: words.into(), traceback: String::new() };
    assert_eq!(exception("\n why\nmore").sentence(), "E: why");
    assert_eq!(exception("").sentence(), "E");
}
