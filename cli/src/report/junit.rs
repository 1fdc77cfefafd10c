//! `JUnit` XML, as continuous integration reads it.

use std::fmt::{self, Display, Write as _};

/// Cases that belong together: those of one file.
#[derive(Debug)]
pub(crate) struct Suite {
    /// The file.
    pub(crate) name: String,
    /// The cases.
    pub(crate) cases: Vec<Case>,
}

/// Something that passes or fails.
#[derive(Debug)]
pub(crate) struct Case {
    /// What it is about.
    pub(crate) name: String,
    /// The line it stands on, where there is one.
    pub(crate) line: Option<usize>,
    /// Why it failed; `None` if it passed.
    pub(crate) failure: Option<Failure>,
}

/// Why a case failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A diagnostic code, or another word for the kind.
    pub(crate) kind: String,
    /// What is wrong.
    pub(crate) message: String,
    /// All about it.
    pub(crate) details: String,
}

/// A document of suites, called `name` as a whole.
pub(crate) fn document(name: &str, suites: &[Suite]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_document(&mut text, name, suites);
    text
}

fn write_document(text: &mut String, name: &str, suites: &[Suite]) -> fmt::Result {
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let failures: usize = suites.iter().map(Suite::failures).sum();
    writeln!(text, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(text, r#"<testsuites name="{}" tests="{tests}" failures="{failures}">"#, Xml(name))?;
    for suite in suites {
        let (tests, failures) = (suite.cases.len(), suite.failures());
        let file = Xml(&suite.name);
        writeln!(
            text,
            r#"  <testsuite name="{file}" tests="{tests}" failures="{failures}" errors="0" skipped="0">"#
        )?;
        for case in &suite.cases {
            write!(text, r#"    <testcase name="{}" classname="{file}" file="{file}""#, Xml(&case.name))?;
            if let Some(line) = case.line {
                write!(text, r#" line="{line}""#)?;
            }
            match &case.failure {
                None => writeln!(text, "/>")?,
                Some(failure) => writeln!(
                    text,
                    ">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
                    Xml(&failure.kind),
                    Xml(&failure.message),
                    Xml(&failure.details)
                )?,
            }
        }
        writeln!(text, "  </testsuite>")?;
    }
    writeln!(text, "</testsuites>")
}

impl Suite {
    fn failures(&self) -> usize {
        self.cases.iter().filter(|case| case.failure.is_some()).count()
    }
}

/// Text as XML has it, in attributes and elements.
struct Xml<'a>(&'a str);

impl Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\n' => f.write_str("&#10;")?,
                '\t' => f.write_str("&#9;")?,
                // XML 1.0, section 2.2: these cannot be written at all, not even by their numbers.
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, Failure, Suite, document};

    #[test]
    fn a_failure_is_written_so_that_any_text_is_xml() {
        let failure =
            Failure { kind: "RL0001".into(), message: "a < \"b\"\u{1b}".into(), details: "1 & 2\n".into() };
        let cases = vec![
            Case { name: "passes".into(), line: None, failure: None },
            Case { name: "fails".into(), line: Some(3), failure: Some(failure) },
        ];
        insta::assert_snapshot!(document("rlc check", &[Suite { name: "a.rl".into(), cases }]), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="rlc check" tests="2" failures="1">
          <testsuite name="a.rl" tests="2" failures="1" errors="0" skipped="0">
            <testcase name="passes" classname="a.rl" file="a.rl"/>
            <testcase name="fails" classname="a.rl" file="a.rl" line="3">
              <failure type="RL0001" message="a &lt; &quot;b&quot;�">1 &amp; 2&#10;</failure>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
