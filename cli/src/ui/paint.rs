//! Colors, where they are wanted.

use std::fmt::{self, Display};

/// What a piece of text is, which decides its color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A failure.
    Error,
    /// A warning.
    Warning,
    /// A success.
    Good,
    /// Advice, names of places.
    Help,
    /// A heading.
    Strong,
    /// What matters less.
    Dim,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Error => "1;31",
            Self::Warning => "1;33",
            Self::Good => "32",
            Self::Help => "36",
            Self::Strong => "1",
            Self::Dim => "2",
        }
    }
}

/// Colors text, or leaves it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    colored: bool,
}

impl Paint {
    /// A paint that colors or does not.
    pub(crate) const fn new(colored: bool) -> Self {
        Self { colored }
    }

    /// Whether it colors.
    pub(crate) const fn colored(self) -> bool {
        self.colored
    }

    /// The text in the color of `style`. Widths in a format string count the color too: pad first.
    pub(crate) fn style<T: Display>(self, style: Style, text: T) -> impl Display {
        Painted { code: self.colored.then_some(style.code()), text }
    }
}

struct Painted<T> {
    code: Option<&'static str>,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "\u{1b}[{code}m{}\u{1b}[0m", self.text),
            None => self.text.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Paint, Style};

    #[test]
    fn text_is_left_alone_without_color() {
        assert_eq!(Paint::new(false).style(Style::Error, "no").to_string(), "no");
        assert_eq!(Paint::new(true).style(Style::Error, "no").to_string(), "\u{1b}[1;31mno\u{1b}[0m");
    }
}
