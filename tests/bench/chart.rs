//! docs/benchmarks.svg: cold starts of the functions, of the bare handler and of the peers.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, IntoFont as _, RGBColor, TextStyle};

use crate::error::BenchError;
use crate::figures::{Kind, Row, Transport};
use crate::programs::WITH_PEERS;
use crate::report;

pub(crate) const TITLE: &str =
    "Cold start over TLS: from process start to the first answer, in milliseconds";

const WIDTH: i32 = 820;
const TOP: i32 = 50;
const BAR: i32 = 22;
const GAP: i32 = 8;
const HEADING: i32 = 34;
/// Where bars begin, and where the longest one ends. Its value is to the right.
const LEFT: i32 = 190;
const RIGHT: i32 = WIDTH - 80;

// The picture has a background, so that the text is legible on dark pages.
const PAPER: RGBColor = RGBColor(255, 255, 255);
const INK: RGBColor = RGBColor(31, 35, 40);
const FAINT: RGBColor = RGBColor(89, 99, 110);
const OURS: RGBColor = RGBColor(9, 105, 218);
const OTHERS: RGBColor = RGBColor(140, 149, 159);

struct Bar {
    label: &'static str,
    milliseconds: f64,
    ours: bool,
}

/// The picture as SVG. A program that was not measured has no bar.
pub(crate) fn draw(rows: &[Row]) -> Result<String, BenchError> {
    let groups: Vec<(&str, Vec<Bar>)> = WITH_PEERS
        .iter()
        .map(|function| (*function, bars(rows, function)))
        .collect();
    let all = || groups.iter().flat_map(|(_, bars)| bars);
    let most = all().map(|bar| bar.milliseconds).fold(1.0, f64::max);
    let bars = i32::try_from(all().count()).unwrap_or(i32::MAX);
    let headings = i32::try_from(groups.len()).unwrap_or(i32::MAX);
    let height = TOP + headings * HEADING + bars * (BAR + GAP) + GAP;
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let canvas = Canvas { area };
        canvas.area.fill(&PAPER).map_err(broken)?;
        canvas.text(TITLE, (20, TOP / 2), 18, INK, HPos::Left)?;
        let mut y = TOP;
        for (function, bars) in &groups {
            canvas.text(function, (20, y + HEADING / 2), 16, INK, HPos::Left)?;
            y += HEADING;
            for bar in bars {
                canvas.bar(bar, y, most)?;
                y += BAR + GAP;
            }
        }
        canvas.area.present().map_err(broken)?;
    }
    svg.push('\n');
    Ok(svg)
}

fn bars(rows: &[Row], function: &str) -> Vec<Bar> {
    let row = |kind| report::find(rows, function, kind, Transport::Tls);
    let programs = [
        ("bare handler", report::floor(rows, "bare", Transport::Tls)),
        ("Rescue Connector", row(Kind::Ours)),
        ("Node.js", row(Kind::Node)),
        ("Python", row(Kind::Python)),
    ];
    let bar = |(label, row): (&'static str, Option<&Row>)| {
        let row = row?;
        Some(Bar {
            label,
            milliseconds: row.cold.total.median.as_secs_f64() * 1000.0,
            ours: row.kind == Kind::Ours,
        })
    };
    programs.into_iter().filter_map(bar).collect()
}

struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Canvas<'_> {
    fn bar(&self, bar: &Bar, y: i32, most: f64) -> Result<(), BenchError> {
        let (ink, fill) = if bar.ours {
            (INK, OURS)
        } else {
            (FAINT, OTHERS)
        };
        let middle = y + BAR / 2;
        self.text(bar.label, (LEFT - 10, middle), 15, ink, HPos::Right)?;
        // At least 2: a bar without length would look like a missing one.
        let length = (f64::from(RIGHT - LEFT) * bar.milliseconds / most).round() as i32;
        let end = LEFT + length.max(2);
        let shape = Rectangle::new([(LEFT, y), (end, y + BAR)], fill.filled());
        self.area.draw(&shape).map_err(broken)?;
        let value = if bar.milliseconds < 10.0 {
            format!("{:.1} ms", bar.milliseconds)
        } else {
            format!("{:.0} ms", bar.milliseconds)
        };
        self.text(&value, (end + 8, middle), 15, ink, HPos::Left)
    }

    fn text(
        &self,
        text: &str,
        place: (i32, i32),
        size: i32,
        ink: RGBColor,
        side: HPos,
    ) -> Result<(), BenchError> {
        let style = TextStyle::from(("sans-serif", size).into_font())
            .color(&ink)
            .pos(Pos::new(side, VPos::Center));
        let text = Text::new(text.to_owned(), place, style);
        self.area.draw(&text).map_err(broken)
    }
}

fn broken(error: impl std::fmt::Display) -> BenchError {
    BenchError::Picture(error.to_string())
}
