//! What a declared name may look like.

use crate::{code::Code, diagnostic::Diagnostic, parse::MAX_NAME_BYTES, span::Span};

/// Words that cannot be names, because an expression or a limit may stand before them.
pub(super) const RESERVED: [&str; 24] = [
    "if",
    "then",
    "else",
    "and",
    "or",
    "not",
    "in",
    "is",
    "limit",
    "deny",
    "exempt",
    "guard",
    "match",
    "let",
    "per",
    "globally",
    "on",
    "costing",
    "reserve",
    "settle",
    "using",
    "true",
    "false",
    "unlimited",
];

/// What is wrong with a declared name, dots allowed.
pub(super) fn name_problem(name: &str, span: Span) -> Option<Diagnostic> {
    if let Some(long) = too_long(name, span) {
        return Some(long);
    }
    if let Some(word) = name.split('.').find(|part| RESERVED.contains(&part.to_ascii_lowercase().as_str())) {
        let message = format!("`{word}` is a word of the language, so it cannot be a name");
        let better = format!("{name}_");
        return Some(Diagnostic::new(Code::RL0014, message, span, "").fix(
            format!("name it `{better}`"),
            span,
            better,
        ));
    }
    if name.bytes().any(|b| b == b'-' || b.is_ascii_uppercase()) {
        let better = snake_case(name);
        let message = format!("names are written in lower snake case, not `{name}`");
        return Some(Diagnostic::new(Code::RL0014, message, span, format!("did you mean `{better}`?")).fix(
            format!("write `{better}`"),
            span,
            better,
        ));
    }
    None
}

/// Reports a name beyond the bound.
pub(super) fn too_long(name: &str, span: Span) -> Option<Diagnostic> {
    (name.len() > MAX_NAME_BYTES).then(|| {
        let message = format!("this name has {} bytes; a name has at most {MAX_NAME_BYTES}", name.len());
        Diagnostic::new(Code::RL0014, message, span, "")
    })
}

/// `myRule-Name` to `my_rule_name`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut small = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && small {
            snake.push('_');
        }
        snake.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
        small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_become_lower_snake_case() {
        for (name, snake) in
            [("my-rule", "my_rule"), ("myRule", "my_rule"), ("API", "api"), ("HTTPLimit2X", "httplimit2_x")]
        {
            assert_eq!(snake_case(name), snake);
        }
    }
}
