//! Where modules come from.

use super::{Ours, Surroundings};
use crate::{Finding, Kind};

pub(super) fn of(ours: &Ours<'_>, surroundings: &Surroundings) -> Vec<Finding> {
    let Some(code) = &ours.plugin.code else { return Vec::new() };
    let mut findings = Vec::new();
    let digest = code.digest(ours.plugin.kind);
    let is_digest = code.sha256.len() == 64
        && code.sha256.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !code.sha256.is_empty() && !is_digest {
        findings.push(Finding::error(
            "digest",
            &code.place,
            format!(
                "sha256 {:?}; write 64 lower-case hexadecimal digits in quotes, without `sha256:` before them",
                code.sha256
            ),
        ));
    }
    let is_image = code.is_image(ours.plugin.kind);
    if code.sha256.len() == 64 && code.sha256.bytes().all(|byte| byte == b'0') {
        let problem = "the digest is a placeholder; write the one that portcullis oci prints, or the module is never loaded";
        findings.push(Finding::warning("placeholder", &code.place, problem));
    } else if let Some(problem) = surroundings.digests.problem(digest, is_image) {
        findings.push(Finding::error("digest", &code.place, problem));
    } else if !digest.is_empty() && surroundings.digests.is_another(&code.name(), digest) {
        let problem = format!(
            "no image of {} that is checked here has this digest; it is of another version",
            code.name()
        );
        findings.push(Finding::warning("digest", &code.place, problem));
    }
    let is_pinned = !digest.is_empty();
    let scheme = code.scheme().unwrap_or_default();
    if is_image && !is_pinned {
        findings.push(Finding::warning(
            "not-pinned",
            &code.place,
            "whoever may push to the registry may change what runs; write sha256, the digest of the image's manifest (not of the module)",
        ));
    } else if ["http", "https"].contains(&scheme.as_str()) && !is_pinned {
        let problem = "whoever answers there may change what runs; write sha256, the digest of the module";
        findings.push(match ours.plugin.kind {
            // Envoy refuses remote code without one.
            Kind::Envoy => Finding::error("not-pinned", &code.place, problem),
            _ => Finding::warning("not-pinned", &code.place, problem),
        });
    }
    if scheme == "http" && !is_pinned {
        findings.push(Finding::warning(
            "not-encrypted",
            &code.place,
            "the module comes over plain HTTP: without its digest anybody on the way may change it; write https://",
        ));
    }
    findings
}
