//! Pages of Markdown on a terminal: headings, paragraphs, lists and code blocks, which is all that pages use.

use crate::{
    escape,
    render::wrap,
    ui::{Paint, Style},
};

/// Paragraphs are no wider than is good to read.
const MAX_WIDTH: usize = 80;

/// Renders a page.
pub(super) fn render(markdown: &str, paint: Paint, width: usize) -> String {
    let mut page = Page {
        text: String::new(),
        paragraph: String::new(),
        paint,
        width: width.min(MAX_WIDTH),
        failed: false,
    };
    let mut fenced = false;
    for line in escape::block(markdown).lines() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            page.end_paragraph();
            fenced = !fenced;
            if fenced {
                page.caption(info);
            }
        } else if fenced {
            page.code(line);
        } else {
            page.prose(line);
        }
    }
    page.end_paragraph();
    page.text
}

struct Page {
    text: String,
    paragraph: String,
    paint: Paint,
    width: usize,
    /// Whether the last policy was one that fails.
    failed: bool,
}

impl Page {
    /// Says which of two policies is which: the first is marked as one that fails.
    fn caption(&mut self, info: &str) {
        let fails = info.split_whitespace().any(|word| word == "fails");
        let caption = match (fails, self.failed) {
            (true, _) => "Reported:",
            (false, true) => "Mended:",
            (false, false) => return,
        };
        self.failed = fails;
        self.text.push_str(&format!("{}\n\n", self.paint.style(Style::Strong, caption)));
    }

    fn code(&mut self, line: &str) {
        let line = line.trim_end();
        if !line.is_empty() {
            let (code, comment) = line.find("# ").map_or((line, ""), |at| line.split_at(at));
            let dim = self.paint.style(Style::Dim, comment);
            let comment = if comment.is_empty() { String::new() } else { dim.to_string() };
            self.text.push_str(&format!("    {}{comment}", self.paint.style(Style::Help, code)));
        }
        self.text.push('\n');
    }

    fn prose(&mut self, line: &str) {
        let line = line.trim_end();
        let heading = line.trim_start_matches('#');
        if line.is_empty() {
            self.end_paragraph();
            if !self.text.ends_with("\n\n") {
                self.text.push('\n');
            }
        } else if heading.len() < line.len() && heading.starts_with(' ') {
            self.end_paragraph();
            self.text.push_str(&format!("{}\n", self.paint.style(Style::Strong, heading.trim())));
        } else if line.starts_with("- ") || line.starts_with("* ") {
            self.end_paragraph();
            self.paragraph.push_str(line);
        } else {
            if !self.paragraph.is_empty() {
                self.paragraph.push(' ');
            }
            self.paragraph.push_str(line.trim_start());
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        if paragraph.is_empty() {
            return;
        }
        let (bullet, words) = match paragraph.strip_prefix("- ").or(paragraph.strip_prefix("* ")) {
            Some(words) => ("• ", words),
            None => ("", paragraph.as_str()),
        };
        let indent = bullet.chars().count();
        for (number, line) in wrap(words, self.width.saturating_sub(indent)).iter().enumerate() {
            let lead = if number == 0 { bullet } else { "" };
            self.text.push_str(&format!("{lead:indent$}{line}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::ui::Paint;

    #[test]
    fn a_page_is_readable_without_its_marks() {
        let markdown = "# RL0000: a title\n\nSome words\nin two lines.\n\n- one\n- two\n\n```rl fails\nrule r {  # here\n}\n```\n\n```rl\nrule r {}\n```\n";
        insta::assert_snapshot!(render(markdown, Paint::new(false), 80), @r"
        RL0000: a title

        Some words in two lines.

        • one
        • two

        Reported:

            rule r {  # here
            }

        Mended:

            rule r {}
        ");
    }
}
