//! The interpreter's half, in every Python of this machine: what is sent, what runs, and what is said of it.

use std::io::Write;

use serde_json::{Value, json};
use stand_ins::interpreter::{Interpreter, Python, newest, pythons};

use super::check::{Checked, Told, read};
use super::script::{Kind, Script, Statement, Turn};

const TASK: &str = "0123456789abcdef";

/// One session.
struct Talk {
    interpreter: Interpreter,
    script: Script,
    number: usize,
}

impl Talk {
    /// A session that is open.
    fn begin(python: &Python, script: Script) -> Talk {
        let mut talk = Talk { interpreter: Interpreter::start(python), script, number: 0 };
        assert_eq!(talk.step(0), Checked::Done { result: None, told: Vec::new() }, "{python:?}");
        talk
    }

    /// A session with these statements and no result.
    fn of(python: &Python, statements: &[&str]) -> Talk {
        Talk::begin(python, script(statements, None))
    }

    fn perform(&mut self, code: &str) -> Value {
        self.number += 1;
        self.interpreter.perform(self.number - 1, code)
    }

    fn turn(&mut self, turn: Turn) -> Value {
        let text = self.script.text(TASK, turn).expect("there is such a step");
        self.perform(&text)
    }

    fn check(&mut self, step: usize) -> Checked {
        read(&self.turn(Turn::Check(step)), TASK, step)
    }

    fn step(&mut self, step: usize) -> Checked {
        self.turn(Turn::Step(step));
        self.check(step)
    }

    /// What the last of the steps comes to. Each before it must end well.
    fn all(&mut self) -> Checked {
        let last = self.script.last();
        for step in 1..last {
            let checked = self.step(step);
            assert!(matches!(checked, Checked::Done { .. }), "step {step}: {checked:?}");
        }
        self.step(last)
    }

    fn told(&mut self) -> Vec<Told> {
        let checked = self.all();
        let Checked::Done { told, .. } = &checked else { panic!("{checked:?}") };
        told.clone()
    }
}

fn script(statements: &[&str], result: Option<&str>) -> Script {
    let kind = |code: &str| if code.starts_with("select") { Kind::Sql } else { Kind::Pyspark };
    let statements = statements.iter().map(|code| Statement { kind: kind(code), code: (*code).to_owned() });
    Script { statements: statements.collect(), variables: "{}".to_owned(), result: result.map(str::to_owned) }
}

/// Every Python that statements can run in.
fn everywhere(test: impl Fn(&Python)) {
    let fit: Vec<Python> = pythons().into_iter().filter(|python| python.version >= (3, 6, 0)).collect();
    assert!(!fit.is_empty(), "there is no Python 3.6 or newer on this machine");
    for python in &fit {
        test(python);
    }
}

/// The oldest and the newest of them: for what takes its time.
fn at_both_ends(test: impl Fn(&Python)) {
    let fit: Vec<Python> = pythons().into_iter().filter(|python| python.version >= (3, 6, 0)).collect();
    assert!(!fit.is_empty(), "there is no Python 3.6 or newer on this machine");
    fit.iter().take(1).chain(fit.iter().skip(1).last()).for_each(test);
}

/// What the value of an expression becomes as a result.
fn result(python: &Python, before: &str, value: &str) -> Checked {
    let code = format!("{before}\nrows = {value}");
    Talk::begin(python, script(&[&code], Some("rows"))).all()
}

#[track_caller]
fn failed(checked: &Checked, class: &str, said: &str) {
    let Checked::Failed { name, words, .. } = checked else {
        panic!("{class} was expected, and it is {checked:?}")
    };
    assert!(name == class && words.contains(said), "{name}: {words}");
}

#[test]
fn the_pythons_of_this_machine_are_named() {
    let found: Vec<String> = pythons()
        .iter()
        .map(|python| format!("{}.{}.{}", python.version.0, python.version.1, python.version.2))
        .collect();
    assert!(!found.is_empty());
    // Not `print!`: this is to be seen also where the test passes.
    writeln!(std::io::stderr(), "statements are tried in Python {}", found.join(", "))
        .expect("somebody reads");
}

