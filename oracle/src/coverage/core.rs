//! The variants of the core program.

use limitrate_compiler::{
    checked::{Arithmetic, Comparison, Counted, KeySource},
    ir::{Burst, Exceed, Node, OriginKind, Piece, Program, slot::Slot},
};
use limitrate_core::{
    algorithm::Algorithm,
    charge::{Fail, Mode},
    facts::{FactType, OwnedValue, Phase, Trust},
    window::Window,
};

/// Names the variants of types, all of them.
macro_rules! named {
    ($($type:ident { $($variant:ident),* $(,)? })*) => {
        /// Every variant.
        pub(super) const NAMES: &[&str] =
            &[$($(concat!("ir::", stringify!($type), "::", stringify!($variant)),)*)*];
        $(impl Named for $type {
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => concat!("ir::", stringify!($type), "::", stringify!($variant)),)*
                }
            }
        })*
    };
}

/// Something whose variant has a name.
trait Named {
    fn name(&self) -> &'static str;
}

named! {
    Node { Const, Slot, Not, And, Or, Compare, Arithmetic, Select }
    Comparison { Eq, Ne, Lt, Le, Gt, Ge }
    Arithmetic { Add, Sub, Mul, Scale, Min, Max, Divide, Ratio, Price }
    Slot {
        Value, Present, Text, SameText, SameAddress, Length, Route, InNets, Has, Like, Matches, Rollout, Schedule, Now,
    }
    Burst { Fixed, Ceiling }
    Exceed { Reject, Deny, Allow, Downgrade }
    Piece { Text, Fact, Value, Choice, Maybe }
    OriginKind { Rule, Plan }
    Mode { Enforce, Soft, Shadow }
    Fail { Open, Closed, Local }
    Algorithm { FixedWindow, SlidingLog, SlidingWindow, Bucket, InFlight }
    Window { Rolling, Aligned, Calendar }
    Counted { Unit, InFlight }
    KeySource { Fact, Literal, Prefix, Bucket }
    FactType {
        Bool, Int, Percent, Quantity, Price, Duration, Instant, Date, Clock, String, Key, Ip, OneOf, Plan,
    }
    OwnedValue { Bool, Int, Str, Ip }
    Phase { Request, Response }
    Trust { Trusted, Untrusted }
}

/// Shows every variant of a program.
pub(super) fn walk(program: &Program, note: &mut dyn FnMut(&'static str)) {
    for node in &program.nodes {
        note(node.name());
        match node {
            Node::Compare(comparison, ..) => note(comparison.name()),
            Node::Arithmetic(arithmetic, ..) => note(arithmetic.name()),
            Node::Const(_)
            | Node::Slot(_)
            | Node::Not(_)
            | Node::And(..)
            | Node::Or(..)
            | Node::Select(..) => {}
        }
    }
    program.slots.iter().for_each(|slot| note(slot.name()));
    program.origins.iter().for_each(|origin| note(origin.kind.name()));
    facts(program, note);
    charges(program, note);
    for deny in &program.denies {
        deny.message.iter().for_each(|piece| pieces(piece, note));
    }
    for limit in &program.limits {
        note(Named::name(&limit.unit));
        for source in limit.keys.iter().flat_map(|part| &part.alternatives) {
            note(source.name());
        }
    }
}

fn facts(program: &Program, note: &mut dyn FnMut(&'static str)) {
    for fact in &program.facts {
        note(fact.decl.ty.name());
        note(fact.decl.phase.name());
        note(fact.decl.trust.name());
        for value in fact.decl.default.iter().chain(&fact.decl.otherwise) {
            note(value.name());
        }
    }
}

fn charges(program: &Program, note: &mut dyn FnMut(&'static str)) {
    for site in &program.charges {
        note(site.algorithm.name());
        if let Algorithm::FixedWindow(window) = &site.algorithm {
            note(window.name());
        }
        note(site.burst.name());
        if let Some(fail) = site.fail {
            note(fail.name());
        }
        note(site.mode.name());
        note(site.exceed.name());
        if let Exceed::Deny { message, .. } = &site.exceed {
            message.iter().for_each(|piece| pieces(piece, note));
        }
    }
}

fn pieces(piece: &Piece, note: &mut dyn FnMut(&'static str)) {
    note(piece.name());
    match piece {
        Piece::Maybe(_, inner) => pieces(inner, note),
        Piece::Text(_) | Piece::Fact(_) | Piece::Value(..) | Piece::Choice(..) => {}
    }
}
