//! What is accepted arrives: random requests on a model of their way, with a real shell at its end.
//!
//! The model is made after the sources of Spark 3.5.6 and of YARN 3.3.4 and 3.4.1, which `src/job/request/arrival.rs`
//! names, and shares nothing with the rules that it proves.

use std::io::Write;
use std::process::{Command, Output};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use spark_job_worker::job::request::{Defaults, Identity, Input, OwnLivy, Problems};

/// What `escapeForShell`, YARN or a shell could stumble over, and some plain text.
const PIECES: [&str; 49] = [
    "`",
    "``",
    "{",
    "}",
    "{{",
    "}}",
    "<",
    ">",
    "<LOG_DIR>",
    "<CPS>",
    "<ADD_OPENS>",
    "{{APP_ID}}",
    "{{PWD}}",
    "${spark.x}",
    "\\",
    "\\\\",
    "\"",
    "'",
    "''",
    "$",
    "$(",
    "(",
    ")",
    "${",
    "$HOME",
    "$((1+1))",
    "\n",
    "\r",
    "\t",
    " ",
    "*",
    "?",
    "[a-z]",
    "~",
    "!",
    "#",
    ";",
    "&",
    "|",
    "\u{1}",
    "\u{7f}",
    "ü",
    "🚖",
    "-",
    "--arg",
    "a",
    "x=1",
    "/",
    "\\n",
];

/// What Java options may name of a container: where it writes its logs, and where it runs.
const LOG_DIR: &str = "/var/log/containers/application_1";
const WORK_DIR: &str = "/mnt/yarn/container_1";

/// What changes nothing, wherever it stands.
const HARMLESS: [&str; 16] =
    ["a", " ", "'", "\"", "$", "$(id)", "${x}", "\n", "*", "~", "!", ";", "&&", "|", "#", "<x>"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arguments_that_are_accepted_arrive(
        args in vec(prop_oneof![pieces(8), pieces(2), json_text()], 1..6),
        utf8: bool,
    ) {
        // Each by itself, so that one that is refused hides no other.
        let accepted: Vec<String> =
            args.into_iter().filter(|arg| request(&json!({ "Args": [arg] }), utf8).is_ok()).collect();
        let body = request(&json!({ "Args": accepted }), utf8).map_err(|found| TestCaseError::fail(found.to_string()))?;
        let sent: Vec<String> = serde_json::from_value(body["args"].clone()).unwrap_or_default();
        let arrived = driver(&sent, utf8);
        prop_assert_eq!(arrived.len(), accepted.len());
        for (meant, found) in accepted.iter().zip(&arrived) {
            prop_assert!(meant == found || same_json(meant, found), "{meant:?} arrived as {found:?}");
        }
    }

    #[test]
    fn every_json_object_and_list_is_accepted(text in json_text(), utf8: bool) {
        let found = request(&json!({ "Args": [text] }), utf8).err();
        prop_assert_eq!(found, None);
    }

    #[test]
    fn what_nobody_reads_is_accepted_and_sent_as_it_is(
        arg in vec(select(&HARMLESS[..]), 0..12).prop_map(|pieces| pieces.concat()),
    ) {
        let body = request(&json!({ "Args": [arg] }), false).map_err(|found| TestCaseError::fail(found.to_string()))?;
        prop_assert_eq!(&body["args"][0], &json!(arg));
    }

    #[test]
    fn java_options_that_are_accepted_arrive_as_spark_splits_them(
        options in pieces(8),
        class in pieces(3),
        file in pieces(3),
    ) {
        let options = Some(options).filter(|options| options_of(&json!(options)).is_ok()).unwrap_or_default();
        let class = Some(class).filter(|class| request(&json!({ "ClassName": class }), false).is_ok());
        let file = Some(format!("/{file}")).filter(|file| request(&json!({ "File": file }), false).is_ok());
        let options = options.replace("{{APP_ID}}", "application_1");
        let named = |option: &String| option.replace("{{PWD}}", WORK_DIR).replace("<LOG_DIR>", LOG_DIR);
        let (class, file) = (class.unwrap_or_default(), file.unwrap_or_default());
        let mut meant: Vec<String> = split(&options).iter().map(named).collect();
        meant.extend(["--class".to_owned(), class.clone(), file.clone()].into_iter().filter(|word| !word.is_empty()));
        let mut command: Vec<String> = split(&resolved(&options)).iter().map(|option| escaped(option)).collect();
        command.push("--class".to_owned());
        command.extend((!class.is_empty()).then(|| escaped(&class)));
        command.push(file);
        prop_assert_eq!(run(&command.join(" "), false), meant);
    }

    #[test]
    fn nothing_that_is_accepted_is_run_from_the_environment_or_a_script(
        value in dangerous(),
        name in dangerous(),
    ) {
        let conf = |key: &str, value: &str| request(&json!({ "Conf": { key: value } }), false).is_ok();
        let mut commands: Vec<String> = Vec::new();
        if conf("spark.yarn.appMasterEnv.X", &value) {
            commands.extend(expansions(&value).map(|line| format!("export X=\"{line}\"\n")));
        }
        let key = format!("spark.executorEnv.{name}");
        if conf(&key, "x") {
            commands.push(format!("export {name}=\"x\"\n"));
        }
        if request(&json!({ "Files": [format!("/{name}")] }), false).is_ok() {
            commands.push(format!("ln -sf -- \"/nowhere/{name}\" \"{name}\"\n"));
        }
        if conf("spark.yarn.appMasterEnv.JAVA_HOME", &value) {
            let line = format!("export JAVA_HOME=\"{value}\"\n/bin/bash -c \"$JAVA_HOME/bin/java :\"\n");
            commands.push(line);
        }
        if request(&json!({ "File": format!("s3://b/{name}") }), false).is_ok() {
            let name = decoded(&name);
            let name = name.rsplit('/').next().unwrap_or_default();
            commands.push(format!("ln -sf -- \"/nowhere\" \"{name}\"\n"));
            commands.push(format!("/bin/bash -c \"echo --primary-py-file {name}\"\n"));
        }
        if conf("spark.driver.extraLibraryPath", &value) {
            let value = resolved(&value);
            let path = expansions(&format!("LD_LIBRARY_PATH=\\\"{value}:$LD_LIBRARY_PATH\\\""));
            commands.extend(path.map(|line| format!("/bin/bash -c \"{line} :\"\n")));
        }
        let place = tempfile::tempdir().expect("a directory");
        // A substitution that bash does not know ends the script there: each command by itself, too. A name may have
        // a line break in its quotes, so that a command is not a line.
        let script = commands.concat();
        for command in &commands {
            bash(command, place.path(), false);
        }
        bash(&script, place.path(), false);
        prop_assert!(!place.path().join("ran").exists(), "{script}");
    }
}

