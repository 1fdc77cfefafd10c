//! The values that a policy mentions: where its decisions change.

use std::any::Any;

use ipnet::IpNet;
use limitrate_grammar::ast::{File, Literal, Target};

use crate::coverage::{Visitor, Walk as _};

/// The literals of a policy, in base units.
#[derive(Debug, Clone, Default)]
pub struct Mentioned {
    pub(super) numbers: Vec<i64>,
    pub(super) texts: Vec<String>,
    pub(super) nets: Vec<IpNet>,
    /// Patterns of paths.
    pub(super) paths: Vec<String>,
}

impl Mentioned {
    /// Those of a file.
    #[must_use]
    pub fn of(file: &File) -> Self {
        let mut found = Self::default();
        file.walk(&mut found);
        found
    }
}

impl Visitor for Mentioned {
    fn visit(&mut self, _: &'static str, node: &dyn Any) {
        if let Some(target) = node.downcast_ref::<Target>() {
            self.paths.push(target.pattern.node.clone());
        }
        match node.downcast_ref::<Literal>() {
            Some(
                Literal::Int(number)
                | Literal::Percent(number)
                | Literal::Amount(number, _)
                | Literal::Price(number, _)
                | Literal::Rate(number, ..)
                | Literal::InFlight(number),
            ) => self.numbers.push(*number),
            Some(Literal::Duration(span) | Literal::Clock(span)) => self.numbers.push(span.0),
            Some(Literal::Instant(instant)) => self.numbers.push(instant.0),
            Some(Literal::Date(day)) => self.numbers.push(day.0.into()),
            Some(Literal::String(text)) => {
                if text.starts_with('/') {
                    self.paths.push(text.clone());
                }
                self.texts.push(text.clone());
            }
            Some(Literal::Net(net)) => self.nets.push(*net),
            Some(Literal::Bool(_) | Literal::Unlimited) | None => {}
        }
    }
}
