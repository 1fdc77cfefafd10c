//! Messages: what each piece is printed from.

use limitrate_core::facts::FactType;

use super::Lowering;
use crate::{
    checked::{Expr, ExprKind, MessagePiece, Type},
    ir::{Piece, slot::Slot},
};

impl Lowering<'_> {
    pub(super) fn message(&mut self, pieces: &[MessagePiece]) -> Vec<Piece> {
        pieces
            .iter()
            .map(|piece| match piece {
                MessagePiece::Text(text) => Piece::Text(text.clone()),
                MessagePiece::Value(value) => self.piece(value),
            })
            .collect()
    }

    fn piece(&mut self, value: &Expr) -> Piece {
        let mut value = value;
        while let ExprKind::Let(id) = value.kind {
            let Some(named) = self.checked.lets.get(id.0) else { return Piece::Text(String::new()) };
            value = named;
        }
        let piece = self.present_piece(value);
        if value.absent.is_none() || matches!(piece, Piece::Fact(_)) {
            return piece;
        }
        Piece::Maybe(self.present(value), Box::new(piece))
    }

    /// The piece of a value that is there.
    fn present_piece(&mut self, value: &Expr) -> Piece {
        match (&value.kind, &value.ty) {
            (ExprKind::Text(text), _) => Piece::Text(text.clone()),
            (ExprKind::Fact(fact), Type::Text | Type::Ip | Type::OneOf(_) | Type::Plan) => Piece::Fact(*fact),
            (ExprKind::ByPlan(values), Type::Text) => {
                let texts = values.iter().map(literal).collect();
                let plan = self.checked.plan_fact.map(Slot::Value);
                let node = plan.map(|slot| self.graph.slot(slot));
                Piece::Choice(node.unwrap_or_else(|| self.graph.constant(0)), texts)
            }
            (_, Type::Plan) => Piece::Choice(self.value(value), self.checked.plans.clone()),
            (_, Type::OneOf(fact)) => {
                let members = match self.checked.facts.get(usize::from(fact.0)).map(|f| &f.decl.ty) {
                    Some(FactType::OneOf(members)) => members.iter().map(ToString::to_string).collect(),
                    _ => Vec::new(),
                };
                Piece::Choice(self.value(value), members)
            }
            (_, Type::Bool) => Piece::Choice(self.value(value), vec!["false".into(), "true".into()]),
            _ => Piece::Value(self.value(value), value.ty.clone()),
        }
    }
}

fn literal(value: &Expr) -> String {
    if let ExprKind::Text(text) = &value.kind { text.clone() } else { String::new() }
}
