//! `rlc simulate`: replays recorded traffic against a policy in virtual time.

mod decisions;
mod progress;
mod show;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use limitrate_compiler::{Accepted, Engine};
use limitrate_core::facts::FactDecl;
use limitrate_runtime::store::MemoryOptions;
use limitrate_testkit::{
    simulate::{Rewind, Simulation, SimulationOptions, Summary},
    traffic::{Format as Input, Replayed, Schema, TrafficError, TrafficFile},
};
use serde::Serialize;

use crate::{
    args::Format,
    escape,
    exit::Exit,
    geo::{Broken, Geo, GeoArgs, Unreplayed},
    pair::{self, Pair},
    policy, source,
    store::Opened,
    ui::Ui,
};
use progress::Bar;

pub(super) const FORMATS: &[Format] = &[Format::Text, Format::Json];

/// The arguments of `rlc simulate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The policy
    policy: PathBuf,

    /// Recorded requests; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    traffic: PathBuf,

    /// jsonl or combined; by default as the file's name or beginning says
    #[arg(long, value_name = "FORMAT")]
    input: Option<Input>,

    /// Give a fact a constant value; may be repeated
    #[arg(long, value_name = "FACT=VALUE")]
    set: Vec<Pair>,

    /// Read a fact from another member, as in user=ip; may be repeated
    #[arg(long, value_name = "FACT=MEMBER")]
    map: Vec<Pair>,

    #[command(flatten)]
    geo: GeoArgs,

    /// Write one decision a line, as JSON
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,

    /// Fail if a line cannot be read
    #[arg(long)]
    strict: bool,

    /// Where the counters are kept, under names of this run only: memory, sqlite:FILE, redis://…, postgres://…, mysql://…
    #[arg(long, value_name = "URL", default_value = "memory")]
    store: String,
}

/// `limitrate/simulate/v1`: the summary, with how fast it went.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
    elapsed_ms: u64,
    requests_per_second: u64,
}

/// Replays the traffic.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    if source::is_stdin(&args.policy) && source::is_stdin(&args.traffic) {
        ui.error("the policy and the traffic cannot both come from the standard input");
        return Exit::Usage;
    }
    let accepted = match policy::load(&args.policy, Engine::Native, ui) {
        Ok(accepted) => accepted,
        Err(exit) => return exit,
    };
    let decls: Vec<FactDecl> = accepted.policy.program().facts.iter().map(|fact| fact.decl.clone()).collect();
    let schema = match Schema::new(&decls, &pair::borrowed(&args.set), &pair::borrowed(&args.map)) {
        Ok(schema) => schema,
        Err(error) => {
            ui.error(error);
            return Exit::Usage;
        }
    };
    let geo = match args.geo.open(accepted.policy.program(), ui) {
        Ok(geo) => geo,
        Err(exit) => return exit,
    };
    let opened = TrafficFile::open(&args.traffic).and_then(|mut file| {
        let input = args.input.map_or_else(|| file.format(), Ok)?;
        Ok((file, input))
    });
    let (mut file, input) = match opened {
        Ok(opened) => opened,
        Err(error) => return unread(&args.traffic, &error, ui),
    };
    let decisions = match args
        .decisions
        .as_deref()
        .map(|path| decisions::create(path, &[&args.policy, &args.traffic]))
        .transpose()
    {
        Ok(decisions) => decisions,
        Err(error) => {
            ui.error(error);
            return Exit::Usage;
        }
    };
    let store = match Opened::open(&args.store, ui) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let bar = Bar::new(ui.shows_progress());
    let (summary, replayed) =
        match replay(&store, accepted, (&mut file, input), (&schema, &geo), decisions, &bar) {
            Ok(replayed) => replayed,
            Err(Stopped::Traffic(error)) => return unread(&args.traffic, &error, ui),
            Err(Stopped::Geo(error)) => {
                ui.error(error);
                return Exit::Environment;
            }
            Err(Stopped::Decisions(error)) => {
                let name = args.decisions.as_deref().map(escape::path).unwrap_or_default();
                ui.error(format_args!("cannot write {name}: {}", source::reason(&error)));
                return Exit::Environment;
            }
        };
    let (elapsed_ms, requests_per_second) = bar.finish(summary.requests);
    if let Some(exit) = store.failed(ui) {
        return exit;
    }
    if ui.format() == Format::Json {
        ui.json(&Document {
            schema: "limitrate/simulate/v1",
            summary: &summary,
            elapsed_ms,
            requests_per_second,
        });
    } else {
        show::summary(&summary, requests_per_second, ui);
    }
    show::hints(&summary, &decls, input, ui);
    if args.strict && replayed.skipped > 0 { Exit::Findings } else { Exit::Fine }
}

/// Why a replay ended before its time.
enum Stopped {
    Traffic(TrafficError),
    Geo(Broken),
    Decisions(io::Error),
}

fn replay(
    store: &Opened,
    accepted: Accepted,
    traffic: (&mut TrafficFile, Input),
    (schema, geo): (&Schema, &Geo),
    decisions: Option<Box<dyn Rewind>>,
    bar: &Bar,
) -> Result<(Summary, Replayed), Stopped> {
    let told = bar.clone();
    let progress = Some(Box::new(move |progress| told.tell(progress)) as Box<dyn FnMut(_)>);
    let options = SimulationOptions {
        decisions,
        progress,
        memory: MemoryOptions::default(),
        store: store.shared(),
        watch: None,
    };
    let mut simulation = Simulation::new(Arc::new(accepted.policy), options);
    let replayed = geo.replay(traffic, schema, &mut simulation).map_err(|why| match why {
        Unreplayed::Traffic(error) => Stopped::Traffic(error),
        Unreplayed::Geo(error) => Stopped::Geo(error),
    })?;
    let summary = simulation.finish(&replayed).map_err(Stopped::Decisions)?;
    Ok((summary, replayed))
}

/// Says why the traffic cannot be read.
pub(super) fn unread(path: &Path, error: &TrafficError, ui: &mut Ui) -> Exit {
    let name = escape::path(path);
    if let TrafficError::Io(error) = error {
        let missing = error.kind() == io::ErrorKind::NotFound;
        if missing {
            ui.error(source::missing(path));
        } else {
            ui.error(format_args!("cannot read {name}: {}", source::reason(error)));
        }
    } else if let TrafficError::NotAFile { what, .. } = error {
        let stream = if *what == "a pipe" { "; write `-` for the standard input" } else { "" };
        ui.error(format_args!("cannot read {name}: it is {what}{stream}"));
    } else {
        ui.error(format_args!("cannot read {name}: {error}"));
    }
    Exit::Usage
}
