//! Messages to callers, with the values of the request.

use std::borrow::Cow;

use limitrate_compiler::{
    Policy,
    interpret::Values,
    ir::{NodeId, Piece},
    policy::Scratch,
};
use limitrate_core::facts::Value;

use crate::bind::Bound;

/// The longest that a fact may be in a message, in bytes.
const MAX_FACT_IN_MESSAGE: usize = 128;

/// A message with its values. Borrowed where it has none.
pub(super) fn message<'p>(
    policy: &Policy,
    pieces: &'p [Piece],
    bound: &Bound<'_>,
    scratch: &mut Scratch,
) -> Cow<'p, str> {
    if let [Piece::Text(text)] = pieces {
        return Cow::Borrowed(text);
    }
    let mut wanted = Vec::new();
    pieces.iter().for_each(|piece| nodes(piece, &mut wanted));
    let values = policy.evaluate(bound, &wanted, scratch);
    let mut out = String::new();
    for piece in pieces {
        write_piece(&mut out, piece, bound, values);
    }
    Cow::Owned(out)
}

/// Adds the nodes that a piece is printed from.
fn nodes(piece: &Piece, wanted: &mut Vec<NodeId>) {
    match piece {
        Piece::Text(_) | Piece::Fact(_) => {}
        Piece::Value(node, _) | Piece::Choice(node, _) => wanted.push(*node),
        Piece::Maybe(present, piece) => {
            wanted.push(*present);
            nodes(piece, wanted);
        }
    }
}

/// Appends a piece of a message; `-` for what is absent.
fn write_piece(out: &mut String, piece: &Piece, bound: &Bound<'_>, values: &Values) {
    match piece {
        Piece::Text(text) => out.push_str(text),
        Piece::Fact(fact) => match bound.get(*fact) {
            Value::Str(text) => out.extend(printable(text)),
            Value::Ip(ip) => out.push_str(&ip.to_string()),
            Value::Int(number) => out.push_str(&number.to_string()),
            Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Value::Absent => out.push('-'),
        },
        Piece::Value(node, ty) => out.push_str(&ty.write(values.get(*node))),
        Piece::Choice(node, texts) => {
            let chosen = usize::try_from(values.get(*node)).ok().and_then(|position| texts.get(position));
            out.push_str(chosen.map_or("-", String::as_str));
        }
        Piece::Maybe(present, piece) if values.get(*present) != 0 => write_piece(out, piece, bound, values),
        Piece::Maybe(..) => out.push('-'),
    }
}

/// A fact's text without control characters, up to [`MAX_FACT_IN_MESSAGE`] bytes.
fn printable(text: &str) -> impl Iterator<Item = char> {
    let mut end = text.len().min(MAX_FACT_IN_MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c })
}
