//! The page around a report: one file that needs no other, light or dark as its reader likes.

/// A page with that title and body.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )
}

/// A table, whose first column is text and whose others are figures.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        cells.map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect::<String>()
    };
    let head = cells("th", &mut header.iter().copied());
    let body: String = rows
        .iter()
        .map(|row| format!("<tr>{}</tr>", cells("td", &mut row.iter().map(String::as_str))))
        .collect();
    format!(
        "<div class=\"wide\"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
}

/// A figure with its name, to be seen first.
pub(crate) fn tile(name: &str, value: &str, remark: &str) -> String {
    let (name, value, remark) = (escape(name), escape(value), escape(remark));
    format!("<div class=\"tile\"><b>{value}</b><span>{name}</span><small>{remark}</small></div>")
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = include_str!("report.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_text_and_no_page() {
        let page = page("a <b>", &table(&["cause"], &[vec!["<script>&\"".into()]]));
        assert!(page.contains("&lt;script&gt;&amp;&quot;") && !page.contains("<script>"), "{page}");
    }
}
