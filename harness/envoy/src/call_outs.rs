use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_scenario::TargetError;
use portcullis_sim::http::Protocol;
use portcullis_sim::{Answer, AnswerKind, Cluster};
use tokio::runtime::{Builder, Runtime};

use crate::Bootstrap;
use crate::cluster::ClusterEntry;
use crate::host::Host;
use crate::journal::{Journal, Sender};
use crate::server::{check, serve};

/// Servers behind clusters that answer as long as they live, and keep nothing of what they are asked.
#[derive(Debug)]
pub struct Servers {
    /// The clusters, for the [`Bootstrap`] of an Envoy.
    pub entries: Vec<ClusterEntry>,
    _runtime: Runtime,
}

impl Servers {
    /// Starts a server for each cluster that has one.
    ///
    /// # Errors
    /// [`TargetError::NotHere`] for an answer that cannot be given, [`TargetError::Broken`] for lack of ports or threads.
    pub fn start(clusters: &BTreeMap<String, Cluster>) -> Result<Self, TargetError> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| TargetError::Broken(error.to_string()))?;
        let entries = runtime.block_on(start(clusters, &Journal::closed()))?;
        Ok(Self { entries, _runtime: runtime })
    }
}

/// Starts a server for each cluster that has one; they serve as long as the runtime that this is called in.
///
/// # Errors
/// [`TargetError::NotHere`] for an answer that cannot be given.
pub(crate) async fn start(
    clusters: &BTreeMap<String, Cluster>,
    journal: &Journal,
) -> Result<Vec<ClusterEntry>, TargetError> {
    let mut entries = Vec::with_capacity(clusters.len());
    for (name, cluster) in clusters {
        entries.push(start_one(name, cluster, journal.clone()).await?);
    }
    Ok(entries)
}

async fn start_one(name: &str, cluster: &Cluster, journal: Journal) -> Result<ClusterEntry, TargetError> {
    if name == Bootstrap::UPSTREAM {
        let why = format!("here the cluster `{name}` is the one behind the route; name this one otherwise");
        return Err(TargetError::NotHere(why));
    }
    let protocol = protocol_of(cluster);
    for answer in &cluster.answers {
        check(answer, protocol)
            .map_err(|why| TargetError::NotHere(format!("the cluster `{name}`: {why}")))?;
    }
    let broken = |error: std::io::Error| TargetError::Broken(format!("a server for `{name}`: {error}"));
    let host = Host::new(cluster.reachability).await.map_err(broken)?;
    let endpoint = host.address().map_err(broken)?;
    let sender = Sender::Plugin(name.to_owned());
    let script = Arc::new(Script { answers: cluster.answers.clone(), given: AtomicUsize::new(0) });
    tokio::spawn(host.accept(move |stream| {
        let script = Arc::clone(&script);
        let (sender, journal) = (sender.clone(), journal.clone());
        async move { serve(stream, sender, journal, || script.next()).await }
    }));
    Ok(ClusterEntry { name: name.to_owned(), endpoint, http2: protocol == Protocol::Http2 })
}

/// HTTP/2 where an answer needs it: for gRPC and for trailers.
fn protocol_of(cluster: &Cluster) -> Protocol {
    let needs_http2 = |answer: &Answer| match &answer.kind {
        AnswerKind::Grpc(_) => true,
        AnswerKind::Response(response) | AnswerKind::ResetMidBody(response) => response.trailers.is_some(),
        AnswerKind::Timeout | AnswerKind::Reset | AnswerKind::Malformed => false,
    };
    if cluster.answers.iter().any(needs_http2) { Protocol::Http2 } else { Protocol::Http1 }
}

/// The answers of a cluster; the last one is repeated.
struct Script {
    answers: Vec<Answer>,
    given: AtomicUsize,
}

impl Script {
    fn next(&self) -> Answer {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let answer = self.answers.get(number).or_else(|| self.answers.last());
        answer.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_sim::http::Response;

    #[test]
    fn the_last_answer_is_repeated() {
        let answer = |status| Answer::from(Response { status, ..Response::default() });
        let script = Script { answers: vec![answer(201), answer(202)], given: AtomicUsize::new(0) };
        assert_eq!([script.next(), script.next(), script.next()], [answer(201), answer(202), answer(202)]);
        let silent = Script { answers: Vec::new(), given: AtomicUsize::new(0) };
        assert_eq!(silent.next(), answer(200));
    }
}
