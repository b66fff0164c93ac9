//! Messages as Envoy's admin interface and manifests write them: protobuf in JSON.
//!
//! Fields may be absent and are then `null` here, in either spelling of the JSON mapping (`drain_timeout`, `drainTimeout`).
//! <https://protobuf.dev/programming-guides/json/>

use serde_json::Value;
use std::time::Duration;

static NULL: Value = Value::Null;

/// What is at a path of field names with `/` between them.
pub fn at<'a>(message: &'a Value, path: &str) -> &'a Value {
    path.split('/').fold(message, field)
}

fn field<'a>(message: &'a Value, name: &str) -> &'a Value {
    message.get(name).or_else(|| message.get(camel_case(name))).unwrap_or(&NULL)
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

/// The text at a path; empty when it is absent, which means the same in protobuf.
pub fn text<'a>(message: &'a Value, path: &str) -> &'a str {
    at(message, path).as_str().unwrap_or_default()
}

/// The elements at a path; none when it is absent.
pub fn list<'a>(message: &'a Value, path: &str) -> &'a [Value] {
    at(message, path).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Whether there is anything at a path.
pub fn has(message: &Value, path: &str) -> bool {
    !at(message, path).is_null()
}

/// The number at a path: 64-bit ones are written as text.
pub fn number(message: &Value, path: &str) -> Option<u64> {
    let value = at(message, path);
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The duration at a path, such as `0.500s`.
pub fn duration(message: &Value, path: &str) -> Option<Duration> {
    let seconds = text(message, path).strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Whether the message in an `Any` is of this type, written without its package.
pub fn is(any: &Value, name: &str) -> bool {
    type_name(any).rsplit('.').next() == Some(name)
}

/// The full type of the message in an `Any`, or in a `TypedStruct`.
pub fn type_name(any: &Value) -> &str {
    let outer = text(any, "@type");
    let url = if outer.ends_with(".TypedStruct") { text(any, "type_url") } else { outer };
    url.rsplit('/').next().unwrap_or_default()
}

/// The message in an `Any`: its own fields, or those that a `TypedStruct` carries.
pub fn unwrapped(any: &Value) -> &Value {
    if text(any, "@type").ends_with(".TypedStruct") { at(any, "value") } else { any }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_have_two_spellings_and_may_be_absent() {
        let message = json!({"drain_timeout": "5s", "httpFilters": [1], "max": {"num": "12"}, "port": 80});
        assert_eq!(duration(&message, "drain_timeout"), Some(Duration::from_secs(5)));
        assert_eq!(list(&message, "http_filters").len(), 1);
        assert_eq!((number(&message, "max/num"), number(&message, "port")), (Some(12), Some(80)));
        assert_eq!((text(&message, "a/b"), list(&message, "a"), has(&message, "a")), ("", &[][..], false));
    }

    #[test]
    fn a_typed_struct_is_what_it_carries() {
        let plain = json!({"@type": "type.googleapis.com/envoy.x.v3.Router", "a": 1});
        let url = "type.googleapis.com/envoy.x.v3.Router";
        let wrapped =
            json!({"@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": url, "value": {"a": 1}});
        for any in [&plain, &wrapped] {
            assert!(is(any, "Router") && !is(any, "outer"));
            assert_eq!(number(unwrapped(any), "a"), Some(1));
        }
    }
}
