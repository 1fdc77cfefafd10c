//! The folders that are watched for a set of files: theirs, and those of every link on the way to them.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Component, Path, PathBuf},
    sync::mpsc::Sender,
    time::Duration,
};

use notify_debouncer_full::{
    DebounceEventResult, Debouncer, RecommendedCache, new_debouncer,
    notify::{RecommendedWatcher, RecursiveMode},
};

use super::{Wake, WatchError, folder_of};

/// At most so many links are followed on the way to one file.
const MAX_LINKS: usize = 40;

/// See the [module](self).
pub(super) struct Folders {
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    watched: BTreeSet<PathBuf>,
}

impl fmt::Debug for Folders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folders").field("watched", &self.watched).finish_non_exhaustive()
    }
}

impl Folders {
    /// Wakes whoever reads when something in a folder has changed and then been quiet for so long.
    pub(super) fn new(path: &Path, quiet: Duration, wake: Sender<Wake>) -> Result<Self, WatchError> {
        // What happened does not matter, nor whether it was told: the files are looked at.
        let changed = move |_: DebounceEventResult| drop(wake.send(Wake::Changed));
        let system = |cause| WatchError::System { path: path.to_owned(), cause };
        let debouncer = new_debouncer(quiet, None, changed).map_err(system)?;
        let mut folders = Self { debouncer, watched: BTreeSet::new() };
        let own = folder_of(path);
        folders.debouncer.watch(&own, RecursiveMode::NonRecursive).map_err(system)?;
        folders.watched.insert(own);
        Ok(folders)
    }

    /// Watches the folders of these files, and no others any more. Whether some were not watched before.
    ///
    /// A folder that cannot be watched is left out: its files are still looked at now and then.
    pub(super) fn watch(&mut self, paths: impl IntoIterator<Item = PathBuf>) -> bool {
        let wanted: BTreeSet<PathBuf> = paths.into_iter().flat_map(|path| on_the_way(&path)).collect();
        let mut is_any_new = false;
        for folder in wanted.difference(&self.watched.clone()) {
            if let Err(error) = self.debouncer.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %folder.display(), %error, "a folder of the policy is not watched");
            } else {
                self.watched.insert(folder.clone());
                is_any_new = true;
            }
        }
        for folder in self.watched.clone().difference(&wanted) {
            self.unwatch(folder);
        }
        is_any_new
    }

    /// The same where a folder may have been replaced by another one of its name: what was watched is not there any more.
    pub(super) fn watch_anew(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        for folder in &self.watched.clone() {
            self.unwatch(folder);
        }
        self.watch(paths);
    }

    fn unwatch(&mut self, folder: &Path) {
        // It may be gone.
        drop(self.debouncer.unwatch(folder));
        self.watched.remove(folder);
    }
}

/// The folder of a file, and of each link on the way to it, whether in its name or in that of a folder; of one that is not there, the
/// nearest above it that is.
fn on_the_way(path: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::from([folder_of(path)]);
    let (mut open, mut links) = (vec![path.to_owned()], 0);
    while let Some(path) = open.pop() {
        let mut so_far = PathBuf::new();
        for component in path.components() {
            so_far.push(component);
            if !matches!(component, Component::Normal(_)) {
                continue;
            }
            let Ok(target) = fs::read_link(&so_far) else { continue };
            links += 1;
            if links > MAX_LINKS {
                return there(folders);
            }
            let folder = folder_of(&so_far);
            let rest = path.strip_prefix(&so_far).unwrap_or(Path::new(""));
            let target = folder.join(target);
            folders.insert(folder);
            let target = if rest.as_os_str().is_empty() { target } else { target.join(rest) };
            folders.insert(folder_of(&target));
            open.push(target);
            break;
        }
    }
    there(folders)
}

fn there(folders: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let named = |folder: &Path| {
        if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
    };
    let nearest = |folder: PathBuf| folder.ancestors().map(named).find(|above| above.is_dir());
    folders.into_iter().filter_map(nearest).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_folders_of_links_are_on_the_way() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::create_dir_all(root.join("versions/1")).unwrap();
        fs::write(root.join("versions/1/api.rl"), "").unwrap();
        symlink("versions/1", root.join("current")).unwrap();
        symlink("../current/api.rl", root.join("etc/api.rl")).unwrap();
        let folders = on_the_way(&root.join("etc/api.rl"));
        let real: BTreeSet<_> = folders.iter().map(|folder| folder.canonicalize().unwrap()).collect();
        assert!(real.contains(&root.join("etc")), "{folders:?}");
        assert!(real.contains(&root), "{folders:?}");
        assert!(real.contains(&root.join("versions/1")), "{folders:?}");
    }

    #[test]
    fn the_nearest_folder_that_is_there_is_on_the_way_to_one_that_is_not() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/api.rl");
        assert_eq!(on_the_way(&path), BTreeSet::from([root.path().to_owned()]));
        fs::create_dir(root.path().join("a")).unwrap();
        assert_eq!(on_the_way(&path), BTreeSet::from([root.path().join("a")]));
        assert_eq!(on_the_way(Path::new("no such folder/api.rl")), BTreeSet::from([PathBuf::from(".")]));
    }

    #[test]
    fn links_in_a_circle_end() {
        let root = tempfile::tempdir().unwrap();
        symlink("b.rl", root.path().join("a.rl")).unwrap();
        symlink("a.rl", root.path().join("b.rl")).unwrap();
        assert_eq!(on_the_way(&root.path().join("a.rl")), BTreeSet::from([root.path().to_owned()]));
    }
}
