//! Markup in the making. Tags are literals of this program; whatever else is shown goes in as text.

use crate::printable::printable;

/// A part of a page.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Adds what is markup.
    pub(super) fn tags(&mut self, tags: &'static str) -> &mut Markup {
        self.0.push_str(tags);
        self
    }

    /// Adds a text, for people and for programs alike: between tags, or between the double quotes of an attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Markup {
        html_escape::encode_double_quoted_attribute_to_string(printable(text), &mut self.0);
        self
    }

    /// Adds a text that leads somewhere, where it is known where.
    pub(super) fn link(&mut self, to: Option<&str>, text: &str) -> &mut Markup {
        match to {
            Some(to) => self.tags("<a href=\"").text(to).tags("\">").text(text).tags("</a>"),
            None => self.text(text),
        }
    }

    /// The whole.
    pub(super) fn done(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Markup;

    #[test]
    fn a_text_ends_no_tag_and_no_attribute_and_turns_nothing_around() {
        let mut markup = Markup::default();
        markup.tags("<p title=\"").text("\"><script>&amp;\u{202e}\u{1b}\n").tags("\">").link(None, "<b>");
        assert_eq!(
            markup.done(),
            "<p title=\"&quot;&gt;&lt;script&gt;&amp;amp;\\u202e\\u001b\\n\">&lt;b&gt;"
        );
        let mut markup = Markup::default();
        markup.link(Some("http://rm/\"x"), "a&b");
        assert_eq!(markup.done(), "<a href=\"http://rm/&quot;x\">a&amp;b</a>");
    }
}
