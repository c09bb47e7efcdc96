//! What the pages of logs say, in Hadoop's HTML.

/// The most characters of a server's message that are told.
const MESSAGE: usize = 300;

/// The text of the last preformatted part, where a page shows the log. A page without one has a message instead.
pub(super) fn preformatted(page: &str) -> Option<String> {
    let open = page.rfind("<pre")?;
    let start = open + page[open..].find('>')? + 1;
    let end = page[start..].rfind("</pre>").map_or(page.len(), |end| start + end);
    Some(html_escape::decode_html_entities(&page[start..end]).into_owned())
}

/// How long a file is by a NodeManager's list (`stderr : Total file length is 7 bytes.`), or by a log server's page of
/// all files (`Log Type: stderr`, and `Log Length: 7` below it).
pub(super) fn length(page: &str, file: &str) -> Option<u64> {
    let number = |text: &str| {
        let digits = text.trim_start();
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse().ok()
    };
    let listed = format!("{file} : Total file length is ");
    let of_list = page.match_indices(&listed).find(|(at, _)| !page[..*at].ends_with(is_of_name));
    if let Some((at, _)) = of_list {
        return number(&page[at + listed.len()..]);
    }
    // In a log these would be escaped no less, but no log is shown before its own heading.
    let heading = format!("Log Type: {file}");
    let ends = |at: usize| !page[at + heading.len()..].starts_with(is_of_name);
    let (at, _) = page.match_indices(&heading).find(|(at, _)| ends(*at))?;
    let below = &page[at..];
    number(&below[below.find("Log Length:")? + "Log Length:".len()..])
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// What a page says in the place of a log: its content without tags.
pub(super) fn message(page: &str) -> String {
    let content = page.find("class=\"content\"").or_else(|| page.find("<body")).unwrap_or_default();
    let mut text = String::new();
    // The rest of the tag in which the content begins.
    let mut is_tag = content > 0;
    for c in page[content..].chars() {
        match c {
            '<' => {
                is_tag = true;
                text.push(' ');
            }
            '>' => is_tag = false,
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let words: String = words.join(" ").chars().take(MESSAGE).collect();
    let said = html_escape::decode_html_entities(&words).into_owned();
    if said.is_empty() { "an empty page".to_owned() } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_what_a_page_shows_preformatted() {
        let page = "<html><td>\n<pre>\nFile &quot;a.py&quot;, in &lt;module&gt;\n  raise &uuml; &amp;amp; &#39;\n</pre>\n</td></html>";
        let text = preformatted(page).unwrap();
        assert_eq!(text, "\nFile \"a.py\", in <module>\n  raise ü &amp; '\n");
        assert_eq!(preformatted("<h1>Logs not available for container_1</h1>"), None);
    }

    #[test]
    fn the_length_is_that_of_the_file_and_of_no_other() {
        let list = "<p>\n<a href=\"/x\">prelaunch.stderr : Total file length is 1 bytes.</a>\n<p>\n\
                    <a href=\"/y\">stderr : Total file length is 70000 bytes.</a>";
        assert_eq!((length(list, "stderr"), length(list, "stdout")), (Some(70_000), None));
        let all = "<pre>\n\n</pre>\n<p>\n Log Type: stderr.1\n<p>\n Log Length: 3\n<pre>a</pre>\n<pre>\n\n</pre>\n\
                   <p>\n Log Type: stderr\n<p>\n Log Upload Time: Tue\n<p>\n Log Length: 9\n<pre>b</pre>";
        assert_eq!((length(all, "stderr"), length(all, "stdout")), (Some(9), None));
    }

    #[test]
    fn a_message_is_told_without_its_tags() {
        let page = "<html><style>a{}</style><table><td class=\"content\">\n<h1>\n User [dr.who] isn&#39;t\n  <b>let</b> in</h1></td></html>";
        assert_eq!(message(page), "User [dr.who] isn't let in");
        assert_eq!(message("Aggregation is not enabled. Try <a>"), "Aggregation is not enabled. Try");
        assert_eq!(message(""), "an empty page");
    }
}
