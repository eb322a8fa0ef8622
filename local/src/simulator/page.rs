//! HTML pages without scripts; every text from outside is escaped.

use super::server::SimulatorResponse;
use crate::markup::{escaped, page};

impl SimulatorResponse {
    /// A page with this title and body; the body is HTML.
    pub(crate) fn page(title: &str, body: &str) -> Self {
        Self::new(200, "text/html;charset=UTF-8", page(title, body))
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
