//! Black-box tests: one binary, one module a subject.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod account;
mod bad_controls;
mod bad_input;
mod bad_pictures;
mod controlnet;
mod crash;
mod deep_cache;
mod download;
mod embeddings;
mod engine;
mod explain;
mod faults;
mod guides;
mod image_to_image;
mod inpainting;
mod ip_adapter;
mod lora;
mod lora_pictures;
mod metadata;
mod models;
mod network;
mod networks;
mod nsfw;
mod outpainting;
mod pictures;
mod prompts;
mod remote;
mod rooms;
mod serve;
mod single_file;
mod support;
mod together;
mod window;
