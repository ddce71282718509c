//! Black-box tests: one binary, one module a subject.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bad_input;
mod engine;
mod image_to_image;
mod inpainting;
mod metadata;
mod networks;
mod pictures;
mod prompts;
mod rooms;
mod single_file;
mod support;
mod window;