/// bash has letters of its own for what is quoted, U+0001 and U+007F, and mistakes a task's for them. Random texts
/// seldom have the three letters in a row that it takes, so all short ones are tried.
#[test]
fn a_control_character_changes_nothing_of_what_is_accepted() {
    for control in ('\u{1}'..='\u{7f}').filter(char::is_ascii_control) {
        let letters = &['\\', '$', '"', '\'', 'a', control];
        let pairs = letters.iter().flat_map(|one| letters.iter().map(move |other| [one, other]));
        let texts = pairs
            .flat_map(|[one, two]| letters.iter().map(move |three| String::from_iter([one, two, three])));
        let accepted = |text: &String| request(&json!({ "Args": [text] }), false).is_ok();
        let texts: Vec<String> = texts.filter(|text| text.contains(control) && accepted(text)).collect();
        assert!(!texts.is_empty() || control == '\r', "{control:?} alone arrives");
        // Fewer at once than a process may be given in one argument.
        for texts in texts.chunks(500) {
            assert_eq!(driver(texts, false), texts, "{control:?}");
        }
    }
}

#[test]
fn the_model_changes_what_the_real_servers_were_seen_to_change() {
    let arrives = |arg: &str| driver(&[arg.to_owned()], false).join("|");
    for (sent, arrived) in [
        (r#"{"a":{"b":1}}"#, r#"{"a":{"b":1"#),
        ("{{x}}", ""),
        ("a `echo hi` b", "a hi b"),
        (r"a\\b", r"a\b"),
        ("ü", "??"),
        ("$(echo x)", "$(echo x)"),
        ("c'd", "c'd"),
        ("a\rb", "ab"),
    ] {
        assert_eq!(arrives(sent), arrived, "{sent}");
    }
    assert!(driver(&["x\\\"y".to_owned()], false).is_empty(), "the command breaks");
}

// ---------------------------------------------------------------- what is tried

fn pieces(most: usize) -> impl Strategy<Value = String> {
    vec(select(&PIECES[..]), 0..=most).prop_map(|pieces| pieces.concat())
}

/// Commands that leave a file where they run, in pieces.
fn dangerous() -> impl Strategy<Value = String> {
    let pieces = [
        "`>ran`",
        "$(>ran)",
        "{{(>ran)}}",
        "$",
        "{{",
        "}}",
        "(>ran)",
        "(",
        ")",
        ">ran",
        "`",
        "\"",
        "\\",
        "'",
        ";",
        "\n",
        "<ADD_OPENS>",
        "<CPS>",
        "${X}",
        "${spark.x}",
        "X",
        "%60",
        "%24%28",
        "a",
        " ",
        "#",
        "{",
        "}",
        "|",
        "&",
    ];
    vec(select(pieces.to_vec()), 0..7).prop_map(|pieces| pieces.concat())
}

/// Objects and lists in any spelling: blanks, escapes that are not needed, keys twice, numbers beyond all types.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["1e400", "-0", "1.50", "12345678901234567890123", "true", "null", "{}", "[]"])
            .prop_map(str::to_owned),
        (pieces(4), any::<u64>()).prop_map(|(text, seed)| json_string(&text, seed)),
    ];
    let blank = || select(vec!["", "", "", " ", "\n", "\r\n", "\t"]);
    let nested = leaf.prop_recursive(4, 24, 4, move |inner| {
        let member = (pieces(2), any::<u64>(), blank(), inner.clone());
        let members = vec(member, 0..4).prop_map(|members| {
            let member = |(key, seed, blank, value): &(String, u64, &str, String)| {
                format!("{}{blank}:{value}{blank}", json_string(key, *seed))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        });
        let elements = vec((blank(), inner), 0..4).prop_map(|elements| {
            let element = |(blank, value): &(&str, String)| format!("{blank}{value}");
            format!("[{}]", elements.iter().map(element).collect::<Vec<_>>().join(","))
        });
        prop_oneof![members, elements]
    });
    (blank(), nested, blank()).prop_map(|(before, inner, after)| {
        let whole = if inner.starts_with(['{', '[']) { inner } else { format!("[{inner}]") };
        format!("{before}{whole}{after}")
    })
}

