//! The network families, and which parameters each of them takes.

use std::fmt;

use super::{PromptWeighting, wire::PromptWeighting::Compel};

/// A network family. Named in JSON as the API names it in `baseModelArchitecture`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Architecture {
    /// Stable Diffusion 1.x.
    #[serde(rename = "sd1x")]
    Sd1,
    /// Stable Diffusion 2.x.
    #[serde(rename = "sd2x")]
    Sd2,
    /// Stable Diffusion XL and what is trained from it.
    #[serde(rename = "sdxl")]
    Sdxl,
    /// The SDXL refiner.
    #[serde(rename = "sdxlrefiner")]
    SdxlRefiner,
    /// Stable Diffusion 3 and 3.5.
    #[serde(rename = "sd3")]
    Sd3,
    /// FLUX.1 schnell.
    #[serde(rename = "flux1s")]
    FluxSchnell,
    /// FLUX.1 dev.
    #[serde(rename = "flux1d")]
    FluxDev,
    /// FLUX.1 Fill dev.
    #[serde(rename = "fluxfilldev")]
    FluxFill,
    /// FLUX.1 Kontext dev.
    #[serde(rename = "fluxkontextdev")]
    FluxKontext,
    /// Not known here: a model that only the service has. Nothing is refused for it.
    #[serde(rename = "unknown")]
    Unknown,
}

/// Families whose models share weights' shapes, so that add-ons fit from one to the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Sd1,
    Sd2,
    Sdxl,
    Sd3,
    Flux,
    Unknown,
}

use Architecture::{
    FluxDev, FluxFill, FluxKontext, FluxSchnell, Sd1, Sd2, Sd3, Sdxl, SdxlRefiner, Unknown,
};

const UNETS: &[Architecture] = &[Sd1, Sd2, Sdxl, SdxlRefiner];
const TRANSFORMERS: &[Architecture] = &[Sd3, FluxSchnell, FluxDev, FluxFill, FluxKontext];
const FLUX: &[Architecture] = &[FluxSchnell, FluxDev, FluxFill, FluxKontext];
const ALL_BUT_KONTEXT: &[Architecture] =
    &[Sd1, Sd2, Sdxl, SdxlRefiner, Sd3, FluxSchnell, FluxDev, FluxFill];
const GUIDED: &[Architecture] = &[Sd1, Sd2, Sdxl, Sd3, FluxDev, FluxFill];

/// What `advancedFeatures.layerDiffuse` stands for, beside a `LoRA`.
const LAYER_DIFFUSE_VAE: &str = "runware:120@4";

/// Parameters that only some families take; every other parameter is taken by all.
///
/// SD 1.x, SDXL and FLUX.1 as in the API's schema of 2026. The API does not document SD 2.x, the
/// refiner as a model of its own and SD 3: these follow what diffusers' pipelines for them can do.
const LIMITED: &[(&str, &[Architecture])] = &[
    ("seedImage", ALL_BUT_KONTEXT),
    ("maskImage", ALL_BUT_KONTEXT),
    ("maskMargin", ALL_BUT_KONTEXT),
    ("strength", ALL_BUT_KONTEXT),
    ("outpaint", ALL_BUT_KONTEXT),
    ("referenceImages", &[FluxFill, FluxKontext]),
    ("vae", &[Sd1, Sd2, Sdxl, SdxlRefiner, Sd3]),
    ("clipSkip", &[Sd1, Sd2, Sdxl, SdxlRefiner, Sd3]),
    ("promptWeighting", ALL_BUT_KONTEXT),
    ("advancedFeatures.layerDiffuse", FLUX),
    ("acceleratorOptions.teaCache", TRANSFORMERS),
    ("acceleratorOptions.teaCacheDistance", TRANSFORMERS),
    ("acceleratorOptions.deepCache", UNETS),
    ("acceleratorOptions.deepCacheInterval", UNETS),
    ("acceleratorOptions.deepCacheBranchId", UNETS),
    ("puLID", &[FluxDev, FluxFill]),
    ("acePlusPlus", &[FluxFill]),
    ("refiner", &[Sdxl]),
    ("embeddings", UNETS),
    ("controlNet", GUIDED),
    ("ipAdapters", GUIDED),
];

impl Architecture {
    /// Every family that is known, oldest first.
    pub const ALL: &'static [Self] =
        &[Sd1, Sd2, Sdxl, SdxlRefiner, Sd3, FluxSchnell, FluxDev, FluxFill, FluxKontext];