#[test]
fn statements_run_in_order_in_one_namespace_and_the_last_value_is_the_result() {
    everywhere(|python| {
        let mut given = script(
            &[
                "rows = [{'day': variables['day'], 'n': 20}]",
                "select a",
                "rows[0]['n'] += 1\nprint('almost')\nrows",
            ],
            Some("rows"),
        );
        given.variables = json!({"day": "2026-11-24 “é” \u{1f680}\r\n'\\"}).to_string();
        let mut talk = Talk::begin(python, given);
        let Checked::Done { result: Some(result), told } = talk.all() else { panic!("a result") };
        let value: Value = serde_json::from_str(&result).expect("JSON");
        assert_eq!(value, json!([{"day": "2026-11-24 “é” \u{1f680}\r\n'\\", "n": 21}]));
        let texts: Vec<(&str, &str)> =
            told.iter().map(|told| (told.kind.as_str(), told.text.as_str())).collect();
        let last = "almost\n[{'day': '2026-11-24 “é” \u{1f680}\\r\\n\\'\\\\', 'n': 21}]\n";
        // Python shows a text with a quote in the other quotes.
        let shown = last.replace("'2026", "\"2026").replace("\\'\\\\'", "'\\\\\"");
        assert_eq!(texts, [("pyspark", ""), ("sql", "|a|\n"), ("pyspark", shown.as_str())]);
    });
}

#[test]
fn a_statement_that_comes_twice_runs_once_and_its_end_stays() {
    everywhere(|python| {
        let mut talk = Talk::of(python, &["n = globals().get('n', 0) + 1", "print(n)"]);
        let first = talk.step(1);
        let again = talk.turn(Turn::Step(1));
        assert_eq!((&again["status"], &again["ename"]), (&json!("error"), &json!("Refused")), "{again}");
        assert_eq!(talk.check(1), first);
        let Checked::Done { told, .. } = talk.step(2) else { panic!("the second runs") };
        assert_eq!(told[1].text, "1\n");
        // Long after it is asked for, too.
        talk.turn(Turn::Step(0));
        assert_eq!(talk.turn(Turn::Step(1))["ename"], json!("Refused"));
        assert!(matches!(talk.check(2), Checked::Done { .. }));
    });
}

#[test]
fn a_statement_that_is_not_the_next_or_another_tasks_does_not_run() {
    let mut talk = Talk::of(&newest(), &["a = 1", "b = 1"]);
    let foreign = talk.script.text("fedcba9876543210", Turn::Step(1)).expect("a step");
    assert_eq!(talk.perform(&foreign)["ename"], json!("Refused"));
    assert_eq!(talk.turn(Turn::Step(2))["ename"], json!("Refused"));
    assert_eq!(talk.check(2), Checked::Broken("the last step that began is 0".to_owned()));
    assert!(matches!(talk.step(1), Checked::Done { .. }));
    assert!(matches!(talk.step(2), Checked::Done { .. }));
}

#[test]
fn nothing_of_a_statement_runs_that_has_an_error_in_any_line() {
    everywhere(|python| {
        for wrong in ["def f(:", "return 1", "%json x", "x = = 1", "\0", "await g()"] {
            let code = format!("ran = True\n{wrong}");
            let mut talk = Talk::of(python, &[&code, "print('ran' in globals())"]);
            let checked = talk.step(1);
            let Checked::Failed { name, traceback, .. } = &checked else { panic!("{wrong}: {checked:?}") };
            assert!(["SyntaxError", "ValueError"].contains(&name.as_str()), "{wrong}: {checked:?}");
            assert!(!traceback.contains("<sjw>"), "{traceback}");
            talk.turn(Turn::Step(2));
            let Checked::Done { told, .. } = talk.check(2) else { panic!("the session lives") };
            assert_eq!(told[1].text, "False\n", "{wrong}");
        }
    });
}

#[test]
fn an_exception_is_told_with_the_statements_own_lines_and_nothing_of_ours() {
    everywhere(|python| {
        let code = "def deep(n):\n    return n / 0\n\ntry:\n    deep(1)\nexcept ZeroDivisionError:\n    raise KeyError('é')";
        let mut talk = Talk::of(python, &[code, "1"]);
        let Checked::Failed { name, words, traceback } = talk.step(1) else { panic!("it fails") };
        assert_eq!((name.as_str(), words.as_str()), ("KeyError", "'é'"));
        assert!(
            traceback.starts_with("Traceback (most recent call last):\n  File \"<statement 1>\", line 5")
        );
        assert!(traceback.contains("    return n / 0\n") && traceback.contains("    raise KeyError('é')\n"));
        assert!(!traceback.contains("sjw"), "{traceback}");
        assert!(matches!(talk.step(2), Checked::Done { .. }), "a failed one does not end the session");
    });
}

