//! Where an amount came from and what became of it: bands from the names at the left to the names at the right,
//! as wide as their amounts, all to one scale. A side has at most twelve names (seven on a narrow picture):
//! the smaller ones are put together and counted. What is below zero has no width: it is said in words.

use super::axis;
use super::canvas::{Align, Canvas, Rect, Type};
use super::{scale, theme};
use crate::base::{Error, Result};
use crate::frame::{ChartSpec, Frame};
use crate::render::number::{self, Format};
use std::collections::BTreeMap;

const NAME: Type = Type::new(theme::LABEL, theme::INK);
const VALUE: Type = Type::new(theme::LABEL, theme::INK).bold();
const HEAD: Type = Type::new(theme::LABEL, theme::MUTED);
/// Names of a side at most, on a wide picture and on a narrow one.
const MOST: usize = 12;
const MOST_NARROW: usize = 7;
/// Two or more names below this share of the whole are put together, since nobody sees their bands.
const LEAST_SHARE: f64 = 0.004;
const HEAD_HEIGHT: f64 = 48.0;
const FOOT: f64 = 44.0;
/// Below this width amounts stand under their names.
const NARROW: f64 = 900.0;
const LABEL_LINE: f64 = 38.0;
const BETWEEN: f64 = 10.0;
const NODE: f64 = 14.0;
const STEPS: usize = 28;

struct Node {
    name: String,
    total: f64,
}

struct Flow {
    left: Vec<Node>,
    right: Vec<Node>,
    /// By left and right.
    links: BTreeMap<(usize, usize), f64>,
    total: f64,
    /// How many flows are below zero, and their sum.
    below: (usize, f64),
}

pub(super) fn draw(canvas: &Canvas<'_>, area: Rect, spec: &ChartSpec, frame: &Frame) -> Result<()> {
    let flow = read(spec, frame, most(area.w))?;
    if flow.links.is_empty() {
        return axis::nothing(canvas, area, "Nothing above zero to draw in this window");
    }
    let format = scale::format(frame, &spec.y[0])?;
    let below = flow.below(&format, area.w);
    let foot = below.len() as f64 * LABEL_LINE + 8.0;
    let values =
        |nodes: &[Node]| -> Vec<String> { nodes.iter().map(|n| number::label(n.total, &format)).collect() };
    let left = Side::new(&flow.left, values(&flow.left), area);
    let right = Side::new(&flow.right, values(&flow.right), area);
    let plot = area.inset(left.width, HEAD_HEIGHT, right.width, foot);
    let longer = flow.left.len().max(flow.right.len());
    let between = BETWEEN.min(plot.h * 0.3 / longer as f64);
    // One scale for both sides: pixels per unit.
    let pixels = (plot.h - between * (longer as f64 - 1.0)) / flow.total;
    let (left_tops, right_tops) = (
        tops(&flow.left, pixels, between, plot),
        tops(&flow.right, pixels, between, plot),
    );
    head(canvas, area, plot, spec, &flow, &format)?;
    let (x0, x1) = (plot.x + NODE, plot.right() - NODE);
    let (mut from, mut to) = (left_tops.clone(), right_tops.clone());
    let mut bands = Vec::with_capacity(flow.links.len());
    for ((l, r), amount) in &flow.links {
        let wide = amount * pixels;
        bands.push((wide, from[*l], to[*r], theme::series(*l)));
        from[*l] += wide;
        to[*r] += wide;
    }
    // The narrow ones lie on top, or the wide ones would hide them.
    bands.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (wide, from, to, color) in bands {
        band(canvas, (x0, from), (x1, to), wide, color)?;
    }
    for (i, (node, top)) in flow.left.iter().zip(&left_tops).enumerate() {
        let bar = Rect::new(plot.x, *top, NODE, (node.total * pixels).max(1.0));
        canvas.rect(bar, theme::series(i))?;
    }
    for (node, top) in flow.right.iter().zip(&right_tops) {
        let bar = Rect::new(x1, *top, NODE, (node.total * pixels).max(1.0));
        canvas.rect(bar, theme::MUTED)?;
    }
    left.write(canvas, &flow.left, &left_tops, pixels, plot, true)?;
    right.write(canvas, &flow.right, &right_tops, pixels, plot, false)?;
    for (i, line) in below.iter().enumerate() {
        let up = (below.len() - i - 1) as f64 * LABEL_LINE;
        canvas.text(area.x, area.bottom() - 8.0 - up, line, HEAD)?;
    }
    Ok(())
}

/// As high as its names need, the longer of the two sides.
pub(super) fn height(spec: &ChartSpec, frame: &Frame, width: f64) -> Result<f64> {
    let flow = read(spec, frame, most(width))?;
    let names = flow.left.len().max(flow.right.len()).max(4) as f64;
    let each = if width < NARROW { 2.2 } else { 1.35 };
    Ok(HEAD_HEIGHT + names * each * LABEL_LINE + FOOT)
}

