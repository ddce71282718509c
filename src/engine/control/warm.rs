//! The `ControlNets` of a model that were used last: what is known of their files, and their sessions,
//! kept warm between jobs. Knows no guides.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::loaded::Environment;
use crate::engine::lora::{Stamp, stamp};
use crate::engine::session::{Interrupt, Network, SessionError, release_freed_memory};
use crate::engine::{EngineError, Mode};
use crate::graph::{controlnet, controlnet_guide};
use crate::jobs::Cancel;
use crate::task::ModelCard;
use crate::weights::{Checkpoint, ControlNet};

/// Networks that stay loaded between jobs; one of SD 1.x takes 1.4 GB in fast mode.
const KEPT: usize = 2;

/// Files that stay known between jobs, so that not all their numbers are looked at again.
const KNOWN: usize = 16;

/// The networks of this model that were used last, the latest at the end.
#[derive(Default)]
pub(in crate::engine) struct Warm {
    held: Vec<Held>,
}

struct Held {
    path: PathBuf,
    /// The folder that lends it a config.
    config: Option<PathBuf>,
    stamp: Stamp,
    net: Arc<ControlNet>,
    /// Whether every number in the file was looked at.
    checked: bool,
    network: Option<(Mode, Network)>,
    /// For the calls of the UNet's outer layers, and how many residuals it gives.
    outer: Option<(usize, Network)>,
}

impl Warm {
    /// The network of `card`. Unless it counts for nothing, it is checked to its last number, once.
    pub(super) fn open(
        &mut self,
        card: &ModelCard,
        (checkpoint, environment): (&Checkpoint, &Environment),
        counts: bool,
        cancel: &Cancel,
    ) -> Result<Arc<ControlNet>, String> {
        let stamp = stamp(&card.path).map_err(|error| error.to_string())?;
        let held = self.held.iter().position(|held| held.path == card.path);
        let same = |held: &Held| held.stamp == stamp && held.config == card.config;
        let place = match held {
            Some(place) if same(&self.held[place]) => place,
            found => {
                let net = Arc::new(opened(card, checkpoint, environment)?);
                let (path, config) = (card.path.clone(), card.config.clone());
                let (network, outer, checked) = (None, None, false);
                let new = Held { path, config, stamp, net, checked, network, outer };
                if let Some(old) = found {
                    self.held.remove(old);
                    release_freed_memory();
                }
                self.held.push(new);
                self.held.len() - 1
            }
        };
        let held = &mut self.held[place];
        if counts && !held.checked {
            check(&held.net, card, cancel)?;
            held.checked = true;
        }
        Ok(Arc::clone(&held.net))
    }

    /// Moves the networks at `wanted` to the end and frees others that are too many beside them.
    pub(super) fn make_room(&mut self, wanted: &[&PathBuf]) {
        self.held.sort_by_key(|held| wanted.contains(&&held.path));
        self.keep(KEPT.max(wanted.len()));
    }

    /// Frees the networks of all but the last `count`. What was found out of the others stays known,
    /// up to a bound: it is a few headers.
    fn keep(&mut self, count: usize) {
        self.held.drain(..self.held.len().saturating_sub(KNOWN.max(count)));
        let freed = self.held.len().saturating_sub(count);
        let mut any = false;
        for held in &mut self.held[..freed] {
            any |= held.network.take().is_some() | held.outer.take().is_some();
        }
        if any {
            release_freed_memory();
        }
    }

    /// Whether the network at `path` is loaded in fast mode.
    pub(in crate::engine) fn is_packed(&self, path: &Path) -> bool {
        let packed = |held: &Held| matches!(held.network, Some((Mode::Fast, _)));
        self.held.iter().any(|held| held.path == path && packed(held))
    }

    /// Loads the network at `path` in `mode`, one that is there in fast mode is kept; and for the
    /// first `reach` residuals alone, if they are asked for.
    pub(super) fn load(
        &mut self,
        path: &PathBuf,
        (mode, reach): (Mode, Option<usize>),
        environment: &mut Environment,
        interrupt: &Interrupt,
    ) -> Result<(), EngineError> {
        let Some(held) = self.held.iter_mut().find(|held| held.path == *path) else {
            return Ok(());
        };
        let mut open = |reach| {
            let emit = |dialect| controlnet(&held.net, dialect, reach);
            environment.open("ControlNet", mode, interrupt, emit)
        };
        let suits = |(held, _): &(Mode, Network)| *held == mode || *held == Mode::Fast;
        if !held.network.as_ref().is_some_and(suits) {
            if held.network.take().is_some() | held.outer.take().is_some() {
                release_freed_memory();
            }
            held.network = Some((mode, open(None)?));
        }
        if held.outer.as_ref().map(|(reach, _)| *reach) != reach {
            held.outer = None;
            held.outer =
                reach.map(|reach| Ok::<_, EngineError>((reach, open(Some(reach))?))).transpose()?;
        }
        Ok(())
    }

    pub(super) fn network(
        &mut self,
        path: &PathBuf,
        reach: Option<usize>,
    ) -> Result<&mut Network, SessionError> {
        let held = self.held.iter_mut().find(|held| held.path == *path);
        let network = held.and_then(|held| match reach {
            None => held.network.as_mut().map(|(_, network)| network),
            Some(_) => held.outer.as_mut().map(|(_, network)| network),
        });
        network.ok_or_else(|| SessionError::Runtime {
            doing: "asking a ControlNet".to_owned(),
            message: format!("it is not loaded: {}", path.display()),
        })
    }

    /// Frees what need not stay until the next job; everything where memory is what counts.
    pub(in crate::engine) fn settle(&mut self, memory_counts: bool) {
        self.keep(if memory_counts { 0 } else { KEPT });
    }
}

/// Reads the headers of the network of `card` and writes its graphs once, to see that it can be run.
fn opened(
    card: &ModelCard,
    checkpoint: &Checkpoint,
    environment: &Environment,
) -> Result<ControlNet, String> {
    let net = ControlNet::open(&card.path, card.config.as_deref(), checkpoint);
    let net = net.map_err(|error| error.to_string())?;
    let dialect = environment.device.kind.dialect();
    for emitted in [controlnet_guide(&net, dialect), controlnet(&net, dialect, None)] {
        emitted.map_err(|error| error.to_string())?;
    }
    Ok(net)
}

/// Looks at every number of `net`.
fn check(net: &ControlNet, card: &ModelCard, cancel: &Cancel) -> Result<(), String> {
    let path = card.path.display();
    match net.network.first_not_finite(&|| cancel.is_cancelled()) {
        Ok(None) => Ok(()),
        Ok(Some(name)) => Err(format!(
            "its tensor `{name}` holds values that are not numbers; get the file again: {path}"
        )),
        Err(error) => Err(format!("the file cannot be read ({error}): {path}")),
    }
}