#[test]
fn an_exception_that_cannot_be_shown_or_is_endless_is_told_all_the_same() {
    at_both_ends(|python| {
        let odd =
            "class Odd(Exception):\n    def __str__(self):\n        raise ValueError('no')\nraise Odd()";
        failed(&Talk::of(python, &[odd]).all(), "Odd", "");
        let long = Talk::of(python, &["raise ValueError('x' * 60000000)"]).turn(Turn::Step(1));
        assert!(long.to_string().len() < 100_000);
        let mut talk = Talk::of(python, &["raise ValueError('x' * 60000000)"]);
        talk.turn(Turn::Step(1));
        let check = talk.turn(Turn::Check(1));
        assert!(check.to_string().len() < 100_000, "no answer comes near Livy's 50 MiB");
        failed(&read(&check, TASK, 1), "ValueError", "xxxx");
        failed(&Talk::of(python, &["def f(): f()\nf()"]).all(), "RecursionError", "recursion");
        failed(&Talk::of(python, &["import sys; sys.exit(0)"]).all(), "SystemExit", "0");
        failed(&Talk::of(python, &["raise KeyboardInterrupt"]).all(), "KeyboardInterrupt", "");
        failed(&Talk::of(python, &["raise ValueError('\\ud800')"]).all(), "ValueError", "\\ud800");
    });
}

#[test]
fn what_a_subprocess_prints_is_text_and_no_answer() {
    everywhere(|python| {
        let code = "import os, subprocess\nprint('before')\nos.system('echo hi')\nos.write(1, b'low\\n')\n\
                    subprocess.check_call(['sh', '-c', 'for i in 1 2 3; do echo line $i; done'])";
        let told = Talk::of(python, &[code, "print('after')"]).told();
        let lines: Vec<&str> = told[0].text.lines().collect();
        assert_eq!(lines, ["before", "hi", "low", "line 1", "line 2", "line 3", "0"], "in their order");
        assert_eq!(told[1].text, "after\n");
    });
}

#[test]
fn a_library_in_c_that_prints_while_it_keeps_pythons_lock_neither_blocks_nor_is_an_answer() {
    everywhere(|python| {
        let code = "import ctypes\nholds = ctypes.PyDLL(None)\nmuch = b'x' * 300000\n\
                    wrote = holds.write(1, much, len(much))\n_ = holds.printf(b'\\nkept in its buffer')";
        let told = Talk::of(python, &[code, "print(wrote)"]).told();
        assert!(told[0].text.ends_with("xxx\nkept in its buffer") && told[0].cut, "{:?}", told[0]);
        assert_eq!(told[1].text, "300000\n");
    });
}

#[test]
fn what_a_subprocess_prints_without_an_end_is_bounded_on_the_disk() {
    let code = "import os, subprocess\n\
                subprocess.check_call(['sh', '-c', 'yes \"$0\" | head -c 200000000', 'x' * 1000])\n\
                while os.fstat(1).st_size > 100000000: pass\n\
                os.system('echo the end')";
    let told = Talk::of(&newest(), &[code]).told();
    assert!(told[0].cut && told[0].text.ends_with("the end\n0\n"), "{told:?}");
}

#[test]
fn a_statement_that_spoils_what_it_prints_to_costs_text_and_no_answer() {
    everywhere(|python| {
        let spoils = [
            "import sys; sys.__stdout__ = None; del sys.__stdout__",
            "import os\nos.system('echo a long line')\nprint('x')\nos.system('echo c > /dev/stdout')",
            "import time; time.sleep = None",
            "import os\nfor fd in range(3, 256):\n    name = '/proc/self/fd/%d' % fd\n    \
             if os.path.exists(name) and 'deleted' in os.readlink(name): os.close(fd)",
            "print('still'); os.system('echo lost')",
        ];
        let mut talk = Talk::of(python, &spoils);
        let Checked::Done { told, .. } = talk.all() else { panic!("{python:?}: it ends well") };
        assert!(told[1].text == "x\nc\n0\n" && told[1].cut, "{told:?}");
        assert_eq!(told[4].text, "still\n0\n");
    });
}

