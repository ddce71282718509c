//! Latelier: a desktop studio for making images with diffusion models.
//!
//! What follows is `ARCHITECTURE.md`, the map of the house.
//!
#![doc = include_str!("../ARCHITECTURE.md")]

pub mod app;
pub mod cli;
pub mod engine;
pub mod graph;
pub mod jobs;
pub mod library;
pub mod metadata;
pub mod pixels;
pub mod prompt;
pub mod protocol;
pub mod remote;
pub mod sampling;
pub mod server;
pub mod settings;
pub mod state;
pub mod task;
pub mod ui;
pub mod weights;
