//! Output to the terminal.

use std::fmt::Display;
use std::io::{self, Write as _};

use comfy_table::{ContentArrangement, Table, TableStyle, presets};

/// Writes a line to standard output; without colours where that is no terminal or `NO_COLOR` is set.
///
/// # Errors
/// When standard output is closed, as behind `| head`.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    writeln!(anstream::stdout().lock(), "{text}")
}

/// A table that is at most `width` wide, its cells wrapped at words.
pub(crate) fn table(style: TableStyle, width: u16) -> Table {
    let mut table = Table::new();
    table
        .load_style(style)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    table
}

/// A text indented by two blanks and wrapped at words.
pub(crate) fn paragraph(text: &str, width: u16) -> String {
    let mut table = table(presets::NOTHING, width);
    table.add_row([text]);
    if let Some(column) = table.column_mut(0) {
        column.set_padding((2, 0));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_wrapped_at_words_and_indented() {
        assert_eq!(
            paragraph("one two three four", 12),
            "  one two\n  three four"
        );
        assert_eq!(paragraph("one two", 80), "  one two");
    }
}
