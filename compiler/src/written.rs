//! Policy text on one line, for tables: comments left out, and one blank where there were several or a line's end.

use limitrate_grammar::span::Span;

use crate::source::Sources;

/// The text under `span`.
#[must_use]
pub fn written(span: Span, sources: &Sources) -> String {
    let bytes = sources.get(span.source).map(|source| source.bytes.as_slice()).unwrap_or_default();
    let under = bytes.get(span.start as usize..span.end as usize).unwrap_or_default();
    on_one_line(&String::from_utf8_lossy(under))
}

fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let (mut quoted, mut escaped, mut comment, mut blank) = (false, false, false, false);
    for c in text.chars() {
        if comment {
            comment = c != '\n';
            continue;
        }
        if !quoted && (c == '#' || c.is_ascii_whitespace()) {
            (comment, blank) = (c == '#', true);
            continue;
        }
        if blank && !line.is_empty() {
            line.push(' ');
        }
        blank = false;
        line.push(c);
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::on_one_line;

    #[test]
    fn blanks_and_comments_go_and_texts_stay() {
        let text = "\n 10 req/min # \"a\n   per  user ?? \"a  # \\\" b\"  # end";
        assert_eq!(on_one_line(text), "10 req/min per user ?? \"a  # \\\" b\"");
    }
}
