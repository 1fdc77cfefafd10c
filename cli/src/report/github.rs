//! Workflow commands of GitHub Actions, which annotate the lines of a change.
//!
//! Source: GitHub documentation, "Workflow commands for GitHub Actions"; the escapes are those of the runner's toolkit.

use crate::json::Finding;

/// The annotation of a finding, without a line end.
pub(crate) fn annotation(finding: &Finding) -> String {
    let place = &finding.place;
    let mut text = format!(
        "::{} file={},line={},endLine={},col={}",
        finding.severity,
        property(&place.file),
        place.line,
        place.end_line,
        place.column
    );
    // An end column is only understood on the line of the first one.
    if place.line == place.end_line {
        text.push_str(&format!(",endColumn={}", place.end_column));
    }
    let mut message = finding.message.clone();
    for line in finding.labels.iter().map(|label| &label.text).take(1).filter(|text| !text.is_empty()) {
        message.push_str(&format!(": {line}"));
    }
    if let Some(help) = &finding.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    for fix in &finding.fixes {
        let (title, replacement) = (&fix.title, fix.replacement.trim());
        message.push_str(&format!("\nfix: {title}"));
        if !title.contains(replacement) {
            message.push_str(&format!(": {replacement}"));
        }
    }
    text.push_str(&format!(",title={}::{}", property(finding.code), data(&message)));
    text
}

/// The annotation of a file as a whole.
pub(crate) fn failure(file: &str, message: &str) -> String {
    format!("::error file={}::{}", property(file), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::failure;

    #[test]
    fn what_would_end_a_property_or_a_message_is_escaped() {
        assert_eq!(failure("a,b:c%.rl", "x: y\n100%"), "::error file=a%2Cb%3Ac%25.rl::x: y%0A100%25");
    }
}
