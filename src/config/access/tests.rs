//! What is wrong is told with key, value and source, and no password is.

use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::super::{Invalid, Settings, load, load_with_files};
use crate::spark::tls::Trust;

const ACTIVITY: &str = "[[activity]]\narn = \"arn:aws:states:us-east-1:123456789012:activity:spark-job\"\n";
const PIN: &str =
    "B1:94:2F:B1:94:2F:B1:94:2F:B1:94:2F:B1:94:2F:B1:94:2F:B1:94:2F:B1:94:2F:B1:94:2F:B1:94:2F:B1:94";

/// A directory with a configuration, and files beside it.
struct Place(TempDir);

impl Place {
    fn new(text: &str) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let here = place.0.path().display();
        let state = format!("[state]\ndirectory = \"{here}\"\n");
        place.file(
            "config.toml",
            format!("{ACTIVITY}{state}{}", text.replace("HERE", &here.to_string())).as_bytes(),
            0o644,
        );
        place
    }

    fn file(&self, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = self.0.path().join(name);
        write(&path, content).unwrap();
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn load(&self) -> Result<Settings, Invalid> {
        load_with_files(&self.0.path().join("config.toml"))
    }

    /// What is said about it.
    fn problem(&self) -> String {
        self.load().expect_err("it is wrong").to_string()
    }
}

