//! The OpenAPI document: its golden copy, and that it names every route and no other.

use std::collections::BTreeSet;
use std::path::Path;

use chancery_server::openapi::document;
use chancery_server::route::{Access, routes};
use serde_json::Value;

use crate::world::World;

fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone()))
    });
    each.collect()
}

#[test]
fn is_its_golden_copy() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../openapi/chancery-v1.json");
    if std::env::var_os("UPDATE_GOLDENS").is_some_and(|value| value == "1") {
        std::fs::write(&path, document()).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == document(),
        "{} differs; look at the difference, then run with UPDATE_GOLDENS=1",
        path.display()
    );
}

#[test]
fn names_every_route_and_no_other() {
    let document: Value = serde_json::from_str(document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let table: BTreeSet<_> = routes()
        .into_iter()
        .map(|route| (route.method.to_owned(), route.path.replace("{*path}", "{path}")))
        .collect();
    assert_eq!(operations(&document), table);
}

#[test]
fn says_where_a_token_is_needed_and_defines_every_schema() {
    let text = document();
    let document: Value = serde_json::from_str(text).unwrap();
    for route in routes().into_iter().filter(|route| matches!(route.access, Access::Token | Access::Public)) {
        let operation =
            &document["paths"][route.path.replace("{*path}", "{path}")][route.method.to_lowercase()];
        assert_eq!(!operation["security"].is_null(), route.access == Access::Token, "{route:?}");
        assert!(operation["summary"].is_string() || operation["description"].is_string(), "{route:?}");
    }
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn is_served() {
    let world = World::start().await;
    assert_eq!(world.get("/openapi.json").await.text(), document());
}
