//! The same traffic under both policies.

use std::{path::Path, sync::Arc};

use limitrate_compiler::Policy;
use limitrate_core::facts::FactDecl;
use limitrate_testkit::{
    compare::{Comparison, TrafficDiff},
    simulate::{Simulation, SimulationOptions, Watch},
    traffic::{Schema, TrafficFile},
};

use super::Args;
use crate::{command::simulate::unread, exit::Exit, pair, ui::Ui};

/// Decides the traffic under the old policy and then under the new one.
///
/// # Errors
///
/// How the command ends, with everything said: the traffic cannot be read, or does not fit the facts of a policy.
pub(super) fn compare(
    args: &Args,
    path: &Path,
    (old, new): (Policy, Policy),
    ui: &mut Ui,
) -> Result<TrafficDiff, Exit> {
    let comparison = Comparison::default();
    replay(args, path, Arc::new(old), comparison.first(), ui)?;
    replay(args, path, Arc::new(new), comparison.second(), ui)?;
    Ok(comparison.finish())
}

fn replay(
    args: &Args,
    path: &Path,
    policy: Arc<Policy>,
    watch: Box<dyn Watch>,
    ui: &mut Ui,
) -> Result<(), Exit> {
    let decls: Vec<FactDecl> = policy.program().facts.iter().map(|fact| fact.decl.clone()).collect();
    let schema = Schema::new(&decls, &pair::borrowed(&args.set), &pair::borrowed(&args.map));
    let schema = schema.map_err(|error| {
        ui.error(error);
        Exit::Usage
    })?;
    let options = SimulationOptions { watch: Some(watch), ..SimulationOptions::default() };
    let mut simulation = Simulation::new(policy, options);
    let replayed = TrafficFile::open(path).and_then(|mut file| {
        let input = args.input.map_or_else(|| file.format(), Ok)?;
        file.replay(input, &schema, &mut simulation)
    });
    match replayed {
        Ok(_) => Ok(()),
        Err(error) => Err(unread(path, &error, ui)),
    }
}