impl Flow {
    /// What has no width, in words.
    fn below(&self, format: &Format, width: f64) -> Vec<String> {
        let (count, sum) = self.below;
        if count == 0 {
            return Vec::new();
        }
        let text = format!(
            "Not drawn, being below zero: {} in {count} {}; together with them it is {}",
            number::label(sum, format),
            if count == 1 { "flow" } else { "flows" },
            number::label(self.total + sum, format),
        );
        HEAD.wrap(&text, width)
    }
}

fn most(width: f64) -> usize {
    if width < NARROW { MOST_NARROW } else { MOST }
}

fn read(spec: &ChartSpec, frame: &Frame, most: usize) -> Result<Flow> {
    let Some(split) = &spec.series else {
        return Err(Error::config(
            "a flow chart needs a series: the names at the right",
        ));
    };
    let mut sums: BTreeMap<(String, String), f64> = BTreeMap::new();
    for row in 0..frame.rows() {
        if let Some(value) = scale::value(frame, &spec.y[0], row)? {
            let key = (
                frame.name(&spec.x, row)?.replace('_', " "),
                frame.name(split, row)?.replace('_', " "),
            );
            *sums.entry(key).or_insert(0.0) += value;
        }
    }
    let below: Vec<f64> = sums.values().copied().filter(|v| *v < 0.0).collect();
    sums.retain(|_, v| *v > 0.0);
    let total = sums.values().sum();
    let left = side(sums.iter().map(|((l, _), v)| (l, *v)), total, most);
    let right = side(sums.iter().map(|((_, r), v)| (r, *v)), total, most);
    let mut links = BTreeMap::new();
    for ((l, r), value) in &sums {
        *links.entry((left.place(l), right.place(r))).or_insert(0.0) += value;
    }
    Ok(Flow {
        left: left.nodes,
        right: right.nodes,
        links,
        total,
        below: (below.len(), below.iter().sum()),
    })
}

struct Names {
    nodes: Vec<Node>,
}

impl Names {
    /// What has no place of its own is among the rest, which stands last.
    fn place(&self, name: &str) -> usize {
        let own = self.nodes.iter().position(|n| n.name == name);
        own.unwrap_or_else(|| self.nodes.len().saturating_sub(1))
    }
}

