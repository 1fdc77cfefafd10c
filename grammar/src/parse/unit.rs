//! Units that a policy declares, prices, and numbers as other programs write them.

use limitrate_core::unit::{NANOS_PER_MONEY, PICOS_PER_MONEY, PriceUnit, Unit, UnitName};

use crate::{
    ast::{Literal, TypeExprKind},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        reader::{Read, Reader},
        syntax::{Node, Rule},
        words::{self, TIME_UNITS, UNITS},
    },
    span::Spanned,
};

/// A number with an exponent is written out where it has at most so many digits.
const MAX_WRITTEN_OUT: usize = 40;

impl<'a> Reader<'a, '_> {
    /// `3 images`
    pub(super) fn counted(&mut self, node: &Node<'a>) -> Read<(i64, Unit)> {
        let word = self.need(node, Rule::unit_word)?;
        let unit = self.declared(&word)?;
        Ok((self.child_number(node, 1)?, unit))
    }

    /// A word as a declared unit; whether it is declared is looked at when the whole text is read.
    fn declared(&mut self, word: &Node<'a>) -> Read<Unit> {
        self.unit_words.push(self.spanned(word, word.text().to_owned()));
        match UnitName::new(word.text()) {
            Some(name) => Ok(Unit::Declared(name)),
            None => {
                let span = self.span_of(word);
                self.unit_words.pop();
                self.refuse(words::unknown("unit", word.text(), &UNITS, span))
            }
        }
    }

    /// `$2.50/Mtok`
    pub(super) fn price(&mut self, node: &Node<'a>) -> Read<Literal> {
        let (number, money) = match node.child(Rule::money) {
            Some(money) => (money.text().trim_start_matches('$'), Unit::Usd),
            None => {
                let number = self.need(node, Rule::number)?;
                let currency = self.need(node, Rule::currency)?;
                (number.text(), if currency.text() == "eur" { Unit::Eur } else { Unit::Usd })
            }
        };
        let (of, scale) = match (node.child(Rule::unit), node.child(Rule::unit_word)) {
            (Some(unit), _) => match Unit::from_word(unit.text()) {
                Some((of, _)) if of.is_money() => return self.no_price(node),
                Some(of) => of,
                None => return self.unreadable(node),
            },
            (None, Some(word)) => (self.declared(&word)?, 1),
            (None, None) => return self.unreadable(node),
        };
        let value = self.scaled(node, number, PICOS_PER_MONEY)?;
        Ok(Literal::Price(value, PriceUnit { money, of, scale }))
    }

    /// `5 req/KiB`
    pub(super) fn no_price<T>(&mut self, node: &Node<'a>) -> Read<T> {
        let span = self.span_of(node);
        let message = "a price is money for so much of something else";
        self.refuse(
            Diagnostic::new(Code::RL0001, message, span, "")
                .help("write it as `$2.50/Mtok`; a rate is written `60 req/min`"),
        )
    }

    /// `1e-07`: refused, and written out as a fix.
    pub(super) fn exponent<T>(&mut self, node: &Node<'a>) -> Read<T> {
        let node = &self.need(node, Rule::odd_power)?;
        let span = self.span_of(node);
        let written = node.text();
        let diagnostic =
            Diagnostic::new(Code::RL0013, format!("`{written}` is not written out"), span, "has an exponent");
        self.refuse(match written_out(written) {
            Some(plain) => diagnostic.fix("write all its digits", span, plain),
            None => diagnostic.help("numbers are written with all their digits: `0.0000001`"),
        })
    }

    /// `usd/Mtok`, `req/min`
    pub(super) fn ratio_type(&mut self, node: &Node<'a>) -> Read<TypeExprKind> {
        let mut words = node.all(Rule::ident);
        let Some(first) = words.next() else { return self.unreadable(node) };
        let amount = match Unit::from_word(first.text()) {
            Some((unit, scale)) if scale == 1 || scale == NANOS_PER_MONEY => unit,
            Some(_) => return self.no_ratio(node),
            None => self.declared(&first)?,
        };
        if let Some(window) = node.child(Rule::window) {
            let window = self.window(&window)?;
            return Ok(TypeExprKind::Rate(self.spanned(node, (amount, window))));
        }
        let Some(second) = words.next().filter(|_| amount.is_money()) else { return self.no_ratio(node) };
        let (of, scale) = match Unit::from_word(second.text()) {
            Some((of, _)) if of.is_money() => return self.no_ratio(node),
            Some(of) => of,
            None => (self.declared(&second)?, 1),
        };
        Ok(TypeExprKind::Price(self.spanned(node, PriceUnit { money: amount, of, scale })))
    }

    fn no_ratio<T>(&mut self, node: &Node<'a>) -> Read<T> {
        let span = self.span_of(node);
        let message = format!("`{}` is neither a price nor a rate", words::shorten(node.text()));
        self.refuse(
            Diagnostic::new(Code::RL0001, message, span, "")
                .help("a price is written `usd/Mtok`, a rate `req/min`"),
        )
    }
}

