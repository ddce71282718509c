//! The last part of a tensor's name in a LoRA file: what the tensor is for. The layer's name before
//! it stays as it is.

/// What a tensor of a LoRA file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::weights) enum Role {
    /// `A` of `ΔW = B·A`, rank × inputs.
    Down,
    /// `B` of `ΔW = B·A`, outputs × rank.
    Up,
    /// The core between them (tucker form), rank × rank × kernel.
    Mid,
    /// The number that, over the rank, scales the change.
    Alpha,
    /// Length of each row of the changed weight (DoRA), as LyCORIS and kohya name it.
    DoraScale,
    /// The same as PEFT names it.
    Magnitude,
    /// LoHa: outputs × rank of the first product.
    HadaW1A,
    /// LoHa: rank × inputs of the first product.
    HadaW1B,
    /// LoHa: core of the first product.
    HadaT1,
    /// LoHa: outputs × rank of the second product.
    HadaW2A,
    /// LoHa: rank × inputs of the second product.
    HadaW2B,
    /// LoHa: core of the second product.
    HadaT2,
    /// LoKr: the whole first factor.
    LokrW1,
    /// LoKr: left part of the first factor.
    LokrW1A,
    /// LoKr: right part of the first factor.
    LokrW1B,
    /// LoKr: core of the first factor.
    LokrT1,
    /// LoKr: the whole second factor.
    LokrW2,
    /// LoKr: left part of the second factor.
    LokrW2A,
    /// LoKr: right part of the second factor.
    LokrW2B,
    /// LoKr: core of the second factor.
    LokrT2,
    /// The whole change of a weight.
    Diff,
    /// The whole change of a bias.
    DiffBias,
    /// IA3: factors of whole rows or columns.
    Ia3,
    /// Orthogonal fine-tuning.
    Oft,
    /// Generalised LoRA.
    Glora,
}

/// Endings of tensor names, each with what it means. The longer of two that fit stands first.
const ENDINGS: &[(&str, Role)] = &[
    (".lora_linear_layer.down.weight", Role::Down),
    (".lora_linear_layer.up.weight", Role::Up),
    (".lora_down.weight", Role::Down),
    (".lora_up.weight", Role::Up),
    (".lora_mid.weight", Role::Mid),
    (".lora.down.weight", Role::Down),
    (".lora.up.weight", Role::Up),
    ("_lora.down.weight", Role::Down),
    ("_lora.up.weight", Role::Up),
    (".alpha", Role::Alpha),
    (".dora_scale", Role::DoraScale),
    (".lora_magnitude_vector", Role::Magnitude),
    (".hada_w1_a", Role::HadaW1A),
    (".hada_w1_b", Role::HadaW1B),
    (".hada_t1", Role::HadaT1),
    (".hada_w2_a", Role::HadaW2A),
    (".hada_w2_b", Role::HadaW2B),
    (".hada_t2", Role::HadaT2),
    (".lokr_w1", Role::LokrW1),
    (".lokr_w1_a", Role::LokrW1A),
    (".lokr_w1_b", Role::LokrW1B),
    (".lokr_t1", Role::LokrT1),
    (".lokr_w2", Role::LokrW2),
    (".lokr_w2_a", Role::LokrW2A),
    (".lokr_w2_b", Role::LokrW2B),
    (".lokr_t2", Role::LokrT2),
    (".diff", Role::Diff),
    (".diff_b", Role::DiffBias),
    (".w_norm", Role::Diff),
    (".b_norm", Role::DiffBias),
    (".on_input", Role::Ia3),
    (".oft_blocks", Role::Oft),
    (".oft_diag", Role::Oft),
    (".a1.weight", Role::Glora),
    (".b1.weight", Role::Glora),
];

/// PEFT's names, which may carry the adapter's name: `.lora_A.weight`, `.lora_A.default.weight`.
const PEFT: &[(&str, Role)] = &[
    (".lora_A.", Role::Down),
    (".lora_B.", Role::Up),
    (".lora_magnitude_vector.", Role::Magnitude),
];

impl Role {
    /// Splits a tensor's name into the layer and what the tensor is for; `None` for names that no
    /// LoRA uses.
    pub(in crate::weights) fn of(key: &str) -> Option<(&str, Self)> {
        let ending = |&(ending, role): &(&str, Self)| Some((key.strip_suffix(ending)?, role));
        let peft = |&(infix, role): &(&str, Self)| {
            let (layer, adapter) = key.split_once(infix)?;
            let bare = adapter == "weight";
            let named = adapter.strip_suffix(".weight").is_some_and(|name| !name.contains('.'));
            (bare || named).then_some((layer, role))
        };
        ENDINGS.iter().find_map(ending).or_else(|| PEFT.iter().find_map(peft))
    }

    /// The method that a tensor with this role belongs to, if it cannot be applied.
    pub(super) const fn unsupported(self) -> Option<&'static str> {
        match self {
            Self::Ia3 => Some("IA3, which scales layers instead of adding to them"),
            Self::Oft => Some("OFT, which turns layers instead of adding to them"),
            Self::Glora => Some("GLoRA"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_read_with_and_without_the_adapters_name() {
        for (key, layer, role) in [
            ("lora_unet_x_to_q.lora_down.weight", "lora_unet_x_to_q", Role::Down),
            ("unet.x.to_q.lora_A.weight", "unet.x.to_q", Role::Down),
            ("unet.x.to_q.lora_B.default_0.weight", "unet.x.to_q", Role::Up),
            ("x.attn1.processor.to_q_lora.down.weight", "x.attn1.processor.to_q", Role::Down),
            ("x.q_proj.lora_linear_layer.up.weight", "x.q_proj", Role::Up),
            ("x.ff.net.0.proj.lora.up.weight", "x.ff.net.0.proj", Role::Up),
            ("x.lokr_w1_a", "x", Role::LokrW1A),
            ("x.lora_magnitude_vector.default.weight", "x", Role::Magnitude),
        ] {
            assert_eq!(Role::of(key), Some((layer, role)), "{key}");
        }
        for key in ["x.to_q.weight", "x.lora_A.a.b.weight", "x.lora_B.bias", "emb_params"] {
            assert_eq!(Role::of(key), None, "{key}");
        }
    }
}
