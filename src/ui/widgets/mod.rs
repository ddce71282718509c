//! House widgets: small, named for assistive technology, drawn to the look. None knows the state.

mod button;
mod field;
mod link;
mod number;
mod range;
mod row;
mod segmented;
mod switch;
mod text;
mod tip;

pub use button::{IconButton, chip, generate_button, text_button, toggle_button};
pub use field::{FieldShown, Ink, TextField, search_field};
pub use link::{link, link_at_right};
pub use number::{Edit, Knob, number, number_with_sign, number_with_unit, slider, slider_row};
pub use range::{Span, span_row};
pub use row::{
    RowLabel, control_row, error_outline, inside, remark, section_head, section_title, tall_row,
};
pub use segmented::segmented;
pub use switch::switch;
pub use text::{elided, paint_elided};
pub use tip::{refuse, refused, side_menu, tip};
