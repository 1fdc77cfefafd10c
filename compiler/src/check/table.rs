//! Tables: constants in typed columns, total over what they are looked up by.

use std::collections::HashMap;

use limitrate_core::facts::FactType;
use limitrate_grammar::{
    ast::{self, PatternKind},
    code::Code,
    diagnostic::Diagnostic,
    span::Span,
};

use super::Checker;
use crate::{
    checked::{Expr, ExprKind, Row, Table, TableId, Type},
    resolve::Symbol,
};

/// The most rows of a table: a request is compared with one after the other.
const MAX_ROWS: usize = 512;

/// The most rows that all lookups of a policy may go through.
const MAX_LOOKED_UP: usize = 1 << 16;

/// The most combinations of listed values that are looked for among the rows.
const MAX_COMBINATIONS: usize = 4_096;

/// What a table is looked up by, and what it gives.
#[derive(Debug, Clone, Default)]
pub(super) struct TableType {
    /// The types of its keys, and what each is called.
    keys: Vec<(String, Type)>,
    /// Its columns.
    columns: Vec<(String, Type)>,
    /// Whether a row holds for everything.
    has_else: bool,
    /// Whether something in it is wrong, and reported.
    broken: bool,
}

impl Checker<'_> {
    /// Types every table.
    pub(super) fn tables(&mut self) {
        let resolved = self.resolved;
        for table in &resolved.tables {
            let mut ty = self.table_type(table);
            let rows = self.rows(table, &mut ty);
            self.out.tables.push(Table { rows });
            self.table_types.push(ty);
        }
    }

    fn table_type(&mut self, table: &ast::Table) -> TableType {
        let mut ty = TableType::default();
        for key in &table.keys {
            let of_key = self.key_type(key);
            ty.broken |= of_key.is_none();
            ty.keys.push((key.node.clone(), of_key.unwrap_or(Type::Unknown)));
        }
        for column in &table.columns {
            if ty.columns.iter().any(|(name, _)| *name == column.name.node) {
                let first = table.columns.iter().find(|first| first.name.node == column.name.node);
                let first = first.map(|first| first.name.span).unwrap_or_default();
                let diagnostic = crate::resolve::declared_twice("column", &column.name, first);
                self.report(diagnostic);
            }
            let of_column = self.written_type(&column.ty, "a column of a table").map(|(ty, _)| ty);
            ty.broken |= of_column.is_none();
            ty.columns.push((column.name.node.clone(), of_column.unwrap_or(Type::Unknown)));
        }
        ty
    }

    /// The type of the fact that a table is looked up by.
    fn key_type(&mut self, key: &ast::Name) -> Option<Type> {
        let Some(Symbol::Input(position)) = self.resolved.symbol(&key.node, key.span) else {
            self.unknown_fact(&key.node, key.span);
            return None;
        };
        let id = super::fact_id(position)?;
        let declared = self.out.facts.get_mut(position)?;
        declared.used |= true;
        let ty = Type::of_fact(id, &declared.decl.ty);
        if matches!(ty, Type::Text | Type::Int | Type::Bool | Type::OneOf(_) | Type::Plan) {
            return (!self.unclear.contains(&id)).then_some(ty);
        }
        let message = format!("a table is not looked up by {}", ty.noun());
        self.report(
            Diagnostic::new(Code::RL0202, message, key.span, "what are its rows?")
                .help("a table is looked up by text, plain numbers, listed values and plans"),
        );
        None
    }

    fn rows(&mut self, table: &ast::Table, ty: &mut TableType) -> Vec<Row> {
        if let Some(extra) = table.rows.get(MAX_ROWS) {
            let message = format!("a table has at most {MAX_ROWS} rows");
            self.report(Diagnostic::new(Code::RL0509, message, extra.span, "one too many"));
            ty.broken = true;
            return Vec::new();
        }
        let mut rows: Vec<Row> = Vec::new();
        let mut written: Vec<(Vec<&PatternKind>, Span)> = Vec::new();
        for row in &table.rows {
            let Some(patterns) = self.row_patterns(row, ty) else {
                ty.broken = true;
                continue;
            };
            let cells = self.cells(row, ty);
            for patterns in patterns {
                let kinds: Vec<&PatternKind> = patterns.iter().map(|pattern| &pattern.kind).collect();
                let at = patterns.first().map_or(row.span, |first| first.span);
                let at = patterns.last().map_or(at, |last| at.to(last.span));
                ty.broken |= self.row_is_reached(&kinds, at, &written);
                let constants = self.constants(&patterns, ty);
                written.push((kinds, at));
                match (constants, &cells) {
                    (Some(patterns), Some(cells)) => rows.push(Row { patterns, cells: cells.clone() }),
                    _ => ty.broken = true,
                }
            }
        }
        ty.has_else = rows.iter().any(|row| row.patterns.iter().all(Option::is_none));
        if !ty.broken && !self.cut_short(table.name.span) {
            self.total(table, ty, &rows);
        }
        rows
    }

    /// The patterns of a row, one for each key; several rows where values share one.
    fn row_patterns<'t>(
        &mut self,
        row: &'t ast::TableRow,
        ty: &TableType,
    ) -> Option<Vec<Vec<&'t ast::Pattern>>> {
        let patterns: Vec<&ast::Pattern> = row.patterns.iter().collect();
        let is_else = |pattern: &&ast::Pattern| pattern.kind == PatternKind::Else;
        match (ty.keys.len(), patterns.as_slice()) {
            (keys, [only]) if is_else(only) => Some(vec![vec![*only; keys]]),
            (1, several) => Some(several.iter().map(|pattern| vec![*pattern]).collect()),
            (keys, several) if keys == several.len() => Some(vec![patterns]),
            (keys, several) => {
                let (first, last) = (several.first()?.span, several.last()?.span);
                let names: Vec<&str> = ty.keys.iter().map(|(name, _)| name.as_str()).collect();
                let message = format!("this table is looked up by {keys} values, not {}", several.len());
                self.report(
                    Diagnostic::new(Code::RL0202, message, first.to(last), "one for each is needed").help(
                        format!("write a value or `else` for each of {}, or `else` alone", names.join(", ")),
                    ),
                );
                None
            }
        }
    }

    fn constants(&mut self, patterns: &[&ast::Pattern], ty: &TableType) -> Option<Vec<Option<Expr>>> {
        let mut constants = Vec::new();
        for (pattern, (_, wanted)) in patterns.iter().zip(&ty.keys) {
            let value = match &pattern.kind {
                PatternKind::Else => {
                    constants.push(None);
                    continue;
                }
                PatternKind::Literal(literal) => self.literal(literal, pattern.span),
                PatternKind::Name(name) => self.path(name, pattern.span),
            };
            let value = self.require(value, wanted, "here the table is looked up by");
            if value.ty == Type::Unknown || *wanted == Type::Unknown {
                return None;
            }
            if !matches!(value.kind, ExprKind::Const(_) | ExprKind::Text(_)) {
                let message = "what a row is for is constant";
                self.report(Diagnostic::new(Code::RL0403, message, pattern.span, "depends on the request"));
                return None;
            }
            constants.push(Some(value));
        }
        Some(constants)
    }

    /// The constants of a row, one for each column.
    fn cells(&mut self, row: &ast::TableRow, ty: &TableType) -> Option<Vec<Expr>> {
        if row.cells.len() != ty.columns.len() && !self.cut_short(row.span) {
            let names: Vec<&str> = ty.columns.iter().map(|(name, _)| name.as_str()).collect();
            let (cells, columns) = (row.cells.len(), ty.columns.len());
            let message = format!("a row here has {columns} cells, not {cells}");
            self.report(
                Diagnostic::new(Code::RL0202, message, row.span, "one for each column is needed")
                    .help(format!("the columns are {}", names.join(", "))),
            );
            return None;
        }
        let mut cells = Vec::new();
        for (cell, (name, wanted)) in row.cells.iter().zip(&ty.columns) {
            let value = self.constant_expr(cell);
            let no_ceiling = value.ty == Type::Unlimited && matches!(wanted, Type::Rate(..));
            let value =
                if no_ceiling { value } else { self.require(value, wanted, &format!("in `{name}` stands")) };
            cells.push(value);
        }
        cells.iter().all(|cell| cell.ty != Type::Unknown).then_some(cells)
    }

    /// Reports a row that never holds, or that holds together with another where neither comes first by right.
    fn row_is_reached(
        &mut self,
        row: &[&PatternKind],
        at: Span,
        before: &[(Vec<&PatternKind>, Span)],
    ) -> bool {
        let covers = |wide: &PatternKind, narrow: &PatternKind| *wide == PatternKind::Else || wide == narrow;
        for (earlier, first) in before {
            let pairs = || earlier.iter().zip(row);
            if pairs().all(|(earlier, row)| covers(earlier, row)) {
                let message = if earlier == row {
                    "this row is there already"
                } else {
                    "this row never holds: one before it does"
                };
                self.report(
                    Diagnostic::new(Code::RL0102, message, at, "never reached")
                        .label(*first, "holds for the same")
                        .help("what is more exact stands first; delete one of two that say the same"),
                );
                return true;
            }
            let meet = pairs().all(|(earlier, row)| covers(earlier, row) || covers(row, earlier));
            let narrower = pairs().all(|(earlier, row)| covers(row, earlier));
            let both: Vec<&PatternKind> = pairs()
                .map(|(earlier, row)| if **earlier == PatternKind::Else { *row } else { *earlier })
                .collect();
            if meet && !narrower && !before.iter().any(|(exact, _)| *exact == both) {
                self.report(
                    Diagnostic::new(
                        Code::RL0102,
                        "two rows hold for the same values",
                        at,
                        "holds for some of them",
                    )
                    .label(*first, "so does this")
                    .help("write a row for what both hold for, before them"),
                );
                return true;
            }
        }
        false
    }

    /// Reports a table that leaves values out.
    fn total(&mut self, table: &ast::Table, ty: &mut TableType, rows: &[Row]) {
        if ty.has_else {
            return;
        }
        let missing = match self.missing_row(ty, rows) {
            None => return,
            Some(missing) => missing,
        };
        ty.broken = true;
        let last = table.rows.last().map_or(table.name.span, |row| row.span);
        let blanks = vec!["…"; ty.columns.len()].join(", ");
        self.report(
            Diagnostic::new(
                Code::RL0204,
                format!("this table has no row for {missing}"),
                table.name.span,
                "not every value has a row",
            )
            .fix("add a row for the rest", last.after(), format!("\n  else => {blanks}")),
        );
    }

    /// The first combination of values without a row.
    fn missing_row(&self, ty: &TableType, rows: &[Row]) -> Option<String> {
        let mut domains: Vec<Vec<String>> = Vec::new();
        for (name, key) in &ty.keys {
            let values = match key {
                Type::Bool => vec!["false".to_owned(), "true".to_owned()],
                Type::Plan => self.out.plans.clone(),
                Type::OneOf(fact) => match self.out.facts.get(usize::from(fact.0)).map(|f| &f.decl.ty) {
                    Some(FactType::OneOf(members)) => members.iter().map(|m| format!("\"{m}\"")).collect(),
                    _ => return Some("every other value".to_owned()),
                },
                Type::Int
                | Type::Percent
                | Type::Quantity(_)
                | Type::Price(_)
                | Type::Duration
                | Type::Instant
                | Type::Date
                | Type::Clock
                | Type::Text
                | Type::Ip
                | Type::Rate(..)
                | Type::InFlight
                | Type::Unlimited
                | Type::Unknown => return Some(format!("every other `{name}`")),
            };
            domains.push(values);
        }
        let combinations = domains.iter().map(Vec::len).product::<usize>();
        if combinations > MAX_COMBINATIONS {
            return Some("every other value".to_owned());
        }
        let exact: HashMap<Vec<Option<i64>>, ()> = rows
            .iter()
            .map(|row| (row.patterns.iter().map(|p| p.as_ref().and_then(Expr::constant)).collect(), ()))
            .collect();
        (0..combinations).find_map(|mut number| {
            let mut values = Vec::new();
            let mut names = Vec::new();
            for domain in &domains {
                let at = number % domain.len().max(1);
                number /= domain.len().max(1);
                values.push(i64::try_from(at).unwrap_or(i64::MAX));
                names.push(domain.get(at).cloned().unwrap_or_default());
            }
            let fits = |row: &Vec<Option<i64>>| {
                row.iter()
                    .zip(&values)
                    .all(|(pattern, value)| pattern.is_none_or(|pattern| pattern == *value))
            };
            (!exact.keys().any(fits)).then(|| names.join(", "))
        })
    }

    /// `price[model].input`
    pub(super) fn look_up(
        &mut self,
        table: &ast::Name,
        keys: &[ast::Expr],
        column: Option<&ast::Name>,
        span: Span,
    ) -> Expr {
        let typed: Vec<Expr> = keys.iter().map(|key| self.expr(key)).collect();
        let Some(Symbol::Table(position)) = self.resolved.symbol(&table.node, table.span) else {
            return self.no_table(table, span);
        };
        self.uses.symbol(Symbol::Table(position), table.span);
        let Some(ty) = self.table_types.get(position).cloned() else {
            return self.not_written_out("looks a table up", span);
        };
        let Some((at, of_column)) = self.column(&table.node, &ty, column, span) else {
            return Expr::unknown(span);
        };
        if typed.len() != ty.keys.len() {
            let names: Vec<&str> = ty.keys.iter().map(|(name, _)| name.as_str()).collect();
            let message =
                format!("`{}` is looked up by {} values, not {}", table.node, ty.keys.len(), typed.len());
            let help = format!("write `{}[{}]`", table.node, names.join(", "));
            return self.wrong(Diagnostic::new(Code::RL0202, message, span, "here").help(help), span);
        }
        let mut looked = Vec::new();
        for (key, (_, wanted)) in typed.into_iter().zip(&ty.keys) {
            let key = self.require(key, wanted, &format!("`{}` is looked up by", table.node));
            if key.ty == Type::Unknown {
                return Expr::unknown(span);
            }
            if let (Some(declared), false) = (key.absent, ty.has_else || ty.broken) {
                let written = self.text(key.span).to_owned();
                let message = format!("`{}` has no row for a request without it", table.node);
                return self.wrong(
                    Diagnostic::new(Code::RL0204, message, key.span, "may be absent")
                        .label(declared, "declared optional here")
                        .help(format!("give a fallback, `{written} ?? …`, or the table an `else` row")),
                    span,
                );
            }
            looked.push(key);
        }
        let rows = self.out.tables.get(position).map_or(0, |table| table.rows.len());
        if ty.broken || self.looks_up_too_much(rows, span) {
            return Expr::unknown(span);
        }
        Expr::new(ExprKind::Lookup(TableId(position), at, looked), of_column, span)
    }

    /// Counts the rows of a lookup; reports the one that is too much.
    pub(super) fn looks_up_too_much(&mut self, rows: usize, span: Span) -> bool {
        let before = self.looked_up;
        self.looked_up = before.saturating_add(rows);
        if self.looked_up > MAX_LOOKED_UP && before <= MAX_LOOKED_UP {
            let message = format!("the lookups of a policy go through at most {MAX_LOOKED_UP} rows");
            self.report(
                Diagnostic::new(Code::RL0509, message, span, "too many with this one")
                    .help("look a value up once, and name it with `let`"),
            );
        }
        self.looked_up > MAX_LOOKED_UP
    }

    fn column(
        &mut self,
        table: &str,
        ty: &TableType,
        column: Option<&ast::Name>,
        span: Span,
    ) -> Option<(usize, Type)> {
        let Some(column) = column else {
            if let [(_, only)] = ty.columns.as_slice() {
                return Some((0, only.clone()));
            }
            let mut diagnostic =
                Diagnostic::new(Code::RL0202, "this is a row, not a value", span, "which column of it?");
            for (name, _) in ty.columns.iter().take(3) {
                diagnostic = diagnostic.fix(format!("take `{name}`"), span.after(), format!(".{name}"));
            }
            self.report(diagnostic);
            return None;
        };
        let found = ty.columns.iter().position(|(name, _)| *name == column.node);
        if let Some((at, (_, of_column))) = found.and_then(|at| Some((at, ty.columns.get(at)?))) {
            return Some((at, of_column.clone()));
        }
        let names = ty.columns.iter().map(|(name, _)| name.as_str());
        let mut diagnostic = self.unknown("column", &column.node, column.span, names.clone());
        if diagnostic.fixes.is_empty() {
            let names: Vec<&str> = names.collect();
            diagnostic = diagnostic.help(format!("the columns of `{table}` are {}", names.join(", ")));
        }
        self.report(diagnostic);
        None
    }

    fn no_table(&mut self, name: &ast::Name, span: Span) -> Expr {
        if let Some(other) = self.resolved.symbol(&name.node, name.span) {
            let message = format!("`{}` is {}, not a table", name.node, other.noun());
            return self.wrong(
                Diagnostic::new(Code::RL0202, message, name.span, "cannot be looked up")
                    .help("a table is declared as `table price by model : (input usd/Mtok) { … }`"),
                span,
            );
        }
        let known = self.resolved.tables.iter().map(|table| table.name.node.as_str());
        let mut diagnostic = self.unknown("table", &name.node, name.span, known);
        if diagnostic.fixes.is_empty() {
            diagnostic =
                diagnostic.help("a table is declared as `table price by model : (input usd/Mtok) { … }`");
        }
        self.lacking(&name.node, diagnostic, span)
    }
}
