use limitrate_compiler::{
    grammar::{
        code::Code,
        diagnostic::Diagnostic,
        span::{SourceId, Span},
    },
    source::Sources,
};

use super::Renderer;
use crate::{escape::is_unsafe, ui::Paint};

fn render(text: &[u8], diagnostic: &Diagnostic) -> String {
    let mut sources = Sources::default();
    sources.add("a.rl", text);
    Renderer::new(&sources, Paint::new(false), 100).render(diagnostic)
}

fn span(start: usize, end: usize) -> Span {
    Span::new(SourceId(0), u32::try_from(start).unwrap(), u32::try_from(end).unwrap())
}

#[test]
fn any_two_spans_of_any_text_can_be_drawn() {
    let texts: [&[u8]; 5] =
        [b"", b"\n", "\tä\r\n字\u{202e}\n".as_bytes(), b"a\xff\xe2\nb\x1b\0", b"\n\n\n\n\n\n\n\n"];
    for text in texts {
        let length = text.len() + 2;
        for bits in 0..length.pow(4) {
            let [a, b, c, d] = [1, 2, 3, 4].map(|place| bits / length.pow(place - 1) % length);
            let diagnostic =
                Diagnostic::new(Code::RL0001, "m", span(a, b), "first").label(span(c, d), "second");
            let drawn = render(text, &diagnostic);
            assert!(
                drawn.contains("── first") && drawn.contains("── second"),
                "{text:?} {a}..{b} {c}..{d}\n{drawn}"
            );
            assert!(drawn.chars().all(|c| c == '\n' || !is_unsafe(c)), "{drawn:?}");
        }
    }
}

#[test]
fn a_span_over_several_lines_is_drawn_beside_them() {
    let diagnostic = Diagnostic::new(Code::RL0001, "m", span(0, 12), "all of this");
    insta::assert_snapshot!(render(b"if a\nthen b\nelse c\n", &diagnostic), @r"
    error[RL0001]: m
       ╭─[a.rl:1:1]
     1 │ ╭─▶ if a
     2 │ ├─▶ then b
       · ╰──── all of this
       ╰────
    ");
}

#[test]
fn a_span_over_many_lines_is_drawn_at_the_first() {
    let diagnostic = Diagnostic::new(Code::RL0001, "m", span(2, 40), "all of this");
    insta::assert_snapshot!(render("a b\n".repeat(20).as_bytes(), &diagnostic), @r"
    error[RL0001]: m
       ╭─[a.rl:1:3]
     1 │ a b
       ·   ┬
       ·   ╰── all of this (as far as line 10)
       ╰────
    ");
}

#[test]
fn spans_that_overlap_are_drawn_below_copies_of_the_line() {
    let diagnostic = Diagnostic::new(Code::RL0001, "m", span(6, 9), "inner").label(span(0, 12), "outer");
    insta::assert_snapshot!(render(b"aaa + bbb + ccc", &diagnostic), @r"
    error[RL0001]: m
       ╭─[a.rl:1:7]
     1 │ aaa + bbb + ccc
       · ──────┬─────
       ·       ╰── outer
     1 │ aaa + bbb + ccc
       ·       ─┬─
       ·        ╰── inner
       ╰────
    ");
}

#[test]
fn a_fix_that_a_label_suggests_is_not_repeated() {
    let label = "did you mean `limit`?";
    let diagnostic =
        |fix: &str| Diagnostic::new(Code::RL0005, "m", span(0, 5), label).fix("write it", span(0, 5), fix);
    assert!(!render(b"limti", &diagnostic("limit")).contains("help:"));
    assert!(render(b"limti", &diagnostic("limits")).contains("help: write it: limits"));
}

#[test]
fn fixes_are_listed_with_what_to_paste() {
    let one = Diagnostic::new(Code::RL0001, "m", span(0, 1), "").fix("say when", span(1, 1), " after b");
    let removal = Diagnostic::new(Code::RL0001, "m", span(0, 1), "").fix("delete it", span(0, 1), "");
    let several = Diagnostic::new(Code::RL0001, "m", span(0, 1), "")
        .help("decide")
        .fix("refuse", span(0, 0), "if a is missing\n  then deny 401\n")
        .fix("fall back", span(1, 1), " ?? ip");
    let all = [one, removal, several].map(|diagnostic| render(b"a", &diagnostic)).concat();
    insta::assert_snapshot!(all, @r"
    error[RL0001]: m
       ╭─[a.rl:1:1]
     1 │ a
       · ─
       ╰────
      help: say when: after b
    error[RL0001]: m
       ╭─[a.rl:1:1]
     1 │ a
       · ─
       ╰────
      help: delete it
    error[RL0001]: m
       ╭─[a.rl:1:1]
     1 │ a
       · ─
       ╰────
      help: decide
            • refuse
                if a is missing
                  then deny 401
            • fall back   ?? ip
    ");
}
