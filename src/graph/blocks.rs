//! Building blocks that several networks share: linear layers, convolutions, norms,
//! activations and the residual block.

use super::Dialect;
use super::builder::{Builder, GraphError, Value};
use super::onnx::{float, int, ints, text};

/// A convolution's kernel side, stride and padding (top, left, bottom, right).
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    side: usize,
    stride: i64,
    pads: [i64; 4],
}

impl Kernel {
    /// 1 × 1.
    pub(super) const POINT: Self = Self { side: 1, stride: 1, pads: [0; 4] };
    /// 3 × 3 that keeps the size.
    pub(super) const SAME: Self = Self { side: 3, stride: 1, pads: [1; 4] };
    /// 3 × 3 that halves the size.
    pub(super) const HALVE: Self = Self { side: 3, stride: 2, pads: [1; 4] };
    /// 3 × 3 that halves the size, padded right and below only (the VAE encoder's).
    pub(super) const HALVE_ASYMMETRIC: Self = Self { side: 3, stride: 2, pads: [0, 0, 1, 1] };
}

/// Group count and epsilon of a group norm.
#[derive(Clone, Copy)]
pub(super) struct Grouping {
    pub(super) groups: usize,
    pub(super) epsilon: f32,
}

/// What all residual blocks of a network share.
#[derive(Clone, Copy)]
pub(super) struct ResidualContext<'a> {
    pub(super) grouping: Grouping,
    /// SiLU of the timestep embedding and its width (UNet only).
    pub(super) time: Option<(&'a Value, usize)>,
}

