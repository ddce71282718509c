//! What a run over a picture paints on, and how the painted goes back into the picture: whole,
//! inside a mask, zoomed into a mask, or beyond the picture's borders.

use super::growth::{Growth, grown};
use super::region::Region;
use super::seam::evened_out;
use super::{Extent, Mask, Picture};

/// A picture brought to the size that is painted, and the way back.
#[derive(Clone, Debug)]
pub struct PaintArea {
    picture: Picture,
    repaint: Option<Mask>,
    back: Option<Back>,
}

/// Where the painted goes.
#[derive(Clone, Debug)]
struct Back {
    /// The result before anything is painted.
    original: Picture,
    /// The part of it that is painted.
    region: Region,
    /// Of the region's size: how much of the painted is seen.
    shown: Mask,
    /// Whether colours are matched at the seam.
    even_out: bool,
}

/// The feather of a zoomed mask, as a share of its margin: wide enough for a seam that cannot be
/// seen, narrow enough that all of it lies in the margin.
const FEATHER: u32 = 4;

/// How many times larger than the picture and the painted size the surroundings of a mask may be:
/// beyond, nearly all of what is painted would be mirror image, and memory without bound.
const LARGEST_SURROUNDINGS: usize = 4;

/// Pixels that surroundings may have in any case.
const SMALL: usize = 1 << 22;

impl PaintArea {
    /// All of `picture`, scaled and cut to `extent`.
    #[must_use]
    pub fn whole(picture: &Picture, extent: Extent) -> Self {
        Self { picture: picture.covering(extent), repaint: None, back: None }
    }

    /// What `mask` shows white of `picture`, both scaled and cut to `extent`. Every bit outside the
    /// mask stays.
    #[must_use]
    pub fn masked(picture: &Picture, mask: &Picture, extent: Extent) -> Self {
        let original = picture.covering(extent);
        let mask = Mask::from_picture(&mask.covering(extent));
        let region = Region::whole(extent);
        Self {
            picture: original.clone(),
            repaint: Some(mask.clone()),
            back: Some(Back { original, region, shown: mask, even_out: false }),
        }
    }

    /// The surroundings of what `mask` shows white, `margin` pixels to each side, enlarged (or made
    /// smaller) to `extent`. The result has the size of `picture`; outside the mask and a feather
    /// of a quarter of the margin, every bit of it stays.
    ///
    /// `None` when surroundings of the shape of `extent` would be far larger than the picture.
    #[must_use]
    pub fn zoomed(picture: &Picture, mask: &Picture, margin: u32, extent: Extent) -> Option<Self> {
        let own = picture.extent();
        let mask = Mask::from_picture(&mask.covering(own)).without_traces();
        let region = Region::of_mask(&mask).unwrap_or(Region::whole(own));
        let region = region.with_margin(margin).shaped(extent, own);
        let sensible = LARGEST_SURROUNDINGS * own.area().max(extent.area());
        if region.extent.area() > sensible.max(SMALL) {
            return None;
        }
        let cut_mask = Mask::from_picture(&mask.to_picture().cut(region));
        let shown = cut_mask.feathered(margin / FEATHER);
        Some(Self {
            picture: picture.cut(region).scaled(extent),
            repaint: Some(Mask::from_picture(&shown.to_picture().scaled(extent))),
            back: Some(Back { original: picture.clone(), region, shown, even_out: true }),
        })
    }

    /// `picture`, scaled and cut to what `growth` leaves of `extent`, and the new sides around it;
    /// with a `mask`, what it shows white as well. Old pixels stay outside the band of
    /// `growth.blur` pixels along the seam.
    #[must_use]
    pub fn extended(
        picture: &Picture,
        mask: Option<&Picture>,
        growth: Growth,
        extent: Extent,
    ) -> Self {
        let inner = growth.inner(extent);
        let original = grown(&picture.covering(inner), growth);
        let mask = mask.map(|mask| Mask::from_picture(&mask.covering(inner)));
        let shown = growth.mask(extent, mask.as_ref());
        let region = Region::whole(extent);
        Self {
            picture: original.clone(),
            repaint: Some(shown.clone()),
            back: Some(Back { original, region, shown, even_out: true }),
        }
    }

    /// The part of `guide` that lies over what is painted, at the size that is painted, `extent`. A
    /// guide shows the whole picture; where the run zooms into a mask, it is cut like the picture, as
    /// diffusers' inpainting pipeline with a `ControlNet` does (`padding_mask_crop`).
    #[must_use]
    pub fn guide(&self, guide: &Picture, extent: Extent) -> Picture {
        match &self.back {
            Some(Back { original, region, .. }) if *region != Region::whole(original.extent()) => {
                guide.covering(original.extent()).cut(*region).scaled(extent)
            }
            _ => guide.covering(extent),
        }
    }

    /// What the run starts from, at the size that is painted.
    #[must_use]
    pub const fn picture(&self) -> &Picture {
        &self.picture
    }

    /// What is painted anew, at the size that is painted; all of it when `None`.
    #[must_use]
    pub const fn repaint(&self) -> Option<&Mask> {
        self.repaint.as_ref()
    }

    /// The result once `painted`, of the size that is painted, is done.
    #[must_use]
    pub fn put_back(&self, painted: Picture) -> Picture {
        let Some(Back { original, region, shown, even_out }) = &self.back else { return painted };
        let before = original.cut(*region);
        let mut painted = painted.scaled(region.extent);
        if *even_out {
            painted = evened_out(&painted, &before, shown);
        }
        let Some(composed) = shown.compose(&before, &painted) else { return painted };
        original.with_piece(&composed, (region.x, region.y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel tells its place.
    fn map(side: u32) -> Picture {
        Picture::from_fn(Extent::new(side, side), |x, y| [x as u8, y as u8, 0, 255])
    }

    #[test]
    fn a_guide_of_the_picture_itself_lies_over_what_is_painted_of_it() {
        let picture = map(200);
        let white = |inside: bool| if inside { [255; 4] } else { [0, 0, 0, 255] };
        let mask = Picture::from_fn(picture.extent(), |x, y| {
            white((120..150).contains(&x) && (30..60).contains(&y))
        });
        let extent = Extent::new(128, 128);
        let zoomed = PaintArea::zoomed(&picture, &mask, 32, extent).unwrap();
        assert_eq!(zoomed.guide(&picture, extent).rgba(), zoomed.picture().rgba());
        assert_ne!(picture.covering(extent).rgba(), zoomed.picture().rgba());
        for area in [PaintArea::whole(&picture, extent), PaintArea::masked(&picture, &mask, extent)]
        {
            assert_eq!(area.guide(&picture, extent).rgba(), area.picture().rgba());
        }
    }
}
