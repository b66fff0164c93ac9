//! Dumps of other versions and other control planes have other fields.

use super::*;

/// The paths of everything in a document.
fn pointers(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                pointers(value, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(elements) => {
            for (position, value) in elements.iter().enumerate() {
                pointers(value, &format!("{path}/{position}"), all);
            }
        }
        _ => {}
    }
}

#[test]
fn whatever_is_missing_or_of_another_type_is_survived() {
    let dump = Dump::example();
    let mut all = vec![];
    pointers(&dump.config["configs"], "/configs", &mut all);
    assert!(all.len() > 100, "{}", all.len());
    for (pointer, value) in
        all.iter().flat_map(|pointer| [Value::Null, json!("text"), json!([7])].map(|value| (pointer, value)))
    {
        let mut config = dump.config.clone();
        *config.pointer_mut(pointer).unwrap() = value;
        check(&Envoy { config_dump: config, clusters: dump.clusters.clone(), stats: None });
    }
}
