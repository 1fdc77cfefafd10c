//! `rlc diff`: what a new version of a policy does to counters, and to recorded traffic.

mod document;
mod show;
mod traffic;

use std::path::PathBuf;

use limitrate_compiler::{
    Accepted, Engine,
    diff::{Fate, PolicyDiff},
    grammar::diagnostic::Diagnostic,
    source::Sources,
};
use limitrate_testkit::traffic::Format as Input;

use crate::{args::Format, exit::Exit, pair::Pair, policy, render::Renderer, source, ui::Ui};

pub(super) const FORMATS: &[Format] = &[Format::Text, Format::Json];

/// The arguments of `rlc diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The policy in force
    old: PathBuf,

    /// The policy to come
    new: PathBuf,

    /// Decide recorded requests under both, and say who is newly refused
    #[arg(long, value_name = "FILE")]
    traffic: Option<PathBuf>,

    /// jsonl or combined; by default as the file's name or beginning says
    #[arg(long, value_name = "FORMAT", requires = "traffic")]
    input: Option<Input>,

    /// Give a fact of the traffic a constant value; may be repeated
    #[arg(long, value_name = "FACT=VALUE", requires = "traffic")]
    set: Vec<Pair>,

    /// Read a fact of the traffic from another member; may be repeated
    #[arg(long, value_name = "FACT=MEMBER", requires = "traffic")]
    map: Vec<Pair>,

    /// Exit with 2 if anything changes
    #[arg(long)]
    exit_code: bool,

    /// Let the counters of this limit start anew; may be repeated
    #[arg(long, value_name = "LIMIT")]
    allow_reset: Vec<String>,
}

/// Compares the two policies.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    let policies = [&args.old, &args.new].into_iter().filter(|path| source::is_stdin(path)).count();
    let traffic = usize::from(args.traffic.as_deref().is_some_and(source::is_stdin));
    if policies + traffic > 1 || traffic > 0 {
        ui.error("the traffic is read twice, and the standard input cannot be; of the policies, one can be read from there");
        return Exit::Usage;
    }
    let mut load = |path| policy::load(path, Engine::Native, ui);
    let (old, new) = match (load(&args.old), load(&args.new)) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => return old.err().into_iter().chain(new.err()).max().unwrap_or(Exit::Findings),
    };
    let diff = PolicyDiff::new(&old, &new);
    if let Some(unknown) = args.allow_reset.iter().find(|name| !names(&diff, name)) {
        ui.error(format_args!("neither policy has a limit `{unknown}` whose reset could be allowed"));
        return Exit::Usage;
    }
    let Accepted { policy: old, sources: old_sources, .. } = old;
    let Accepted { policy: new, sources: new_sources, .. } = new;
    let compared = match &args.traffic {
        None => None,
        Some(path) => match traffic::compare(args, path, (old, new), ui) {
            Ok(compared) => Some(compared),
            Err(exit) => return exit,
        },
    };
    let resets = diff.resets(&args.allow_reset);
    let versions = Versions { old: &old_sources, new: &new_sources };
    if ui.format() == Format::Json {
        ui.json(&document::Document::new(&diff, compared.as_ref(), &versions, &resets));
    } else {
        show::diff(&diff, compared.as_ref(), &versions, ui);
        let (paint, width) = (ui.paint(), ui.width());
        let renderer = Renderer::new(versions.new, paint, width);
        for reset in &resets {
            ui.line(format_args!("\n{}", renderer.render(reset).trim_end()));
        }
    }
    verdict(args, &diff, &resets)
}

/// The texts of both versions.
struct Versions<'a> {
    old: &'a Sources,
    new: &'a Sources,
}

fn names(diff: &PolicyDiff, name: &str) -> bool {
    diff.limits.iter().any(|change| change.name == name)
}

fn verdict(args: &Args, diff: &PolicyDiff, resets: &[Diagnostic]) -> Exit {
    if !resets.is_empty() {
        Exit::Findings
    } else if args.exit_code && !diff.is_empty() {
        Exit::Other
    } else {
        Exit::Fine
    }
}

/// The word for what becomes of a limit's counters.
const fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Kept(changes) if changes.is_empty() => "kept",
        Fate::Kept(changes) if changes.amounts => "kept, changed",
        Fate::Kept(_) => "kept, applies otherwise",
        Fate::Renamed { .. } => "renamed",
        Fate::Reset(_) => "reset",
        Fate::Dropped => "dropped",
        Fate::New => "new",
    }
}
