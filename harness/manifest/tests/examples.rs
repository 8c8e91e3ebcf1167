//! The examples in `envoy/` are what the starters say. `BLESS=1` writes them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_manifest::starter::{Part, Starter};
use portcullis_manifest::{CODES, documents, plugins};

const FILTERS: [&str; 6] =
    ["trace-injection", "audit-log", "jwt-auth", "token-bucket", "circuit-breaker", "portcullis"];

/// Where each part is, in `envoy/`.
const PARTS: [(Part, &str); 10] = [
    (Part::EnvoyWithRemoteCode, "remote-code/{}.yaml"),
    (Part::EnvoyWithDiscovery, "ecds/{}/envoy.yaml"),
    (Part::Discovered, "ecds/{}/ecds.yaml"),
    (Part::Sidecar, "istio/{}/sidecar.yaml"),
    (Part::Gateway, "istio/{}/gateway.yaml"),
    (Part::Waypoint, "istio/{}/waypoint.yaml"),
    (Part::TrafficExtension, "istio/{}/traffic-extension.yaml"),
    (Part::IstioServices, "istio/{}/services.yaml"),
    (Part::Policy, "envoy-gateway/{}/policy.yaml"),
    (Part::GatewayClusters, "envoy-gateway/{}/clusters.yaml"),
];

fn starter(filter: &str) -> Starter {
    let filters: Vec<_> = [filter].into_iter().filter(|it| *it != "portcullis").map(str::to_owned).collect();
    Starter::new(&filters, "0.1.0").unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy")
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { BTreeSet::from([path]) }).collect()
}

#[test]
fn the_examples_are_those_of_the_starters() {
    let mut expected = BTreeSet::new();
    for filter in FILTERS {
        for (part, path) in PARTS {
            let Some(text) = starter(filter).text(part) else { continue };
            let path = root().join(path.replace("{}", filter));
            if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &text).unwrap();
            }
            let written = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(
                written,
                text,
                "{}: BLESS=1 cargo test -p portcullis-manifest writes it",
                path.display()
            );
            expected.insert(path);
        }
    }
    let folders = ["remote-code", "ecds", "istio", "envoy-gateway"].map(|folder| root().join(folder));
    let found: BTreeSet<_> = folders.iter().flat_map(|folder| files(folder)).collect();
    assert_eq!(found, expected, "an example that no starter writes");
}

#[test]
fn each_of_them_is_a_manifest() {
    for filter in FILTERS {
        for (part, path) in PARTS {
            let Some(text) = starter(filter).text(part) else { continue };
            let documents = documents(&text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"));
            assert!(!documents.is_empty() && !text.contains("\n\n\n"), "{text}");
            for line in text.lines() {
                assert!(!line.contains("{module}") && !line.ends_with(' '), "{path}: {line:?}");
            }
            let count = documents.iter().flat_map(plugins).count();
            let is_beside =
                matches!(part, Part::IstioServices | Part::GatewayClusters | Part::EnvoyWithDiscovery);
            assert_eq!(count, usize::from(!is_beside), "{path}\n{text}");
        }
    }
}

#[test]
fn several_filters_are_the_suite() {
    let starter = Starter::new(&["jwt-auth".to_owned(), "token-bucket".to_owned()], "1").unwrap();
    assert_eq!(starter.module(), "portcullis");
    let text = starter.text(Part::Sidecar).unwrap();
    let documents = documents(&text).unwrap();
    let config = &documents[0].value["spec"]["pluginConfig"];
    let members: Vec<_> = config.as_object().unwrap().keys().collect();
    assert_eq!(members, ["jwt_auth", "token_bucket"]);
    let error = Starter::new(&["jwt".to_owned()], "1").unwrap_err();
    assert!(error.starts_with("\"jwt\" is no filter; there is trace-injection,"), "{error}");
}

#[test]
fn the_page_says_where_each_filter_stands() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    for filter in FILTERS.into_iter().filter(|filter| *filter != "portcullis") {
        let text = starter(filter).text(Part::Sidecar).unwrap();
        let spec = &documents(&text).unwrap()[0].value["spec"];
        let row = format!("| {filter} | `{}` | {} |", spec["phase"].as_str().unwrap(), spec["priority"]);
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn the_page_has_what_every_finding_is_called() {
    let page = fs::read_to_string(root().join("../docs/manifests.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.collect::<BTreeSet<_>>(), CODES.into_iter().collect());
}