/// A JSON string, in which some letters are escaped without need.
fn json_string(text: &str, seed: u64) -> String {
    let letter = |(at, letter): (usize, char)| match letter {
        _ if seed >> (at % 64) & 1 == 1 && at % 3 == 0 => {
            letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect()
        }
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '/' => "\\/".to_owned(),
        '\n' => "\\n".to_owned(),
        letter if letter < ' ' => format!("\\u{:04x}", u32::from(letter)),
        letter => letter.to_string(),
    };
    format!("\"{}\"", text.chars().enumerate().map(letter).collect::<String>())
}

// ---------------------------------------------------------------- what is sent

/// The body of the POST, with a File unless there is one.
fn request(input: &Value, utf8: bool) -> Result<Value, Problems> {
    let mut input = input.clone();
    if input["File"].is_null() {
        input["File"] = "/f".into();
    }
    let identity = Identity { name: "n-1".to_owned(), tag: "sjw-1".to_owned(), groups: Vec::new() };
    let defaults = Defaults::new(Map::new(), utf8).expect("nothing is wrong with nothing");
    let request =
        Input::read(&input.to_string()).check(&identity, &defaults, &OwnLivy::new(Vec::new(), 8998))?;
    Ok(serde_json::to_value(&request.batch).expect("a body"))
}

fn options_of(options: &Value) -> Result<Value, Problems> {
    request(&json!({ "Conf": { "spark.driver.extraJavaOptions": options } }), false)
}

/// The same value: the same tokens, where strings are the same in whatever spelling, and numbers the same text.
fn same_json(one: &str, other: &str) -> bool {
    let sound = |text: &str| {
        serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object() || value.is_array())
    };
    sound(one) && sound(other) && tokens(one) == tokens(other)
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => {
                let mut escaped = false;
                let closes = |(at, c): (usize, char)| {
                    let closes = at > 0 && c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    closes.then_some(at + 1)
                };
                rest.char_indices().find_map(closes).expect("a string ends")
            }
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            c if c.is_whitespace() => 1,
            _ => rest.find(|c: char| "{}[],:\"".contains(c) || c.is_whitespace()).unwrap_or(rest.len()),
        };
        let token = &rest[..end];
        match first {
            '"' => {
                tokens.push(format!("string {}", serde_json::from_str::<String>(token).expect("a string")))
            }
            c if c.is_whitespace() => {}
            _ => tokens.push(token.to_owned()),
        }
        rest = &rest[end..];
    }
    tokens
}

