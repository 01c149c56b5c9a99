//! Charts: a `ChartSpec` and a `Frame` become marks on a canvas. A kind is a file and one line in `CHARTS`.
//!
//! Charts know neither reports nor files, and round nothing by themselves (`render::number`). All drawing
//! goes through `canvas`, all sizes and colours are in `theme`, all decimals become pixels in `scale`.

mod area;
mod axis;
mod bar;
mod bullet;
pub mod canvas;
mod dots;
mod fan;
mod flow;
mod heatmap;
mod line;
mod multiples;
mod parts;
pub mod scale;
mod series;
mod sparkline;
mod stacked_bar;
pub mod theme;
mod tornado;
mod waterfall;

use crate::base::{Error, Result};
use crate::frame::{ChartSpec, Frame};
pub(crate) use axis::nothing;
use canvas::{Canvas, Rect};

type Draw = fn(&Canvas<'_>, Rect, &ChartSpec, &Frame) -> Result<()>;

pub struct Chart {
    pub kind: &'static str,
    draw: Draw,
}

/// The one list of chart kinds.
pub static CHARTS: &[Chart] = &[
    Chart {
        kind: "area",
        draw: area::draw,
    },
    Chart {
        kind: "bar",
        draw: bar::draw,
    },
    Chart {
        kind: "bullet",
        draw: bullet::draw,
    },
    Chart {
        kind: "dots",
        draw: dots::draw,
    },
    Chart {
        kind: "fan",
        draw: fan::draw,
    },
    Chart {
        kind: "flow",
        draw: flow::draw,
    },
    Chart {
        kind: "heatmap",
        draw: heatmap::draw,
    },
    Chart {
        kind: "line",
        draw: line::draw,
    },
    Chart {
        kind: "multiples",
        draw: multiples::draw,
    },
    Chart {
        kind: "parts",
        draw: parts::draw,
    },
    Chart {
        kind: "sparkline",
        draw: sparkline::draw,
    },
    Chart {
        kind: "stacked_bar",
        draw: stacked_bar::draw,
    },
    Chart {
        kind: "tornado",
        draw: tornado::draw,
    },
    Chart {
        kind: "waterfall",
        draw: waterfall::draw,
    },
];

/// Draws into a part of a canvas. A frame without rows gives a sentence, not an error.
pub fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let chart = CHARTS.iter().find(|c| c.kind == spec.kind).ok_or_else(|| {
        let kinds: Vec<&str> = CHARTS.iter().map(|c| c.kind).collect();
        Error::config(format!("'{}' is not a kind of chart", spec.kind))
            .advise(format!("one of {}", kinds.join(", ")))
    })?;
    if spec.y.is_empty() {
        return Err(Error::config(format!("a {} chart draws no column", spec.kind)));
    }
    let columns = [
        Some(&spec.x),
        spec.series.as_ref(),
        spec.target.as_ref(),
        spec.note.as_ref(),
    ];
    for column in spec.y.iter().chain(columns.into_iter().flatten()) {
        frame.index(column)?;
    }
    if frame.rows() == 0 {
        return nothing(canvas, area, "No data in this window");
    }
    (chart.draw)(canvas, area, spec, frame)
}

/// The height that a chart needs at a width, for the kinds that know it.
pub fn height(spec: &ChartSpec, frame: &Frame, width: f64) -> Result<Option<u32>> {
    let height = match spec.kind.as_str() {
        _ if frame.rows() == 0 => return Ok(None),
        "flow" => flow::height(spec, frame, width)?,
        "heatmap" => heatmap::height(spec, frame)?,
        "multiples" => multiples::height(spec, frame, width)?,
        _ => return Ok(None),
    };
    Ok(Some(height.ceil() as u32))
}

/// A chart as a picture of its own.
pub fn svg(spec: &ChartSpec, frame: &Frame, width: u32, height: u32, alt: &str) -> Result<String> {
    canvas::picture(width, height, alt, |canvas| {
        draw(
            canvas,
            Rect::new(0.0, 0.0, f64::from(width), f64::from(height)),
            spec,
            frame,
        )
    })
}

#[cfg(test)]
pub(crate) mod tests;