#[test]
fn a_library_in_c_that_waits_elsewhere_does_not_hold_up_the_end_of_a_statement() {
    let code = "import ctypes, os, threading\nc = ctypes.CDLL(None)\nc.popen.restype = ctypes.c_void_p\n\
                held = ctypes.c_void_p(c.popen(b'sleep 60', b'r'))\nroom = ctypes.create_string_buffer(10)\n\
                threading.Thread(target=c.fgets, args=(room, 10, held), daemon=True).start()";
    let told = Talk::of(&newest(), &[code]).told();
    assert!(told[0].seconds < 30.0, "{told:?}");
}

#[test]
fn a_cut_takes_a_secret_along_whose_name_it_takes() {
    everywhere(|python| {
        for before in [0, 20_000, 60_000] {
            let code = format!("print('w' * {before} + '\\npassword=hunter2\\n' + 'y' * (16384 - 8))");
            let told = Talk::of(python, &[&code]).told();
            assert!(told[0].cut && told[0].text.starts_with('y'), "{before}: {:.40}", told[0].text);
        }
    });
}

#[test]
fn a_subprocess_reads_nothing_of_what_livy_writes() {
    everywhere(|python| {
        let code = "import os, subprocess\nprint(subprocess.check_output(['cat']), os.system('read line'))";
        let told = Talk::of(python, &[code, "print('after')"]).told();
        assert_eq!((told[0].text.as_str(), told[1].text.as_str()), ("b'' 256\n", "after\n"));
    });
}

#[test]
fn a_process_that_a_statement_forks_ends_with_it_and_answers_nothing() {
    everywhere(|python| {
        let fork = |end: &str| {
            format!(
                "import os, sys\npid = os.fork()\nif pid == 0: {end}\nelse: print(os.waitpid(pid, 0)[1] >> 8)"
            )
        };
        let ends = ["sys.exit(3)", "raise ValueError", "pass", "sys.exit('no')"].map(fork);
        let told = Talk::of(python, &ends.each_ref().map(String::as_str)).told();
        // Newer Pythons warn of the thread that reads what is printed.
        let last = |told: &Told| told.text.lines().last().map(str::to_owned);
        let codes: Vec<Option<String>> = told.iter().map(last).collect();
        assert_eq!(codes, ["3", "1", "0", "1"].map(|code| Some(code.to_owned())));
    });
}

#[test]
fn a_process_that_is_left_behind_and_prints_later_shifts_nothing() {
    everywhere(|python| {
        let leave = "import subprocess, sys\n\
                     left = subprocess.Popen(['sh', '-c', 'read x; echo late'], stdin=subprocess.PIPE)\n\
                     _ = sys.__stdout__.write('buffered')";
        let speak = "left.stdin.write(b'now\\n'); left.stdin.close(); left.wait()";
        let told = Talk::of(python, &[leave, speak, "print('end')"]).told();
        assert_eq!(told[0].text, "buffered");
        assert!(told[2].text.ends_with("end\n"), "{told:?}");
    });
}

#[test]
fn a_shifted_answer_is_found_whatever_it_says() {
    everywhere(|python| {
        let mut talk = Talk::of(python, &["a = 1", "raise ValueError('real failure')"]);
        assert!(matches!(talk.step(1), Checked::Done { .. }));
        // What Livy's own protocol cannot bear: a line on file descriptor 1 outside a statement of ours.
        let noise = talk.perform("import os; os.system('echo hi')");
        assert!(noise["ename"].as_str().is_some_and(|name| name.contains("JsonParseException")), "{noise}");
        let false_success = talk.turn(Turn::Step(2));
        assert_eq!(false_success["status"], json!("ok"), "that is the trap: {false_success}");
        let checked = talk.check(2);
        assert!(matches!(checked, Checked::Broken(_)), "{checked:?}");
    });
}

