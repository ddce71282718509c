//! Which operators a provider is given for the same network.

/// A way of writing attention, norms and activations.
///
/// Measured reasons: ONNX Runtime's CPU kernels have a flash path only behind
/// `MultiHeadAttention`; the OpenVINO provider hands graphs with that node back to the CPU and
/// takes plain matrix products at full speed; some WebGPU drivers compute it wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// ONNX Runtime's CPU provider: Microsoft's `MultiHeadAttention`, `QuickGelu`, `FusedMatMul`.
    Cpu,
    /// OpenVINO: standard operators of opset 18 only, whole attention matrices.
    OpenVino,
    /// Any other provider: standard operators, attention in slices of the queries.
    Portable,
}

impl Dialect {
    /// Every dialect, for tests that hold them against each other.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::OpenVino, Self::Portable];

    /// Whether Microsoft's operators may be used.
    #[must_use]
    pub const fn microsoft(self) -> bool {
        matches!(self, Self::Cpu)
    }
}
