//! `rlc plans`: what each plan has, and where it is written.

mod show;

use std::path::PathBuf;

use limitrate_compiler::{
    Engine,
    plans::{EntryKind, PlanCell, PlanMatrix, PlanRow, Written},
    source::Sources,
};
use serde::Serialize;

use crate::{
    args::Format,
    exit::Exit,
    json::{Place, Places},
    policy,
    ui::Ui,
};

pub(super) const FORMATS: &[Format] = &[Format::Text, Format::Json];

/// The arguments of `rlc plans`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The policy; `-` is the standard input
    policy: PathBuf,
}

/// `limitrate/plans/v1`: the matrix of plans.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    plans: Vec<Plan>,
    limits: Vec<Row>,
    constants: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Plan {
    name: String,
    extends: Option<String>,
    #[serde(flatten)]
    place: Place,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// One for each plan, in their order.
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    plan: String,
    /// `set`, `removed` or `absent`.
    state: &'static str,
    /// What is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The plan it is written in, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    inherited_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
}

/// Prints the matrix.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    let accepted = match policy::load(&args.policy, Engine::Interpreter, ui) {
        Ok(accepted) => accepted,
        Err(exit) => return exit,
    };
    let matrix = PlanMatrix::new(&accepted.plans, &accepted.sources);
    if ui.format() == Format::Json {
        ui.json(&document(&matrix, &accepted.sources));
    } else {
        show::matrix(&matrix, &accepted.sources, ui);
    }
    Exit::Fine
}

fn document(matrix: &PlanMatrix, sources: &Sources) -> Document {
    let mut places = Places::new(sources);
    let plans = matrix.plans.iter().map(|plan| Plan {
        name: plan.name.clone(),
        extends: plan.extends.clone(),
        place: places.place(plan.span),
    });
    let plans = plans.collect();
    let mut rows = |kind: EntryKind| -> Vec<Row> {
        let of_kind = matrix.rows.iter().filter(|row| row.kind == kind);
        of_kind.map(|row| self::row(matrix, row, &mut places)).collect()
    };
    let (limits, constants) = (rows(EntryKind::Limit), rows(EntryKind::Constant));
    Document { schema: "limitrate/plans/v1", plans, limits, constants }
}

fn row(matrix: &PlanMatrix, row: &PlanRow, places: &mut Places<'_>) -> Row {
    let cells = matrix.plans.iter().zip(&row.cells).enumerate().map(|(at, (plan, cell))| {
        let (state, written) = match cell {
            PlanCell::Absent => ("absent", None),
            PlanCell::Removed(written) => ("removed", Some(written)),
            PlanCell::Set(written) => ("set", Some(written)),
        };
        let text = written.map(|written| written.text.clone()).filter(|text| !text.is_empty());
        Cell {
            plan: plan.name.clone(),
            state,
            text,
            inherited_from: written.and_then(|written| origin(matrix, written, at)).map(str::to_owned),
            place: written.map(|written| places.place(written.span)),
        }
    });
    Row { name: row.name.clone(), cells: cells.collect() }
}

/// The plan that a cell of plan `at` is inherited from.
fn origin<'m>(matrix: &'m PlanMatrix, written: &Written, at: usize) -> Option<&'m str> {
    let from = matrix.plans.get(written.plan).filter(|_| written.plan != at)?;
    Some(&from.name)
}