#[test]
fn a_false_success_of_a_magic_is_no_answer() {
    let mut talk = Talk::of(&newest(), &["del _sjw"]);
    let output = talk.perform("%json nosuch");
    assert_eq!(output["status"], json!("ok"), "that is the trap: {output}");
    assert_eq!(
        read(&output, TASK, 1),
        Checked::Broken("the interpreter could not be asked: KeyError: 'nosuch'".to_owned())
    );
    let Checked::Broken(reason) = talk.step(1) else { panic!("who deletes it is not believed") };
    assert!(reason.contains("NameError"), "{reason}");
    for data in [json!({"text/plain": ""}), json!({"application/json": {"sjw": TASK}}), json!({})] {
        let output = json!({"status": "ok", "data": data});
        assert!(matches!(read(&output, TASK, 1), Checked::Broken(_)), "{output}");
    }
}

#[test]
fn the_answer_to_another_question_is_not_believed() {
    let answer = |task: &str, asked: usize, last: usize| {
        let view = json!({"sjw": task, "for": task, "asked": asked, "last": last, "end": {"status": "ok"}});
        read(&json!({"status": "ok", "data": {"application/json": view}}), TASK, 2)
    };
    assert!(matches!(answer(TASK, 2, 2), Checked::Done { .. }));
    for (task, asked, last) in [("0", 2, 2), (TASK, 1, 2), (TASK, 2, 1), (TASK, 2, 3)] {
        assert!(matches!(answer(task, asked, last), Checked::Broken(_)), "{task} {asked} {last}");
    }
}

#[test]
fn however_much_is_printed_the_answers_stay_short_and_keep_the_end() {
    at_both_ends(|python| {
        let code = "for i in range(60):\n    print('x' * 1000000)\nprint('é the end')";
        let mut talk = Talk::of(python, &[code, "print('short')", "print('\\x01' * 16384)"]);
        assert!(talk.turn(Turn::Step(1)).to_string().len() < 100_000);
        for step in [1, 2] {
            assert!(matches!(talk.check(step.min(1)), Checked::Done { .. }));
        }
        assert!(matches!(talk.step(2), Checked::Done { .. }));
        let Checked::Done { told, .. } = talk.step(3) else { panic!("it ends well") };
        let sizes: Vec<(usize, bool)> = told.iter().map(|told| (told.text.len(), told.cut)).collect();
        assert_eq!(sizes, [(12_288, true), (6, false), (12_288, true)]);
        assert!(told[0].text.ends_with("x\né the end\n"));
    });
}

#[test]
fn all_texts_together_are_bounded_and_the_oldest_are_cut() {
    let statements = vec!["print('x' * 16383)"; 50];
    let told = Talk::of(&newest(), &statements).told();
    let sizes: Vec<usize> = told.iter().map(|told| told.text.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 262_144);
    assert!(told[33].cut && told[33].text.is_empty() && !told[34].cut, "{sizes:?}");
}

#[test]
fn a_result_of_60_megabytes_is_refused_before_anything_of_it_is_sent() {
    at_both_ends(|python| {
        let mut talk = Talk::begin(python, script(&["rows = ['x' * 1000] * 60000"], Some("rows")));
        assert!(matches!(talk.step(1), Checked::Done { .. }));
        assert!(talk.turn(Turn::Step(2)).to_string().len() < 1_000);
        assert_eq!(talk.check(2), Checked::TooLarge { bytes: 60_180_001 });
        let limit = |size: usize| result(python, "", &format!("'x' * {size}"));
        assert!(matches!(limit(199_998), Checked::Done { .. }));
        assert_eq!(limit(199_999), Checked::TooLarge { bytes: 200_001 });
        // In bytes, as UTF-8 has it.
        assert_eq!(result(python, "", "'é' * 100000"), Checked::TooLarge { bytes: 200_002 });
    });
}

