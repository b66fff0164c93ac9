//! The header `x-forwarded-client-cert`, as Envoy writes it:
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert>.
//!
//! One element per proxy on the way, each of pairs `Key=value`; a value may be in quotes. Our sidecar appends its element
//! to what the client has sent, so only the last one is proven, and everything before it may be made up: also an open
//! quote, so that the proven element looks like a part of a value. A header is therefore taken only if every quote is
//! where Envoy puts it: right after `=`, and before a separator.

const SEPARATORS: [char; 2] = [',', ';'];

/// The URIs in the last element; `None` if this is no such header.
pub fn uris(header: &str) -> Option<Vec<String>> {
    let mut uris = Vec::new();
    let mut rest = header;
    loop {
        let (key, value, after) = pair(rest)?;
        if key.eq_ignore_ascii_case("uri") {
            uris.push(value);
        }
        match after.chars().next() {
            None => return Some(uris),
            Some(',') => uris.clear(),
            Some(_) => {}
        }
        rest = after.get(1..)?;
    }
}

/// The first pair, and the separator with all that follows.
fn pair(text: &str) -> Option<(&str, String, &str)> {
    let (key, value) = text.trim_start_matches(' ').split_once('=')?;
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (value, after) = match value.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => plain(value)?,
    };
    (after.is_empty() || after.starts_with(SEPARATORS)).then_some((key, value, after))
}

fn plain(text: &str) -> Option<(String, &str)> {
    let end = text.find(SEPARATORS).unwrap_or(text.len());
    let (value, after) = text.split_at(end);
    (!value.contains('"')).then(|| (value.to_owned(), after))
}

/// Up to the closing quote; a backslash takes the next character as it is.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}
