//! `latelier bench-index`: how long the index of results takes with many pictures.
//!
//! Works in a folder of its own, which is gone afterwards.

use std::fs;
use std::io::{self, Write as _};
use std::time::Instant;

use clap::Args;
use uuid::Uuid;

use super::DONE;
use crate::library::{Home, Index};
use crate::pixels::{Extent, FileFormat, Picture, encode};
use crate::task::{OutputFormat, Task};

/// Arguments of `latelier bench-index`.
#[derive(Clone, Copy, Debug, Args)]
pub struct BenchIndexArgs {
    /// How many pictures the results folder holds
    #[arg(long, default_value_t = 100_000)]
    rows: u32,
}

pub(super) fn bench_index(args: BenchIndexArgs, home: &Home) -> anyhow::Result<u8> {
    fs::create_dir_all(home.root())?;
    let folder = tempfile::Builder::new().prefix("bench-index-").tempdir_in(home.root())?;
    let home = Home::at(folder.path());
    fs::create_dir_all(home.results_dir())?;
    for number in 0..args.rows {
        write(&home, number)?;
    }
    let index = time("open, empty", || Index::open(&home))?;
    time("refresh, all new", || index.refresh())?;
    drop(index);
    let index = time("open", || Index::open(&home))?;
    time("refresh, nothing new", || index.refresh())?;
    time("list", || index.list())?;
    let bytes = fs::metadata(home.index_file())?.len();
    writeln!(io::stdout(), "{:>10.1} MiB  the file", bytes as f64 / f64::from(1 << 20))?;
    Ok(DONE)
}

fn time<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> anyhow::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let start = Instant::now();
    let done = work()?;
    let millis = start.elapsed().as_secs_f64() * 1000.0;
    writeln!(io::stdout(), "{millis:>10.1} ms   {what}")?;
    Ok(done)
}

/// A picture of one pixel with a task of the usual length.
fn write(home: &Home, number: u32) -> anyhow::Result<()> {
    const WORDS: [&str; 6] = ["harbour", "lighthouse", "orchard", "glacier", "market", "violin"];
    let image_uuid = Uuid::new_v4();
    let mut task = Task::new(Uuid::new_v4());
    task.model = Some("local:demo@1".to_owned());
    task.positive_prompt = Some(format!(
        "a {} at dusk, oil on canvas, soft light, number {}",
        WORDS[number as usize % WORDS.len()],
        number % 97
    ));
    task.negative_prompt = Some("blurry, low quality, watermark".to_owned());
    task.seed = Some(u64::from(number) + 1);
    (task.width, task.height, task.steps) = (Some(1024), Some(1024), Some(20));
    task.scheduler = Some("DPM++ 2M Karras".to_owned());
    task.output_format = Some(OutputFormat::Png);
    let pixel = Picture::from_rgba(Extent::new(1, 1), vec![number as u8, 7, 9, 255]);
    let pixel = pixel.ok_or_else(|| anyhow::anyhow!("one pixel has four bytes"))?;
    let bytes = encode(&pixel, FileFormat::Png, serde_json::to_string(&task)?.as_str())?;
    fs::write(home.results_dir().join(format!("{image_uuid}.png")), bytes)?;
    Ok(())
}
