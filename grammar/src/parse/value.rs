//! Declarations of values: units, tables and functions; and where facts are read from.

use limitrate_core::{
    facts::Source,
    unit::{Unit, UnitName},
};

use crate::{
    ast::{Column, Function, ItemKind, Param, Table, TableRow, UnitDecl},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        foreign::instead,
        reader::{Read, Reader},
        syntax::{Node, Rule},
        words::{self, Place},
    },
};

/// Where a fact may be read from.
const SOURCES: [&str; 4] = ["header", "query", "cookie", "descriptor"];

impl<'a> Reader<'a, '_> {
    /// `unit images, image`
    pub(super) fn unit_item(&mut self) -> Read<ItemKind> {
        let node = self.phrase(Rule::unit_item, Place::Item)?;
        let mut words = Vec::new();
        for word in node.all(Rule::decl) {
            let name = self.name(&word);
            let taken =
                Unit::from_word(&name.node).is_some() || words::TIME_UNITS.contains(&name.node.as_str());
            if taken {
                let message = format!("`{}` is a unit of the language already", name.node);
                self.report(Diagnostic::new(Code::RL0102, message, name.span, "choose another word"));
            } else if UnitName::new(&name.node).is_none() {
                let most = UnitName::MAX_BYTES;
                let message = format!("the name of a unit has at most {most} bytes");
                self.report(Diagnostic::new(Code::RL0014, message, name.span, "too long"));
            } else {
                words.push(name);
            }
        }
        Ok(ItemKind::Unit(UnitDecl { words }))
    }

    /// `fn cost(count: tokens) -> usd = …`
    pub(super) fn function_item(&mut self) -> Read<ItemKind> {
        let node = self.phrase(Rule::function_item, Place::Item)?;
        let name = self.need(&node, Rule::decl)?;
        let name = self.name(&name);
        let mut params = Vec::new();
        for param in node.all(Rule::param) {
            let name = self.need(&param, Rule::decl)?;
            let name = self.name(&name);
            let ty = self.need(&param, Rule::type_expr)?;
            params.push(Param { name, ty: self.type_expr(&ty)? });
        }
        let result = self.need(&node, Rule::type_expr)?;
        let result = self.type_expr(&result)?;
        let body = self.child_expr(&node)?;
        Ok(ItemKind::Function(Function { name, params, result, body }))
    }

    /// `table price by model : (input usd/Mtok, output usd/Mtok) { … }`
    pub(super) fn table_item(&mut self) -> Read<ItemKind> {
        let head = self.phrase(Rule::table_head, Place::Item)?;
        let name = self.need(&head, Rule::decl)?;
        let name = self.name(&name);
        let keys = head.all(Rule::dotted).map(|key| self.spanned(&key, key.text().to_owned())).collect();
        let mut columns = Vec::new();
        for column in head.all(Rule::column) {
            let name = self.need(&column, Rule::decl)?;
            let name = self.name(&name);
            let ty = self.need(&column, Rule::type_expr)?;
            columns.push(Column { name, ty: self.type_expr(&ty)? });
        }
        self.last_entry = None;
        let rows = self.block(Place::Arm, |reader, rows| {
            let node = reader.phrase(Rule::row_entry, Place::Arm)?;
            reader.last_entry = Some(Rule::row_entry);
            rows.push(reader.row(&node)?);
            Ok(())
        });
        Ok(ItemKind::Table(Table { name, keys, columns, rows }))
    }

    fn row(&mut self, node: &Node<'a>) -> Read<TableRow> {
        let patterns = self.patterns(node)?;
        let mut cells = Vec::new();
        let mut end = node.start();
        for cell in node.all(Rule::expr) {
            end = cell.end();
            cells.push(self.expr(&cell)?);
        }
        Ok(TableRow { patterns, cells, span: self.span(node.start(), end) })
    }

    /// `from header "x-api-key"`
    pub(super) fn source(&mut self, node: &Node<'a>) -> Read<Source> {
        let kind = self.need(node, Rule::ident)?;
        let name = self.need(node, Rule::string)?;
        let name = self.string(&name).node;
        let span = self.span_of(&kind);
        Ok(match kind.text() {
            "header" => Source::Header(name.to_ascii_lowercase().into()),
            "query" => Source::Query(name.into()),
            "cookie" => Source::Cookie(name.into()),
            "descriptor" => Source::Descriptor(name.into()),
            "headers" | "cookies" => {
                return self.refuse(instead(kind.text(), kind.text().trim_end_matches('s'), span));
            }
            word => {
                let diagnostic = words::unknown("source of a fact", word, &SOURCES, span);
                let lacks_fix = diagnostic.fixes.is_empty();
                let help = "a fact is read from a header, the query, a cookie or a descriptor";
                return self.refuse(if lacks_fix { diagnostic.help(help) } else { diagnostic });
            }
        })
    }
}
