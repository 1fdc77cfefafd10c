//! Declarations: edition, module, use, hierarchy, input, plan and set.

use crate::{
    ast::{Attribute, ExprKind, ItemKind, Level, Plan, PlanEntry, SetDecl, TypeExpr, TypeExprKind, Use},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        reader::{Read, Reader},
        syntax::{Node, Rule},
        words::Place,
    },
};

impl<'a> Reader<'a, '_> {
    /// `edition 2026`
    pub(super) fn edition_item(&mut self) -> Read<ItemKind> {
        let node = self.phrase(Rule::edition_item, Place::Item)?;
        let year = self.need(&node, Rule::digits)?;
        Ok(ItemKind::Edition(self.integer(&year)?))
    }

    /// `module std.http`
    pub(super) fn module_item(&mut self) -> Read<ItemKind> {
        let node = self.phrase(Rule::module_item, Place::Item)?;
        let name = self.need(&node, Rule::module_name)?;
        Ok(ItemKind::Module(self.name(&name)))
    }

    /// `use std.geo (eu, eea)`
    pub(super) fn use_item(&mut self) -> Read<ItemKind> {
        let node = self.phrase(Rule::use_item, Place::Item)?;
        let module = self.need(&node, Rule::module_name)?;
        let module = self.spanned(&module, module.text().to_owned());
        let imports = node.child(Rule::imports);
        let names = imports.iter().flat_map(|imports| imports.all(Rule::ident));
        let names = names.map(|name| self.spanned(&name, name.text().to_owned())).collect();
        Ok(ItemKind::Use(Use { module, names }))
    }

    /// `hierarchy org > team? > user`
    pub(super) fn hierarchy_item(&mut self) -> Read<ItemKind> {
        let node = self.phrase(Rule::hierarchy_item, Place::Item)?;
        let mut levels = Vec::new();
        for level in node.all(Rule::level) {
            let name = self.need(&level, Rule::dotted)?;
            let name = self.spanned(&name, name.text().to_owned());
            levels.push(Level { name, optional: level.child(Rule::question).is_some() });
        }
        Ok(ItemKind::Hierarchy(levels))
    }

    /// `input { … }`
    pub(super) fn input_item(&mut self) -> Read<ItemKind> {
        self.phrase(Rule::input_head, Place::Item)?;
        self.last_entry = None;
        Ok(ItemKind::Input(self.block(Place::Attribute, |reader, attributes| {
            let node = reader.phrase(Rule::attribute_entry, Place::Attribute)?;
            reader.last_entry = Some(Rule::attribute_entry);
            attributes.push(reader.attribute(&node)?);
            Ok(())
        })))
    }

    fn attribute(&mut self, node: &Node<'a>) -> Read<Attribute> {
        let name = self.need(node, Rule::dotted_decl)?;
        let name = self.name(&name);
        let ty = self.need(node, Rule::type_expr)?;
        let ty = self.type_expr(&ty)?;
        let source = match node.child(Rule::source) {
            Some(source) => Some(self.source(&source)?),
            None => None,
        };
        let untrusted = node.child(Rule::untrusted).is_some();
        let trusted = node.child(Rule::trusted).map(|word| self.span_of(&word));
        let after_response = node.child(Rule::after_response).is_some();
        let mut value = |rule| match node.child(rule) {
            Some(child) => self.child_expr(&child).map(Some),
            None => Ok(None),
        };
        let default = value(Rule::default)?;
        let otherwise = value(Rule::otherwise)?;
        let span = self.span_of(node);
        Ok(Attribute { name, ty, source, untrusted, trusted, after_response, default, otherwise, span })
    }

    pub(super) fn type_expr(&mut self, node: &Node<'a>) -> Read<TypeExpr> {
        let Some(kind) = node.children().next() else { return self.unreadable(node) };
        let kind = match kind.rule() {
            Rule::one_of => {
                TypeExprKind::OneOf(kind.all(Rule::string).map(|value| self.string(&value)).collect())
            }
            Rule::int_range => {
                let mut bounds = Vec::new();
                for number in kind.all(Rule::number) {
                    bounds.push(self.number(&number, 1)?);
                }
                let [low, high] = bounds.as_slice() else { return self.unreadable(node) };
                if low > high {
                    let span = self.span_of(&kind);
                    let message = format!("no number lies between {low} and {high}");
                    return self.refuse(
                        Diagnostic::new(Code::RL0013, message, span, "")
                            .help("the smaller bound stands first"),
                    );
                }
                TypeExprKind::IntRange(*low, *high)
            }
            Rule::type_word => TypeExprKind::Named(kind.text().to_owned()),
            _ => self.ratio_type(&kind)?,
        };
        Ok(TypeExpr { kind, optional: node.child(Rule::question).is_some(), span: self.span_of(node) })
    }

    /// `plan pro extends free { … }`
    pub(super) fn plan_item(&mut self) -> Read<ItemKind> {
        let head = self.phrase(Rule::plan_head, Place::Item)?;
        let mut names = head.all(Rule::decl);
        let (Some(name), extends) = (names.next(), names.next()) else { return self.unreadable(&head) };
        let name = self.name(&name);
        let extends = extends.map(|name| self.name(&name));
        self.last_entry = None;
        let entries = self.block(Place::PlanEntry, |reader, entries| {
            entries.push(reader.plan_entry()?);
            Ok(())
        });
        Ok(ItemKind::Plan(Plan { name, extends, entries }))
    }

    fn plan_entry(&mut self) -> Read<PlanEntry> {
        match self.peek_text() {
            "limit" => Ok(PlanEntry::Limit(self.limit_entry(Place::PlanEntry)?)),
            "no" => {
                let node = self.phrase(Rule::no_limit_entry, Place::PlanEntry)?;
                self.last_entry = Some(Rule::no_limit_entry);
                let name = self.need(&node, Rule::decl)?;
                Ok(PlanEntry::NoLimit(self.name(&name)))
            }
            _ if !self.begins_constant() => self.unknown_entry(Place::PlanEntry),
            _ => {
                let node = self.phrase(Rule::constant_entry, Place::PlanEntry)?;
                self.last_entry = Some(Rule::constant_entry);
                let name = self.need(&node, Rule::decl)?;
                let name = self.name(&name);
                Ok(PlanEntry::Constant(name, self.child_expr(&node)?))
            }
        }
    }

    /// `set office = 203.0.113.0/24, …`
    pub(super) fn set_item(&mut self) -> Read<ItemKind> {
        let node = self.phrase(Rule::set_item, Place::Item)?;
        let name = self.need(&node, Rule::decl)?;
        let name = self.name(&name);
        let mut members = Vec::new();
        for member in node.all(Rule::expr) {
            let member = self.expr(&member)?;
            match member.kind {
                ExprKind::Set(inner) => members.extend(inner),
                _ => members.push(member),
            }
        }
        Ok(ItemKind::Set(SetDecl { name, members }))
    }
}
