//! `--geo FILE`: facts about where an address is, from MaxMind databases.

use std::path::PathBuf;
#[cfg(feature = "geo")]
use std::{error::Error as _, sync::Arc};

use limitrate_compiler::ir::Program;
use limitrate_core::facts::{FactId, Value};
#[cfg(feature = "geo")]
use limitrate_runtime::enrich::geo::{GeoDatabase, GeoFacts};
#[cfg(feature = "geo")]
use limitrate_testkit::geo::Located;
use limitrate_testkit::{
    simulate::Simulation,
    traffic::{Format, Replayed, Schema, TrafficError, TrafficFile},
};

use crate::{escape, exit::Exit, ui::Ui};

/// The option, for commands that decide requests.
#[derive(Debug, clap::Args)]
pub(crate) struct GeoArgs {
    /// A MaxMind database that tells country, city and the like by the address; may be repeated
    #[arg(long = "geo", value_name = "FILE")]
    #[cfg_attr(not(feature = "geo"), arg(hide = true))]
    databases: Vec<PathBuf>,
}

/// What the databases tell of requests; nothing where none are given.
#[derive(Debug, Default)]
pub(crate) struct Geo {
    #[cfg(feature = "geo")]
    facts: Option<GeoFacts>,
}

/// Why a database could not tell.
#[derive(Debug, thiserror::Error)]
#[error("a database of --geo is broken: {0}")]
pub(crate) struct Broken(String);

/// Why traffic was not replayed to its end.
#[derive(Debug)]
pub(crate) enum Unreplayed {
    /// It cannot be read.
    Traffic(TrafficError),
    /// A database could not tell.
    #[cfg_attr(not(feature = "geo"), expect(dead_code, reason = "there are no databases in this build"))]
    Geo(Broken),
}

impl GeoArgs {
    /// Opens the databases for the facts of a policy.
    ///
    /// # Errors
    ///
    /// How the command ends, with everything said.
    #[cfg(feature = "geo")]
    pub(crate) fn open(&self, program: &Program, ui: &mut Ui) -> Result<Geo, Exit> {
        let mut databases = Vec::new();
        for path in &self.databases {
            match GeoDatabase::open(path) {
                Ok(database) => databases.push(Arc::new(database)),
                Err(error) => {
                    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                    ui.error(format_args!("cannot use {} for --geo: {error}{cause}", escape::path(path)));
                    return Err(Exit::Usage);
                }
            }
        }
        if databases.is_empty() {
            return Ok(Geo::default());
        }
        let facts = GeoFacts::new(program, databases);
        if facts.facts().next().is_none() {
            ui.note("the policy looks at no fact that --geo tells; those of `std.geo` are country, city and the like");
        }
        Ok(Geo { facts: Some(facts) })
    }

    /// Refuses the option: this build reads no databases.
    ///
    /// # Errors
    ///
    /// How the command ends, with everything said.
    #[cfg(not(feature = "geo"))]
    pub(crate) fn open(&self, _: &Program, ui: &mut Ui) -> Result<Geo, Exit> {
        match self.databases.first() {
            None => Ok(Geo::default()),
            Some(path) => {
                ui.error(format_args!("cannot use {}: this rlc was built without --geo", escape::path(path)));
                Err(Exit::Usage)
            }
        }
    }
}

impl Geo {
    /// Adds what the databases know to the facts of a request; what is given stays as it is.
    ///
    /// # Errors
    ///
    /// A database is broken.
    #[cfg_attr(
        not(feature = "geo"),
        expect(clippy::unused_self, reason = "there are no databases in this build")
    )]
    pub(crate) fn tell<'a>(&'a self, facts: &mut Vec<(FactId, Value<'a>)>) -> Result<(), Broken> {
        #[cfg(feature = "geo")]
        if let Some(geo) = &self.facts {
            return geo.tell(facts).map_err(|error| broken(&error));
        }
        let _ = facts;
        Ok(())
    }

    /// Replays traffic into a simulation, with what the databases know of each request.
    ///
    /// # Errors
    ///
    /// The traffic cannot be read, or a database is broken.
    #[cfg_attr(
        not(feature = "geo"),
        expect(clippy::unused_self, reason = "there are no databases in this build")
    )]
    pub(crate) fn replay(
        &self,
        (file, input): (&mut TrafficFile, Format),
        schema: &Schema,
        simulation: &mut Simulation,
    ) -> Result<Replayed, Unreplayed> {
        #[cfg(feature = "geo")]
        if let Some(geo) = &self.facts {
            let mut located = Located::new(geo, simulation);
            let replayed = file.replay(input, schema, &mut located).map_err(Unreplayed::Traffic)?;
            return match located.failed() {
                None => Ok(replayed),
                Some(error) => Err(Unreplayed::Geo(broken(&error))),
            };
        }
        file.replay(input, schema, simulation).map_err(Unreplayed::Traffic)
    }
}

#[cfg(feature = "geo")]
fn broken(error: &limitrate_runtime::enrich::geo::GeoError) -> Broken {
    Broken(error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")))
}
