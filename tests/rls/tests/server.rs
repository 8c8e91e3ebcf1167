//! The server, over a Redis of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::{
    Entry, RateLimitOverride,
};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::rate_limit::Unit;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{Code, DescriptorStatus};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_client::RateLimitServiceClient;
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use envoy_types::pb::envoy::r#type::v3::RateLimitUnit;
use envoy_types::pb::google::protobuf::UInt64Value;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code as Grpc, Status};

const LIMITS: &str = "
- namespace: shop
  name: per user
  max_value: 3
  seconds: 60
  conditions: []
  variables: [\"descriptors[0].user\"]
- namespace: shop
  name: in all
  max_value: 5
  seconds: 10
  conditions: [\"descriptors[0].path == '/buy'\"]
  variables: []
- namespace: short
  max_value: 1
  seconds: 1
  conditions: []
  variables: []
";

#[tokio::test]
async fn counts_per_variable_and_says_what_is_left() {
    let server = Server::start().await;
    for left in [2, 1, 0] {
        let status = server.one(descriptor(&[("user", "alice")])).await;
        let limit = status.current_limit.as_ref().unwrap();
        assert_eq!((status.code(), status.limit_remaining), (Code::Ok, left));
        assert_eq!(
            (limit.name.as_str(), limit.requests_per_unit, limit.unit()),
            ("per user", 3, Unit::Minute)
        );
        assert!((58..=60).contains(&status.duration_until_reset.unwrap().seconds));
    }
    assert_eq!(server.one(descriptor(&[("user", "alice")])).await.code(), Code::OverLimit);
    assert_eq!(server.one(descriptor(&[("user", "bob")])).await.code(), Code::Ok);
    let unlimited = server.one(descriptor(&[("colour", "red")])).await;
    assert_eq!((unlimited.code(), unlimited.current_limit), (Code::Ok, None));
}

#[tokio::test]
async fn a_window_ends() {
    let server = Server::start().await;
    let mut request = request(vec![descriptor(&[("any", "thing")])]);
    request.domain = "short".into();
    assert_eq!(server.ask(request.clone()).await.unwrap().overall_code(), Code::Ok);
    assert_eq!(server.ask(request.clone()).await.unwrap().overall_code(), Code::OverLimit);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(server.ask(request).await.unwrap().overall_code(), Code::Ok);
}

#[tokio::test]
async fn a_denied_request_is_counted_nowhere() {
    let server = Server::start().await;
    let (alice, bob) = (descriptor(&[("user", "alice")]), descriptor(&[("user", "bob")]));
    let answer = server.ask(request(vec![alice.clone(), hits(bob.clone(), 4)])).await.unwrap();
    assert_eq!(answer.overall_code(), Code::OverLimit);
    let statuses: Vec<_> = answer.statuses.iter().map(|s| (s.code(), s.limit_remaining)).collect();
    assert_eq!(statuses, [(Code::Ok, 3), (Code::OverLimit, 3)]);
    assert_eq!(server.one(hits(bob, 3)).await.limit_remaining, 0);
    // The same counter twice in one request.
    let answer = server.ask(request(vec![hits(alice.clone(), 2), hits(alice.clone(), 2)])).await.unwrap();
    assert_eq!(answer.overall_code(), Code::OverLimit);
    assert_eq!(server.one(alice).await.limit_remaining, 2);
}

#[tokio::test]
async fn hits_of_the_request_and_of_a_descriptor() {
    let server = Server::start().await;
    let alice = descriptor(&[("user", "alice")]);
    let mut two = request(vec![alice.clone()]);
    two.hits_addend = 2;
    assert_eq!(server.ask(two).await.unwrap().statuses[0].limit_remaining, 1);
    assert_eq!(server.one(hits(alice.clone(), 0)).await.limit_remaining, 1);
    let mut back = hits(alice.clone(), 1);
    back.is_negative_hits = true;
    assert_eq!(server.one(back.clone()).await.limit_remaining, 2);
    back.hits_addend = Some(UInt64Value { value: u64::MAX });
    assert_eq!(server.one(back).await.limit_remaining, 3);
    assert_eq!(server.one(hits(alice, u64::MAX)).await.code(), Code::OverLimit);
}

#[tokio::test]
async fn the_limit_of_a_descriptor_replaces_those_of_the_file() {
    let server = Server::start().await;
    let mut alice = descriptor(&[("user", "alice")]);
    alice.limit = Some(RateLimitOverride { requests_per_unit: 7, unit: RateLimitUnit::Hour as i32 });
    let status = server.one(alice.clone()).await;
    let limit = status.current_limit.as_ref().unwrap();
    assert_eq!((limit.requests_per_unit, limit.unit(), status.limit_remaining), (7, Unit::Hour, 6));
    alice.limit = Some(RateLimitOverride::default());
    assert_eq!(server.ask(request(vec![alice])).await.unwrap_err().code(), Grpc::InvalidArgument);
}

#[tokio::test]
async fn the_strictest_limit_of_a_descriptor_decides() {
    let server = Server::start().await;
    let status = server.one(hits(descriptor(&[("user", "alice"), ("path", "/buy")]), 3)).await;
    assert_eq!(status.current_limit.unwrap().name, "per user");
    let status = server.one(hits(descriptor(&[("user", "bob"), ("path", "/buy")]), 3)).await;
    let limit = status.current_limit.as_ref().unwrap();
    assert_eq!(
        (status.code(), limit.name.as_str(), limit.unit()),
        (Code::OverLimit, "in all", Unit::Unknown)
    );
}

#[tokio::test]
async fn no_more_than_the_limit_get_through_at_once() {
    let server = Server::start().await;
    let mut questions = JoinSet::new();
    for _ in 0..40 {
        let mut client = server.client.clone();
        questions.spawn(async move {
            let answer = client.should_rate_limit(request(vec![descriptor(&[("path", "/buy")])])).await;
            answer.unwrap().into_inner().overall_code()
        });
    }
    let answers = questions.join_all().await;
    assert_eq!(answers.iter().filter(|code| **code == Code::Ok).count(), 5);
}

#[tokio::test]
async fn without_redis_it_says_so_at_once_and_recovers() {
    let mut server = Server::start().await;
    let alice = || request(vec![descriptor(&[("user", "alice")])]);
    server.ask(alice()).await.unwrap();

    let redis = server.redis.0.id().to_string();
    signal("STOP", &redis);
    server.unavailable(alice()).await;
    signal("CONT", &redis);
    server.ask(alice()).await.unwrap();

    server.redis.stop();
    server.unavailable(alice()).await;
    server.redis = Running::redis(server.folder.path());
    server.ask(alice()).await.unwrap();

    // Restarted while nobody asked.
    server.redis.stop();
    server.redis = Running::redis(server.folder.path());
    server.ask(alice()).await.unwrap();
}

#[tokio::test]
async fn a_question_that_is_none() {
    let server = Server::start().await;
    for question in [
        request(vec![]),
        request(vec![descriptor(&[])]),
        request(vec![descriptor(&[("", "alice")])]),
        RateLimitRequest { domain: String::new(), ..request(vec![descriptor(&[("user", "alice")])]) },
    ] {
        assert_eq!(server.ask(question).await.unwrap_err().code(), Grpc::InvalidArgument);
    }
}

struct Server {
    client: RateLimitServiceClient<Channel>,
    redis: Running,
    _rls: Running,
    folder: TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = folder.path().join("limits.yaml");
        fs::write(&limits, LIMITS).unwrap();
        let redis = Running::redis(folder.path());
        let (rls, address) = Running::rls(&format!("unix://{}/redis", folder.path().display()), &limits);
        let client = RateLimitServiceClient::connect(format!("http://{address}")).await.unwrap();
        Self { client, redis, _rls: rls, folder }
    }

    async fn ask(&self, request: RateLimitRequest) -> Result<RateLimitResponse, Status> {
        self.client.clone().should_rate_limit(request).await.map(tonic::Response::into_inner)
    }

    async fn one(&self, descriptor: RateLimitDescriptor) -> DescriptorStatus {
        let answer = self.ask(request(vec![descriptor])).await.unwrap();
        let [status] = &*answer.statuses else { panic!("{answer:?}") };
        assert_eq!(answer.overall_code, status.code);
        status.clone()
    }

    async fn unavailable(&self, request: RateLimitRequest) {
        let start = Instant::now();
        assert_eq!(self.ask(request).await.unwrap_err().code(), Grpc::Unavailable);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
}

struct Running(Child);

impl Running {
    fn redis(folder: &Path) -> Self {
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket", "redis"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server is needed: on Debian, apt install redis-server");
        let mut running = Self(child);
        running.line("eady to accept connections");
        running
    }

    fn rls(redis: &str, limits: &Path) -> (Self, String) {
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis-rls"))
            .args(["--redis", redis, "--limits"])
            .arg(limits)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut running = Self(child);
        let line = running.line("listening on ");
        let address = line.strip_prefix("listening on ").unwrap().to_owned();
        (running, address)
    }

    /// The first line of its output that has this in it.
    fn line(&mut self, part: &str) -> String {
        let mut lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let line = lines.by_ref().map_while(Result::ok).find(|line| line.contains(part));
        thread::spawn(move || lines.for_each(drop));
        line.expect("it ended at once")
    }

    fn stop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

fn signal(name: &str, process: &str) {
    assert!(Command::new("kill").args(["-s", name, process]).status().unwrap().success());
}

fn request(descriptors: Vec<RateLimitDescriptor>) -> RateLimitRequest {
    RateLimitRequest { domain: "shop".into(), descriptors, hits_addend: 0 }
}

fn descriptor(entries: &[(&str, &str)]) -> RateLimitDescriptor {
    let entry = |(key, value): &(&str, &str)| Entry { key: (*key).into(), value: (*value).into() };
    RateLimitDescriptor { entries: entries.iter().map(entry).collect(), ..Default::default() }
}

fn hits(descriptor: RateLimitDescriptor, value: u64) -> RateLimitDescriptor {
    RateLimitDescriptor { hits_addend: Some(UInt64Value { value }), ..descriptor }
}