#[test]
fn a_result_is_the_value_itself_in_json() {
    everywhere(|python| {
        let before = "import datetime as d, decimal, collections, enum\n\
                      class Row(tuple):\n    pass\n\
                      row = Row((1, 'x')); row.__fields__ = ['a', 'b']\n\
                      class Level(enum.IntEnum):\n    HIGH = 3\n\
                      class Word(str):\n    def __str__(self): return 'other'";
        let table = [
            ("None", "null"),
            ("[True, False, 0, -1, 1.5, 1e300, 0.1]", "[true,false,0,-1,1.5,1e+300,0.1]"),
            ("2 ** 64 + 1", "18446744073709551617"),
            ("'é \\U0001f680 \\x00 \"'", "\"é \u{1f680} \\u0000 \\\"\""),
            ("(1, (2,), [])", "[1,[2],[]]"),
            ("{'b': 1, 'a': {2: 3, d.date(2026, 11, 24): 4}}", "{\"b\":1,\"a\":{\"2\":3,\"2026-11-24\":4}}"),
            ("d.datetime(2026, 11, 24, 1, 2, 3)", "\"2026-11-24T01:02:03\""),
            ("[d.time(1, 2), decimal.Decimal('1.10')]", "[\"01:02:00\",\"1.10\"]"),
            ("collections.OrderedDict(z=1)", "{\"z\":1}"),
            ("[row]", "[{\"a\":1,\"b\":\"x\"}]"),
            ("[Level.HIGH, Word('own')]", "[3,\"own\"]"),
        ];
        for (value, expected) in table {
            let checked = result(python, before, value);
            let Checked::Done { result, .. } = &checked else { panic!("{value}: {checked:?}") };
            assert_eq!(result.as_deref(), Some(expected), "{value}");
        }
    });
}

#[test]
fn a_value_that_json_has_no_form_for_is_an_error_that_says_where_it_is() {
    everywhere(|python| {
        let before = "import datetime as d\nring = []; ring.append(ring)\n\
                      class Row(tuple):\n    pass\n\
                      row = Row((1, 2)); row.__fields__ = ['id', 'id']";
        let table = [
            ("[{'x': {1}}]", "TypeError", "rows[0]['x'] is a set"),
            ("b'x'", "TypeError", "rows is a bytes"),
            ("[object()]", "TypeError", "rows[0] is a object"),
            ("d.timedelta(1)", "TypeError", "rows is a timedelta"),
            ("[1, float('nan')]", "ValueError", "rows[1] is nan"),
            ("float('-inf')", "ValueError", "rows is -inf"),
            ("{(1, 2): 3}", "TypeError", "rows has a tuple as a key"),
            ("{True: 3}", "TypeError", "rows has a bool as a key"),
            ("{1: 'a', '1': 'b'}", "ValueError", "rows has the key '1' twice"),
            ("[row]", "ValueError", "rows[0] has the key 'id' twice"),
            ("ring", "ValueError", "nested more than 100 deep"),
            ("'\\ud800'", "UnicodeEncodeError", "surrogates not allowed"),
        ];
        for (value, class, said) in table {
            failed(&result(python, before, value), class, said);
        }
        let mut talk = Talk::begin(python, script(&["a = 1"], Some("rows")));
        failed(&talk.all(), "NameError", "name 'rows' is not defined");
        let deep = "deep = []\nfor _ in range(99):\n    deep = [deep]";
        assert!(matches!(result(python, deep, "deep"), Checked::Done { .. }));
    });
}

#[test]
fn half_a_surrogate_pair_never_reaches_livy() {
    everywhere(|python| {
        let mut talk = Talk::of(python, &["print('a\\ud83d')", "1"]);
        let output = talk.turn(Turn::Step(1));
        assert_eq!(output["data"]["text/plain"], json!("a\\ud83d"), "{output}");
        talk.check(1);
        let Checked::Done { told, .. } = talk.step(2) else { panic!("it ends well") };
        assert_eq!(told[0].text, "a\\ud83d\n");
    });
}

#[test]
fn names_of_python_and_of_ours_can_be_taken_by_a_statement() {
    everywhere(|python| {
        let code =
            "list = str = len = sorted = print = None\njson = sys = os = time = 'mine'\ntype = dict = 1";
        let told = Talk::of(python, &[code, "json", "'_sjw_shown' in globals()"]).told();
        assert_eq!((told[1].text.as_str(), told[2].text.as_str()), ("'mine'\n", "False\n"));
    });
}

