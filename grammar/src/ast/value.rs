//! Declarations of values: units, tables and functions.

use super::{Expr, Name, Pattern, TypeExpr};
use crate::span::Span;

/// `unit images, image`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitDecl {
    /// Its name, and further words for it.
    pub words: Vec<Name>,
}

/// A table of values, looked up by one or more facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// The facts that it is looked up by.
    pub keys: Vec<Name>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows in the order of the text.
    pub rows: Vec<TableRow>,
}

/// A column of a table: `input usd/Mtok`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Name,
    /// The type of its values.
    pub ty: TypeExpr,
}

/// A row of a table: `"large" => $2.50/Mtok, $10.00/Mtok`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// One for each key, or values that share the row where the table has one key, or `else` alone.
    pub patterns: Vec<Pattern>,
    /// One for each column.
    pub cells: Vec<Expr>,
    /// The whole row.
    pub span: Span,
}

/// A function: an expression with parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<Param>,
    /// The type of what it gives.
    pub result: TypeExpr,
    /// What it gives.
    pub body: Expr,
}

/// A parameter of a function: `count: tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
}

/// The name of the fact that `header("X-Client-Id")` reads: `header.x-client-id`. Names of headers have no case.
#[must_use]
pub fn fact_name(function: &str, name: &str) -> String {
    if function == "header" {
        format!("header.{}", name.to_ascii_lowercase())
    } else {
        format!("{function}.{name}")
    }
}