/// The report of a word after a number that names no unit; `declared` are those that a policy declares, and `before` is
/// the text before the word.
#[must_use]
pub fn unknown_unit(word: &Spanned<String>, declared: &[&str], before: &str) -> Diagnostic {
    let Spanned { node: word, span } = word;
    if before.ends_with('/') && words::similar(word, &TIME_UNITS).is_some() {
        return words::unknown("unit of time", word, &TIME_UNITS, *span);
    }
    let known: Vec<&str> = UNITS.iter().chain(declared).copied().collect();
    let diagnostic = words::unknown("unit", word, &known, *span);
    let lacks_fix = diagnostic.fixes.is_empty();
    if lacks_fix { diagnostic.help(format!("declare it: `unit {word}`")) } else { diagnostic }
}

/// `1e-07` as `0.0000001`.
fn written_out(text: &str) -> Option<String> {
    let (sign, number) = text.strip_prefix('$').map_or(("", text), |number| ("$", number));
    let (mantissa, exponent) = number.split_once(['e', 'E'])?;
    let exponent: isize = exponent.parse().ok()?;
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, decimals].concat().chars().filter(char::is_ascii_digit).collect();
    let whole_digits = whole.bytes().filter(u8::is_ascii_digit).count();
    let point = isize::try_from(whole_digits).ok()?.checked_add(exponent)?;
    let (before, after) = if point <= 0 {
        let zeros = point.unsigned_abs();
        (zeros <= MAX_WRITTEN_OUT).then(|| ("0".to_owned(), "0".repeat(zeros) + &digits))?
    } else {
        let point = point.unsigned_abs();
        let padded = (point <= MAX_WRITTEN_OUT).then(|| format!("{digits:0<point$}"))?;
        let (before, after) = padded.split_at_checked(point)?;
        (before.to_owned(), after.to_owned())
    };
    let (before, after) = (before.trim_start_matches('0'), after.trim_end_matches('0'));
    let before = if before.is_empty() { "0" } else { before };
    let point = if after.is_empty() { "" } else { "." };
    Some(format!("{sign}{before}{point}{after}"))
}

#[cfg(test)]
mod tests {
    use super::written_out;

    #[test]
    fn numbers_with_exponents_are_written_out_exactly() {
        for (written, plain) in [
            ("1e-07", "0.0000001"),
            ("$2.5e-6", "$0.0000025"),
            ("1e3", "1000"),
            ("1.25E+1", "12.5"),
            ("12e-1", "1.2"),
            ("0e5", "0"),
        ] {
            assert_eq!(written_out(written).as_deref(), Some(plain));
        }
        assert_eq!(written_out("1e999"), None);
        assert_eq!(written_out("1e99999999999999999999"), None);
    }
}
