use std::{fs, path::Path};

use limitrate_compiler::{
    Engine,
    source::{LoadError, Loader as _},
};
use tempfile::TempDir;

use super::{FileError, FileLoader, compile_file, path_of};

const NETS: &str = "module shared.nets\nset office = 203.0.113.0/24\n";
const BASE: &str = "module platform.base\nuse std.http\nuse shared.nets (office)\n\
                    rule api { if ip in office then exempt \"staff\"  limit 10 req/min per ip }\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(policy: &Path, module: &str) -> Result<String, LoadError> {
    let loaded = FileLoader::beside(policy).load(module, None)?;
    Ok(String::from_utf8(loaded.bytes).unwrap())
}

#[test]
fn a_module_is_the_file_of_its_name_below_the_policys_folder() {
    let folder = folder(&[("policy.rl", ""), ("shared/nets.rl", NETS)]);
    let policy = folder.path().join("policy.rl");
    assert_eq!(load(&policy, "shared.nets").unwrap(), NETS);
    assert_eq!(load(&policy, "shared.net"), Err(LoadError::NotFound));
    assert_eq!(load(&policy, "policy.nets"), Err(LoadError::NotFound));
}

#[test]
fn the_module_line_of_a_policy_says_where_names_begin() {
    let folder = folder(&[("platform/base.rl", BASE), ("shared/nets.rl", NETS)]);
    let accepted = compile_file(folder.path().join("platform/base.rl"), Engine::Interpreter).unwrap();
    let names: Vec<_> = accepted.sources.iter().map(|source| source.name.clone()).collect();
    assert!(names[2].ends_with("shared/nets.rl") && !names[2].contains("platform"), "{names:?}");
}

#[test]
fn a_policy_that_is_not_where_its_module_line_says_is_told_where_it_should_be() {
    let loader = FileLoader::beside("platform/base.rl");
    assert_eq!(loader.place("platform.base"), Ok(()));
    assert_eq!(loader.place("base"), Ok(()));
    let expected = "other/base.rl".to_owned();
    assert_eq!(loader.place("other.base"), Err(LoadError::Misplaced { expected }));
}

#[test]
fn names_that_are_no_modules_lead_nowhere() {
    for name in ["..", "a..b", "/etc/passwd", "../secret", "a/b", "", "A", "a-b", ".hidden", "nul\0"] {
        assert_eq!(path_of(name), None, "{name:?}");
    }
    assert_eq!(path_of("a.b_2"), Some("a/b_2.rl".into()));
}

#[test]
fn what_is_there_is_listed_for_suggestions_without_the_policy_itself() {
    let files = [("policy.rl", ""), ("shared/nets.rl", NETS), (".git/x.rl", ""), ("notes.txt", "")];
    let folder = folder(&files);
    let names = FileLoader::beside(folder.path().join("policy.rl")).names(None);
    let own: Vec<_> = names.iter().filter(|name| !name.starts_with("std.")).collect();
    assert_eq!(own, ["shared.nets"]);
}

#[test]
fn a_directory_of_a_modules_name_is_no_module() {
    let folder = folder(&[("policy.rl", ""), ("nets.rl/inner.rl", "")]);
    let error = load(&folder.path().join("policy.rl"), "nets").unwrap_err();
    assert!(matches!(error, LoadError::NotAFile { what: "a directory", .. }), "{error:?}");
}

#[test]
fn a_file_cannot_take_the_name_of_a_module_of_the_standard_library() {
    let folder = folder(&[("policy.rl", ""), ("std/net.rl", "module std.net\nset private = 0.0.0.0/0")]);
    let text = load(&folder.path().join("policy.rl"), "std.net").unwrap();
    assert!(text.starts_with("# std.net: "), "{text}");
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let folder = folder(&[("policy.rl", "")]);
    let long = fs::File::create(folder.path().join("nets.rl")).unwrap();
    long.set_len(1 << 30).unwrap();
    let error = load(&folder.path().join("policy.rl"), "nets").unwrap_err();
    assert!(matches!(error, LoadError::TooLong { .. }), "{error:?}");
}

#[test]
fn a_policy_that_is_not_there_or_does_not_compile_is_an_error() {
    let folder = folder(&[("policy.rl", "use shared.nets")]);
    let missing = compile_file(folder.path().join("none.rl"), Engine::Interpreter);
    assert!(matches!(missing, Err(FileError::Load(LoadError::NotFound))));
    let broken = compile_file(folder.path().join("policy.rl"), Engine::Interpreter);
    assert!(matches!(broken, Err(FileError::Rejected(_))));
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let outside = folder(&[("nets.rl", NETS)]);
        let folder = folder(&[("policy.rl", ""), ("shared/x.rl", "")]);
        symlink(outside.path().join("nets.rl"), folder.path().join("shared/nets.rl")).unwrap();
        symlink(outside.path(), folder.path().join("away")).unwrap();
        let policy = folder.path().join("policy.rl");
        for module in ["shared.nets", "away.nets"] {
            assert!(matches!(load(&policy, module), Err(LoadError::OutsideRoot { .. })), "{module}");
        }
    }

    #[test]
    fn a_link_within_the_folder_is_followed_and_known_for_what_it_is() {
        let folder = folder(&[("policy.rl", ""), ("versions/7.rl", NETS)]);
        symlink("versions/7.rl", folder.path().join("nets.rl")).unwrap();
        symlink("versions/7.rl", folder.path().join("nets_again.rl")).unwrap();
        let loader = FileLoader::beside(folder.path().join("policy.rl"));
        let (one, other) = (loader.load("nets", None).unwrap(), loader.load("nets_again", None).unwrap());
        assert_eq!(one.bytes, NETS.as_bytes());
        assert_eq!(one.identity, other.identity);
    }

    #[test]
    fn a_folder_that_is_itself_behind_a_link_is_the_policys_folder() {
        let real = folder(&[("policy.rl", ""), ("nets.rl", NETS)]);
        let folder = folder(&[]);
        symlink(real.path(), folder.path().join("current")).unwrap();
        assert_eq!(load(&folder.path().join("current/policy.rl"), "nets").unwrap(), NETS);
    }

    #[test]
    fn a_file_of_another_spelling_is_not_taken_for_the_module() {
        let folder = folder(&[("policy.rl", ""), ("shared/Nets.rl", NETS)]);
        symlink("Nets.rl", folder.path().join("shared/nets.rl")).unwrap();
        let error = load(&folder.path().join("policy.rl"), "shared.nets").unwrap_err();
        assert_eq!(error, LoadError::OtherSpelling { shown: "Nets.rl".into() });
    }

    #[test]
    fn a_link_to_nothing_and_a_link_to_itself_are_told() {
        let folder = folder(&[("policy.rl", "")]);
        symlink("gone.rl", folder.path().join("nets.rl")).unwrap();
        symlink("loop.rl", folder.path().join("loop.rl")).unwrap();
        let policy = folder.path().join("policy.rl");
        for module in ["nets", "loop"] {
            assert!(matches!(load(&policy, module), Err(LoadError::Unreadable { .. })), "{module}");
        }
    }
}
