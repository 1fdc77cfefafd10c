//! The differential run as a command: so many pairs from a seed, and a file for each difference.

use std::{
    env, fs,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use limitrate_oracle::{
    report,
    run::{Found, Plan, Summary, reproduces, run},
    shrink::shrink,
};

/// Plays random histories on random policies, and compares the interpreters, machine code and stores.
#[derive(Debug, Parser)]
struct Args {
    /// How many pairs of a policy and a request to decide.
    #[arg(long, default_value_t = 1_000_000)]
    pairs: u64,
    /// What policies and histories are made from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many histories of 40 requests each policy is played.
    #[arg(long, default_value_t = 12)]
    histories: usize,
    /// How many threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// The number of the first policy.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Only print the text of the first policy.
    #[arg(long)]
    show: bool,
    /// Where files of differences go; without it what `LIMITRATE_ORACLE_OUT` says, else `target/oracle`.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match command(&args) {
        Ok(code) => code,
        Err(error) => {
            // Where nothing can be written, the exit code must say it.
            let _ = writeln!(io::stderr(), "oracle: {error}");
            ExitCode::from(2)
        }
    }
}

fn command(args: &Args) -> io::Result<ExitCode> {
    let mut out = io::stdout();
    if args.show {
        let (text, _) = limitrate_oracle::run::text(args.seed, args.first);
        writeln!(out, "{text}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let Args { pairs, seed, histories, threads, first, .. } = *args;
    let summary = run(Plan { seed, pairs, histories, threads, first });
    print(&mut out, args, &summary)?;
    for found in &summary.found {
        save(&mut out, args, found)?;
    }
    Ok(if summary.found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(out: &mut impl io::Write, args: &Args, summary: &Summary) -> io::Result<()> {
    let Summary { pairs, policies, largest, rejected, coverage, found, reasons } = summary;
    writeln!(
        out,
        "seed {}: {pairs} pairs over {policies} policies, the largest of {largest} rules",
        args.seed
    )?;
    writeln!(out, "{rejected} texts were not well typed, such as")?;
    for reason in reasons.iter().take(5) {
        writeln!(out, "  {reason}")?;
    }
    let seen = coverage.counts().filter(|(_, count)| *count > 0).count();
    let unseen: Vec<&str> = coverage.unseen().collect();
    writeln!(out, "{seen} variants of the language were reached; not {}", unseen.join(", "))?;
    writeln!(out, "{} differences", found.len())
}

fn save(out: &mut impl io::Write, args: &Args, found: &Found) -> io::Result<()> {
    let case = shrink(found.case.clone(), &mut |case| reproduces(case, &found.difference.who).is_some());
    let difference = reproduces(&case, &found.difference.who).unwrap_or_else(|| found.difference.clone());
    let small = Found { case, difference, ..found.clone() };
    let text = report::file(&small);
    let variable = env::var_os("LIMITRATE_ORACLE_OUT").map(PathBuf::from);
    let folder = args.out.clone().or(variable).unwrap_or_else(|| PathBuf::from("target/oracle"));
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("seed_{}_policy_{}.rl", found.seed, found.policy));
    fs::write(&path, &text)?;
    writeln!(out, "\n{}\n{text}", path.display())
}