#[test]
fn values_that_do_not_fit_are_told_with_key_value_and_source() {
    let table = [
        (
            format!("[livy]\nurl = \"http://localhost:1\"\npinned_sha256 = \"{PIN}\""),
            "livy.pinned_sha256",
            "only where livy.url begins with https://",
        ),
        (
            "[livy]\nurl = \"http://localhost:1\"\ninsecure = true".to_owned(),
            "livy.insecure = true",
            "only where livy.url begins with https://",
        ),
        (
            "[yarn]\nurl = \"http://localhost:1\"\nca_file = \"/ca\"".to_owned(),
            "yarn.ca_file = \"/ca\"",
            "only where yarn.url begins with https://",
        ),
        (
            format!(
                "[yarn]\nurl = [\"http://a\", \"https://b\"]\npinned_sha256 = [\"{PIN}\"]\ninsecure = true"
            ),
            "yarn.pinned_sha256",
            "has no effect beside insecure",
        ),
        (
            format!("[livy]\nurl = \"https://a\"\npinned_sha256 = [\"{PIN}\"]\nca_file = \"/ca\""),
            "livy.ca_file = \"/ca\"",
            "has no effect beside pinned_sha256",
        ),
        (
            "[livy]\nurl = \"https://a\"\npinned_sha256 = \"AA:BB\"".to_owned(),
            "livy.pinned_sha256 = \"AA:BB\"",
            "\"AA:BB\" is no SHA-256",
        ),
        (
            "[livy]\nurl = \"http://10.255.0.1:8998\"\nusername = \"me\"\npassword_file = \"/p\"".to_owned(),
            "livy.url = \"http://10.255.0.1:8998\"",
            "over https or to this node only, and 10.255.0.1 is another",
        ),
        (
            "[yarn]\nurl = [\"http://localhost:8088\", \"http://elsewhere\"]\nusername = \"me\"\npassword_file = \"/p\""
                .to_owned(),
            "yarn.url = [",
            "elsewhere is another",
        ),
        ("[livy]\nusername = \"me\"".to_owned(), "livy.username = \"me\"", "needs livy.password_file"),
        ("[yarn]\npassword_file = \"/p\"".to_owned(), "yarn.password_file = \"/p\"", "needs yarn.username"),
        (
            "[yarn]\npassword_file = \"/p\"\nusername = \"a:b\"".to_owned(),
            "yarn.username",
            "must not have a colon",
        ),
    ];
    for (text, key, problem) in table {
        let said = Place::new(&text).problem();
        assert!(said.starts_with(key) && said.contains(problem) && said.contains("config.toml)"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn each_way_to_believe_a_certificate_is_taken() {
    let place = Place::new(&format!(
        "[livy]\nurl = \"https://a\"\npinned_sha256 = \"sha256 Fingerprint={PIN}\"\n[yarn]\nurl = \"https://b\"\ninsecure = true"
    ));
    let (livy, yarn) = place.load().unwrap().access().unwrap();
    assert!(matches!(livy.trust, Trust::Pinned(pins) if pins.len() == 1 && pins[0].to_string() == PIN));
    assert!(matches!(yarn.trust, Trust::Anyone));
    let history = "[verify]\nhistory_url = \"https://h:18480\"\n[yarn]\nurl = \"http://b\"\ninsecure = true";
    let (_, yarn) = Place::new(history).load().unwrap().access().unwrap();
    assert!(matches!(yarn.trust, Trust::Anyone), "it holds for the history server, too");
    let (livy, _) = Place::new("").load().unwrap().access().unwrap();
    assert!(matches!(livy.trust, Trust::Platform) && livy.login.is_none());
}

#[test]
fn a_file_of_certificates_must_have_one() {
    let text = "[livy]\nurl = \"https://a\"\nca_file = \"HERE/ca.pem\"";
    let place = Place::new(text);
    let said = place.problem();
    assert!(
        said.starts_with("livy.ca_file = \"/") && said.contains("cannot be read: No such file"),
        "{said}"
    );
    assert!(said.contains("config.toml)"), "{said}");
    for (content, expected) in [
        (&b"hello"[..], "has no certificate in PEM form"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate that is no root"),
    ] {
        place.file("ca.pem", content, 0o644);
        let said = place.problem();
        assert!(said.contains(expected), "{said}");
    }
    let directory = Place::new("[livy]\nurl = \"https://a\"\nca_file = \"HERE/\"").problem();
    assert!(directory.contains("not a file"), "{directory}");
    // To look at an input needs none of the files.
    assert!(load(&place.0.path().join("config.toml")).is_ok());
}

#[test]
fn a_password_is_for_its_owner_alone_and_is_never_shown() {
    let place = Place::new("[livy]\nusername = \"me\"\npassword_file = \"HERE/password\"");
    let said = place.problem();
    assert!(said.starts_with("livy.password_file = \"/") && said.contains("cannot be read"), "{said}");
    for mode in [0o644, 0o640, 0o660, 0o700, 0o604, 0o440] {
        let path = place.file("password", b"hunter2\n", mode);
        let said = place.problem();
        assert!(said.contains(&format!("has mode {mode:04o}: chmod 600 {}", path.display())), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    for (content, expected) in
        [(&b"\n"[..], "only line"), (b"", "only line"), (b"a\nb\n", "only line"), (b"\xff", "UTF-8")]
    {
        place.file("password", content, 0o600);
        let said = place.problem();
        assert!(said.contains(expected), "{said}");
    }
    for (content, mode) in [(&b"hunter2\n"[..], 0o600), (b"hunter2", 0o400), (b"hunter2\r\n", 0o600)] {
        std::fs::remove_file(place.0.path().join("password")).unwrap();
        place.file("password", content, mode);
        let settings = place.load().unwrap();
        let (livy, yarn) = settings.access().unwrap();
        assert_eq!(format!("{:?}", livy.login), "Some(Login(me, …))");
        assert!(yarn.login.is_none());
        assert!(!format!("{settings:?} {livy:?}").contains("hunter2"));
    }
}

#[test]
fn a_password_of_somebody_else_is_refused() {
    let place = Place::new("");
    let path = place.file("password", b"hunter2\n", 0o600);
    assert_eq!(super::password(&path, &super::owners(place.0.path())).as_deref(), Ok("hunter2"));
    let said = super::password(&path, &[4_294_967_294]).unwrap_err();
    assert!(said.contains("must be root's or the worker's own"), "{said}");
}

#[test]
fn a_password_that_was_written_into_the_configuration_is_not_repeated() {
    for text in [
        "[livy]\npassword = \"hunter2\"",
        "[livy.login]\npassword = \"hunter2\"",
        "[livy]\nurl = \"https://me:hunter2@livy\"",
        "[livy]\nurl = { bogus = \"hunter2\" }",
        "[livy]\naliases = { bogus = \"hunter2\" }",
        "[livy]\npassword_file = \"/x\"\nusername = \"me:hunter2\"",
    ] {
        let said = Place::new(text).problem();
        assert!(said.starts_with("livy.") && said.contains("***") && !said.contains("hunter2"), "{said}");
    }
    let activity = "[[activity]]\narn = \"a\"\ndefaults = \"hunter2\"\n";
    let said = Place::new(activity).problem();
    assert!(said.starts_with("activity.1.defaults = ***: invalid type: found a text"), "{said}");
    let said = Place::new("[bogus]\nx = \"hunter2\"").problem();
    assert!(said.starts_with("bogus = ***: unknown field"), "{said}");
}

#[test]
fn a_file_that_is_no_toml_is_told_with_line_and_column_and_no_text_of_it() {
    for (text, place) in [
        ("[livy]\npassword = hunter2", "line 6, column 12"),
        ("[livy]\nurl='http://u:hunter2@h:8998", "line 6, column "),
        ("[livy]\nhunter2", "line 6, column "),
        ("hunter2 = 1\n[livy\n", "line 6, column "),
    ] {
        let said = Place::new(text).problem();
        assert!(said.contains(&format!("TOML parse error at {place}")), "{said}");
        assert!(!said.contains("hunter2") && said.lines().count() == 1, "{said}");
        assert!(said.ends_with("config.toml)") && said.matches(": ").count() > 0, "{said}");
    }
}
