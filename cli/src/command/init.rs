//! `rlc init`: files to start from.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    args::Format,
    escape,
    exit::Exit,
    source::reason,
    ui::{Style, Ui},
};

pub(super) const FORMATS: &[Format] = &[Format::Text, Format::Json];

/// The files, each with what it is.
const TEMPLATES: [(&str, &str, &str); 2] = [
    ("policy.rl", include_str!("../../templates/policy.rl"), "limits by plan, and their tests"),
    ("traffic.jsonl", include_str!("../../templates/traffic.jsonl"), "a few minutes of recorded requests"),
];

/// The arguments of `rlc init`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to write the files; made if it is not there
    #[arg(default_value = ".", hide_default_value = true)]
    dir: PathBuf,
}

/// `limitrate/init/v1`: the files written, and what to do next.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    files: Vec<String>,
    next: Vec<String>,
}

/// Writes the files, unless one of them is there already.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    let paths: Vec<PathBuf> = TEMPLATES.iter().map(|(name, _, _)| place(&args.dir, name)).collect();
    let taken = paths.iter().find(|path| path.symlink_metadata().is_ok());
    if let Some(taken) = taken {
        ui.error(format_args!("{} is already there, and nothing is overwritten", escape::path(taken)));
        return Exit::Usage;
    }
    if let Err(error) = fs::create_dir_all(&args.dir) {
        ui.error(format_args!("cannot make {}: {}", escape::path(&args.dir), reason(&error)));
        return Exit::Usage;
    }
    for (path, (_, content, _)) in paths.iter().zip(TEMPLATES) {
        if let Err(error) = create(path, content) {
            ui.error(format_args!("cannot write {}: {}", escape::path(path), reason(&error)));
            return Exit::Environment;
        }
    }
    answer(&paths, ui);
    Exit::Fine
}

fn place(dir: &Path, name: &str) -> PathBuf {
    if dir == Path::new(".") { PathBuf::from(name) } else { dir.join(name) }
}

fn create(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(content.as_bytes())
}

fn answer(paths: &[PathBuf], ui: &mut Ui) {
    let words: Vec<String> = paths.iter().map(|path| shell_word(path)).collect();
    let [policy, traffic] = words.as_slice() else { return };
    let next = vec![
        format!("rlc check {policy}"),
        format!("rlc test {policy}"),
        format!("rlc simulate {policy} --traffic {traffic}"),
    ];
    let files: Vec<String> = paths.iter().map(|path| escape::path(path)).collect();
    if ui.format() == Format::Json {
        ui.json(&Document { schema: "limitrate/init/v1", files, next });
        return;
    }
    let widest = files.iter().map(|file| file.chars().count()).max().unwrap_or(0);
    for (file, (_, _, what)) in files.iter().zip(TEMPLATES) {
        ui.line(format_args!("wrote {file:widest$}   {what}"));
    }
    ui.line("\nnext:");
    let paint = ui.paint();
    for command in next {
        ui.line(format_args!("  {}", paint.style(Style::Strong, command)));
    }
}

/// A path as a shell reads it, and a command after that: one that begins with `-` is no option.
fn shell_word(path: &Path) -> String {
    let here =
        if path.as_os_str().as_encoded_bytes().starts_with(b"-") { Path::new(".") } else { Path::new("") };
    let path = here.join(path);
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@,".contains(c);
    if text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn a_printed_command_can_be_pasted() {
        assert_eq!(shell_word("a/b.rl".as_ref()), "a/b.rl");
        assert_eq!(shell_word("it's here/b.rl".as_ref()), r"'it'\''s here/b.rl'");
        assert_eq!(shell_word("-y/b.rl".as_ref()), "./-y/b.rl");
    }
}
