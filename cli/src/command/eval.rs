//! `rlc eval`: decides one request against empty counters, and says why.

mod asides;
mod facts;
mod settled;
mod show;
mod trace;

use std::{path::PathBuf, sync::Arc};

use limitrate_compiler::{Engine, Policy, source::Sources};
use limitrate_core::{clock::Clock as _, facts::FactDecl, literal, time::Timestamp};
use limitrate_runtime::{
    DecisionRecord, Limiter, LimiterOptions, SystemClock,
    store::{MemoryOptions, MemoryStore},
};
use limitrate_testkit::traffic::{Line, Record, Schema, Scratch, read_jsonl};
use serde::Serialize;

use crate::{
    args::Format,
    exit::Exit,
    geo::GeoArgs,
    pair::{self, Pair},
    policy, source,
    ui::Ui,
};
use settled::Settled;
use trace::Trace;

pub(super) const FORMATS: &[Format] = &[Format::Text, Format::Json];

/// The arguments of `rlc eval`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The policy
    policy: PathBuf,

    /// What the request brings, as a JSON object; @FILE reads it from a file, `-` from the standard input
    #[arg(long, value_name = "JSON", default_value = "{}", hide_default_value = true)]
    facts: String,

    /// A fact by itself; may be repeated
    #[arg(long, value_name = "FACT=VALUE")]
    set: Vec<Pair>,

    /// The instant of the request, as 2026-03-02T16:59:30-05:00; now unless the facts have a `t`
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Timestamp>,

    #[command(flatten)]
    geo: GeoArgs,

    /// Say of every rule and plan whether it matched, and what each limit made of the request
    #[arg(long)]
    trace: bool,
}

/// `limitrate/eval/v1`: a decision record, with the trace where that was asked for.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// `native`, or `interpreter` with the reason.
    engine: String,
    #[serde(flatten)]
    decision: DecisionRecord,
    /// What its reservations come to, where the facts have a `reply`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settled: Vec<Settled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a Trace>,
}

/// Reads an instant on the command line.
fn instant(text: &str) -> Result<Timestamp, &'static str> {
    literal::parse_instant(text).map_err(|_| {
        "write a day, a time and its offset, as 2026-03-02T16:59:30Z or 2026-03-02T16:59:30-05:00, \
         from the year 1677 to 2262"
    })
}

/// Decides the request.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    if source::is_stdin(&args.policy) && facts::from_stdin(&args.facts) {
        ui.error("the policy and the facts cannot both come from the standard input");
        return Exit::Usage;
    }
    let accepted = match policy::load(&args.policy, Engine::Native, ui) {
        Ok(accepted) => accepted,
        Err(exit) => return exit,
    };
    let policy = Arc::new(accepted.policy);
    let decls: Vec<FactDecl> = policy.program().facts.iter().map(|fact| fact.decl.clone()).collect();
    let schema = match Schema::new(&decls, &pair::borrowed(&args.set), &[]) {
        Ok(schema) => schema,
        Err(error) => {
            ui.error(error);
            return Exit::Usage;
        }
    };
    let geo = match args.geo.open(policy.program(), ui) {
        Ok(geo) => geo,
        Err(exit) => return exit,
    };
    let text = match facts::read(&args.facts) {
        Ok(text) => text,
        Err(error) => {
            ui.error(error);
            return Exit::Usage;
        }
    };
    let mut scratch = Scratch::default();
    let (text, has_time) = facts::with_time(&text, &schema, args.at.unwrap_or_else(|| SystemClock.now()));
    if has_time && args.at.is_some() {
        ui.error("the facts have a `t`, and --at gives another: leave one of them out");
        return Exit::Usage;
    }
    match read_jsonl(Line { number: 1, text: &text }, &schema, &mut scratch) {
        Ok(mut record) => {
            if let Err(error) = geo.tell(&mut record.facts) {
                ui.error(error);
                return Exit::Environment;
            }
            let exit = decide(args, &policy, &accepted.sources, &record, ui);
            drop(record);
            facts::mention_unknown(&scratch.unknown, &decls, ui);
            exit
        }
        Err(reason) => {
            ui.error(format_args!("the facts cannot be read: {reason}"));
            Exit::Usage
        }
    }
}

fn decide(args: &Args, policy: &Arc<Policy>, sources: &Sources, record: &Record<'_>, ui: &mut Ui) -> Exit {
    // The same request gives the same output, its ticket included.
    let options = LimiterOptions { instance: 1, ..LimiterOptions::default() };
    let limiter = Limiter::with(policy.clone(), MemoryStore::new(MemoryOptions::default()), options);
    let before = args.trace.then(|| trace::Before::new(&limiter, record)).flatten();
    let decision = limiter.decide_at(&record.facts, record.at);
    let trace = before.map(|before| Trace::new(before, &limiter, &decision, record, sources));
    let exit = if decision.outcome().passes() { Exit::Fine } else { Exit::Other };
    let shown = DecisionRecord::new(1, &limiter, &decision, &record.facts);
    let settled = settled::by_reply(&limiter, &decision, record);
    if ui.format() == Format::Json {
        let engine =
            policy.interpreted().map_or_else(|| "native".to_owned(), |why| format!("interpreter: {why}"));
        ui.json(&Document {
            schema: "limitrate/eval/v1",
            engine,
            decision: shown,
            settled,
            trace: trace.as_ref(),
        });
        return exit;
    }
    show::decision(&decision, record, ui);
    match &trace {
        Some(trace) => show::trace(trace, ui),
        None => show::limits(&limiter, &decision, record, ui),
    }
    asides::show(&decision, trace.is_some(), ui);
    for settled in &settled {
        ui.line(format_args!("  {settled}"));
    }
    exit
}
