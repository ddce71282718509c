//! Icons by name: code points of the subset of Material Symbols Rounded in `assets/fonts`.

/// A die: draws a new seed.
pub const DICE: char = '\u{eb40}';
/// A closed lock: the seed stays.
pub const LOCKED: char = '\u{e88d}';
/// An open lock: each run draws a seed.
pub const UNLOCKED: char = '\u{e898}';
/// Width becomes height.
pub const SWAP: char = '\u{e8d4}';
/// Cancel, dismiss.
pub const CLOSE: char = '\u{e14c}';
/// Search.
pub const SEARCH: char = '\u{e8b6}';
/// The light theme.
pub const LIGHT: char = '\u{e518}';
/// The dark theme.
pub const DARK: char = '\u{e51c}';
/// The theme of the system.
pub const SYSTEM: char = '\u{eb37}';
/// The sheet of shortcuts.
pub const KEYBOARD: char = '\u{e312}';
/// A folder.
pub const FOLDER: char = '\u{e2c8}';
/// Out of the program.
pub const EXPORT: char = '\u{e6b8}';
/// All settings.
pub const SETTINGS: char = '\u{e429}';
/// The prompt's words.
pub const WORDS: char = '\u{e26c}';
/// Once more.
pub const RETRY: char = '\u{e042}';
/// A list that opens.
pub const UNFOLD: char = '\u{e5d7}';
/// The whole picture in view.
pub const FIT: char = '\u{ea10}';
/// Chosen.
pub const CHECK: char = '\u{e5ca}';
/// Fold the left panel.
pub const LEFT_CLOSE: char = '\u{f717}';
/// Show the left panel.
pub const LEFT_OPEN: char = '\u{f716}';
/// Fold the right panel.
pub const RIGHT_CLOSE: char = '\u{f705}';
/// Show the right panel.
pub const RIGHT_OPEN: char = '\u{f704}';
/// Something failed.
pub const ERROR: char = '\u{e000}';
/// A picture to start from.
pub const START: char = '\u{f317}';
/// Pictures.
pub const PICTURES: char = '\u{e413}';
/// The previous one.
pub const PREVIOUS: char = '\u{e408}';
/// The next one.
pub const NEXT: char = '\u{e409}';
/// Moves the picture.
pub const HAND: char = '\u{e925}';
/// Draws rectangles.
pub const RECTANGLE: char = '\u{f74d}';
/// One more.
pub const ADD: char = '\u{e145}';
/// Back to what was before.
pub const UNDO: char = '\u{e166}';
/// Take away.
pub const DELETE: char = '\u{e872}';
/// Among those one likes best.
pub const STAR: char = '\u{e838}';
/// Two pictures over each other.
pub const COMPARE: char = '\u{e3b9}';
/// What else can be done.
pub const MORE: char = '\u{e5d4}';
/// Onto the clipboard.
pub const COPY: char = '\u{e14d}';
/// What is known of it.
pub const DETAILS: char = '\u{e88e}';
/// Fold downwards.
pub const FOLD_DOWN: char = '\u{e5cf}';
/// Show.
pub const VISIBLE: char = '\u{e8f4}';
/// Paints.
pub const BRUSH: char = '\u{e3ae}';
/// Takes painted things away.
pub const ERASER: char = '\u{e6d0}';
/// Draws around things.
pub const LASSO: char = '\u{eb03}';
/// Draws ellipses.
pub const ELLIPSE: char = '\u{ef4a}';
/// Fills up to an edge.
pub const FILL: char = '\u{e23a}';
/// Chooses by colour.
pub const COLOUR: char = '\u{e3b8}';
/// Once more what was undone.
pub const REDO: char = '\u{e15a}';
/// Grow, shrink, fade.
pub const REFINE: char = '\u{eb77}';
/// White becomes black.
pub const INVERT: char = '\u{e891}';
/// From a file.
pub const OPEN: char = '\u{eaf3}';
/// The task as text.
pub const JSON: char = '\u{ead3}';
/// What was before.
pub const HISTORY: char = '\u{e28e}';
/// Where a row is taken to be moved.
pub const GRIP: char = '\u{e945}';
/// Fine adjustment.
pub const TUNE: char = '\u{e429}';
/// One place up.
pub const UP: char = '\u{e5d8}';
/// One place down.
pub const DOWN: char = '\u{e5db}';
/// Unfolded.
pub const FOLD_OPEN: char = '\u{e5cf}';
/// Folded.
pub const FOLDED: char = '\u{e409}';
/// One picture, or the place for one.
pub const PICTURE: char = '\u{e251}';
/// The settings.
pub const GEAR: char = '\u{e8b8}';
/// The library of models.
pub const MODELS: char = '\u{f720}';
/// Can be dragged to another place.
pub const DRAG: char = '\u{e945}';
/// A list of all.
pub const LIST: char = '\u{e8ef}';
/// Something to be careful about.
pub const WARNING: char = '\u{e002}';
/// Brings a file from the network.
pub const DOWNLOAD: char = '\u{e171}';
/// Waits until it is told to go on.
pub const PAUSE: char = '\u{e034}';
/// Goes on.
pub const PLAY: char = '\u{e037}';
/// A key.
pub const KEY: char = '\u{e73c}';
/// The service.
pub const CLOUD: char = '\u{e2bd}';
/// Memory.
pub const MEMORY: char = '\u{e322}';
/// One less.
pub const REMOVE: char = '\u{e15b}';