    /// The name people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Sd1 => "SD 1.x",
            Sd2 => "SD 2.x",
            Sdxl => "SDXL",
            SdxlRefiner => "SDXL refiner",
            Sd3 => "SD 3",
            FluxSchnell => "FLUX.1 schnell",
            FluxDev => "FLUX.1 dev",
            FluxFill => "FLUX.1 Fill",
            FluxKontext => "FLUX.1 Kontext",
            Unknown => "an unknown family",
        }
    }

    /// What `baseModelArchitecture` says. `sd2x`, `sdxlrefiner` and `fluxfilldev` are formed after
    /// the others: the API's own names for these three are not published.
    #[must_use]
    pub const fn api_name(self) -> &'static str {
        match self {
            Sd1 => "sd1x",
            Sd2 => "sd2x",
            Sdxl => "sdxl",
            SdxlRefiner => "sdxlrefiner",
            Sd3 => "sd3",
            FluxSchnell => "flux1s",
            FluxDev => "flux1d",
            FluxFill => "fluxfilldev",
            FluxKontext => "fluxkontextdev",
            Unknown => "unknown",
        }
    }

    /// Whether the local engine runs it.
    #[must_use]
    pub const fn is_local(self) -> bool {
        matches!(self, Sd1)
    }

    /// Whether models of this family take that parameter, given by its documented name
    /// (`controlNet`, `acceleratorOptions.deepCache`). Members of an object go with the object.
    #[must_use]
    pub fn takes(self, parameter: &str) -> bool {
        self == Unknown || takers(parameter).is_none_or(|takers| takers.contains(&self))
    }

    /// Whether models of this family take a parameter with exactly that value although they take
    /// no other: FLUX.1 takes the VAE that `LayerDiffuse` brings along.
    pub(super) fn takes_value(self, parameter: &str, value: &str) -> bool {
        self.family() == Family::Flux && parameter == "vae" && value == LAYER_DIFFUSE_VAE
    }

    /// Whether models of this family read that notation of emphasis.
    #[must_use]
    pub fn reads(self, notation: PromptWeighting) -> bool {
        self.takes("promptWeighting") && !(notation == Compel && self.family() == Family::Flux)
    }

    /// Whether a task has to say the size; Kontext takes it from the reference, and what an unknown
    /// family asks for only the service can say.
    #[must_use]
    pub const fn needs_extent(self) -> bool {
        !matches!(self, FluxKontext | Unknown)
    }

    /// Whether an add-on (`LoRA`, `ControlNet`, …) made for `other` fits a model of this family.
    #[must_use]
    pub fn fits(self, other: Self) -> bool {
        self.family() == other.family() || self == Unknown || other == Unknown
    }

    const fn family(self) -> Family {
        match self {
            Sd1 => Family::Sd1,
            Sd2 => Family::Sd2,
            Sdxl | SdxlRefiner => Family::Sdxl,
            Sd3 => Family::Sd3,
            FluxSchnell | FluxDev | FluxFill | FluxKontext => Family::Flux,
            Unknown => Family::Unknown,
        }
    }
}

/// The only families that take that parameter; `None` when all do.
pub(super) fn takers(parameter: &str) -> Option<&'static [Architecture]> {
    LIMITED.iter().find(|(name, _)| *name == parameter).map(|(_, takers)| *takers)
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::super::ParameterRow;
    use super::*;

    #[test]
    fn json_uses_the_name_of_the_api() {
        for &architecture in Architecture::ALL {
            let json = serde_json::to_value(architecture).unwrap();
            assert_eq!(json, architecture.api_name());
            assert_eq!(serde_json::from_value::<Architecture>(json).unwrap(), architecture);
        }
    }

    #[test]
    fn the_table_names_parameters_that_exist() {
        for (name, takers) in LIMITED {
            assert!(ParameterRow::find(name).is_some_and(|row| row.name == *name), "{name}");
            assert!(!takers.is_empty() && takers.len() < Architecture::ALL.len(), "{name}");
        }
    }

    /// The table of the API's schema (2026), column by column: what each family refuses.
    #[test]
    fn families_refuse_what_the_schema_refuses() {
        let refused = |architecture: Architecture| -> Vec<&str> {
            LIMITED.iter().map(|(name, _)| *name).filter(|name| !architecture.takes(name)).collect()
        };
        let only_flux =
            ["referenceImages", "advancedFeatures.layerDiffuse", "acceleratorOptions.teaCache"];
        for name in only_flux.into_iter().chain(["puLID", "acePlusPlus"]) {
            assert!(refused(Sd1).contains(&name) && refused(Sdxl).contains(&name), "{name}");
        }
        assert!(refused(Sd1).contains(&"refiner") && !refused(Sdxl).contains(&"refiner"));
        assert_eq!((refused(Sd1).len(), refused(Sdxl).len()), (7, 6));
        let unet_only =
            ["clipSkip", "vae", "embeddings", "acceleratorOptions.deepCache", "refiner"];
        for flux in FLUX {
            assert!(unet_only.iter().all(|name| refused(*flux).contains(name)), "{flux}");
        }
        for name in ["controlNet", "ipAdapters", "puLID"] {
            assert!(FluxDev.takes(name) && FluxFill.takes(name), "{name}");
            assert!(!FluxSchnell.takes(name) && !FluxKontext.takes(name), "{name}");
        }
        assert_eq!(
            Architecture::ALL.iter().filter(|any| any.takes("acePlusPlus")).collect::<Vec<_>>(),
            [&FluxFill]
        );
        for name in
            ["seedImage", "maskImage", "strength", "maskMargin", "outpaint", "promptWeighting"]
        {
            let without: Vec<_> = Architecture::ALL.iter().filter(|any| !any.takes(name)).collect();
            assert_eq!(without, [&FluxKontext], "{name}");
        }
        assert!(Architecture::ALL.iter().all(|any| any.takes("lora") && any.takes("steps")));
    }

    #[test]
    fn an_unknown_family_takes_everything_and_fits_everything() {
        assert!(LIMITED.iter().all(|(name, _)| Unknown.takes(name)));
        assert!(Architecture::ALL.iter().all(|any| Unknown.fits(*any) && any.fits(Unknown)));
        assert!(Unknown.reads(PromptWeighting::Compel) && !Unknown.is_local());
        assert!(!Architecture::ALL.contains(&Unknown));
    }

    #[test]
    fn flux_reads_sd_embeds_only() {
        assert!(Sd1.reads(PromptWeighting::Compel) && Sdxl.reads(PromptWeighting::SdEmbeds));
        assert!(
            FluxDev.reads(PromptWeighting::SdEmbeds) && !FluxDev.reads(PromptWeighting::Compel)
        );
        assert!(!FluxKontext.reads(PromptWeighting::SdEmbeds));
    }
}
