//! SVG to PNG with `resvg` and the bundled fonts. No system font is ever looked for, so a picture has the
//! same bytes on every machine.

use super::chart::theme;
use crate::base::{Error, Result};
use resvg::{tiny_skia, usvg};
use std::sync::{Arc, OnceLock};

fn fonts() -> Arc<usvg::fontdb::Database> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut fonts = usvg::fontdb::Database::new();
            for bytes in [theme::REGULAR, theme::BOLD] {
                fonts.load_font_source(usvg::fontdb::Source::Binary(Arc::new(bytes)));
            }
            Arc::new(fonts)
        })
        .clone()
}

fn parse(svg: &str) -> Result<usvg::Tree> {
    let options = usvg::Options {
        font_family: theme::FAMILY.to_owned(),
        fontdb: fonts(),
        ..usvg::Options::default()
    };
    usvg::Tree::from_str(svg, &options).map_err(|e| Error::internal(format!("a picture is not SVG: {e}")))
}

/// The picture at `scale` times its size: 1 for mail, 2 for screens that ask for more.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>> {
    let tree = parse(svg)?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(scale)
        .ok_or_else(|| Error::internal("a picture has no size"))?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height())
        .ok_or_else(|| Error::internal("a picture is too large"))?;
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(scale, scale),
        &mut pixels.as_mut(),
    );
    pixels
        .encode_png()
        .map_err(|e| Error::internal(format!("a picture cannot be written: {e}")))
}

#[cfg(test)]
pub(super) fn content_width(svg: &str) -> Option<f32> {
    Some(parse(svg).ok()?.root().abs_bounding_box().width())
}
