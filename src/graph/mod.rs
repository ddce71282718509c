//! Networks written as ONNX graphs whose weights stay in the checkpoint's own file.
//!
//! One description a network (`clip`, `unet`, `vae`), put together from [`blocks`](self); the
//! [`Dialect`] decides which operators say it, because each execution provider is fast (or
//! right) with other ones. This room runs nothing and knows no runtime.
//!
//! Initializers carry the diffusers name of their weight. The [`Replaceable`] ones can be given other
//! values (a LoRA's change) while all others stay in the mapped file.

mod attention;
mod blocks;
mod builder;
mod clip;
mod clip_vision;
mod controlnet;
mod dialect;
mod ip_adapter;
mod onnx;
mod probe;
mod replaceable;
mod stored_weights;
mod unet;
mod vae;

pub use builder::{Emitted, GraphError};
pub use clip::clip_text;
pub use clip_vision::{VisionOutput, clip_vision};
pub use controlnet::{controlnet, controlnet_guide};
pub use dialect::Dialect;
pub use ip_adapter::{image_key, image_prompt, image_value};
pub use probe::probe;
pub use replaceable::{Replaceable, Style, Way, WeightSlot};
pub use unet::{DeepFeature, UnetInputs, control_residual_names, control_residuals, unet};
pub use vae::{vae_decoder, vae_encoder};
