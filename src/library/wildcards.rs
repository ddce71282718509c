//! Lists of words for prompts: text files, one entry a line.

use std::fs;
use std::path::Path;

use super::Home;
use super::bounded::read_bounded;
use crate::prompt::Wildcards;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 4 << 20;
/// Bytes that all files may have together.
const ALL: u64 = 64 << 20;
/// Most files that are read.
const MOST: usize = 2000;
/// Folders in folders: how deep.
const DEEPEST: usize = 4;

/// The lists below the wildcards folder of `home`: `animal.txt` is called `animal`, `wild/cat.txt` is called
/// `wild/cat`. Blank lines and lines behind `#` are left out; what cannot be read is as if it were not there.
#[must_use]
pub fn read_wildcards(home: &Home) -> Wildcards {
    let mut gathered = Gathered { lists: Vec::new(), left: ALL };
    gathered.folder(&home.wildcards_dir(), "", 0);
    Wildcards::new(gathered.lists)
}

/// The lists so far.
struct Gathered {
    lists: Vec<(String, Vec<String>)>,
    /// Bytes that may still be read.
    left: u64,
}

impl Gathered {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort_unstable();
        for path in paths {
            let is_folder = path.is_dir();
            // What stands behind a dot is part of a folder's name.
            let name = if is_folder { path.file_name() } else { path.file_stem() };
            let Some(name) = name.and_then(|name| name.to_str()) else { continue };
            let name = format!("{prefix}{name}");
            if is_folder {
                if depth < DEEPEST {
                    self.folder(&path, &format!("{name}/"), depth + 1);
                }
            } else if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt"))
                && let Some(lines) = self.lines(&path)
            {
                self.lists.push((name, lines));
            }
        }
    }

    fn lines(&mut self, path: &Path) -> Option<Vec<String>> {
        if self.lists.len() >= MOST {
            return None;
        }
        let read = read_bounded(path, LONGEST.min(self.left)).map_err(|error| error.to_string());
        let read = read.and_then(|bytes| bytes.ok_or_else(|| "it is too long".to_owned()));
        let told = |why| tracing::warn!("a wildcard file is left out ({why}): {}", path.display());
        let bytes = read.map_err(told).ok()?;
        self.left -= bytes.len() as u64;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let said = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Some(said.map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_files_are_lists_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        assert_eq!(read_wildcards(&home).names().count(), 0, "there need be no folder");
        let wildcards = home.wildcards_dir();
        fs::create_dir_all(wildcards.join("wild")).unwrap();
        for (name, text) in [
            ("Animal.txt", "\u{feff}fox\r\n\n# no beasts\n  red owl \n"),
            ("wild/cat.TXT", "lynx"),
            ("notes.md", "no list"),
        ] {
            fs::write(wildcards.join(name), text).unwrap();
        }
        let lists = read_wildcards(&home);
        assert_eq!(lists.names().collect::<Vec<_>>(), [("animal", 2), ("wild/cat", 1)]);
        assert_eq!(lists.fill("__wild/cat__", 1).unwrap(), "lynx");
    }

    #[test]
    fn folders_keep_what_stands_behind_a_dot() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        for version in ["v1.4", "v1.5"] {
            let folder = home.wildcards_dir().join(version);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("style.txt"), version).unwrap();
        }
        let lists = read_wildcards(&home);
        assert_eq!(lists.names().collect::<Vec<_>>(), [("v1.4/style", 1), ("v1.5/style", 1)]);
    }

    #[test]
    fn too_much_text_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        fs::create_dir_all(home.wildcards_dir()).unwrap();
        let file = |name: &str, length: u64| {
            let file = fs::File::create(home.wildcards_dir().join(name)).unwrap();
            file.set_len(length).unwrap();
        };
        file("long.txt", LONGEST + 1);
        for number in 0..20 {
            file(&format!("{number}.txt"), LONGEST);
        }
        assert_eq!(read_wildcards(&home).names().count() as u64, ALL / LONGEST);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        fs::create_dir_all(home.wildcards_dir()).unwrap();
        fs::write(home.wildcards_dir().join("a.txt"), "fox").unwrap();
        let pipe = home.wildcards_dir().join("x.txt");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (sender, read) = std::sync::mpsc::sync_channel(1);
        let work = move || sender.send(read_wildcards(&home).names().count());
        std::thread::Builder::new().spawn(work).unwrap();
        assert_eq!(read.recv_timeout(std::time::Duration::from_mins(1)), Ok(1));
    }
}