/// The names of a side, the largest first, what is small put together at the end.
fn side<'a>(amounts: impl Iterator<Item = (&'a String, f64)>, total: f64, most: usize) -> Names {
    let mut sums: BTreeMap<&String, f64> = BTreeMap::new();
    for (name, amount) in amounts {
        *sums.entry(name).or_insert(0.0) += amount;
    }
    let mut nodes: Vec<Node> = sums
        .into_iter()
        .map(|(name, total)| Node {
            name: name.clone(),
            total,
        })
        .collect();
    nodes.sort_by(|a, b| b.total.total_cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
    let tiny = nodes.iter().filter(|n| n.total < total * LEAST_SHARE).count();
    let mut kept = if tiny > 1 { nodes.len() - tiny } else { nodes.len() };
    if kept + usize::from(kept < nodes.len()) > most {
        kept = most - 1;
    }
    if kept < nodes.len() {
        let rest = nodes.split_off(kept);
        nodes.push(Node {
            name: format!("{} others", rest.len()),
            total: rest.iter().map(|n| n.total).sum(),
        });
    }
    Names { nodes }
}

fn tops(nodes: &[Node], pixels: f64, between: f64, plot: Rect) -> Vec<f64> {
    let used: f64 = nodes.iter().map(|n| n.total * pixels + between).sum::<f64>() - between;
    // The shorter side stands in the middle.
    let mut y = plot.y + (plot.h - used) / 2.0;
    let top = |n: &Node| {
        let top = y;
        y += n.total * pixels + between;
        top
    };
    nodes.iter().map(top).collect()
}

/// A band keeps its height all the way.
fn band(
    canvas: &Canvas<'_>,
    from: (f64, f64),
    to: (f64, f64),
    wide: f64,
    color: plotters::style::RGBColor,
) -> Result<()> {
    let at = |i: usize| {
        let t = i as f64 / STEPS as f64;
        let eased = t * t * (3.0 - 2.0 * t);
        (from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * eased)
    };
    let upper: Vec<(f64, f64)> = (0..=STEPS).map(at).collect();
    if wide < 1.0 {
        return canvas.path(&upper, color, wide.max(0.5));
    }
    let lower = upper.iter().rev().map(|(x, y)| (*x, y + wide));
    let outline: Vec<(f64, f64)> = upper.iter().copied().chain(lower).collect();
    canvas.polygon(&outline, color, 0.5)
}

fn head(
    canvas: &Canvas<'_>,
    area: Rect,
    plot: Rect,
    spec: &ChartSpec,
    flow: &Flow,
    format: &Format,
) -> Result<()> {
    let total = number::label(flow.total, format);
    let baseline = area.y + 26.0;
    if let Some(words) = spec.labels.first() {
        canvas.text(area.x, baseline, words, HEAD)?;
    }
    if let Some(words) = spec.labels.get(1) {
        canvas.text(area.right(), baseline, words, HEAD.align(Align::Right))?;
    }
    let middle = plot.x + plot.w / 2.0;
    canvas.text(middle, baseline, &total, VALUE.align(Align::Center))
}

/// The words of one side: name and amount, beside the bars; below each other where there is little room.
struct Side {
    values: Vec<String>,
    /// Of the widest amount.
    figures: f64,
    width: f64,
    stacked: bool,
}

impl Side {
    fn new(nodes: &[Node], values: Vec<String>, area: Rect) -> Side {
        let figures = values.iter().map(|v| VALUE.width(v)).fold(0.0, f64::max);
        let names = nodes.iter().map(|n| NAME.width(&n.name)).fold(0.0, f64::max);
        let (beside, below) = (names + figures + 46.0, names.max(figures) + 32.0);
        // The bands have a third of the picture at least.
        let most = area.w / 3.0;
        let high = nodes.len() as f64 * LABEL_LINE * 2.0;
        let stacked = beside > most && high <= area.h - HEAD_HEIGHT;
        Side {
            values,
            figures,
            width: if stacked { below } else { beside }.min(most),
            stacked,
        }
    }

    fn write(
        &self,
        canvas: &Canvas<'_>,
        nodes: &[Node],
        tops: &[f64],
        pixels: f64,
        plot: Rect,
        left: bool,
    ) -> Result<()> {
        let middles: Vec<f64> = nodes
            .iter()
            .zip(tops)
            .map(|(n, top)| top + n.total * pixels / 2.0)
            .collect();
        let line = if self.stacked {
            2.0 * LABEL_LINE
        } else {
            LABEL_LINE
        };
        let wanted: Vec<f64> = middles.iter().map(|m| m - line / 2.0).collect();
        let labels = axis::spread(&wanted, line, plot.y - 8.0, plot.bottom() + 8.0);
        let (edge, sign) = if left { (plot.x, -1.0) } else { (plot.right(), 1.0) };
        let align = if left { Align::Right } else { Align::Left };
        let near = edge + sign * 28.0;
        for (i, node) in nodes.iter().enumerate() {
            let middle = labels[i] + line / 2.0;
            let value = &self.values[i];
            // A word that had to move away keeps a thread to its bar.
            let thread = [
                (edge + sign * 3.0, middles[i]),
                (edge + sign * 9.0, middles[i]),
                (edge + sign * 17.0, middle),
                (edge + sign * 22.0, middle),
            ];
            if (middle - middles[i]).abs() > 4.0 {
                canvas.path(&thread, theme::AXIS, theme::HAIR)?;
            }
            if self.stacked {
                let kind = NAME.shrunk(&node.name, self.width - 28.0).align(align);
                let name = kind.fit(&node.name, self.width - 28.0);
                canvas.text(near, middle - 7.0, &name, kind)?;
                canvas.text(near, middle + 27.0, value, VALUE.align(align))?;
                continue;
            }
            let name = NAME.fit(&node.name, self.width - self.figures - 42.0);
            let figure = if left { near } else { near + self.figures };
            canvas.text(figure, middle + 9.5, value, VALUE.align(Align::Right))?;
            let beside = near + sign * (self.figures + 14.0);
            canvas.text(beside, middle + 9.5, &name, NAME.align(align))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_is_put_together_and_counted() {
        let names: Vec<String> = (0..30).map(|i| format!("n{i:02}")).collect();
        let amounts = |n: usize| names[..n].iter().zip((1..).map(f64::from));
        let full = side(amounts(12), 78.0, MOST);
        assert_eq!(full.nodes.len(), MOST);
        assert_eq!(full.nodes[0].name, "n11");
        let folded = side(amounts(30), 465.0, MOST);
        assert_eq!(folded.nodes.len(), MOST);
        let rest = &folded.nodes[MOST - 1];
        // 19 of 30 names: 1 + … + 19.
        assert_eq!((rest.name.as_str(), rest.total), ("19 others", 190.0));
        assert_eq!(folded.place("n00"), MOST - 1);
        assert_eq!(folded.place("n29"), 0);
        // Two that nobody would see, beside three large ones.
        let uneven = [100.0, 80.0, 60.0, 0.1, 0.2];
        let uneven = side(names.iter().zip(uneven), 240.3, MOST);
        assert_eq!(uneven.nodes.len(), 4);
        assert_eq!(uneven.nodes[3].name, "2 others");
    }
}
