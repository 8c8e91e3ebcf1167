//! What a module consists of, as a CycloneDX bill of materials.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use cargo_metadata::{Artifact, Message, Metadata, MetadataCommand, Package, PackageId, TargetKind};
use cyclonedx_bom::external_models::spdx::SpdxExpression;
use cyclonedx_bom::external_models::uri::Purl;
use cyclonedx_bom::models::bom::{Bom, UrnUuid};
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata as About;
use sha2::{Digest, Sha256};

/// The target of modules: what cargo builds for another one runs while it builds, and is in no module.
const TARGET: &str = "wasm32-wasip1";
/// What comes with the compiler and is in every module: its standard library, and the C library of the target, of which that uses the allocator and a little more.
const OF_THE_COMPILER: [(&str, &str); 2] = [
    ("rust-std", "MIT OR Apache-2.0"),
    (
        "wasi-libc",
        "(Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT) AND MIT AND BSD-2-Clause AND CC0-1.0",
    ),
];

/// The bill of a module, in JSON, by what `cargo build --message-format json` said of its build. Nothing in it depends on when or where that was.
pub(crate) fn bill(messages: &Path, module: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let linked = linked(messages)?;
    let metadata = MetadataCommand::new()
        .other_options(["--locked", "--filter-platform", TARGET].map(Into::into))
        .exec()?;
    let packages: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let (root, parts) = linked.split_last().ok_or("nothing was built for it")?;
    let root = packages.get(root).ok_or("its package is not in this workspace")?;
    let parts: BTreeSet<_> = parts.iter().filter(|id| **id != root.id).collect();
    let known = |id: &PackageId| {
        packages.get(id).copied().ok_or_else(|| format!("{id}: cargo metadata does not know it"))
    };
    let parts = parts.into_iter().map(known).collect::<Result<Vec<_>, _>>()?;
    let name = module.file_stem().unwrap_or_default().to_string_lossy();
    let mut about =
        Component::new(Classification::Application, &name, &root.version.to_string(), Some(name.to_string()));
    let digest = sha256(&std::fs::read(module)?);
    let serial_number = serial_number(&digest);
    about.hashes = Some(Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content: HashValue(digest) }]));
    about.licenses = licenses(root);
    let components = parts.iter().map(|package| component(package)).chain(of_the_compiler()?).collect();
    let bom = Bom {
        serial_number,
        metadata: Some(About { component: Some(about), ..About::default() }),
        components: Some(Components(components)),
        dependencies: Some(dependencies(&metadata, (&name, root), &parts)),
        ..Bom::default()
    };
    let mut json = Vec::new();
    bom.output_as_json_v1_5(&mut json)?;
    Ok(json)
}

/// The packages that were compiled for the module and into it, itself last.
fn linked(messages: &Path) -> Result<Vec<PackageId>, Box<dyn Error>> {
    let is_linked = |artifact: &Artifact| {
        let is_for_target =
            artifact.filenames.iter().any(|file| file.components().any(|part| part.as_str() == TARGET));
        is_for_target && !artifact.target.kind.contains(&TargetKind::CustomBuild)
    };
    let mut linked = Vec::new();
    for message in Message::parse_stream(BufReader::new(File::open(messages)?)) {
        match message? {
            Message::CompilerArtifact(artifact) if is_linked(&artifact) => linked.push(artifact.package_id),
            _ => {}
        }
    }
    Ok(linked)
}

fn component(package: &Package) -> Component {
    let (name, version) = (package.name.as_str(), package.version.to_string());
    let mut component = Component::new(Classification::Library, name, &version, Some(reference(package)));
    // A package without a source is one of this workspace.
    component.purl = package.source.as_ref().and_then(|_| Purl::new("cargo", name, &version).ok());
    component.licenses = licenses(package);
    component
}

fn reference(package: &Package) -> String {
    format!("{}@{}", package.name, package.version)
}

fn licenses(package: &Package) -> Option<Licenses> {
    let expression = SpdxExpression::parse_lax(package.license.clone()?).ok()?;
    Some(Licenses(vec![LicenseChoice::Expression(expression)]))
}

/// By the version of the compiler; no scanner knows them by a package URL.
fn of_the_compiler() -> Result<Vec<Component>, Box<dyn Error>> {
    let version = std::process::Command::new("rustc").arg("-V").output()?;
    let version = String::from_utf8(version.stdout)?;
    let version = version.split(' ').nth(1).ok_or("rustc does not say its version")?;
    let component = |(name, license): (&str, &str)| {
        let mut component = Component::new(Classification::Library, name, version, Some(name.to_owned()));
        let expression = SpdxExpression::new(license);
        component.licenses = Some(Licenses(vec![LicenseChoice::Expression(expression)]));
        component
    };
    Ok(OF_THE_COMPILER.into_iter().map(component).collect())
}

/// What each needs of the others.
fn dependencies(metadata: &Metadata, (name, root): (&str, &Package), parts: &[&Package]) -> Dependencies {
    let named: BTreeMap<_, _> = parts.iter().map(|package| (&package.id, reference(package))).collect();
    let needs = |package: &Package| {
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let node = nodes.into_iter().find(|node| node.id == package.id);
        let ids: BTreeSet<_> = node.into_iter().flat_map(|node| &node.dependencies).collect();
        let [standard_library, _] = OF_THE_COMPILER.map(|(name, _)| name.to_owned());
        ids.into_iter().filter_map(|id| named.get(id).cloned()).chain([standard_library]).collect()
    };
    let of_parts = parts
        .iter()
        .map(|package| Dependency { dependency_ref: reference(package), dependencies: needs(package) });
    let of_root = Dependency { dependency_ref: name.to_owned(), dependencies: needs(root) };
    let [standard_library, c_library] = OF_THE_COMPILER.map(|(name, _)| name.to_owned());
    let of_compiler = Dependency { dependency_ref: standard_library, dependencies: vec![c_library] };
    Dependencies([of_root].into_iter().chain(of_parts).chain([of_compiler]).collect())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A UUID of a kind of its own (RFC 9562, section 5.8), of the module instead of chance: its bill has the same number each time.
fn serial_number(digest: &str) -> Option<UrnUuid> {
    let [a, b, c, d, e] =
        [0..8, 8..12, 12..15, 15..18, 18..30].map(|range| digest.get(range).unwrap_or_default());
    UrnUuid::new(format!("urn:uuid:{a}-{b}-8{c}-8{d}-{e}")).ok()
}
