//! Escaping for HTML and XML.

/// A whole HTML page with this title and body; the body is HTML.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>\
         body{{font:16px/1.4 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}\
         pre{{white-space:pre-wrap;background:#f4f4f4;padding:1em}}th{{text-align:left;padding-right:2em}}\
         </style></head><body><h1>{title}</h1>{body}</body></html>"
    )
}

/// A text escaped for HTML and XML, inside and outside of attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}
