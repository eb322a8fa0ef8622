//! HTML pages without scripts; every text from outside is escaped.

use super::server::SimulatorResponse;
use crate::markup::escaped;

impl SimulatorResponse {
    /// A page with this title and body; the body is HTML.
    pub(crate) fn page(title: &str, body: &str) -> Self {
        let title = escaped(title);
        let page = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>\
             body{{font:16px/1.4 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}\
             pre{{white-space:pre-wrap;background:#f4f4f4;padding:1em}}th{{text-align:left;padding-right:2em}}\
             </style></head><body><h1>{title}</h1>{body}</body></html>"
        );
        Self::new(200, "text/html;charset=UTF-8", page)
    }
}

/// A text escaped for HTML, with every `http://` and `https://` address as a link.
pub(crate) fn with_links(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    words
        .map(|word| {
            let address = word.trim_end();
            let space = &word[address.len()..];
            let html = escaped(address);
            if address.starts_with("http://") || address.starts_with("https://") {
                format!("<a href=\"{html}\">{html}</a>{space}")
            } else {
                format!("{html}{space}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_escaped_and_addresses_become_links() {
        assert_eq!(
            with_links("<b>\n http://a.test/?a=1&b=\"2\" x"),
            "&lt;b&gt;\n <a href=\"http://a.test/?a=1&amp;b=&quot;2&quot;\">\
             http://a.test/?a=1&amp;b=&quot;2&quot;</a> x"
        );
    }
}
