//! Lists of words for prompts: text files, one entry a line.

use std::fs;
use std::path::Path;

use super::Home;
use crate::prompt::Wildcards;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 4 << 20;
/// Most files that are read.
const MOST: usize = 2000;
/// Folders in folders: how deep.
const DEEPEST: usize = 4;

/// The lists below the wildcards folder of `home`: `animal.txt` is called `animal`, `wild/cat.txt` is called
/// `wild/cat`. Blank lines and lines behind `#` are left out; what cannot be read is as if it were not there.
#[must_use]
pub fn read_wildcards(home: &Home) -> Wildcards {
    let mut lists = Vec::new();
    gather(&home.wildcards_dir(), "", 0, &mut lists);
    Wildcards::new(lists)
}

fn gather(folder: &Path, prefix: &str, depth: usize, lists: &mut Vec<(String, Vec<String>)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort_unstable();
    for path in paths {
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let name = format!("{prefix}{stem}");
        if path.is_dir() {
            if depth < DEEPEST {
                gather(&path, &format!("{name}/"), depth + 1, lists);
            }
        } else if lists.len() < MOST
            && path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt"))
            && let Some(lines) = lines(&path)
        {
            lists.push((name, lines));
        }
    }
}

fn lines(path: &Path) -> Option<Vec<String>> {
    if fs::metadata(path).ok()?.len() > LONGEST {
        tracing::warn!("a wildcard file is too long and left out: {}", path.display());
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let said = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Some(said.map(str::to_owned).collect())
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
}
