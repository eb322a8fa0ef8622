//! A list of technicians.

use std::collections::BTreeSet;

/// The e-mail addresses of a list, each once: of every line the first field with an `@` (CSV or plain text). Lines without
/// one (a header, a comment) are skipped.
pub fn read(text: &str) -> Vec<String> {
    let mut known = BTreeSet::new();
    text.trim_start_matches('\u{feff}')
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| {
            let fields = line.split([',', ';', '\t']);
            let fields =
                fields.map(|field| field.trim().trim_matches(['"', '\'', '<', '>']).trim());
            fields.into_iter().find(|field| field.contains('@'))
        })
        .filter(|address| known.insert(address.to_lowercase()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_lines_or_csv_and_names_each_address_once() {
        let text = "\u{feff}Name,E-mail,Group\n\"Ana Ruiz\",\"ana.ruiz@acme.test\",Desk\nANA.RUIZ@acme.test\n\
                    # old@acme.test\n\nben@acme.test;Ben\r\n";
        assert_eq!(read(text), ["ana.ruiz@acme.test", "ben@acme.test"]);
    }
}
