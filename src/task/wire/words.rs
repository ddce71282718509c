//! Parameters that take one of a few words, each spelled as the API documents it.

use std::fmt;

use crate::prompt::Syntax;

/// Declares an enum over documented words: serde, `Display`, `as_str`, and the list of words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the documented order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Every word, in the documented order.
            pub const WORDS: &'static [&'static str] = &[$($word,)+];

            /// The documented word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// `taskType`: what is asked for.
    TaskType {
        /// Make pictures.
        ImageInference = "imageInference",
    }
}

words! {
    /// `outputType`: how the answer carries the picture.
    OutputType {
        /// Base64 text in `imageBase64Data`.
        Base64Data = "base64Data",
        /// A data URI in `imageDataURI`.
        DataUri = "dataURI",
        /// An address in `imageURL`; the default.
        Url = "URL",
    }
}

words! {
    /// `outputFormat`: the file format of the picture.
    OutputFormat {
        /// JPEG; the default.
        Jpg = "JPG",
        /// PNG, without loss; takes no quality.
        Png = "PNG",
        /// WebP at the asked quality.
        Webp = "WEBP",
    }
}

impl OutputFormat {
    /// The ending of a file's name, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    /// The media type, as data URIs and servers name it.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

words! {
    /// `deliveryMethod`: whether the connection waits for the pictures.
    DeliveryMethod {
        /// The answer comes when the pictures are ready; the default.
        Sync = "sync",
        /// An acknowledgement comes at once, the pictures are asked for later.
        Async = "async",
    }
}

words! {
    /// `promptWeighting`: the notation for emphasis inside prompts.
    PromptWeighting {
        /// `word+`, `(words)1.2`, `.blend()`, `.and()`.
        Compel = "compel",
        /// `(word)`, `(word:1.5)`, `[word]`.
        SdEmbeds = "sdEmbeds",
    }
}

impl From<Option<PromptWeighting>> for Syntax {
    fn from(weighting: Option<PromptWeighting>) -> Self {
        match weighting {
            None => Self::Plain,
            Some(PromptWeighting::Compel) => Self::Compel,
            Some(PromptWeighting::SdEmbeds) => Self::SdEmbeds,
        }
    }
}

words! {
    /// `controlNet[].controlMode`: which guide wins where prompt and guide image disagree.
    ControlMode {
        /// The prompt.
        Prompt = "prompt",
        /// The guide image.
        ControlNet = "controlnet",
        /// Neither; the mode in use when none is given.
        Balanced = "balanced",
    }
}

words! {
    /// `acePlusPlus.type`: what ACE++ keeps of the reference.
    AceType {
        /// A face; the default.
        Portrait = "portrait",
        /// An object or a logo.
        Subject = "subject",
        /// Everything outside the mask.
        LocalEditing = "local_editing",
    }
}

words! {
    /// `preProcessorType` of `controlNetPreprocess`: what a guide shows of its picture.
    Preprocessor {
        /// White one-pixel edges.
        Canny = "canny",
        /// How near everything is, near is white.
        Depth = "depth",
        /// Straight lines.
        Mlsd = "mlsd",
        /// The directions of surfaces, as colours.
        Normalbae = "normalbae",
        /// The skeleton of a person.
        Openpose = "openpose",
        /// The picture itself, or a small version of it.
        Tile = "tile",
        /// What everything is, as colours.
        Seg = "seg",
        /// White lines, as one would draw the picture.
        Lineart = "lineart",
        /// White lines, as for an animated film.
        LineartAnime = "lineart_anime",
        /// The picture's colours, poured together.
        Shuffle = "shuffle",
        /// A few rough white strokes.
        Scribble = "scribble",
        /// Soft white edges.
        Softedge = "softedge",
    }
}