impl Builder<'_> {
    /// `x Wᵀ + b` over the last side of `x`; `sizes` is (in, out). The bias is optional in the file.
    pub(super) fn linear(
        &mut self,
        x: &Value,
        name: &str,
        sizes: (usize, usize),
    ) -> Result<Value, GraphError> {
        self.linear_rows(x, name, sizes, 0..sizes.1)
    }

    /// The rows `rows` of a linear layer's outputs.
    pub(super) fn linear_rows(
        &mut self,
        x: &Value,
        name: &str,
        sizes: (usize, usize),
        rows: std::ops::Range<usize>,
    ) -> Result<Value, GraphError> {
        let (inside, outside) = sizes;
        let weight =
            self.matrix_rows(&format!("{name}.weight"), &[outside, inside], rows.clone())?;
        let product = if self.dialect.microsoft() {
            self.microsoft("FusedMatMul", &[x, &weight], vec![int("transB", 1)])
        } else {
            let weight = self.op("Transpose", &[&weight], vec![ints("perm", &[1, 0])]);
            self.op("MatMul", &[x, &weight], vec![])
        };
        let bias = format!("{name}.bias");
        if !self.has(&bias) {
            return Ok(product);
        }
        let bias = self.bias_rows(&bias, &[outside], rows)?;
        Ok(self.op("Add", &[&product, &bias], vec![]))
    }

    /// A convolution with bias; `sizes` is (in, out) channels.
    pub(super) fn conv(
        &mut self,
        x: &Value,
        name: &str,
        sizes: (usize, usize),
        kernel: Kernel,
    ) -> Result<Value, GraphError> {
        let (inside, outside) = sizes;
        let Kernel { side, stride, pads } = kernel;
        let weight = self.kernel(&format!("{name}.weight"), &[outside, inside, side, side])?;
        let bias = self.weight(&format!("{name}.bias"), &[outside])?;
        let attributes = vec![
            ints("kernel_shape", &[side as i64, side as i64]),
            ints("strides", &[stride, stride]),
            ints("pads", &pads),
        ];
        Ok(self.op("Conv", &[x, &weight, &bias], attributes))
    }

    /// Group norm of `[n, channels, h, w]`, in the form every provider has: instance norm over the
    /// groups, then scale and shift by channel.
    pub(super) fn group_norm(
        &mut self,
        x: &Value,
        name: &str,
        channels: usize,
        grouping: Grouping,
    ) -> Result<Value, GraphError> {
        let Grouping { groups, epsilon } = grouping;
        let shape = self.op("Shape", &[x], vec![]);
        let grouped_shape = self.integers(&[0, groups as i64, -1]);
        let grouped = self.op("Reshape", &[x, &grouped_shape], vec![]);
        let ones = self.floats("ones", &[groups as i64], &vec![1.0; groups]);
        let zeros = self.floats("zeros", &[groups as i64], &vec![0.0; groups]);
        let normal = self.op(
            "InstanceNormalization",
            &[&grouped, &ones, &zeros],
            vec![float("epsilon", epsilon)],
        );
        let normal = self.op("Reshape", &[&normal, &shape], vec![]);
        let scale = self.weight(&format!("{name}.weight"), &[channels, 1, 1])?;
        let shift = self.weight(&format!("{name}.bias"), &[channels, 1, 1])?;
        let scaled = self.op("Mul", &[&normal, &scale], vec![]);
        Ok(self.op("Add", &[&scaled, &shift], vec![]))
    }

    /// Layer norm over the last side.
    pub(super) fn layer_norm(
        &mut self,
        x: &Value,
        name: &str,
        channels: usize,
        epsilon: f32,
    ) -> Result<Value, GraphError> {
        let scale = self.weight(&format!("{name}.weight"), &[channels])?;
        let shift = self.weight(&format!("{name}.bias"), &[channels])?;
        let attributes = vec![int("axis", -1), float("epsilon", epsilon)];
        Ok(self.op("LayerNormalization", &[x, &scale, &shift], attributes))
    }

    /// `x · σ(αx)`: SiLU at 1, CLIP's quick GELU at 1.702.
    pub(super) fn swish(&mut self, x: &Value, alpha: f32) -> Value {
        if self.dialect.microsoft() {
            return self.microsoft("QuickGelu", &[x], vec![float("alpha", alpha)]);
        }
        let scaled = if (alpha - 1.0).abs() < f32::EPSILON {
            x.clone()
        } else {
            let alpha = self.scalar(alpha);
            self.op("Mul", &[x, &alpha], vec![])
        };
        let gate = self.op("Sigmoid", &[&scaled], vec![]);
        self.op("Mul", &[x, &gate], vec![])
    }

    /// SiLU, `x · σ(x)`.
    pub(super) fn silu(&mut self, x: &Value) -> Value {
        self.swish(x, 1.0)
    }

    /// GELU by the error function, `x/2 · (1 + erf(x/√2))`.
    pub(super) fn gelu(&mut self, x: &Value) -> Value {
        if self.dialect.microsoft() {
            return self.microsoft("Gelu", &[x], vec![]);
        }
        let root = self.scalar(std::f32::consts::SQRT_2);
        let scaled = self.op("Div", &[x, &root], vec![]);
        let erf = self.op("Erf", &[&scaled], vec![]);
        let one = self.scalar(1.0);
        let raised = self.op("Add", &[&erf, &one], vec![]);
        let product = self.op("Mul", &[x, &raised], vec![]);
        let half = self.scalar(0.5);
        self.op("Mul", &[&product, &half], vec![])
    }

    /// Doubles height and width by repeating pixels.
    pub(super) fn upsample(&mut self, x: &Value) -> Value {
        let scales = self.floats("doubled", &[4], &[1.0, 1.0, 2.0, 2.0]);
        let attributes = vec![
            text("mode", "nearest"),
            text("coordinate_transformation_mode", "asymmetric"),
            text("nearest_mode", "floor"),
        ];
        self.op("Resize", &[x, &Self::absent(), &scales], attributes)
    }

    /// The residual block of UNet and VAE: norm, SiLU, convolution, twice, around a shortcut.
    /// `sizes` is (in, out) channels.
    pub(super) fn residual_block(
        &mut self,
        x: &Value,
        name: &str,
        sizes: (usize, usize),
        context: &ResidualContext<'_>,
    ) -> Result<Value, GraphError> {
        let (inside, outside) = sizes;
        let ResidualContext { grouping, time } = *context;
        let h = self.group_norm(x, &format!("{name}.norm1"), inside, grouping)?;
        let h = self.silu(&h);
        let mut h = self.conv(&h, &format!("{name}.conv1"), sizes, Kernel::SAME)?;
        if let Some((time, width)) = time {
            let shift = self.linear(time, &format!("{name}.time_emb_proj"), (width, outside))?;
            let shape = self.integers(&[0, outside as i64, 1, 1]);
            let shift = self.op("Reshape", &[&shift, &shape], vec![]);
            h = self.op("Add", &[&h, &shift], vec![]);
        }
        let h = self.group_norm(&h, &format!("{name}.norm2"), outside, grouping)?;
        let h = self.silu(&h);
        let h = self.conv(&h, &format!("{name}.conv2"), (outside, outside), Kernel::SAME)?;
        let shortcut = format!("{name}.conv_shortcut");
        let x = if inside == outside {
            x.clone()
        } else {
            self.conv(x, &shortcut, sizes, Kernel::POINT)?
        };
        Ok(self.op("Add", &[&x, &h], vec![]))
    }

    /// Whether attention should be cut into slices of the queries to bound its memory.
    pub(super) fn slices_attention(&self) -> bool {
        self.dialect == Dialect::Portable
    }
}