// ---------------------------------------------------------------- the way

/// What the driver gets of its arguments; nothing where its command breaks.
fn driver(args: &[String], utf8: bool) -> Vec<String> {
    // bin/spark-class; Java, where the locale is POSIX, makes a `?` of each byte that it does not know.
    let read = |arg: &String| {
        let whole = arg.replace('\r', "");
        let letter = |c: char| if c.is_ascii() { c.to_string() } else { "?".repeat(c.len_utf8()) };
        if utf8 { whole } else { whole.chars().map(letter).collect() }
    };
    let command: Vec<String> = args.iter().map(|arg| escaped(&read(arg))).collect();
    run(&command.join(" "), utf8)
}

/// `ConfigReader.substitute`, where another property of the same task holds what a shell would run.
fn resolved(text: &str) -> String {
    text.replace("${spark.x}", "`>ran`")
}

/// `YarnSparkHadoopUtil.escapeForShell`.
fn escaped(text: &str) -> String {
    let letter = |c: char| match c {
        '$' => "\\$".to_owned(),
        '"' => "\\\"".to_owned(),
        '\'' => "'\\''".to_owned(),
        c => c.to_string(),
    };
    format!("'{}'", text.chars().map(letter).collect::<String>())
}

/// `ContainerLaunch.expandEnvironment`, as Hadoop 3.4 has it before Java 17 and from it on, and as 3.3 has it.
fn expansions(text: &str) -> [String; 3] {
    [Some(""), Some("--add-opens=java.base/java.lang=ALL-UNNAMED --add-exports=x=y"), None].map(|opens| {
        let text = text.replace("<LOG_DIR>", LOG_DIR).replace("<CPS>", ":");
        let text = opens.map_or(text.clone(), |opens| text.replace("<ADD_OPENS>", opens));
        text.replace("{{", "$").replace("}}", "")
    })
}

/// The words that a container's command gets: `printf` in the place of `java` writes them. Where it runs is called
/// [`WORK_DIR`].
fn run(command: &str, utf8: bool) -> Vec<String> {
    let [expanded, ..] = expansions(command);
    let place = tempfile::tempdir().expect("a directory");
    // Without a word printf would write an empty one; what is behind the last NUL is none either.
    let output = bash(&format!("exec /bin/bash -c \"printf '%s\\0' x {expanded}\"\n"), place.path(), utf8);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let text = text.replace(&place.path().canonicalize().expect("a path").display().to_string(), WORK_DIR);
    let mut words: Vec<String> = text.split('\0').map(str::to_owned).collect();
    words.pop();
    if output.status.success() && !words.is_empty() { words.split_off(1) } else { Vec::new() }
}

/// A URI's path, as `java.net.URI` and Hadoop's `Path` decode it one after the other.
fn decoded(text: &str) -> String {
    let once = |text: &str| {
        let mut parts = text.split('%');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
                Some(byte) => out.extend([char::from(byte)].into_iter().chain(part[2..].chars())),
                None => out.extend(['%'].into_iter().chain(part.chars())),
            }
        }
        out
    };
    once(&once(text))
}

/// A script of a container, as YARN starts it.
fn bash(script: &str, place: &std::path::Path, utf8: bool) -> Output {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(script.as_bytes()).expect("written");
    let mut shell = Command::new("/bin/bash");
    shell.arg(file.path()).current_dir(place).env_clear().env("PATH", "/usr/bin:/bin");
    shell.env("LC_ALL", if utf8 { "C.UTF-8" } else { "POSIX" });
    shell.output().expect("bash runs")
}

/// `Utils.splitCommandString` of Spark.
fn split(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    let (mut in_word, mut single, mut double) = (false, false, false);
    let mut at = 0;
    while at < letters.len() {
        let letter = letters[at];
        if double {
            match letter {
                '"' => double = false,
                '\\' if at + 1 < letters.len() => {
                    at += 1;
                    word.push(letters[at]);
                }
                '\\' => {}
                letter => word.push(letter),
            }
        } else if single {
            if letter == '\'' { single = false } else { word.push(letter) }
        } else if letter == '"' || letter == '\'' {
            in_word = true;
            if letter == '"' { double = true } else { single = true }
        } else if !" \t\r\n".contains(letter) {
            word.push(letter);
            in_word = true;
        } else if in_word {
            words.push(std::mem::take(&mut word));
            in_word = false;
        }
        at += 1;
    }
    if in_word || single || double {
        words.push(word);
    }
    words
}