#[test]
fn what_a_statement_does_to_standard_output_ends_with_it() {
    everywhere(|python| {
        let statements = [
            "import logging, sys\nlogging.basicConfig(stream=sys.stdout, format='%(message)s')",
            "sys.stdout.close(); sys.stdout = None",
            "logging.warning('still heard')",
            "sys.stdout.buffer.write(b'x') if hasattr(sys.stdout, 'buffer') else print('no bytes')",
            "from __future__ import annotations\nx: nosuch = 1\n'shown'",
        ];
        let statements = if python.version >= (3, 7, 0) { &statements[..] } else { &statements[..4] };
        let told = Talk::of(python, statements).told();
        assert_eq!((told[2].text.as_str(), told[3].text.as_str()), ("still heard\n", "no bytes\n"));
        assert!(told.get(4).is_none_or(|told| told.text == "'shown'\n"), "{told:?}");
    });
}

#[test]
fn sql_runs_once_and_is_shown_where_it_has_columns() {
    everywhere(|python| {
        let mut given = script(&["select a", "create view v", "spark.asked"], None);
        given.statements[1].kind = Kind::Sql;
        let told = Talk::begin(python, given).told();
        let texts: Vec<&str> = told.iter().map(|told| told.text.as_str()).collect();
        assert_eq!(texts, ["|a|\n", "", "['select a', 'create view v']\n"]);
        failed(&Talk::of(python, &["select nosuch"]).all(), "ValueError", "[TABLE_OR_VIEW_NOT_FOUND]");
    });
}

#[test]
fn an_interpreter_that_died_answers_no_check() {
    everywhere(|python| {
        let mut talk = Talk::of(python, &["import os; os._exit(3)", "1"]);
        let output = talk.turn(Turn::Step(1));
        assert_eq!(output["evalue"], json!("Interpreter died:\n"), "{output}");
        assert_eq!(talk.check(1), Checked::Died);
    });
}

#[test]
fn children_of_the_interpreter_do_no_harm() {
    everywhere(|python| {
        let code = "import multiprocessing\n\
                    fork = multiprocessing.get_context('fork')\nqueue = fork.SimpleQueue()\n\
                    def work(n):\n    print('child', n)\n    queue.put(n * n)\n\
                    child = fork.Process(target=work, args=(9,))\nchild.start()\nchild.join()\nqueue.get()";
        let told = Talk::of(python, &[code, "print('after')"]).told();
        assert!(told[0].text.contains("81\n"), "{told:?}");
        assert_eq!(told[1].text, "after\n");
    });
}

#[test]
fn an_older_python_is_refused_in_words() {
    let Some(old) = pythons().into_iter().find(|python| python.version < (3, 6, 0)) else {
        writeln!(std::io::stderr(), "no Python before 3.6 is here to be refused").expect("somebody reads");
        return;
    };
    let text = script(&["1"], None).text(TASK, Turn::Step(0)).expect("it opens");
    let said = std::process::Command::new(&old.path).args(["-c", &text]).output().expect("it runs");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        said.contains("statements need Python 3.6 or newer, and the interpreter is Python 2.7"),
        "{said}"
    );
}

#[test]
fn what_is_said_is_ascii_and_begins_with_its_mark() {
    let mut given = script(&["'é' \\ \"\u{1f680}\"\r\n\t\u{7f}'"], Some("rows"));
    given.variables = "{\"é\":1}".to_owned();
    for step in 0..=2 {
        for (turn, end) in [(Turn::Step(step), ""), (Turn::Check(step), "?")] {
            let text = given.text(TASK, turn).expect("a text");
            assert!(text.is_ascii() && !text.contains('\r') && !text.contains('\t'));
            assert_eq!(text.lines().next(), Some(format!("# sjw-{TASK} {step}{end}").as_str()));
            assert_eq!(text.lines().next(), Some(turn.mark(TASK).as_str()));
        }
    }
    assert_eq!(given.text(TASK, Turn::Step(3)), None);
    assert_eq!(given.text(TASK, Turn::Check(3)), None);
    assert_eq!(
        given.text(TASK, Turn::Step(1)).as_deref(),
        Some(
            "# sjw-0123456789abcdef 1\n_sjw.run('0123456789abcdef', 1, 'pyspark', \
             '\\'\\u00e9\\' \\\\ \"\\U0001f680\"\\u000d\\n\\u0009\\u007f\\'')"
        )
    );
}
